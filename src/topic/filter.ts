import { topicTextFault } from './name.ts'

/**
 * What is wrong with a topic filter, in words that end a sentence ("the filter …"); null when it may be subscribed to.
 * A shared subscription's filter is checked after `splitShared` has taken its group off.
 *
 * *Source*: MQTT 5.0 §4.7.1 [MQTT-4.7.1-1, -2].
 */
export function topicFilterFault(filter: string): string | null {
  const fault = topicTextFault(filter)
  if (fault !== null) return fault
  const hash = filter.indexOf('#')
  if (hash !== -1) {
    if (hash !== filter.length - 1) return 'has # before its end; # must be the last character'
    if (hash > 0 && filter[hash - 1] !== '/') return 'has # inside a level; # must be a whole level'
  }
  for (let at = filter.indexOf('+'); at !== -1; at = filter.indexOf('+', at + 1)) {
    const whole = (at === 0 || filter[at - 1] === '/') && (at === filter.length - 1 || filter[at + 1] === '/')
    if (!whole) return 'has + inside a level; + must be a whole level'
  }
  return null
}

/**
 * Whether a valid filter matches a valid topic name. `a/#` matches `a` too; a filter that starts with a wildcard does
 * not match a topic that starts with `$`.
 *
 * *Source*: MQTT 5.0 §4.7.1.2, §4.7.2 [MQTT-4.7.2-1].
 */
export function topicMatches(filter: string, topic: string): boolean {
  const first = filter.charCodeAt(0)
  if (topic.charCodeAt(0) === DOLLAR && (first === PLUS || first === HASH)) return false
  let f = 0
  let t = 0
  for (;;) {
    if (filter.charCodeAt(f) === HASH && f === filter.length - 1) return true
    const filterEnd = levelEnd(filter, f)
    const topicEnd = levelEnd(topic, t)
    const any = filterEnd === f + 1 && filter.charCodeAt(f) === PLUS
    if (!any && !sameLevel(filter, f, filterEnd, topic, t, topicEnd)) return false
    const filterDone = filterEnd === filter.length
    if (topicEnd === topic.length) return filterDone || (filterEnd === filter.length - 2 && filter.endsWith('/#'))
    if (filterDone) return false
    f = filterEnd + 1
    t = topicEnd + 1
  }
}

/**
 * Takes a shared subscription apart: `$share/<group>/<filter>`. Null when it is not one; a fault when it starts like
 * one but has no proper group or no filter.
 *
 * *Source*: MQTT 5.0 §4.8.2 [MQTT-4.8.2-1, -2].
 */
export function splitShared(filter: string): { group: string; filter: string } | { fault: string } | null {
  if (!filter.startsWith('$share/')) return null
  const end = filter.indexOf('/', 7)
  if (end === -1) return { fault: 'is a shared subscription without a filter after its group' }
  const group = filter.slice(7, end)
  if (group.length === 0) return { fault: 'is a shared subscription without the name of a group' }
  if (/[+#]/.test(group)) return { fault: 'has a wildcard in the name of its group' }
  return { group, filter: filter.slice(end + 1) }
}

const DOLLAR = 0x24
const PLUS = 0x2b
const HASH = 0x23

function levelEnd(text: string, from: number): number {
  const end = text.indexOf('/', from)
  return end === -1 ? text.length : end
}

function sameLevel(a: string, aStart: number, aEnd: number, b: string, bStart: number, bEnd: number): boolean {
  return aEnd - aStart === bEnd - bStart && b.startsWith(a.slice(aStart, aEnd), bStart)
}
