import { type OptionsOf, quantities, withDefaults } from 'trestle/contract'
import { authSchema, tlsSchema } from './login-options.ts'

const name = '^[^\\s.*>/\\\\]{1,255}$'
const literal = '^(?!\\$)(?!.*(^|\\.)[*>](\\.|$))[^\\s.]+(\\.[^\\s.]+)*$'

/** What a stream may be told, when it is made. */
const streamFields = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  description:
    'The stream that takes the messages (`mode: jetstream`). When it is named, the connector sees at the start that it is there, and reads back its end (`read_back_count`).',
  properties: {
    name: { type: 'string', pattern: name, description: 'Its name.', examples: ['TELEMETRY'] },
    create: {
      type: 'boolean',
      default: false,
      description: 'Make it when it does not exist. One that exists is left as it is.',
    },
    subjects: {
      type: 'array',
      minItems: 1,
      items: { type: 'string' },
      description: 'What it takes in when it is made. Default: everything below `subject_prefix`, else `subject`.',
      examples: [['plants.>']],
    },
    storage: { enum: ['file', 'memory'], default: 'file', description: 'Where it keeps its messages.' },
    retention: {
      enum: ['limits', 'interest', 'workqueue'],
      default: 'limits',
      description: 'When messages leave it.',
    },
    discard: {
      enum: ['old', 'new'],
      default: 'old',
      description: 'What a full stream does: lets go of its oldest, or refuses the new (which wait in the hub).',
    },
    max_bytes: { ...quantities.bytes, description: 'The most it keeps.' },
    max_msgs: { type: 'integer', minimum: 1, description: 'The most messages it keeps.' },
    max_age_s: { ...quantities.s, description: 'How long it keeps a message.', examples: ['7 d'] },
    max_message_bytes: { ...quantities.bytes, description: 'The largest message it takes.' },
    duplicate_window_s: {
      ...quantities.s,
      default: 120,
      description: 'How long the server remembers message ids and drops what is sent twice.',
    },
    replicas: { type: 'integer', minimum: 1, maximum: 5, default: 1, description: 'Copies in the cluster.' },
  },
  examples: [{ name: 'TELEMETRY', create: true, subjects: ['plants.>'], max_age_s: '30 d' }],
} as const

const bucketFields = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  description: 'The bucket of `mode: kv` and `mode: object`.',
  properties: {
    name: { type: 'string', pattern: '^[-_a-zA-Z0-9]+$', description: 'Its name.', examples: ['twins'] },
    create: { type: 'boolean', default: false, description: 'Make it when it does not exist.' },
    storage: { enum: ['file', 'memory'], default: 'file', description: 'Where it keeps what is put.' },
    history: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 1,
      description: 'Values it keeps of each key (`kv`).',
    },
    ttl_s: { ...quantities.s, description: 'How long it keeps what was put.' },
    max_bytes: { ...quantities.bytes, description: 'The most it keeps.' },
    replicas: { type: 'integer', minimum: 1, maximum: 5, default: 1, description: 'Copies in the cluster.' },
  },
  examples: [{ name: 'twins', create: true }],
} as const

