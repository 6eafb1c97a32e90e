import { type Code, codes } from '../contract/codes.ts'
import type { BatchLimits, Sink } from '../contract/connector.ts'
import { TrestleError } from '../contract/error.ts'
import type { Delivery } from '../contract/message.ts'
import { delivered, notDelivered, type Receipt } from '../contract/receipt.ts'
import type { ScriptedFault } from '../engine/example/example.ts'

/** How examples name what a far side may answer. */
const codesOf: Readonly<Record<string, Code>> = {
  unavailable: 'E607',
  timeout: 'E607',
  reconnect: 'E601',
  rejected: 'E606',
}

const words: Readonly<Record<string, string>> = {
  unavailable: 'is unavailable',
  timeout: 'did not answer in time',
  reconnect: 'has lost its connection',
  rejected: 'rejects it',
}

/** The faults of one sink, or of the journal, with what is left of each. */
export class Script {
  readonly #faults: { readonly fault: ScriptedFault; left: number }[]
  readonly #elapsedMs: () => number

  constructor(faults: readonly ScriptedFault[], elapsedMs: () => number) {
    this.#faults = faults.map((fault) => ({ fault, left: fault.times ?? Number.POSITIVE_INFINITY }))
    this.#elapsedMs = elapsedMs
  }

  /** The fault that holds now and is of this kind; it counts as one of its `times`. */
  take(holds: (fault: ScriptedFault) => boolean): ScriptedFault | null {
    const nowMs = this.#elapsedMs()
    for (const one of this.#faults) {
      const { fromMs, forMs } = one.fault
      if (one.left === 0 || nowMs < fromMs || (forMs !== null && nowMs >= fromMs + forMs) || !holds(one.fault)) continue
      one.left--
      return one.fault
    }
    return null
  }
}

const errorOf = (sink: string, { fails }: ScriptedFault): TrestleError => {
  const code = codesOf[fails] ?? (fails as Code)
  return new TrestleError(code, `${sink} ${words[fails] ?? `answers: ${codes[code].title}`}`)
}

const losesConnection = ({ fails }: ScriptedFault): boolean =>
  codes[codesOf[fails] ?? (fails as Code)].retry === 'reconnect'

/** A sink that takes everything, except as its script says. */
export class ScriptedSink implements Sink {
  readonly ordering = 'key'
  readonly limits: BatchLimits = { count: 100, bytes: 16 * 1024 * 1024, lingerMs: 0 }
  readonly #name: string
  readonly #script: Script
  readonly #onTaken: (delivery: Delivery) => void

  constructor(name: string, script: Script, onTaken: (delivery: Delivery) => void) {
    this.#name = name
    this.#script = script
    this.#onTaken = onTaken
  }

  async open(): Promise<void> {
    const fault = this.#script.take(losesConnection)
    if (fault !== null) throw errorOf(this.#name, fault)
  }

  async deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const receipts: Receipt[] = []
    /** Order keys of which one was not taken: the contract wants the later ones to wait too. */
    const held = new Map<string, TrestleError>()
    for (const delivery of batch) {
      const before = held.get(delivery.orderKey)
      const fault = before === undefined ? this.#script.take(() => true) : null
      const error = before ?? (fault === null ? null : errorOf(this.#name, fault))
      if (error === null) this.#onTaken(delivery)
      else if (error.retry !== 'never') held.set(delivery.orderKey, error)
      receipts.push(error === null ? delivered : notDelivered(error))
    }
    return receipts
  }

  async close(): Promise<void> {}
}
