import { type OptionsOf, quantities, withDefaults } from 'trestle/contract'

/** What stands under a connector of `type: file` in the configuration. */
export const fileSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['path'],
  properties: {
    path: {
      type: 'string',
      minLength: 1,
      format: 'path',
      description: 'The folder to write into; it is made when it is not there. It must belong to this connector alone.',
      examples: ['./data/out'],
    },
    format: {
      enum: ['jsonl', 'csv', 'raw'],
      default: 'jsonl',
      description: 'One JSON object a line; rows of the `columns`; or the bytes of the payloads alone.',
    },
    columns: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', pattern: '^(id|time|topic|client|key|payload|header\\..+|payload\\..+)$' },
      description:
        'The columns of `format: csv`: `id`, `time`, `topic`, `client`, `key`, `payload`, `header.NAME`, or `payload.FIELD` of payloads that are JSON. A file begins with their names.',
      examples: [['time', 'client', 'payload.temperature']],
    },
    framing: {
      enum: ['separator', 'length'],
      default: 'separator',
      description:
        'How payloads stand apart with `format: raw`: `separator` behind each, or the length of each before it (4 bytes, big endian).',
    },
    separator: {
      type: 'string',
      default: '\n',
      description: 'What stands behind each payload with `format: raw`; may be empty.',
    },
    compression: {
      enum: ['none', 'gzip'],
      default: 'none',
      description:
        'Each batch is a gzip member of its own, so that a file is whole whenever the hub ends; `.gz` is added to the name.',
    },
    file: {
      type: 'string',
      minLength: 1,
      default: 'messages',
      description:
        'The file of a rule that names none, below `path`; the ending of the format is added where it is missing. `%Y %m %d %H %M` are the arrival of the message (UTC).',
      examples: ['%Y-%m-%d/messages'],
    },
    rotate_size_bytes: {
      ...quantities.bytes,
      default: 67_108_864,
      description: 'A file that would grow beyond this is put aside under a name with the time; 0: never.',
    },
    rotate_every_s: {
      ...quantities.s,
      default: 0,
      description: 'A file older than this is put aside when the next message comes; 0: never.',
    },
    rotate_keep: {
      type: 'integer',
      minimum: 0,
      default: 0,
      description: 'So many of the files put aside are kept of each file, the oldest go; 0: all.',
    },
    sync: {
      type: 'boolean',
      default: true,
      description:
        'Wait for the disk before a message counts as delivered. Without it a power cut may lose the newest.',
    },
    linger_ms: {
      ...quantities.ms,
      default: 20,
      description: 'How long a batch may wait to fill while messages flow.',
    },
    batch_count: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 1000,
      description: 'The most messages of one batch.',
    },
    batch_bytes: {
      ...quantities.bytes,
      default: 1_000_000,
      description: 'The most payload bytes of one batch.',
    },
  },
} as const

export type FileOptions = OptionsOf<typeof fileSchema>

/** Fields a rule's target may carry for a file. */
export const fileTargetSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    file: {
      type: 'string',
      description:
        'The file below the path of the connector, with `${…}` filled in. Default: its `file`. The ending of the format is added where it is missing; `%Y %m %d %H %M` are the arrival of the message (UTC).',
      examples: ['${plant}/telemetry'],
    },
  },
} as const

/** The options, complete. */
export const fileOptions = (given: object): FileOptions => withDefaults(fileSchema, given)
