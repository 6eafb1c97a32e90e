import { type Static, Type } from 'typebox'
import { oneOf, path } from './fields.ts'

const closed = { additionalProperties: false }

/** Who may connect, and what each may do. */
export const Access = Type.Object(
  {
    anonymous: Type.Boolean({
      description: 'Whoever reaches a loopback listener may connect without saying who they are.',
      default: false,
    }),
    anonymous_anywhere: Type.Boolean({
      description:
        'The same for every other listener. To be said besides `anonymous`, so that nobody opens a hub to the world by one line.',
      default: false,
    }),
    users: Type.Optional(
      path({
        description:
          'File of users, a line `name:hash` each, written by `trestle passwd` (files of mosquitto_passwd are read too, those with `$6$` and `$7$`). Who says a name must give its password.',
        examples: ['./passwd'],
      }),
    ),
    rules: Type.Optional(
      path({
        description:
          'File of access rules, a YAML list. The first that fits decides; what none allows is refused. Without the file everybody who is in may do everything but publish below `$SYS`.',
        examples: ['./access.yaml'],
      }),
    ),
  },
  { ...closed, default: {}, description: 'Who may connect. Without it nobody may.' },
)

const action = (verb: string) =>
  Type.Optional(oneOf(['publish', 'subscribe', 'all'], { description: `What the rule ${verb}.` }))

const name = (of: string) =>
  Type.Optional(
    Type.String({
      minLength: 1,
      description: `Only for ${of}; \`*\` at the end stands for anything.`,
      examples: ['press-*'],
    }),
  )

/** One entry of the file that `access.rules` names. */
const AccessRuleEntry = Type.Object(
  {
    allow: action('allows'),
    deny: action('denies'),
    topics: Type.Array(Type.String({ minLength: 1, expects: 'a topic filter' }), {
      minItems: 1,
      description:
        'Topic filters; `%c` in them is the client id, `%u` the user name. A subscription is allowed when one of these covers it whole, and denied when one of these touches it.',
      examples: [['plants/%u/#']],
    }),
    exactly: Type.Optional(
      Type.Boolean({ description: 'Compare as text: `#` is then the subscription to everything, and nothing else.' }),
    ),
    username: name('users whose name, proven by password or certificate, is this'),
    client_id: name('clients with this client id'),
    address: Type.Optional(
      Type.String({
        pattern: '^[0-9A-Fa-f.:]+(/\\d{1,3})?$',
        expects: 'an address, or a network such as 10.0.0.0/8',
        description: 'Only for clients from this address or network.',
      }),
    ),
    listener: name('clients that came by the listener of this name'),
  },
  { ...closed, description: 'Who may do what where.' },
)

export const accessRulesSchema = Type.Array(AccessRuleEntry, { description: 'Access rules.' })
export type AccessRuleEntry = Static<typeof AccessRuleEntry>
