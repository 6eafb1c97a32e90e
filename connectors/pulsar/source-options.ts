import { inboundFields, type OptionsOf, quantities, TrestleError, withDefaults } from 'trestle/contract'

/** What stands in one entry of `sources:` of a connector of `type: pulsar`. */
export const pulsarSourceSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['subscription', 'publish'],
  properties: {
    topics: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', minLength: 1 },
      description:
        'Topics to read: `orders`, `tenant/namespace/orders` or in full. Of a partitioned topic all partitions are read, also those that are added later.',
      examples: [['orders', 'persistent://acme/plants/telemetry']],
    },
    topic_regex: {
      type: 'string',
      minLength: 1,
      description:
        'Read every topic of `lookup_namespace` whose name fits this regular expression from end to end, also those that come later. It is held against the last part of the name, or the full name where it has `://`.',
      examples: ['plant-.*'],
    },
    lookup_namespace: {
      type: 'string',
      pattern: '^[^/\\s]+/[^/\\s]+$',
      default: 'public/default',
      description: 'Where `topic_regex` looks for topics, as tenant/namespace.',
    },
    topic_refresh_interval_ms: {
      ...quantities.ms,
      default: 30_000,
      description:
        'How often new topics and partitions are looked for; they are read from their beginning. 0 looks only at the start.',
    },
    subscription: {
      type: 'string',
      minLength: 1,
      description:
        'Name of the subscription, which keeps what was acknowledged. Sources that must each read everything need one of their own.',
      examples: ['trestle-orders'],
    },
    ...inboundFields,
    subscription_type: {
      enum: ['exclusive', 'failover', 'shared', 'key_shared'],
      default: 'failover',
      description:
        'Who reads: `exclusive`, this source alone; `failover`, one at a time while others stand by; `shared`, all of them, without order; `key_shared`, all of them, each key by one.',
    },
    initial_position: {
      enum: ['latest', 'earliest'],
      default: 'latest',
      description: 'Where a subscription begins that does not exist yet.',
    },
    seek: {
      type: 'string',
      pattern: '^(earliest|latest|\\d{1,19}:\\d{1,19}|\\d{4}-\\d{2}-\\d{2}(T[0-9:.]+(Z|[+-]\\d{2}:\\d{2})?)?)$',
      expects: 'earliest, latest, a time such as 2026-11-20T08:00:00Z, or a message id such as 120:7',
      description:
        'Put the subscription there, once: another value does it again. A time is that of publishing; a message id is ledger:entry of a single topic.',
      examples: ['earliest', '2026-11-20T08:00:00Z'],
    },
    consumer_name: {
      type: 'string',
      minLength: 1,
      description: 'How the consumer is called in the statistics of the broker.',
      examples: ['hub-oslo'],
    },
    priority_level: {
      type: 'integer',
      minimum: 0,
      maximum: 1000,
      default: 0,
      description: 'The broker serves consumers of a lower number first.',
    },
    durable: {
      type: 'boolean',
      default: true,
      description:
        'Keep the subscription at the broker. `false`: it ends with the connection, and what comes before the next is not read.',
    },
    read_compacted: {
      type: 'boolean',
      default: false,
      description: 'Read only the last message of each key of a compacted topic. Needs `exclusive` or `failover`.',
    },
    metadata: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Properties of the consumer, shown in the statistics of the broker.',
      examples: [{ site: 'oslo' }],
    },
    subscription_properties: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Properties that a new subscription is given.',
    },
    max_unsettled: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 10_000,
      description: 'The most messages handed in and not yet answered; the broker is asked for no more then.',
    },
    max_unsettled_bytes: {
      ...quantities.bytes,
      default: 16_777_216,
      description: 'The most bytes read and not yet answered.',
    },
    batch_size: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 1000,
      description: 'The most messages handed in at once.',
    },
    batch_index_ack: {
      type: 'boolean',
      default: true,
      description:
        'Tell the broker which messages of a batch are done when not all of them are. It listens where `acknowledgmentAtBatchIndexLevelEnabled` is set; elsewhere a batch that is done in part comes again as a whole.',
    },
    negative_ack_delay_ms: {
      ...quantities.ms,
      default: 1000,
      description:
        'How long a message that could not be taken is left alone before it comes again (`shared`, `key_shared`).',
    },
    unacked_message_resend_delay_ms: {
      ...quantities.ms,
      default: 0,
      description:
        'Ask again for messages that were not answered after this time, so that another consumer may get them (`shared`, `key_shared`). What the hub has in hand may then arrive twice. 0: never.',
    },
    dead_letter_policy: {
      type: 'object',
      additionalProperties: false,
      required: ['max_redeliver_count'],
      description: 'What becomes of messages that come again too often (`shared`, `key_shared`).',
      properties: {
        max_redeliver_count: {
          type: 'integer',
          minimum: 0,
          description: 'How often a message may come again.',
        },
        dead_letter_topic: {
          type: 'string',
          minLength: 1,
          description:
            'The Pulsar topic it is then written to. Without it: the dead letters of the hub, as `on_refused` says.',
          examples: ['orders-dead'],
        },
      },
    },
    topic_names: {
      enum: ['short', 'full'],
      default: 'short',
      description:
        "What `${topic}` is: the last part of the topic's name (`orders`), or all of it (`persistent://public/default/orders`). The mark of a partition is left out.",
    },
    payload_path: {
      type: 'string',
      minLength: 1,
      description:
        'A field of the JSON payload, as `a.b`, that becomes the payload: text as it is, all else as JSON. Without it the payload is passed on as it is.',
      examples: ['data.body'],
    },
    allow_empty: {
      type: 'boolean',
      default: true,
      description: 'Pass messages without a payload on. `false` acknowledges and drops them.',
    },
  },
} as const

export type PulsarSourceOptions = OptionsOf<typeof pulsarSourceSchema>

/** The options, complete. *Errors*: E105, E109, E104 for what the schema cannot say. */
export function pulsarSourceOptions(given: object): PulsarSourceOptions {
  const options = withDefaults(pulsarSourceSchema, given)
  if (options.topics === undefined && options.topic_regex === undefined) {
    throw new TrestleError('E105', 'a source of Pulsar needs `topics` or `topic_regex`')
  }
  if (
    options.read_compacted &&
    (options.subscription_type === 'shared' || options.subscription_type === 'key_shared')
  ) {
    throw new TrestleError('E109', '`read_compacted` needs `subscription_type: exclusive` or `failover`')
  }
  if (options.topic_regex !== undefined) checkPattern(options.topic_regex)
  return options
}

function checkPattern(pattern: string): void {
  try {
    new RegExp(pattern)
  } catch (error) {
    throw new TrestleError('E104', `topic_regex: ${(error as Error).message}`, { cause: error })
  }
}
