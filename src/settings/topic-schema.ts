import { type Static, Type } from 'typebox'
import { bytes, count, milliseconds, oneOf } from './fields.ts'

const closed = { additionalProperties: false }

/** A topic filter: `+` is a whole level, `#` the last one. */
const filter = (description: string, examples: readonly string[]) =>
  Type.String({
    description,
    minLength: 1,
    pattern: '^(#|(\\+|[^+#/]*)(/(\\+|[^+#/]*))*(/#)?)$',
    expects: 'a topic filter',
    examples,
  })

const strategies = ['round_robin', 'random', 'sticky', 'hash_client', 'hash_topic', 'local', 'least_inflight'] as const

const AutoSubscription = Type.Object(
  {
    filter: filter(
      'What every client is subscribed to when it connects. `%c` is its client id, `%u` its user name, `%%` a percent sign; a client without the name, or with `+`, `#` or `/` in it, does not get this one. `$share/`, `$exclusive/` and `$limit/` may stand before.',
      ['to/%c/#'],
    ),
    qos: Type.Integer({ description: 'The greatest QoS it is sent with.', minimum: 0, maximum: 2 }),
    no_local: Type.Boolean({ description: 'Not what the client publishes itself.', default: false }),
    retain_as_published: Type.Boolean({ description: 'The retain flag stays as it was published.', default: false }),
    retain_handling: Type.Integer({
      description: 'Retained messages: 0 each time it connects, 1 when the subscription is new, 2 never.',
      minimum: 0,
      maximum: 2,
      default: 0,
    }),
  },
  { ...closed, description: 'One subscription that clients get without asking.' },
)

export const Subscriptions = Type.Object(
  {
    shared: oneOf([...strategies, 'off'], {
      description:
        'Who of a shared subscription (`$share/{group}/{filter}`, `$queue/{filter}`) gets a message. `round_robin`: each in turn. `random`. `sticky`: a publisher stays with whom it was first given to. `hash_client`: the same for the same publisher. `hash_topic`: the same for the same topic. `local`: members of this hub first, which in a single hub are all. `least_inflight`: who has fewest messages unacknowledged. Always one that is connected, if there is one. `off` refuses them.',
      default: 'round_robin',
    }),
    groups: Type.Unsafe<Record<string, (typeof strategies)[number]>>({
      type: 'object',
      description: 'Another strategy for the groups of these names.',
      additionalProperties: oneOf(strategies, { description: 'The strategy of this group.' }),
      default: {},
      examples: [{ workers: 'least_inflight' }],
    }),
    exclusive: Type.Boolean({
      description: '`$exclusive/{filter}` may be subscribed to by one client at a time; others get 0x97.',
      default: true,
    }),
    limited: Type.Boolean({
      description: '`$limit/{n}/{filter}` may be subscribed to by n clients at a time; others get 0x97.',
      default: true,
    }),
    auto: Type.Array(AutoSubscription, {
      description: 'What every client is subscribed to when it connects, as far as it may read it.',
      default: [],
    }),
    peer_to_peer: oneOf(['off', 'prefix', 'suffix', 'both'], {
      description:
        'Whether a topic may name one client that gets the message without a subscription, as `{topic}`. `prefix`: `p2p/{client}/{topic}`. `suffix`: `{topic}/p2p/{client}`.',
      default: 'off',
    }),
  },
  { ...closed, default: {}, description: 'Kinds of subscriptions beyond those of a filter.' },
)

const Rewrite = Type.Object(
  {
    action: oneOf(['publish', 'subscribe', 'all'], {
      description: 'Which topics of clients: what they publish (wills too), what they subscribe to, or both.',
      default: 'all',
    }),
    from: filter('Which topics. The most specific filter that matches counts, of several alike the last.', ['old/#']),
    regex: Type.Optional(
      Type.String({
        description:
          'The topic must match this too (RE2 syntax, anywhere in the topic unless anchored); its groups are the captures.',
        examples: ['^old/(\\w+)/(\\d+)$'],
      }),
    ),
    to: Type.String({
      description:
        'The new topic. `$1` to `$99`: the captures, without `regex` what the wildcards of `from` matched; `%c`: the client id; `%u`: the user name; `%%`: a percent sign. Where one of these is missing the topic stays as it is.',
      minLength: 1,
      examples: ['plants/%c/$1'],
    }),
  },
  { ...closed, description: 'One rule; its result is not rewritten again.' },
)

export const Rewrites = Type.Array(Rewrite, {
  description:
    'Other names for topics of clients, in force before access is checked and before anything else sees them. What stands before the filter of a `$share`, `$exclusive` or `$limit`, and `$delayed/{n}/`, is set aside meanwhile.',
  default: [],
})

export const Delayed = Type.Object(
  {
    enabled: Type.Boolean({
      description:
        'Whether what is published to `$delayed/{seconds}/{topic}`, or `$delayed/{n}ms/{topic}`, waits so long. It waits in memory: what waits when the hub ends is lost, though it was acknowledged.',
      default: true,
    }),
    max_messages: count({ description: 'Messages waiting for their time.', default: 100_000 }),
    max_bytes: bytes({ description: 'Bytes of all of them together.', default: '64 MiB' }),
    when_full: oneOf(['refuse', 'publish_now'], {
      description: 'What becomes of one more: refused with 0x97 (quota exceeded), or published without delay.',
      default: 'refuse',
    }),
  },
  { ...closed, default: {}, description: 'Messages that are published later than they were sent.' },
)

export const SystemTopics = Type.Object(
  {
    enabled: Type.Boolean({
      description:
        'Whether the hub publishes its figures below `$SYS`: `$SYS/broker/…` as Mosquitto names them, `$SYS/brokers/{node}/…` as RMQTT does, where it also tells of clients that connect and disconnect. Who may subscribe to them is a matter of `access`: with `anonymous` everybody.',
      default: false,
    }),
    interval_ms: milliseconds({ description: 'How often figures are published.', default: '10 s' }),
    node: Type.String({
      description: 'The name of this hub in `$SYS/brokers/{node}/…`.',
      pattern: '^[^+#/]+$',
      expects: 'one level of a topic',
      default: '1',
    }),
  },
  { ...closed, default: {}, description: 'What the hub says of itself to MQTT clients.' },
)

export type RewriteFile = Static<typeof Rewrite>
