import { type Static, Type } from 'typebox'
import { Access } from './access-schema.ts'
import { address, bytes, count, milliseconds, oneOf, path, seconds } from './fields.ts'
import { Listener } from './listener-schema.ts'
import { Delayed, Rewrites, Subscriptions, SystemTopics } from './topic-schema.ts'

const closed = { additionalProperties: false }

const Api = Type.Object(
  {
    address: address({
      description: 'Where the HTTP API listens. An address that is not loopback needs `token`.',
      default: '127.0.0.1:8080',
      examples: ['127.0.0.1:8080'],
    }),
    token: Type.Optional(
      Type.String({
        description: 'What callers must send as `Authorization: Bearer …`.',
        minLength: 8,
        secret: true,
        expects: 'at least 8 characters',
        examples: [`\${env:TRESTLE_TOKEN}`],
      }),
    ),
  },
  { ...closed, default: {}, description: 'The HTTP API, which the command line speaks too.' },
)

const Registry = Type.Object(
  {
    type: oneOf(['files', 'api', 'confluent'], {
      description:
        '`files`: the folder `schemas` is the truth, and the API only reads. `api`: schemas are registered over the API and kept in the data folder; at the first start it begins with those of the folder `schemas`. `confluent`: the hub stands in front of another registry, whose schemas it uses and keeps a copy of.',
      default: 'files',
    }),
    compatibility: oneOf(
      ['none', 'backward', 'backward_transitive', 'forward', 'forward_transitive', 'full', 'full_transitive'],
      {
        description:
          'What a new version of a subject must be able to read (`backward`) or be read by (`forward`), where the subject says nothing of its own.',
        default: 'backward',
      },
    ),
    url: Type.Optional(
      Type.String({
        description: 'Where the other registry is; for `confluent` only.',
        pattern: '^https?://',
        expects: 'an address that begins with http:// or https://',
        examples: ['http://registry:8081'],
      }),
    ),
    username: Type.Optional(Type.String({ description: 'Who the hub is to the other registry (Basic).' })),
    password: Type.Optional(
      Type.String({
        description: 'The password that goes with `username`.',
        secret: true,
        examples: [`\${env:REGISTRY_PASSWORD}`],
      }),
    ),
    token: Type.Optional(Type.String({ description: 'In place of a user: a bearer token.', secret: true })),
    refresh_ms: milliseconds({
      description: 'How often the other registry is asked for new versions of what rules name; for `confluent` only.',
      default: '1 min',
    }),
  },
  { ...closed, default: {}, description: 'Where schemas come from, and what holds for them.' },
)

const Journal = Type.Object(
  {
    max_bytes: bytes({
      description: 'Above this size new messages are not taken: publishers wait, or hear 0x97 (quota exceeded).',
      default: '10 GB',
    }),
    segment_bytes: bytes({
      description: 'Size of one file of the journal; a file goes when nothing in it is owed any more.',
      default: '64 MiB',
    }),
    spacing_ms: milliseconds({
      description: 'At most so long a commit waits for more messages to share it, when that saves work; 0 never waits.',
      default: 4,
    }),
    sync: oneOf(['always', 'os'], {
      description:
        '`always`: a message is stored when the disk has it. `os`: when the operating system has it, which a power cut may lose.',
      default: 'always',
    }),
  },
  { ...closed, default: {}, description: 'The one journal that holds what is owed to sinks.' },
)

const DeadLetters = Type.Object(
  {
    max_bytes: bytes({
      description:
        'Above this size no more are kept: what would become a dead letter stays in the journal, and `trestle status` says why, until some are replayed or discarded.',
      default: '1 GB',
    }),
  },
  { ...closed, default: {}, description: 'What could not be delivered, kept until someone decides.' },
)