/** What stands under a connector of `type: nats` in the configuration. */
export const natsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['servers'],
  properties: {
    servers: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'string',
        pattern: '^((nats|tls)://)?(\\[[0-9a-fA-F:]+\\]|[^:@/\\s\\[\\]]+)(:[0-9]{1,5})?$',
      },
      description: 'Addresses to begin with, as nats://host:port; with tls:// the connection must be encrypted.',
      examples: [['nats://nats-1:4222', 'nats://nats-2:4222']],
    },
    client_id: { type: 'string', default: 'trestle', description: 'How the hub names itself to the servers.' },
    mode: {
      enum: ['jetstream', 'core', 'kv', 'object'],
      default: 'jetstream',
      description:
        'How messages leave: into a stream, where they are stored; as core NATS, which stores nothing and reaches who listens at that moment; as the value of a key of a bucket; as an object of a bucket.',
    },
    subject: {
      type: 'string',
      pattern: literal,
      description: 'The subject of a rule that names none. Without it, the MQTT topic as a subject.',
      examples: ['telemetry'],
    },
    subject_prefix: {
      type: 'string',
      pattern: literal,
      description:
        'Stands before subjects that are made of MQTT topics, and is taken away again where a source makes topics of subjects.',
      examples: ['mqtt'],
    },
    replies: {
      type: 'object',
      additionalProperties: false,
      description:
        'Lets requests and answers cross (`mode: core`). A request of NATS becomes an MQTT message whose response topic lies below `topic`; what is published there goes to who asked. A message of MQTT with a response topic leaves as a request whose answers come to a subject below `subject`, where a source of this connector takes them to the response topic, with the correlation data.',
      properties: {
        topic: { type: 'string', default: 'nats/reply', description: 'Topic below which the answers to NATS lie.' },
        subject: {
          type: 'string',
          pattern: literal,
          default: 'mqtt.reply',
          description:
            'Subject below which the answers to MQTT lie; a source must have `<subject>.>` among its subjects.',
        },
      },
      examples: [{ topic: 'nats/reply', subject: 'mqtt.reply' }],
    },
    stream: streamFields,
    bucket: bucketFields,
    order: {
      enum: ['chained', 'pipelined'],
      default: 'chained',
      description:
        'How messages of one key keep their order while many are under way. `chained`: each names the one before it, and the server takes it only behind that (`Nats-Expected-Last-Msg-Id`); other writers of the same stream make it slower, never wrong. `pipelined`: nothing is named; when the stream refuses one for a while, later ones of its key may get in before it.',
    },
    read_back_count: {
      type: 'integer',
      minimum: 0,
      maximum: 100_000,
      default: 2000,
      description:
        'How many of the last messages of the named stream are looked at when the connection opens, so that what is there already is not sent again although the server has forgotten its id (see `duplicate_window_s`). 0: none.',
    },
    domain: { type: 'string', pattern: name, description: 'The JetStream domain.', examples: ['edge'] },
    mqtt_headers: {
      type: 'boolean',
      default: true,
      description:
        'Add the MQTT topic, client id, properties and user properties as headers. `trestle-id` and `trestle-hops` are always there.',
    },
    linger_ms: {
      ...quantities.ms,
      default: 5,
      description: 'How long a batch may wait to fill while messages flow.',
    },
    batch_count: {
      type: 'integer',
      minimum: 1,
      maximum: 5000,
      default: 1000,
      description: 'The most messages of one batch.',
    },
    batch_bytes: { ...quantities.bytes, default: 1_000_000, description: 'The most payload bytes of one batch.' },
    connect_timeout_ms: {
      ...quantities.ms,
      default: 5000,
      description: 'How long opening a connection to one server may take.',
    },
    request_timeout_ms: {
      ...quantities.ms,
      default: 10_000,
      description: 'How long the server may take to answer; then a new connection is opened.',
    },
    ping_interval_ms: {
      ...quantities.ms,
      default: 15_000,
      description: 'How often a silent connection is tried; after two pings without an answer it counts as lost.',
    },
    no_echo: {
      type: 'boolean',
      default: false,
      description: 'Ask the server not to send back to a connection what was published over it.',
    },
    ignore_discovered_servers: {
      type: 'boolean',
      default: false,
      description: 'Use only `servers`, not those that the cluster tells of.',
    },
    retain_servers_order: {
      type: 'boolean',
      default: false,
      description: 'Try the servers in the order given, not shuffled.',
    },
    inbox_prefix: {
      type: 'string',
      pattern: '^[-_a-zA-Z0-9]+(\\.[-_a-zA-Z0-9]+)*$',
      default: '_INBOX',
      description: 'Where the servers answer to; the user must be allowed to subscribe below it.',
    },
    tls: tlsSchema,
    auth: authSchema,
  },
} as const

export type NatsOptions = OptionsOf<typeof natsSchema>

/** Fields a rule's target may carry for NATS. */
export const natsTargetSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    subject: {
      type: 'string',
      description:
        'The subject; `${…}` is filled in, and what comes out is taken as a subject, not mapped. With `mode: kv` the key, with `mode: object` the name of the object. Default: the `subject` of the connector, else the MQTT topic, mapped.',
      examples: ['plants.${plant}.${line}'],
    },
  },
} as const

/** The options, complete. */
export const natsOptions = (given: object): NatsOptions => withDefaults(natsSchema, given)
