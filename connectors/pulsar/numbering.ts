import type { Delivery } from 'trestle/contract'
import type { Claim } from './claim-log.ts'

/** Deliveries that go under numbers they had before. */
export interface Repeat {
  /** Places in the batch, in the order of their numbers. */
  readonly queue: number[]
  readonly sequenceIds: number[]
}

/** What of a queue was claimed before, and what was not. */
export interface Sorted {
  readonly repeats: readonly Repeat[]
  readonly fresh: number[]
}

/**
 * The numbers of one producer: what goes out the first time gets the next, what may be there already gets those it had.
 *
 * The broker drops an entry whose first number is not above the highest it took. So numbers only ever go up for what is
 * new, whatever its position in the journal; and a number that was claimed counts for its delivery only while it is not
 * above what the broker named when the producer was opened: above that it certainly did not get there, and below it the
 * broker answers for it (see docs/decisions).
 *
 * Pure: it writes nothing and sends nothing.
 */
export class Numbering {
  #next = 0
  #claims: readonly Claim[]
  #byPlace: Map<string, readonly [claim: number, sequenceId: number]> | null = null
  #maxPosition = -1

  /** `before`: what earlier runs claimed for this topic, oldest first. */
  constructor(before: readonly Claim[]) {
    this.#claims = before
    for (const { first, places } of before) this.#next = Math.max(this.#next, first + places.length)
  }

  get next(): number {
    return this.#next
  }

  /**
   * The producer was opened, and the broker named its highest number. Answers the claims that did not get there: they
   * must be voided before anything is sent.
   */
  opened(lastSequenceId: number): readonly Claim[] {
    this.#next = Math.max(this.#next, lastSequenceId + 1)
    const lost = this.#claims.filter(({ first }) => first > lastSequenceId)
    this.#claims = this.#claims.filter(({ first }) => first <= lastSequenceId)
    this.#index()
    return lost
  }

  /** The first of `count` new numbers. */
  take(count: number): number {
    const first = this.#next
    this.#next += count
    return first
  }

  /** Tells what was claimed before from what was not; repeats come lowest first. */
  sort(queue: readonly number[], batch: readonly Delivery[]): Sorted {
    const byPlace = this.#byPlace
    const fresh: number[] = []
    if (byPlace === null) return { repeats: [], fresh: queue.slice() }
    const found = new Map<number, { at: number; sequenceId: number }[]>()
    for (const at of queue) {
      const { position, index, message } = batch[at]!
      const known = position > this.#maxPosition ? undefined : byPlace.get(`${position}-${index}`)
      if (known === undefined || !this.#isOfTime(known[0], message.timeMs)) fresh.push(at)
      else found.set(known[0], [...(found.get(known[0]) ?? []), { at, sequenceId: known[1] }])
    }
    const repeats = [...found.keys()].sort((one, other) => one - other).map((claim) => repeatOf(found.get(claim)!))
    return { repeats, fresh }
  }

  /** These did not get there under the numbers they had: they get new ones. */
  forget(queue: readonly number[], batch: readonly Delivery[]): void {
    for (const at of queue) {
      const { position, index } = batch[at]!
      this.#byPlace?.delete(`${position}-${index}`)
    }
  }

  #isOfTime(claim: number, timeMs: number): boolean {
    const { fromMs, toMs } = this.#claims[claim]!
    return timeMs >= fromMs && timeMs <= toMs
  }

  #index(): void {
    this.#byPlace = null
    this.#maxPosition = -1
    if (this.#claims.length === 0) return
    const byPlace = new Map<string, readonly [number, number]>()
    this.#claims.forEach(({ first, places }, claim) => {
      places.forEach((place, offset) => {
        // Of two claims of a delivery the later holds.
        byPlace.set(place, [claim, first + offset])
        this.#maxPosition = Math.max(this.#maxPosition, Number(place.slice(0, place.indexOf('-'))))
      })
    })
    this.#byPlace = byPlace
  }
}

function repeatOf(members: { at: number; sequenceId: number }[]): Repeat {
  members.sort((one, other) => one.sequenceId - other.sequenceId)
  return { queue: members.map(({ at }) => at), sequenceIds: members.map(({ sequenceId }) => sequenceId) }
}
