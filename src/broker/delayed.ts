import type { Message } from '../contract/message.ts'
import type { Counters } from './counters.ts'
import { isExpired, type KeptMessage, remainingExpiryS } from './session/kept-message.ts'
import { keepMessage } from './session/parcel.ts'

/** Bounds of what waits for its time. */
export interface DelayedOptions {
  readonly maxMessages: number
  /** *Unit*: bytes. */
  readonly maxBytes: number
  /** What becomes of one more: refused with 0x97, or published at once. */
  readonly whenFull: 'refuse' | 'publish_now'
}

export const defaultDelayed: DelayedOptions = {
  maxMessages: 100_000,
  maxBytes: 64 * 1024 * 1024,
  whenFull: 'refuse',
}

/** `$delayed/{n}/{topic}`, taken apart. */
export interface DelayedTopic {
  readonly delayMs: number
  readonly topic: string
}

const prefix = '$delayed/'
/** The longest delay that the systems know of which devices come. *Unit*: s. */
const maxDelayS = 42_949_669

/** Takes `$delayed/{seconds}/{topic}` or `$delayed/{n}ms/{topic}` apart; null for another topic, undefined for a bad one. */
export function readDelayed(topic: string): DelayedTopic | null | undefined {
  if (!topic.startsWith(prefix)) return null
  const match = /^(\d{1,11})(ms)?\/(.+)$/s.exec(topic.slice(prefix.length))
  if (match === null) return undefined
  const delayMs = Number(match[1]) * (match[2] === undefined ? 1000 : 1)
  return delayMs > maxDelayS * 1000 || match[3]!.startsWith(prefix) ? undefined : { delayMs, topic: match[3]! }
}

interface Waiting {
  readonly dueMs: number
  /** Those due at one time leave in the order in which they came. */
  readonly order: number
  readonly message: KeptMessage
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
}

/** The longest time one timer of Node can wait. *Unit*: ms. */
const maxTimerMs = 0x7fff_ffff

/**
 * Messages that wait for their time, in memory: none of them survives the end of the process. A heap by time, and one
 * timer for the first.
 */
export class Delayed {
  readonly options: DelayedOptions
  readonly #counters: Counters
  readonly #now: () => number
  readonly #publish: (message: Message) => void
  readonly #heap: Waiting[] = []
  #order = 0
  #bytes = 0
  #timer: NodeJS.Timeout | null = null

  constructor(options: DelayedOptions, counters: Counters, now: () => number, publish: (message: Message) => void) {
    this.options = options
    this.#counters = counters
    this.#now = now
    this.#publish = publish
  }

  get count(): number {
    return this.#heap.length
  }

  /** *Unit*: bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Keeps a message until its time; false when there is no room. Its bytes are copied. */
  hold(message: Message, delayMs: number): boolean {
    const kept = keepMessage(message)
    const { maxMessages, maxBytes } = this.options
    if (this.#heap.length >= maxMessages || this.#bytes + kept.bytes > maxBytes) return false
    const { qos, retain } = message
    this.#bytes += kept.bytes
    this.#push({ dueMs: this.#now() + delayMs, order: this.#order++, message: kept, qos, retain })
    this.#wind()
    return true
  }

  /** Publishes all that is due. */
  release(): void {
    const nowMs = this.#now()
    while (this.#heap.length > 0 && this.#heap[0]!.dueMs <= nowMs) {
      const { message, qos, retain } = this.#shift()
      this.#bytes -= message.bytes
      if (isExpired(message, nowMs)) {
        this.#counters.dropped.expired++
        continue
      }
      const { topic, payload, client, username } = message
      const expirySeconds = remainingExpiryS(message, nowMs)
      const properties = expirySeconds === undefined ? message.properties : { ...message.properties, expirySeconds }
      this.#publish({ topic, payload, qos, retain, properties, client, username, source: null, timeMs: nowMs })
    }
    this.#wind()
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#heap.length = 0
    this.#bytes = 0
  }

  #wind(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const first = this.#heap[0]
    if (first === undefined) return
    const waitMs = Math.min(Math.max(first.dueMs - this.#now(), 0), maxTimerMs)
    this.#timer = setTimeout(() => this.release(), waitMs)
    this.#timer.unref()
  }

  #push(item: Waiting): void {
    const heap = this.#heap
    let at = heap.push(item) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(item, heap[above]!)) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = item
  }

  #shift(): Waiting {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (let below = 1; below < heap.length; below = 2 * at + 1) {
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++
      if (!isBefore(heap[below]!, last)) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = last
    return first
  }
}

const isBefore = (a: Waiting, b: Waiting): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)
