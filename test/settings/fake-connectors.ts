import type { ConnectorSchemas } from '../../src/settings/connector-options.ts'

/** Two connector types, as connectors describe themselves. */
export const fakeConnectors: ConnectorSchemas = new Map([
  [
    'kafka',
    {
      summary: 'Apache Kafka.',
      options: {
        type: 'object',
        required: ['brokers'],
        properties: {
          brokers: { type: 'array', items: { type: 'string', expects: 'host:port' }, description: 'Where it is.' },
          linger_ms: { type: 'integer', default: 10, description: 'How long a batch waits.' },
          password: { type: 'string', secret: true, description: 'The password.' },
          sasl: {
            anyOf: [
              {
                type: 'object',
                properties: { mechanism: { const: 'plain' }, token: { type: 'string', secret: true } },
              },
              { type: 'object', properties: { mechanism: { const: 'none' } } },
            ],
          },
        },
      },
      sourceOptions: { type: 'object', required: ['topic'], properties: { topic: { type: 'string' } } },
    },
  ],
  [
    'file',
    {
      options: {
        type: 'object',
        properties: { path: { type: 'string', format: 'path', description: 'Folder of the files.' } },
      },
    },
  ],
])
