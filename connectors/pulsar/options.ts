import { type OptionsOf, quantities, TrestleError, tlsFields, withDefaults } from 'trestle/contract'

/** What stands under a connector of `type: pulsar` in the configuration. */
export const pulsarSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['servers'],
  properties: {
    servers: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', pattern: '^pulsar(\\+ssl)?://(\\[[0-9a-fA-F:.]+\\]|[^:/\\s]+)(:[0-9]{1,5})?/?$' },
      description:
        'Addresses of brokers or proxies, as pulsar://host:port, or pulsar+ssl://host:port for TLS; the first that answers is asked where each topic is.',
      examples: [['pulsar://pulsar-1:6650', 'pulsar://pulsar-2:6650']],
    },
    driver: {
      enum: ['built-in', 'native'],
      default: 'built-in',
      description:
        "What speaks to Pulsar: the hub's own client, or the library `pulsar-client` where it has been installed beside the hub.",
    },
    auth: {
      type: 'object',
      additionalProperties: false,
      required: ['type'],
      description: 'Log in. Tokens from a file, the environment or OAuth 2 are renewed whenever the broker asks.',
      properties: {
        type: { enum: ['token', 'basic', 'tls', 'oauth2'], description: 'How; `tls` is the certificate under `tls`.' },
        token: { type: 'string', secret: true, description: 'The token.', examples: ['${env:PULSAR_TOKEN}'] },
        token_file: {
          type: 'string',
          format: 'path',
          description: 'A file that holds the token; it is read anew each time one is needed.',
        },
        username: { type: 'string', description: 'The user, for `basic`.' },
        password: { type: 'string', secret: true, description: 'The password, for `basic`.' },
        issuer_url: {
          type: 'string',
          pattern: '^https?://',
          description: 'Who gives the tokens, for `oauth2`; its `/.well-known/openid-configuration` is read.',
          examples: ['https://login.example.com/realm'],
        },
        client_id: { type: 'string', description: 'The client, for `oauth2`.' },
        client_secret: { type: 'string', secret: true, description: 'Its secret, for `oauth2`.' },
        audience: { type: 'string', description: 'The audience to ask a token for, for `oauth2`.' },
        scope: { type: 'string', description: 'The scope to ask a token for, for `oauth2`.' },
      },
      examples: [{ type: 'token', token: '${env:PULSAR_TOKEN}' }],
    },
    tls: {
      type: 'object',
      additionalProperties: false,
      description:
        'What TLS trusts and shows; without it the usual authorities are trusted. Values are PEM texts or paths of PEM files.',
      properties: {
        ...tlsFields('broker'),
        verify_host: {
          type: 'boolean',
          default: true,
          description: 'Refuse a certificate that does not name the host that was asked for.',
        },
      },
      examples: [{ ca: '/etc/trestle/pulsar-ca.pem' }],
    },
    listener_name: {
      type: 'string',
      description: 'Which of the advertised listeners of the brokers to use, where they have several.',
    },
    topic: {
      type: 'string',
      minLength: 1,
      description:
        'The topic of a rule that names none: `telemetry`, `tenant/namespace/telemetry` or in full. Pulsar creates it where its policy allows that.',
      examples: ['persistent://acme/plants/telemetry'],
    },
    producer_name_prefix: {
      type: 'string',
      pattern: '^[^\\s]+$',
      default: 'trestle',
      description:
        'Producers are called PREFIX-HUB-CONNECTOR-TOPIC. By that name the broker recognises what is sent again: do not change it while messages wait.',
    },
    deduplicate: {
      type: 'boolean',
      default: true,
      description:
        'Number the messages, and keep the numbers, so that a topic with deduplication holds none twice, whatever is killed when. It takes a write to disk per batch.',
    },
    access_mode: {
      enum: ['shared', 'exclusive', 'wait_for_exclusive', 'exclusive_with_fencing'],
      default: 'shared',
      description:
        'Whether others may write to the same topics: yes; no; no, and wait until they have gone; no, and put them out.',
    },
    compression: {
      enum: ['none', 'lz4', 'zlib', 'zstd', 'snappy'],
      default: 'none',
      description: 'How batches are compressed.',
    },
    batching: {
      enum: ['default', 'key', 'none'],
      default: 'default',
      description:
        'What goes into one entry: whatever comes; only messages of one key, so that `key_shared` readers see each key in one place; each message alone.',
    },
    hashing: {
      enum: ['java-string', 'murmur3'],
      default: 'java-string',
      description: 'The hash that chooses the partition of a key. Take what the other producers of the topic have.',
    },
    replicate_to: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      description: 'Replicate only to these clusters, instead of what the namespace says.',
      examples: [['oslo', 'bergen']],
    },
    schema_version: {
      type: 'integer',
      minimum: 0,
      description: 'The version of the schema that the topic has and the payloads follow.',
    },
    metadata: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Properties of the producers, shown in the statistics of the brokers.',
      examples: [{ site: 'oslo' }],
    },
    mqtt_properties: {
      type: 'boolean',
      default: true,
      description:
        'Add the MQTT topic, client id, QoS, content type, response topic, correlation data and user properties as properties. `trestle-id` and `trestle-hops` are always there.',
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
    max_producers: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 1000,
      description: 'The most topics and partitions written to at a time; the one that was used longest ago is let go.',
    },
    connect_timeout_ms: { ...quantities.ms, default: 10_000, description: 'How long opening a connection may take.' },
    request_timeout_ms: { ...quantities.ms, default: 15_000, description: 'How long a broker may take to answer.' },
    keep_alive_ms: {
      ...quantities.ms,
      default: 30_000,
      description:
        'How long a broker may be silent before it is asked whether it lives; after as long again it is given up.',
    },
  },
} as const

