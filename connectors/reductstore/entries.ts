import { type Delivery, TrestleError } from 'trestle/contract'

const advice = 'an entry has letters, digits, `-`, `_`, and `/` between levels that are not empty'
const entryPattern = /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/

/**
 * The entry of a delivery: the rule's, else the connector's with its variables filled in.
 * *Errors*: E606, there is none, or it cannot be an entry.
 */
export function entryOf({ message, target }: Delivery, template: string | undefined): string {
  if (target !== null) {
    if (entryPattern.test(target)) return target
    throw new TrestleError('E606', `\`${target}\` cannot be an entry`, { detail: { advice } })
  }
  if (template === undefined) {
    const add = 'add `entry` to the rule or to the connector'
    throw new TrestleError('E606', 'the rule names no entry and the connector has none', { detail: { advice: add } })
  }
  const entry = template.replace(/\$\{(topic|client)\}/g, (_, name) =>
    fit(name === 'topic' ? message.topic : message.client),
  )
  if (entryPattern.test(entry)) return entry
  throw new TrestleError('E606', `\`${entry}\` cannot be an entry`, { detail: { advice } })
}

/** A topic or client id as levels of an entry: `_` for each character that an entry cannot hold and for an empty level. */
const fit = (text: string): string =>
  text
    .split('/')
    .map((level) => level.replace(/[^A-Za-z0-9_-]/gu, '_') || '_')
    .join('/')

/** Whether an entry is one of those a source reads, as the server's own patterns have it. */
export function matchesEntry(entry: string, patterns: readonly string[]): boolean {
  const excluded = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1))
  if (excluded.some((pattern) => matchesPattern(entry, pattern))) return false
  const included = patterns.filter((pattern) => !pattern.startsWith('!'))
  return included.length === 0
    ? isOrdinary(entry)
    : included.some((pattern) => entry === pattern || (isOrdinary(entry) && matchesPattern(entry, pattern)))
}

/** Where `trestle connectors probe` writes; only who names it reads it. */
export const probeEntry = 'trestle-probe'

/** Entries of the system (`$…`) and of probes are read only by their own names. */
const isOrdinary = (entry: string): boolean => !entry.includes('$') && entry !== probeEntry

function matchesPattern(entry: string, given: string): boolean {
  const pattern = given.replace(/^\/+/, '')
  if (!pattern.includes('*')) return entry === pattern
  // The server's own rule: without a slash the star at the end goes over levels.
  if (!pattern.includes('/') && pattern.endsWith('*') && pattern.indexOf('*') === pattern.length - 1) {
    return entry.startsWith(pattern.slice(0, -1))
  }
  return matchesLevels(entry.split('/'), pattern.split('/'))
}

function matchesLevels(entry: readonly string[], pattern: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return entry.length === 0
  if (first === '**') return matchesLevels(entry, rest) || (entry.length > 0 && matchesLevels(entry.slice(1), pattern))
  return entry.length > 0 && matchesLevel(entry[0]!, first) && matchesLevels(entry.slice(1), rest)
}

/** By parts, never by a regular expression made of what a user wrote. */
function matchesLevel(level: string, pattern: string): boolean {
  const parts = pattern.split('*')
  if (parts.length === 1) return level === pattern
  const head = parts[0]!
  const tail = parts.at(-1)!
  if (level.length < head.length + tail.length || !level.startsWith(head) || !level.endsWith(tail)) return false
  let at = head.length
  for (const part of parts.slice(1, -1)) {
    const found = level.indexOf(part, at)
    if (found < 0 || found + part.length > level.length - tail.length) return false
    at = found + part.length
  }
  return true
}

/** The patterns as the hub has them when it looks for loops: `*` stands for any text, levels included. */
export const readsOf = (bucket: string, patterns: readonly string[]): string[] => {
  const included = patterns.filter((pattern) => !pattern.startsWith('!'))
  const all = included.length === 0 ? ['*'] : included
  return all.map((pattern) => `${bucket}/${pattern.replace(/^\/+/, '').replace(/\*+/g, '*')}`)
}

/** Where a delivery lands, in the same form; null when neither rule nor connector say it. */
export const writesOf = (bucket: string, template: string | undefined, target: string | null): string | null => {
  const entry = target ?? template?.replace(/\$\{[^}]*\}/g, '*')
  return entry === undefined ? null : `${bucket}/${entry}`
}