const Limits = Type.Object(
  {
    max_packet_bytes: bytes({
      description: 'Largest packet a connected client may send; a larger one ends its connection with 0x95.',
      default: '16 MiB',
    }),
    max_connect_bytes: bytes({
      description: 'Largest CONNECT packet: what a stranger may make the hub hold.',
      default: '256 KiB',
    }),
    max_connections: count({ description: 'MQTT connections at one time.', default: 100_000 }),
    max_sessions: count({ description: 'Sessions, those of absent clients included.', default: 200_000 }),
    connect_timeout_ms: milliseconds({
      description: 'A client that has not sent a whole CONNECT by then is cut off.',
      default: '10 s',
    }),
    max_output_bytes: bytes({
      description: 'Output waiting for one receiver; above it QoS 0 is dropped, QoS 1 and 2 wait in the session.',
      default: '8 MiB',
    }),
    max_all_output_bytes: bytes({ description: 'Output waiting for all receivers together.', default: '256 MiB' }),
    max_inflight: count({
      description: 'QoS 1 and 2 messages under way to one client; an MQTT 5 client may ask for fewer.',
      maximum: 65_535,
      default: 1024,
    }),
    receive_maximum: count({
      description: 'QoS 1 and 2 messages of one client that are not answered yet.',
      maximum: 65_535,
      default: 1024,
    }),
    max_queued_messages: count({ description: 'Messages waiting in one session.', default: 100_000 }),
    max_queued_bytes: bytes({ description: 'Bytes waiting in one session.', default: '16 MiB' }),
    max_all_queued_bytes: bytes({ description: 'Bytes waiting in all sessions together.', default: '256 MiB' }),
    max_publisher_pause_ms: milliseconds({
      description: 'How long reading from a publisher may rest because a subscriber of its messages is slow.',
      default: '2 s',
    }),
    max_topic_aliases: count({
      description: 'Topic aliases one MQTT 5 client may set; 0 offers none.',
      minimum: 0,
      maximum: 65_535,
      default: 64,
    }),
    max_subscriptions_per_session: count({ description: 'Subscriptions of one session.', default: 10_000 }),
    max_subscription_bytes: bytes({
      description:
        'What the subscriptions of one session may weigh: the filters, and 450 bytes for each level that no other subscription had before. Above it a filter is refused with 0x97.',
      default: '8 MiB',
    }),
    max_all_subscription_bytes: bytes({
      description: 'What the subscriptions of all sessions together may weigh.',
      default: '256 MiB',
    }),
    max_filter_levels: count({
      description: 'Levels of one topic filter; one with more is refused with 0x8F.',
      maximum: 65_535,
      default: 128,
    }),
    max_session_expiry_s: seconds({
      description: 'Longest time a session is kept without its client; 4294967295 is for ever.',
      default: 4_294_967_295,
    }),
    max_keep_alive_s: seconds({
      description: 'Longest keep-alive; 0 takes what the client asks for, none included.',
      default: 0,
    }),
    max_retained_messages: count({ description: 'Retained messages.', default: 1_000_000 }),
    max_retained_bytes: bytes({ description: 'Bytes of all retained messages together.', default: '256 MiB' }),
    max_state_bytes: bytes({
      description:
        'What rules keep per key (`once`, `changed`, `at_most`, `window`), all together, as estimated. Above it the keys that passed longest ago are forgotten, and windows are closed early.',
      default: '256 MiB',
    }),
    latency_budget_us: count({
      description:
        'What the event loop may add to a message’s latency when many clients send a little each, to read several at once; it is only used while it lowers no client’s rate. 0: never.',
      minimum: 0,
      maximum: 5_000,
      default: 500,
    }),
    max_cached_topics: count({ description: 'Topics whose receivers and rules are remembered.', default: 16_384 }),
  },
  { ...closed, default: {}, description: 'What bounds the broker: no client can make it hold more than this.' },
)

const Log = Type.Object(
  {
    level: oneOf(['debug', 'info', 'warn', 'error'], {
      description: 'The least important lines still written.',
      default: 'info',
    }),
    format: oneOf(['auto', 'text', 'json'], {
      description: '`auto`: text on a terminal, JSON lines elsewhere.',
      default: 'auto',
    }),
  },
  { ...closed, default: {}, description: 'The log, on standard error.' },
)

/**
 * The whole of `config/trestle.yaml`. It *is* JSON Schema: types are inferred from it, the reference page and the
 * editors' schema are printed from it. The options of each connector type come from the connectors themselves.
 */
export const settingsSchema = Type.Object(
  {
    listeners: Type.Array(Listener, {
      description: 'Where MQTT clients connect.',
      default: [
        { type: 'tcp', address: '127.0.0.1:1883' },
        { type: 'websocket', address: '127.0.0.1:8083', path: '/mqtt' },
      ],
    }),
    access: Access,
    data: path({ description: 'Folder of the journal, the cursors and the dead letters.', default: './data' }),
    rules: path({ description: 'Folder of the rules, one YAML file each.', default: './rules' }),
    schemas: path({
      description: 'Folder of the schemas, `<subject>/<version>.<json|avsc|proto>`.',
      default: './schemas',
    }),
    registry: Registry,
    watch: Type.Boolean({
      description:
        'Load rules and schemas anew when their files change. Off by default: files that are copied one by one would be loaded half; `trestle reload` says when they are complete.',
      default: false,
    }),
    connectors: Type.Unsafe<Record<string, { type: string }>>({
      type: 'object',
      description:
        'The far systems, by the name that rules use. Each has a `type`; the other fields are that type’s own.',
      propertyNames: {
        pattern: '^[a-z][a-z0-9_-]{0,62}$',
        expects: 'small letters, digits, - and _, a letter first, at most 63',
      },
      additionalProperties: {
        type: 'object',
        required: ['type'],
        properties: { type: { type: 'string', description: 'Which kind of connector.', expects: 'a connector type' } },
      },
      default: {},
    }),
    subscriptions: Subscriptions,
    rewrite: Rewrites,
    delayed: Delayed,
    system_topics: SystemTopics,
    api: Api,
    journal: Journal,
    dead_letters: DeadLetters,
    limits: Limits,
    log: Log,
  },
  { ...closed, title: 'Configuration of Trestle', description: 'The file `config/trestle.yaml`.' },
)

/** The file's content with all defaults filled in, under the file's own names. */
export type SettingsFile = Static<typeof settingsSchema>
