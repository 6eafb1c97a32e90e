import { type OptionsOf, quantities, tlsFields, withDefaults } from 'trestle/contract'

const createTopicsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    partitions: { type: 'integer', minimum: 1, description: 'How many partitions.' },
    replication_factor: { type: 'integer', minimum: 1, description: 'How many copies of each.' },
    config: {
      type: 'object',
      additionalProperties: { type: ['string', 'number', 'boolean'] },
      description: 'Settings of the topic, by their names in Kafka.',
    },
  },
} as const

/** What stands under a connector of `type: kafka` in the configuration. */
export const kafkaSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['brokers'],
  properties: {
    brokers: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', pattern: '^(\\[[0-9a-fA-F:]+\\]|[^:\\s]+):[0-9]{1,5}$' },
      description: 'Addresses to begin with, as host:port; the others are learnt from the first that answers.',
      examples: [['kafka-1:9092', 'kafka-2:9092']],
    },
    client_id: {
      type: 'string',
      default: 'trestle',
      description: 'How the hub names itself in the logs and quotas of the brokers.',
    },
    topic: {
      type: 'string',
      pattern: '^[a-zA-Z0-9._-]{1,249}$',
      description: 'The topic of a rule that names none.',
      examples: ['telemetry'],
    },
    create_topics: {
      anyOf: [{ type: 'boolean' }, createTopicsSchema],
      default: false,
      description:
        'Create a topic that does not exist: `true` with the default partitions and replicas of the brokers, or as said here.',
      expects: 'true, false, or partitions, replication_factor and config',
      examples: [true, { partitions: 12, replication_factor: 3, config: { 'retention.ms': '604800000' } }],
    },
    compression: {
      enum: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
      default: 'none',
      description: 'How record batches are compressed.',
    },
    mode: {
      enum: ['at-least-once', 'idempotent', 'exactly-once'],
      description:
        'What is done against records that are there twice. `idempotent` (default): batches are numbered and kept in the data folder before they are sent, and the brokers drop repeats, also after `kill -9` of the hub. `exactly-once`: each batch is a transaction, and readers with `isolation.level=read_committed` never see one twice; it needs WRITE on the transactional id and READ on the group `trestle-<hub>-<connector>`. `at-least-once`: nothing.',
    },
    idempotent: {
      type: 'boolean',
      default: true,
      description: '`false` is `mode: at-least-once`, where `mode` is not given.',
    },
    transaction_timeout_ms: {
      ...quantities.ms,
      default: 60_000,
      description:
        'With `mode: exactly-once`: after how long the brokers end a transaction of a hub that is gone (at most their transaction.max.timeout.ms).',
    },
    mqtt_headers: {
      type: 'boolean',
      default: true,
      description:
        'Add what MQTT says of the message as headers: topic, client id, time, QoS, retain, expiry, payload format, content type, response topic, correlation data and user properties. `trestle-id` and `trestle-hops` are always there.',
    },
    linger_ms: {
      ...quantities.ms,
      default: 10,
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
    max_message_bytes: {
      ...quantities.bytes,
      default: 1_048_588,
      description:
        'The largest record batch the brokers take (their message.max.bytes). A single record above it is refused.',
    },
    connect_timeout_ms: {
      ...quantities.ms,
      default: 5000,
      description: 'How long opening a connection may take.',
    },
    request_timeout_ms: {
      ...quantities.ms,
      default: 15_000,
      description: 'How long a broker may take to answer.',
    },
    tls: {
      type: 'object',
      additionalProperties: false,
      description:
        'Speak TLS; an empty object trusts the usual authorities. Values are PEM texts or paths of PEM files.',
      properties: {
        ...tlsFields('broker'),
        server_name: {
          type: 'string',
          description:
            'The name to ask for and to find in the certificates of the brokers, where it is not the host of their address.',
        },
      },
      examples: [{ ca: '/etc/trestle/kafka-ca.pem' }],
    },
    sasl: {
      type: 'object',
      additionalProperties: false,
      required: ['mechanism'],
      description: 'Log in.',
      properties: {
        mechanism: {
          enum: ['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'],
          description: 'How the hub proves who it is.',
        },
        username: { type: 'string', description: 'The user; not for `oauthbearer`.' },
        password: { type: 'string', secret: true, description: 'The password.', examples: ['${env:KAFKA_PASSWORD}'] },
        token: { type: 'string', secret: true, description: 'For `oauthbearer`: a token.' },
        token_file: {
          type: 'string',
          format: 'path',
          description: 'For `oauthbearer`: a file that holds the token; read at each login.',
        },
        token_endpoint: {
          type: 'string',
          pattern: '^https?://',
          description:
            'For `oauthbearer`: where a token is got for client_id and client_secret (OAuth 2.0 client credentials); asked for anew before it ends.',
          examples: ['https://login.example/oauth2/token'],
        },
        client_id: { type: 'string', description: 'Who asks the token endpoint.' },
        client_secret: { type: 'string', secret: true, description: 'The secret of client_id.' },
        scope: { type: 'string', description: 'The scope to ask for.' },
        extensions: {
          type: 'object',
          additionalProperties: { type: 'string' },
          description: 'For `oauthbearer`: SASL extensions, as some providers want them.',
        },
      },
    },
  },
} as const

export type KafkaOptions = OptionsOf<typeof kafkaSchema>

export type Mode = NonNullable<KafkaOptions['mode']>

export const modeOf = ({ mode, idempotent }: KafkaOptions): Mode =>
  mode ?? (idempotent ? 'idempotent' : 'at-least-once')

/** How topics are created; null: they are not. */
export function creationOf({ create_topics: given }: KafkaOptions): OptionsOf<typeof createTopicsSchema> | null {
  if (given === false || given === undefined) return null
  return given === true ? {} : (given as OptionsOf<typeof createTopicsSchema>)
}

/** Fields a rule's target may carry for Kafka. */
export const kafkaTargetSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    topic: {
      type: 'string',
      description: 'The Kafka topic; `${…}` is filled in. Default: the topic of the connector.',
      examples: ['telemetry.${plant}'],
    },
    partition: {
      type: ['integer', 'string'],
      minimum: 0,
      description: 'A fixed partition. Default: chosen from the key, and without a key from what keeps the order.',
    },
  },
} as const

/** The options, complete. */
export const kafkaOptions = (given: object): KafkaOptions => withDefaults(kafkaSchema, given)