export type PulsarOptions = OptionsOf<typeof pulsarSchema>

/** Fields a rule's target may carry for Pulsar. */
export const pulsarTargetSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    topic: {
      type: 'string',
      description: 'The Pulsar topic; `${…}` is filled in. Default: the topic of the connector.',
      examples: ['acme/plants/${plant}'],
    },
    partition: {
      type: ['integer', 'string'],
      minimum: 0,
      description: 'A fixed partition. Default: chosen from the key, and without a key from what keeps the order.',
    },
    ordering_key: {
      type: 'string',
      description: 'What `key_shared` readers are told apart by, where it is not the key.',
      examples: ['${client}'],
    },
    deliver_after_ms: {
      type: 'integer',
      minimum: 0,
      description: 'Readers of a shared subscription get it so many milliseconds after it arrived at the hub.',
      examples: [60_000],
    },
    deliver_at: {
      type: ['integer', 'string'],
      description: 'Readers of a shared subscription get it at this time: ms since the epoch, or a date in ISO 8601.',
      examples: ['2026-11-20T08:00:00Z'],
    },
    replicate_to: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      description: 'Replicate only to these clusters.',
    },
  },
} as const

/** The options, complete. *Errors*: E105, E109 for what the schema cannot say. */
export function pulsarOptions(given: object): PulsarOptions {
  const options = withDefaults(pulsarSchema, given)
  if (options.auth !== undefined) checkAuth(options.auth)
  return options
}

type AuthOptions = NonNullable<PulsarOptions['auth']>

const neededBy = {
  token: [],
  basic: ['username', 'password'],
  tls: [],
  oauth2: ['issuer_url', 'client_id', 'client_secret'],
} as const satisfies Record<AuthOptions['type'], readonly (keyof AuthOptions)[]>

function checkAuth(auth: AuthOptions): void {
  for (const field of neededBy[auth.type]) {
    if (auth[field] === undefined) throw new TrestleError('E105', `\`auth.type: ${auth.type}\` needs \`auth.${field}\``)
  }
  if (auth.type !== 'token') return
  if (auth.token === undefined && auth.token_file === undefined) {
    throw new TrestleError('E105', '`auth.type: token` needs `auth.token` or `auth.token_file`')
  }
  if (auth.token !== undefined && auth.token_file !== undefined) {
    throw new TrestleError('E109', '`auth.token` and `auth.token_file` cannot both be given')
  }
}
