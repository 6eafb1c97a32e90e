import { createHash } from 'node:crypto'

/** A message stays so long: an echo that has not come by then comes as a stranger's. */
const maxAgeMs = 60_000
const maxCount = 10_000

/** By the folder of the connector, which its sink and its sources share. */
const windows = new Map<string, SentWindow>()

/**
 * What a connector has published lately that its own sources will hear again, where the messages cannot say so
 * themselves because MQTT 3.1.1 has no properties. Bounded by count and time.
 */
export class SentWindow {
  readonly #subscribed = new Map<symbol, readonly string[]>()
  readonly #counts = new Map<string, { count: number; untilMs: number }>()

  /** The one window of this connector. */
  static of(folder: string): SentWindow {
    const known = windows.get(folder)
    if (known !== undefined) return known
    const made = new SentWindow()
    windows.set(folder, made)
    return made
  }

  /** A source listens to these filters; gives what ends it. */
  listen(filters: readonly string[]): () => void {
    const key = Symbol('source')
    this.#subscribed.set(key, filters)
    return () => this.#subscribed.delete(key)
  }

  /** To be called before the message leaves. */
  add(topic: string, payload: Uint8Array, nowMs: number): void {
    let echoes = 0
    for (const filters of this.#subscribed.values()) if (filters.some((filter) => matches(filter, topic))) echoes++
    if (echoes === 0) return
    const mark = markOf(topic, payload)
    const before = this.#counts.get(mark)
    this.#counts.delete(mark)
    this.#counts.set(mark, { count: (before?.count ?? 0) + echoes, untilMs: nowMs + maxAgeMs })
    for (const [oldest, { untilMs }] of this.#counts) {
      if (untilMs > nowMs && this.#counts.size <= maxCount) break
      this.#counts.delete(oldest)
    }
  }

  /** Whether a message that came in is the echo of one that went out. Each counts once. */
  take(topic: string, payload: Uint8Array, nowMs: number): boolean {
    if (this.#counts.size === 0) return false
    const mark = markOf(topic, payload)
    const known = this.#counts.get(mark)
    if (known === undefined) return false
    if (--known.count === 0) this.#counts.delete(mark)
    return known.untilMs > nowMs
  }
}

const markOf = (topic: string, payload: Uint8Array): string =>
  createHash('sha1').update(topic).update('\0').update(payload).digest('base64')

/** Whether a filter takes a topic. *Source*: MQTT 5.0 §4.7. */
export function matches(filter: string, topic: string): boolean {
  const levels = filter.split('/')
  const names = topic.split('/')
  if (topic.startsWith('$') && !filter.startsWith('$')) return false
  for (let at = 0; at < levels.length; at++) {
    const level = levels[at]!
    if (level === '#') return true
    if (at >= names.length) return false
    if (level !== '+' && level !== names[at]) return false
  }
  return levels.length === names.length
}
