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
    format: { enum: ['jsonl'], default: 'jsonl', description: 'One JSON object a line.' },
    file: {
      type: 'string',
      minLength: 1,
      default: 'messages',
      description: 'The file of a rule that names none, below `path`; `.jsonl` is added where it is missing.',
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
        'The file below the path of the connector, with `${…}` filled in. Default: its `file`. `.jsonl` is added where it is missing.',
      examples: ['${plant}/telemetry'],
    },
  },
} as const

/** The options, complete. */
export const fileOptions = (given: object): FileOptions => withDefaults(fileSchema, given)
