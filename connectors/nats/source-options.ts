import { inboundFields, type OptionsOf, quantities, withDefaults } from 'trestle/contract'

/** One entry of `sources:` of a NATS connector. */
export const natsSourceSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['publish'],
  properties: {
    ...inboundFields,
    mode: {
      enum: ['jetstream', 'core', 'kv'],
      default: 'jetstream',
      description:
        'Where messages come from: a stream, each acknowledged when the hub has it; core NATS, which sends each once and to who listens at that moment (what is published while the hub is away or full is lost); the values of a bucket as they change.',
    },
    subjects: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', pattern: '^[^\\s.]+(\\.[^\\s.]+)*$' },
      description:
        'What to read: subjects, with the wildcards `*` and `>`; with `mode: kv` keys. Required with `mode: core`; otherwise all of the stream or bucket. More than one of a stream needs nats-server 2.10.',
      examples: [['plants.>']],
    },
    queue: {
      type: 'string',
      pattern: '^\\S+$',
      description: 'The queue group: its members share the messages (`mode: core`).',
    },
    stream: { type: 'string', description: 'The stream (`mode: jetstream`).', examples: ['COMMANDS'] },
    bucket: { type: 'string', description: 'The bucket (`mode: kv`).', examples: ['twins'] },
    durable: {
      type: 'string',
      pattern: '^[^\\s.*>/\\\\]{1,200}$',
      description:
        'Name of the durable consumer, where the server keeps how far the hub is. Default: made of the names of connector and hub, and of what is read.',
    },
    deliver: {
      enum: ['all', 'last', 'new', 'last_per_subject', 'by_start_sequence', 'by_start_time'],
      description:
        'Where a consumer begins that does not exist yet. Default: `all`, with `mode: kv` the present value of each key.',
    },
    start_sequence: { type: 'integer', minimum: 1, description: 'The sequence of `by_start_sequence`.' },
    start_time: {
      type: 'string',
      description: 'The time of `by_start_time`.',
      examples: ['2026-01-01T00:00:00Z'],
    },
    ack_wait_ms: {
      ...quantities.ms,
      default: 30_000,
      description:
        'After this long without an acknowledgement the server sends a message again; while the hub has it, it tells the server in time that it does.',
    },
    max_ack_pending: {
      type: 'integer',
      minimum: 1,
      description:
        'How many messages the server lets stand open for all readers of the consumer. Default: `max_unsettled`.',
    },
    max_deliver: {
      type: 'integer',
      minimum: -1,
      default: -1,
      description: 'How often a message is sent at most; -1: until it is acknowledged.',
    },
    refused: {
      enum: ['term', 'ack'],
      default: 'term',
      description:
        'How the server hears of a message that never will be taken: it is terminated, which the server tells its operators, or acknowledged like any other. It comes no more either way.',
    },
    confirm_acks: {
      type: 'boolean',
      default: false,
      description: 'Let the server confirm each acknowledgement; the hub then holds messages until it has.',
    },
    nak_delay_ms: {
      ...quantities.ms,
      default: 0,
      description:
        'When the source closes with messages in hand, how long the server waits before it sends them again.',
    },
    exclusive: {
      type: 'boolean',
      default: true,
      description:
        'This hub alone reads the consumer: what an earlier life of it left open is asked for again at once and first, so that the order holds. Turn it off where several hubs share one consumer.',
    },
    fetch_count: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 500,
      description: 'The most messages asked for at once.',
    },
    max_unsettled: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 10_000,
      description: 'The most messages the hub holds without having acknowledged them; then nothing more is read.',
    },
    max_unsettled_bytes: {
      ...quantities.bytes,
      default: 16_777_216,
      description: 'The most bytes it holds so.',
    },
  },
} as const

export type NatsSourceOptions = OptionsOf<typeof natsSourceSchema>

/** The options of a source, complete. */
export const natsSourceOptions = (given: object): NatsSourceOptions => withDefaults(natsSourceSchema, given)
