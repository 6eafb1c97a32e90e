import { inboundFields, type OptionsOf, quantities, withDefaults } from 'trestle/contract'

/** What stands in one entry of `sources:` of a connector of `type: kafka`. */
export const kafkaSourceSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['group', 'publish'],
  anyOf: [{ required: ['topic'] }, { required: ['topics'] }],
  properties: {
    topic: {
      type: 'string',
      pattern: '^[a-zA-Z0-9._*?-]{1,249}$',
      description: 'The topic to read, or a pattern of topics.',
      examples: ['orders'],
    },
    topics: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', pattern: '^[a-zA-Z0-9._*?-]{1,249}$' },
      description:
        'Several of them. A name with `*` (any text) or `?` (one character) is a pattern: it takes every topic it fits, also those that come later, but no internal ones.',
      examples: [['orders', 'plant.*']],
    },
    group: {
      type: 'string',
      minLength: 1,
      description:
        'The consumer group: it keeps how far was read, and its members share the partitions. Sources that must each read everything need a group of their own.',
      examples: ['trestle-orders'],
    },
    ...inboundFields,
    start: {
      type: 'string',
      pattern: '^(beginning|end|stored|[+-]?\\d{1,15}|\\d{4}-\\d{2}-\\d{2}(T[0-9:.]+(Z|[+-]\\d{2}:\\d{2})?)?)$',
      expects: 'beginning, end, stored, an offset, +N, -N or a time such as 2026-11-20T08:00:00Z',
      default: 'end',
      description:
        'Where to begin where the group has stored no offset: `beginning`; `end`; an offset; `+N`, N records after the beginning; `-N`, N before the end; a time. `stored` refuses to begin then. Topics and partitions that come later are always read from their beginning.',
      examples: ['beginning', '-1000', '2026-11-20T08:00:00Z'],
    },
    resume: {
      type: 'boolean',
      default: true,
      description:
        'Go on where the group stopped. `false`: begin at `start` whenever the hub starts, whatever is stored.',
    },
    start_partition: {
      type: 'integer',
      minimum: 0,
      description:
        'Read the partitions from this one on, and share them with nobody. Offsets are stored in the group all the same.',
    },
    stop_partition: {
      type: 'integer',
      minimum: -1,
      description: 'The last partition to read, with `start_partition`; -1 is the last there is.',
    },
    assignor: {
      enum: ['cooperative-sticky', 'range', 'roundrobin'],
      default: 'cooperative-sticky',
      description:
        'How the members of the group share the partitions; every member must offer the same way. `cooperative-sticky` stops only what moves; `range` and `cooperative-sticky` are what Java clients offer, `roundrobin` is what kafkajs offers.',
    },
    instance_id: {
      type: 'string',
      minLength: 1,
      description:
        'Makes the hub a static member under this name, unique in the group: a restart within `session_timeout_ms` moves no partitions.',
      examples: ['hub-oslo'],
    },
    isolation: {
      enum: ['read_committed', 'read_uncommitted'],
      default: 'read_committed',
      description: 'Whether records of transactions that were aborted, or are still open, are left out.',
    },
    max_unsettled: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 10_000,
      description: 'The most records handed in and not yet answered; the source reads no further then.',
    },
    max_unsettled_bytes: {
      ...quantities.bytes,
      default: 16_777_216,
      description: 'The most bytes read and not yet answered.',
    },
    fetch_bytes: {
      ...quantities.bytes,
      default: 1_048_576,
      description: 'The most bytes asked of one partition at once; a single larger record batch still comes.',
    },
    fetch_wait_ms: {
      ...quantities.ms,
      default: 500,
      description: 'How long a broker may wait for the first new record before it answers that there is none.',
    },
    linger_ms: {
      ...quantities.ms,
      default: 10,
      description: 'How long records may gather at the broker while they flow; the first after a pause comes at once.',
    },
    commit_interval_ms: {
      ...quantities.ms,
      default: 200,
      description: 'How often offsets are stored. What was read since comes again if the hub is killed.',
    },
    session_timeout_ms: {
      ...quantities.ms,
      default: 45_000,
      description: 'So long after its last sign of life the group gives the partitions of this hub to others.',
    },
    rebalance_timeout_ms: {
      ...quantities.ms,
      default: 60_000,
      description: 'So long the group waits for each member when partitions move.',
    },
    settle_wait_ms: {
      ...quantities.ms,
      default: 10_000,
      description:
        'How long the source waits for what it handed in before it gives a partition away. What is answered later comes again elsewhere.',
    },
    topics_refresh_ms: {
      ...quantities.ms,
      default: 30_000,
      description: 'How often the source looks for new topics and partitions.',
    },
    on_out_of_range: {
      enum: ['beginning', 'end', 'fail'],
      default: 'beginning',
      description:
        'What to do where the stored offset is no longer in the log (deleted by retention): go on at its beginning or its end, with a warning, or stop.',
    },
    on_corrupt: {
      enum: ['fail', 'skip'],
      default: 'fail',
      description: 'What to do with a record batch that cannot be read: stop there, or skip it with a warning.',
    },
    watchdog_ms: {
      ...quantities.ms,
      default: 60_000,
      description:
        'A partition of which nothing was heard for so long, although it may be read, makes the source connect anew.',
    },
  },
} as const

type GivenOptions = OptionsOf<typeof kafkaSourceSchema>

/** `topics` has all topics, whichever way they were named. */
export type KafkaSourceOptions = GivenOptions & { readonly topics: readonly string[] }

/** The options, complete. */
export function kafkaSourceOptions(given: object): KafkaSourceOptions {
  const options: GivenOptions = withDefaults(kafkaSourceSchema, given)
  return { ...options, topics: topicsOf(options) }
}

/** All topics that an entry names, patterns as they stand. */
export const topicsOf = ({ topic, topics = [] }: Pick<GivenOptions, 'topic' | 'topics'>): readonly string[] =>
  topic === undefined ? topics : [topic, ...topics]
