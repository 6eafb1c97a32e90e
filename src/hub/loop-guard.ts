import { TrestleError } from '../contract/error.ts'
import { hopsOf } from '../contract/headers.ts'
import type { MessageProperties } from '../contract/message.ts'
import { notDelivered } from '../contract/receipt.ts'
import type { Events } from '../telemetry/events.ts'

/** Hubs a message may go through; one that went through more is taken for one that circles. */
const maxHops = 16
/** Between two lines of the log: a circle is quick. */
const lineEveryMs = 60_000

/**
 * Keeps out what was in this hub before, by whatever way it comes back: a source, a bridge that publishes to a listener,
 * the API. It is dropped before rules and subscribers, and its sender hears that it is dealt with: sending it
 * again would only send it round again.
 */
export class LoopGuard {
  readonly #hub: string
  readonly #events: Pick<Events, 'emit'>
  readonly #now: () => number
  /** Counted since the last line. */
  #untold = 0
  #toldMs = Number.NEGATIVE_INFINITY

  constructor(hub: string, events: Pick<Events, 'emit'>, now: () => number = Date.now) {
    this.#hub = hub
    this.#events = events
    this.#now = now
  }

  /** True for a message that must be dropped. */
  cameBack(properties: MessageProperties | null, topic: string): boolean {
    // Nearly every message: nothing is made for it.
    if (properties?.user === undefined) return false
    const hops = hopsOf(properties)
    if (hops === '') return false
    const hubs = hops.split(' ')
    const isBack = hubs.includes(this.#hub)
    if (!isBack && hubs.length < maxHops) return false
    this.#untold++
    const nowMs = this.#now()
    if (nowMs - this.#toldMs >= lineEveryMs) {
      const why = isBack ? 'it was in this hub before' : `it went through ${hubs.length} hubs`
      this.#events.emit('message.looped', { topic, hops, why, messages: this.#untold })
      this.#toldMs = nowMs
      this.#untold = 0
    }
    return true
  }
}

/** What such a message's sender hears. */
export const looped = notDelivered(new TrestleError('E408', 'message came back to this hub'))
