/** Why a message was not handed to a subscriber (or, from `retained-full` on, was not kept or taken at all). */
export type DropReason =
  | 'slow-subscriber'
  | 'queue-full'
  | 'offline'
  | 'expired'
  | 'too-large'
  | 'retained-full'
  | 'not-authorised'
  | 'journal'
  | 'buffer'
  | 'loop'
  | 'invalid'

/** Plain numbers the hot path adds to; rates are taken from samples, never per message. */
export class Counters {
  /** PUBLISH packets taken in, and messages of in-process publishers. */
  received = 0
  /** PUBLISH packets handed to subscribers. */
  sent = 0
  connections = 0
  /** Bytes waiting in all sessions. */
  queuedBytes = 0
  readonly dropped: Record<DropReason, number> = {
    'slow-subscriber': 0,
    'queue-full': 0,
    offline: 0,
    expired: 0,
    'too-large': 0,
    'retained-full': 0,
    'not-authorised': 0,
    /** Promised to nobody (QoS 0, wills, `ack: received`), and the journal could not be written. */
    journal: 0,
    /** Promised to nobody, and the buffer of a sink was full (`when_full: block`). */
    buffer: 0,
    /** Was in this hub before. */
    loop: 0,
    /** A record that MQTT cannot carry, of a source that drops such (`on_refused: drop`). */
    invalid: 0,
  }
  #samples: Sample[] = []

  /** Remembers the totals of this moment; called about once a second. */
  sample(nowMs: number): void {
    const last = this.#samples[this.#samples.length - 1]
    if (last !== undefined && nowMs - last.timeMs < 900) return
    this.#samples.push({ timeMs: nowMs, received: this.received, sent: this.sent })
    if (this.#samples.length > samplesKept) this.#samples.shift()
  }

  /** Messages per second over the last few seconds. */
  rates(nowMs: number): { receivedPerS: number; sentPerS: number } {
    const first = this.#samples[0]
    if (first === undefined || nowMs <= first.timeMs) return { receivedPerS: 0, sentPerS: 0 }
    const seconds = (nowMs - first.timeMs) / 1000
    return { receivedPerS: (this.received - first.received) / seconds, sentPerS: (this.sent - first.sent) / seconds }
  }
}

interface Sample {
  timeMs: number
  received: number
  sent: number
}

const samplesKept = 5
