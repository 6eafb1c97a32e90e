import { headerTable } from '../src/contract/headers.ts'
import { inboundFields } from '../src/contract/inbound.ts'
import { code, markdownTable, printTable } from '../src/document/markdown.ts'

/** How the MQTT side of a message travels through other systems and back. */
export const propertiesPage = (printed: string): string =>
  [
    '# Properties of messages in other systems',
    printed,
    introduction,
    markdownTable(
      ['Header', 'Holds', 'Present'],
      headerTable.map(({ header, holds, when }) => [code(header), holds, when]),
    ),
    '',
    systems,
    markdownTable(
      ['System', 'Where the headers are', 'Text or bytes', 'Names'],
      places.map((row) => [...row]),
    ),
    '',
    wayBack,
    printTable({ properties: inboundFields as never }, { prefix: 'sources[]' }),
  ].join('\n')

const introduction = `A sink writes what belongs to a message beside its payload into headers, properties or labels of the far system; a source reads the same
names back. So a message that goes out by a sink and comes in by a source, of the same hub or of another, is the same message
but for its list of hops. The headers a rule names (\`headers:\`) come behind these and come back as user properties.
`

const systems = `
Names and values are written as each system can hold them:
`

const places: readonly (readonly [system: string, where: string, kind: string, names: string])[] = [
  ['Kafka', 'record headers', 'bytes', 'any, repeated'],
  ['Pulsar', 'message properties', 'text; correlation data as base64', 'any; repeated ones as the table says'],
  ['NATS', 'message headers', 'ASCII', 'plain, each once; else `mqtt-user`'],
  ['ReductStore', 'labels of the record', 'ASCII', 'plain, each once; else `mqtt-user`'],
  [
    'MQTT 5',
    'the PUBLISH packet’s own properties, and user properties',
    'text; correlation data as bytes',
    'any, repeated',
  ],
  ['MQTT 3.1.1', 'none: topic, payload, QoS and retain only', '–', '–'],
  ['HTTP', 'request headers', 'ASCII', 'plain, each once; else `mqtt-user`'],
  ['Files', 'fields of the line (JSON lines)', 'text', 'any, repeated'],
]

const wayBack = `
## The way back

A source that reads records of strangers, which have none of these headers, makes user properties of theirs; a value that is not UTF-8 becomes its base64.
What a source publishes to, and what it does where the record says nothing:
`
