import { TrestleError } from 'trestle/contract'
import { type ExchangeEvent, type ExchangeState, exchange } from './exchange.ts'

/** A packet identifier and what it carries now. */
export interface Slot {
  readonly packetId: number
  state: ExchangeState
  /** In the batch that is out; -1 when its delivery is in none. */
  place: number
}

/** The packet identifiers of one connection. */
export class Slots {
  /** Messages that the server has not confirmed. */
  inFlight = 0
  readonly #isClaimed: (packetId: number) => boolean
  readonly #slots: (Slot | undefined)[] = []
  readonly #free: Slot[] = []
  #nextId = 1

  /** `isClaimed`: bound to a delivery by an earlier connection. */
  constructor(isClaimed: (packetId: number) => boolean) {
    this.#isClaimed = isClaimed
  }

  /** One that is free. *Errors*: E607 when there is none. */
  take(): Slot {
    const free = this.#free.pop()
    if (free !== undefined) return free
    while (this.#isClaimed(this.#nextId) || this.#slots[this.#nextId] !== undefined) this.#nextId++
    if (this.#nextId > 0xffff) throw new TrestleError('E607', 'all packet identifiers are taken')
    return this.of(this.#nextId++)
  }

  of(packetId: number): Slot {
    const slot: Slot = this.#slots[packetId] ?? { packetId, state: 'idle', place: -1 }
    this.#slots[packetId] = slot
    return slot
  }

  find(packetId: number): Slot | undefined {
    return this.#slots[packetId]
  }

  /** It was taken and not used. */
  giveBack(slot: Slot): void {
    slot.place = -1
    this.#free.push(slot)
  }

  /** The server has its message since an earlier connection. */
  takeUp(slot: Slot): void {
    if (slot.state !== 'idle') return
    slot.state = 'held'
    this.inFlight++
  }

  /**
   * One step of the table; a slot that is idle again is free. Answers whether the state has changed: what may be said
   * twice is ignored. *Errors*: E608 for what may not be said.
   */
  step(slot: Slot, event: ExchangeEvent): boolean {
    const next = exchange[slot.state][event]
    if (next === 'ignored') return false
    if (next === 'fault')
      throw new TrestleError('E608', `the server broke the rules: ${event} for a message that is ${slot.state}`)
    if (slot.state === 'idle') this.inFlight++
    if (next === 'idle') {
      this.inFlight--
      this.#free.push(slot)
    }
    slot.state = next
    return true
  }

  /** The batch has ended: what is still under way belongs to no place. */
  forgetPlaces(): void {
    for (const slot of this.#slots) if (slot !== undefined) slot.place = -1
  }
}
