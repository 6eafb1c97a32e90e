import { durationPattern } from './duration.ts'
import { defaultMaxKeys } from './limits.ts'

/** The state clauses of a rule as they are written. */
export interface RawState {
  readonly from?: string
  readonly let?: Readonly<Record<string, unknown>>
  readonly once?: { readonly by?: unknown; readonly within?: unknown; readonly max_keys?: unknown }
  readonly changed?: {
    readonly value?: unknown
    readonly by?: unknown
    readonly by_more_than?: unknown
    readonly at_least_every?: unknown
    readonly max_keys?: unknown
  }
  readonly at_most?: {
    readonly every?: unknown
    readonly by?: unknown
    readonly keep?: unknown
    readonly max_keys?: unknown
  }
  readonly window?: {
    readonly every?: unknown
    readonly by?: unknown
    readonly values?: unknown
    readonly max_keys?: unknown
  }
}

const duration = { type: 'string', pattern: durationPattern, expects: 'a duration such as 500ms, 10s, 5m, 2h or 1d' }
const by = { type: 'string', minLength: 1, description: 'Template; each of its values is a key of its own.' }
const maxKeys = {
  type: 'integer',
  minimum: 1,
  maximum: 100_000_000,
  default: defaultMaxKeys,
  description: 'So many keys are kept at most.',
}

/** The shape of the clauses that keep a state per key; a part of the rule file's. */
export const stateFields = {
  once: {
    type: 'object',
    required: ['by', 'within'],
    additionalProperties: false,
    properties: {
      by: { ...by, description: 'Template that is the same for a message and its repeats: `${payload.id}`.' },
      within: { ...duration, description: 'How long a repeat is known for one, from the first.' },
      max_keys: maxKeys,
    },
    description:
      'Deduplication: of the messages with the same key one passes within this time. At the limit the key that passed longest ago is forgotten.',
  },
  changed: {
    type: 'object',
    required: ['value'],
    additionalProperties: false,
    properties: {
      value: { type: 'string', minLength: 1, description: 'Expression whose change lets a message pass.' },
      by: { ...by, default: '${topic}' },
      by_more_than: {
        type: 'number',
        minimum: 0,
        description:
          'Deadband: passes what differs by more from the last that has passed. Takes a value that is a number.',
      },
      at_least_every: { ...duration, description: 'After so long a message passes although nothing has changed.' },
      max_keys: maxKeys,
    },
    description:
      'Change only: a message passes when its value is another than that of the last one that has passed with this key.',
  },
  at_most: {
    type: 'object',
    required: ['every'],
    additionalProperties: false,
    properties: {
      every: { ...duration, description: 'At most one message per key in this time.' },
      by: { ...by, default: '${topic}' },
      keep: {
        type: 'string',
        enum: ['first', 'last'],
        default: 'first',
        description:
          '`first`: a message passes at once, and the next when the time is over. `last`: time is cut into equal pieces, and at the end of each its last message passes.',
      },
      max_keys: maxKeys,
    },
    description: 'Throttle (`keep: first`) or sample (`keep: last`).',
  },
  window: {
    type: 'object',
    required: ['every', 'values'],
    additionalProperties: false,
    properties: {
      every: { ...duration, description: 'Length of a window. Windows begin at its multiples since 1970, in UTC.' },
      by: { ...by, default: '${topic}' },
      values: {
        type: 'object',
        minProperties: 1,
        additionalProperties: { type: 'string', minLength: 1 },
        description:
          'What is made of the messages: `count()`, `count(condition)`, and `sum`, `min`, `max`, `mean`, `stddev`, `first` or `last` of an expression. A null is passed over.',
      },
      max_keys: maxKeys,
    },
    description:
      'Tumbling window: messages are gathered per key, and at the end of each window one message goes on, whose `payload` has these values and `key`, `start`, `end` and `partial`. At the limit of keys the oldest windows are closed early, with `partial: true`.',
  },
} as const

/** The clauses' names. */
export const stateWords = Object.keys(stateFields) as readonly (keyof typeof stateFields)[]
