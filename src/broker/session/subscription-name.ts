import { splitShared, topicFilterFault } from '../../topic/filter.ts'

/** What a client names when it subscribes: a filter, and what goes before it. */
export interface SubscriptionName {
  /** The whole, by which its session knows it. */
  readonly text: string
  /** The topics it matches. */
  readonly filter: string
  /** One of several clients gets each message: `$share/{group}/{filter}`, `$queue/{filter}`. */
  readonly isShared: boolean
  /** The group of a `$share`; '' for none. */
  readonly group: string
  /** At most so many clients: `$limit/{n}/{filter}`, `$exclusive/{filter}`; 0: any number. */
  readonly limit: number
  /** The filter as the client wrote it, by which those of limited number are counted. */
  readonly countedAs: string
}

const queue = '$queue/'
const exclusive = '$exclusive/'
const limited = '$limit/'
const maxLimit = 1_000_000

/** A filter with nothing before it. */
export const plainName = (filter: string): SubscriptionName => ({
  text: filter,
  filter,
  isShared: false,
  group: '',
  limit: 0,
  countedAs: filter,
})

/** The same name over other topics: what goes before the filter stays. */
export function overTopics(name: SubscriptionName, filter: string): SubscriptionName {
  const prefix = name.text.slice(0, name.text.length - name.filter.length)
  return { ...name, text: prefix + filter, filter }
}

/**
 * Takes the name of a subscription apart, or says what is wrong with it. One kind at a time: what is behind a prefix is
 * a plain filter. *Source*: MQTT 5.0 §4.8.2 for `$share`; the others are this hub's own.
 */
export function readSubscriptionName(text: string): SubscriptionName | { readonly fault: string } {
  const name = text.charCodeAt(0) === DOLLAR ? readKind(text) : plainName(text)
  if ('fault' in name) return name
  const { filter } = name
  if (filter !== text && isKind(filter)) return { fault: 'has one kind of subscription within another' }
  const fault = topicFilterFault(filter)
  return fault === null ? name : { fault }
}

const DOLLAR = 0x24

const isKind = (text: string): boolean =>
  text.startsWith('$share/') || text.startsWith(queue) || text.startsWith(exclusive) || text.startsWith(limited)

function readKind(text: string): SubscriptionName | { readonly fault: string } {
  const shared = splitShared(text)
  if (shared !== null)
    return 'fault' in shared ? shared : named(text, shared.filter, { isShared: true, group: shared.group })
  if (text.startsWith(queue)) return named(text, text.slice(queue.length), { isShared: true })
  if (text.startsWith(exclusive)) return named(text, text.slice(exclusive.length), { limit: 1 })
  if (!text.startsWith(limited)) return plainName(text)
  const end = text.indexOf('/', limited.length)
  const digits = end === -1 ? '' : text.slice(limited.length, end)
  const limit = /^[1-9]\d{0,6}$/.test(digits) ? Number(digits) : 0
  if (limit === 0 || limit > maxLimit) return { fault: `needs a number from 1 to ${maxLimit} behind $limit/` }
  return named(text, text.slice(end + 1), { limit })
}

const named = (text: string, filter: string, kind: Partial<SubscriptionName>): SubscriptionName => ({
  ...plainName(filter),
  text,
  ...kind,
})
