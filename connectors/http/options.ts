import { inboundFields, type OptionsOf, quantities, tlsFields, withDefaults } from 'trestle/contract'

const tlsFile = (description: string) => ({ type: 'string', format: 'path', description }) as const

/** What stands under a connector of `type: http` in the configuration. */
export const httpSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    url: {
      type: 'string',
      pattern: '^https?://[^\\s/?#]+([/?][^\\s#]*)?$',
      description: 'Where messages are sent. A rule may name a path of the same server, or, without this, a whole URL.',
      examples: ['https://hooks.example/telemetry'],
    },
    method: { enum: ['POST', 'PUT', 'PATCH'], default: 'POST', description: 'The method of rules that name none.' },
    headers: {
      type: 'object',
      additionalProperties: { type: 'string', secret: true },
      description: 'Headers of every request.',
      examples: [{ 'x-api-key': '${env:HOOK_KEY}' }],
    },
    token: {
      type: 'string',
      secret: true,
      description: 'Sent as `Authorization: Bearer …`. It goes only to the server of `url`, if that is given.',
    },
    username: { type: 'string', description: 'User of basic authentication.' },
    password: { type: 'string', secret: true, description: 'Password of basic authentication.' },
    sign: {
      type: 'object',
      additionalProperties: false,
      required: ['secret'],
      description:
        'Sign each request: `t=SECONDS,v1=HEX`, the HMAC of `SECONDS.BODY`, so that the receiver knows who sent it and when.',
      properties: {
        secret: { type: 'string', secret: true, minLength: 8, description: 'The secret both sides know.' },
        header: { type: 'string', default: 'trestle-signature', description: 'The header that carries it.' },
        algorithm: { enum: ['sha256', 'sha512'], default: 'sha256', description: 'The hash.' },
      },
    },
    body: {
      enum: ['payload', 'message'],
      default: 'payload',
      description:
        'What is sent where the rule gives no `body`: the payload as it is, or a JSON object with id, topic, client, time, properties and payload.',
    },
    batch: {
      enum: ['none', 'array', 'ndjson'],
      default: 'none',
      description: 'One request for each message, or for many: as a JSON array, or as JSON texts with a line for each.',
    },
    batch_count: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 100,
      description: 'The most messages of one request.',
    },
    batch_bytes: { ...quantities.bytes, default: 1_000_000, description: 'The most payload bytes of one request.' },
    linger_ms: { ...quantities.ms, default: 10, description: 'How long a batch may wait to fill while messages flow.' },
    max_requests: {
      type: 'integer',
      minimum: 1,
      maximum: 256,
      default: 8,
      description: 'The most requests under way at once. Messages of one key go one after the other.',
    },
    timeout_ms: { ...quantities.ms, default: 15_000, description: 'How long an answer may take.' },
    follow_redirects: {
      type: 'integer',
      minimum: 0,
      maximum: 10,
      default: 0,
      description: 'How many redirects (307, 308) of the same server may be followed.',
    },
    mqtt_headers: {
      type: 'boolean',
      default: true,
      description:
        'Add the MQTT topic, client id, QoS, times and properties as headers. `trestle-id`, `trestle-hops` and `idempotency-key` are always there.',
    },
    tls: {
      type: 'object',
      additionalProperties: false,
      description: 'For https, as a client. Values are PEM texts or paths of PEM files.',
      properties: {
        ...tlsFields('server'),
      },
    },
    listen: {
      type: 'object',
      additionalProperties: false,
      required: ['address'],
      description: 'Where the sources of this connector listen.',
      properties: {
        address: {
          type: 'string',
          pattern: '^(\\[[0-9a-fA-F:]+\\]|[^:\\s]+):[0-9]{1,5}$',
          description: 'host:port. One that is not loopback needs `token`.',
          examples: ['127.0.0.1:8090'],
        },
        token: {
          type: 'string',
          secret: true,
          minLength: 8,
          description: 'What senders must bring as `Authorization: Bearer …`.',
        },
        cert: tlsFile('The certificate, for https.'),
        key: tlsFile('The private key of that certificate.'),
        ca: tlsFile('The authority whose client certificates are asked for and required.'),
        max_connections: {
          type: 'integer',
          minimum: 1,
          default: 1000,
          description: 'The most connections at once.',
        },
      },
    },
  },
} as const

export type HttpOptions = OptionsOf<typeof httpSchema>

/** Fields a rule's target may carry for HTTP. */
export const httpTargetSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    url: {
      type: 'string',
      description:
        'A path that is put behind the URL of the connector, or the whole URL where that has none; `${…}` is filled in and must be fit for a URL.',
      examples: ['/plants/${plant}'],
    },
    method: { type: 'string', enum: ['POST', 'PUT', 'PATCH'], description: 'The method.' },
    body: {
      description: 'The body instead of the payload: text, or fields that become JSON; `${…}` is filled in.',
      examples: [{ device: '${client}', celsius: '${celsius}' }],
    },
    content_type: {
      type: 'string',
      description:
        'Content type. Default: what the publisher said, `application/json` for what a rule made, else `application/octet-stream`.',
    },
  },
} as const

/** One entry of `sources:`. */
export const httpSourceSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['path', 'publish'],
  properties: {
    ...inboundFields,
    path: {
      type: 'string',
      pattern: '^/[^\\s?#]*$',
      description:
        'The path that is posted to. `{name}` captures a level, `{name...}` the rest; in `publish` they are `${path.name}`.',
      examples: ['/in/{device}/{rest...}'],
    },
    batch: {
      enum: ['none', 'array', 'ndjson'],
      default: 'none',
      description:
        'What a body is: one message, a JSON array with a message for each element, or lines with a JSON text each. It is taken whole or refused whole where it cannot be read.',
    },
    headers: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description:
        'Names of request headers that become user properties, beside those a hub sends (`mqtt-…`, `trestle-…`, `content-type`).',
    },
    max_body_bytes: { ...quantities.bytes, default: 1_048_576, description: 'The largest body.' },
    answer_timeout_ms: {
      ...quantities.ms,
      default: 30_000,
      description:
        'How long a sender waits at most until its messages are safe. Then it hears 503, and the messages may still go through: a sender that repeats brings them twice.',
    },
    max_unsettled: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 10_000,
      description: 'The most messages taken from senders and not yet safe; further ones hear 503 with Retry-After.',
    },
    max_unsettled_bytes: {
      ...quantities.bytes,
      default: 16_777_216,
      description: 'The most body bytes taken from senders and not yet safe.',
    },
  },
} as const

export type HttpSourceOptions = OptionsOf<typeof httpSourceSchema>

/** The options, complete. */
export const httpOptions = (given: object): HttpOptions => withDefaults(httpSchema, given)
/** One source's options, complete. */
export const httpSourceOptions = (given: object): HttpSourceOptions => withDefaults(httpSourceSchema, given)
