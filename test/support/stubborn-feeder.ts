import { setTimeout as sleep } from 'node:timers/promises'
import type { Teller } from './judge.ts'

/** One record on its way into a far system. */
export interface FedRecord {
  key: string
  n: number
  value: string
}

export interface FeederOptions {
  names: readonly string[]
  /** Records per second, all names together. */
  rate: number
  value: (name: string, n: number) => string
  /** Hands records to the far system by a client that is not ours; resolves when it has them, throws when that is not known. */
  put: (records: readonly FedRecord[]) => Promise<void>
}

/**
 * Puts numbered records into a far system at a rate, in order for each name, and does not give up: what was not
 * confirmed goes again, before anything new.
 */
export class StubbornFeeder {
  readonly tellers: readonly Teller[]
  /** What was wrong the last time a lot was not confirmed. */
  lastError: unknown = null
  readonly #options: FeederOptions
  readonly #states: { name: string; made: number; sends: number[]; acknowledged: Set<number> }[]
  #stopping = false
  #done: Promise<void> = Promise.resolve()

  constructor(options: FeederOptions) {
    this.#options = options
    this.#states = options.names.map((name) => ({ name, made: 0, sends: [], acknowledged: new Set() }))
    this.tellers = this.#states
  }

  start(): void {
    this.#done = this.#run()
  }

  /** Stops making new records; resolves when all that were made are confirmed. */
  async finish(timeoutMs = 60_000): Promise<void> {
    this.#stopping = true
    const late = sleep(timeoutMs, null, { ref: false }).then(() => {
      throw new Error(`the far side did not take all in ${timeoutMs} ms: ${this.lastError}`)
    })
    await Promise.race([this.#done, late])
  }

  async #run(): Promise<void> {
    const startedMs = performance.now()
    let made = 0
    while (!this.#stopping) {
      const due = Math.floor(((performance.now() - startedMs) / 1000) * this.#options.rate)
      // What was missed while the far side was away is not made up for: the rate is what comes in while it is there.
      const count = Math.min(due - made, Math.ceil(this.#options.rate / 4))
      made = due
      if (count > 0) await this.#putUntilTaken(this.#make(count))
      await sleep(20)
    }
  }

  #make(count: number): FedRecord[] {
    const records: FedRecord[] = []
    for (let at = 0; at < count; at++) {
      const state = this.#states[at % this.#states.length]!
      const n = state.made++
      state.sends[n] = 0
      records.push({ key: state.name, n, value: this.#options.value(state.name, n) })
    }
    return records
  }

  async #putUntilTaken(records: readonly FedRecord[]): Promise<void> {
    const byName = new Map(this.#states.map((state) => [state.name, state]))
    for (;;) {
      for (const { key, n } of records) byName.get(key)!.sends[n]!++
      try {
        await this.#options.put(records)
        for (const { key, n } of records) byName.get(key)!.acknowledged.add(n)
        return
      } catch (error) {
        this.lastError = error
        await sleep(200)
      }
    }
  }
}
