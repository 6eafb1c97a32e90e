import { inboundFields, type OptionsOf, quantities, tlsFields, withDefaults } from 'trestle/contract'

/** What stands under a connector of `type: reductstore` in the configuration. */
export const reductSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url', 'bucket'],
  properties: {
    url: {
      type: 'string',
      pattern: '^https?://[^\\s/]+(/[^\\s?#]*)?$',
      description: 'Where the server is; with the path of a proxy or of RS_API_BASE_PATH, without `/api/v1`.',
      examples: ['http://reduct:8383', 'https://archive.example/reduct'],
    },
    token: { type: 'string', secret: true, description: 'The API token.', examples: ['${env:REDUCT_TOKEN}'] },
    bucket: {
      type: 'string',
      pattern: '^[A-Za-z0-9_-]+$',
      description: 'The bucket that is written to and read from.',
      examples: ['devices'],
    },
    entry: {
      type: 'string',
      description:
        'The entry of a rule that names none. `${topic}` is the MQTT topic and `${client}` the client id, with `_` for what an entry cannot hold.',
      examples: ['telemetry', '${topic}'],
    },
    create_bucket: {
      type: 'boolean',
      default: true,
      description: 'Create the bucket when it is not there; that takes a token with full access.',
    },
    exist_ok: {
      type: 'boolean',
      default: true,
      description: 'Whether the bucket may be there already when it is first used.',
    },
    quota_type: {
      enum: ['none', 'fifo', 'hard'],
      default: 'none',
      description:
        'What a bucket that is created does at its size: `fifo` removes its oldest records, `hard` refuses new ones.',
    },
    quota_size: { ...quantities.bytes, description: 'The size of a bucket that is created.', examples: ['20 GB'] },
    mqtt_labels: {
      type: 'boolean',
      default: true,
      description:
        'Add the MQTT topic, client id, QoS, retain, times, content type, response topic, correlation data and user properties as labels. The labels `trestle-id` and `trestle-hops` are always there.',
    },
    linger_ms: { ...quantities.ms, default: 20, description: 'How long a batch may wait to fill while messages flow.' },
    batch_count: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 480,
      description: 'The most messages the hub hands over at once; they go out in several requests side by side.',
    },
    batch_bytes: {
      ...quantities.bytes,
      default: 8_000_000,
      description: 'The most payload bytes of one request; a single larger record goes alone.',
    },
    batch_records: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 80,
      description: 'The most records of one request. The server takes as many as its RS_IO_BATCH_MAX_RECORDS (85).',
    },
    max_header_bytes: {
      ...quantities.bytes,
      default: 256_000,
      description:
        'The most header bytes of one request, because labels travel in headers. The server takes 512 kB; a proxy in front of it may take far less.',
    },
    max_requests: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 4,
      description: 'The most requests under way at once. Records of one entry go one request after the other.',
    },
    timeout_ms: { ...quantities.ms, default: 15_000, description: 'How long the server may take to answer.' },
    recheck_bytes: {
      ...quantities.bytes,
      default: 16_777_216,
      description:
        'Memory for copies of the records confirmed last (1,100 of each entry, 90 s). After a lost connection the hub looks whether they are still there, because a killed server may have lost them, and writes them again. 0 keeps none.',
    },
    tls: {
      type: 'object',
      additionalProperties: false,
      description: 'For https. Values are PEM texts or paths of PEM files.',
      properties: {
        ...tlsFields('server'),
      },
      examples: [{ ca: '/etc/trestle/reduct-ca.pem' }],
    },
  },
} as const

export type ReductOptions = OptionsOf<typeof reductSchema>

/** Fields a rule's target may carry for ReductStore. */
export const reductTargetSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    entry: {
      type: 'string',
      description:
        'The entry: letters, digits, `-`, `_` and `/`; `${…}` is filled in. Default: the entry of the connector.',
      examples: ['${plant}/${line}'],
    },
    labels: {
      type: 'object',
      additionalProperties: { type: ['string', 'number', 'boolean'] },
      description: 'Labels of the record, for conditions in queries; `${…}` is filled in. An empty value is left out.',
      examples: [{ line: '${line}', quality: '${payload.quality}' }],
    },
    content_type: {
      type: 'string',
      description:
        'Content type of the record. Default: what the publisher said, else `application/json` for a payload that the rule made.',
    },
  },
} as const

/** One entry of `sources:`. */
export const reductSourceSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['publish'],
  properties: {
    ...inboundFields,
    bucket: {
      type: 'string',
      pattern: '^[A-Za-z0-9_-]+$',
      description: 'The bucket to read. Default: the one of the connector.',
    },
    entries: {
      type: 'array',
      minItems: 1,
      items: { type: 'string' },
      default: ['*'],
      description:
        'Entries to read: names, or patterns with `*` within a level and `**` over levels; a leading `!` excludes. New entries are found while it runs.',
      examples: [['sensors/*', '!sensors/test']],
    },
    start: {
      type: ['string', 'integer'],
      default: 'beginning',
      pattern: '^(beginning|end|\\d{4}-\\d\\d-\\d\\d(T.*)?)$',
      description:
        'Where to begin when nothing was read before: `beginning`, `end` (only what comes from now on), a moment (`2026-11-20T12:00:00Z`) or a record timestamp in µs.',
    },
    when: {
      type: 'object',
      description: 'Only records whose labels fit this condition of ReductStore.',
      examples: [{ '&quality': { $eq: 'good' } }],
    },
    strict: {
      type: 'boolean',
      default: false,
      description: 'Fail on a record for which the condition cannot be evaluated, instead of passing over it.',
    },
    look_back_ms: {
      ...quantities.ms,
      default: 10_000,
      description:
        'How far behind the newest record read a record may still be written and be seen. Records that come later with older timestamps than that are not read.',
    },
    poll_ms: {
      ...quantities.ms,
      default: 250,
      description: 'How long to wait before looking again when there was nothing new.',
    },
    position: {
      type: 'string',
      pattern: '^[A-Za-z0-9_-]{1,64}$',
      description:
        'Name under which it is kept how far was read. Default: made of server, bucket and entries, so that changing these begins anew.',
    },
    max_unsettled: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 10_000,
      description: 'The most records handed to the hub and not yet safe in it; then reading waits.',
    },
    max_unsettled_bytes: {
      ...quantities.bytes,
      default: 16_777_216,
      description: 'The most payload bytes handed to the hub and not yet safe in it.',
    },
  },
} as const

export type ReductSourceOptions = OptionsOf<typeof reductSourceSchema>

/** The options, complete. */
export const reductOptions = (given: object): ReductOptions => withDefaults(reductSchema, given)
/** One source's options, complete. */
export const reductSourceOptions = (given: object): ReductSourceOptions => withDefaults(reductSourceSchema, given)
