import { BlockList, isIPv4 } from 'node:net'
import { topicMatches } from '../../topic/filter.ts'
import { covers, overlaps } from './filter-relation.ts'

/** One rule of who may do what. The first whose conditions and topics fit decides; without any nobody may. */
export interface AccessRule {
  readonly allows: boolean
  readonly action: 'publish' | 'subscribe' | 'all'
  /** Topic filters; `%c` and `%u` in them are client id and username. */
  readonly topics: readonly string[]
  /** Topics are compared as text: `#` is the subscription to everything, and no other. */
  readonly exactly: boolean
  /** Conditions, all of which must hold; null holds always. Names may end in `*`. */
  readonly username: string | null
  readonly clientId: string | null
  /** An address or a network. */
  readonly address: string | null
  readonly listener: string | null
}

/** What conditions are held against; undefined is what is not known any more, of one whose will comes. */
export interface Someone {
  readonly clientId: string
  /** Only one that was proven. */
  readonly username: string | null | undefined
  readonly address: string | undefined
  readonly listener: string | undefined
}

/** The rules that concern one client, with its names filled in: made once, asked often. */
export class OwnRules {
  readonly #publish: Own[] = []
  readonly #subscribe: Own[] = []

  constructor(rules: readonly AccessRule[], someone: Someone) {
    for (const rule of rules) {
      if (!concerns(rule, someone)) continue
      const topics = rule.topics.map((topic) => fill(topic, someone)).filter((topic) => topic !== null)
      if (topics.length === 0) continue
      const own = { allows: rule.allows, exactly: rule.exactly, topics }
      if (rule.action !== 'subscribe') this.#publish.push(own)
      if (rule.action !== 'publish') this.#subscribe.push(own)
    }
  }

  mayPublish(topic: string): boolean {
    for (const { allows, exactly, topics } of this.#publish) {
      if (topics.some((one) => (exactly ? one === topic : topicMatches(one, topic)))) return allows
    }
    return false
  }

  /** What is allowed must hold all that is asked for; what is denied must touch none of it. */
  maySubscribe(filter: string): boolean {
    for (const { allows, exactly, topics } of this.#subscribe) {
      const fits = exactly ? isSame : allows ? covers : overlaps
      if (topics.some((one) => fits(one, filter))) return allows
    }
    return false
  }
}

interface Own {
  readonly allows: boolean
  readonly exactly: boolean
  readonly topics: readonly string[]
}

const isSame = (one: string, other: string): boolean => one === other

function concerns(rule: AccessRule, someone: Someone): boolean {
  const { allows } = rule
  return (
    holds(allows, rule.username, someone.username, fits) &&
    holds(allows, rule.clientId, someone.clientId, fits) &&
    holds(allows, rule.listener, someone.listener, fits) &&
    holds(allows, rule.address, someone.address, isWithin)
  )
}

/** What is not known fits rules that deny, and none that allows. */
function holds(
  allows: boolean,
  wanted: string | null,
  value: string | null | undefined,
  test: (wanted: string, value: string) => boolean,
): boolean {
  if (wanted === null) return true
  if (value === undefined) return !allows
  return value !== null && test(wanted, value)
}

const fits = (pattern: string, value: string): boolean =>
  pattern.endsWith('*') ? value.startsWith(pattern.slice(0, -1)) : value === pattern

function isWithin(network: string, address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  if (plain === '') return false
  const [base = '', bits] = network.split('/')
  const family = isIPv4(base) ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(base, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family)
  return list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6')
}

/** null when a name is missing or would be more than a part of one level: such a topic is nobody's. */
function fill(topic: string, { clientId, username }: Someone): string | null {
  let isWhole = true
  const filled = topic.replace(/%([cu])/g, (_, which: string) => {
    const name = which === 'c' ? clientId : username
    if (!name || /[/+#]/.test(name)) isWhole = false
    return name ?? ''
  })
  return isWhole ? filled : null
}
