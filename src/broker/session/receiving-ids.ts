import { ReceivingEvent as Event, Receiving, ReceivingAct, type ReceivingEvent, receivingTable } from './exchange.ts'

/** The packet ids of one client's QoS 2 messages. They outlive the connection, so that a repeat is known as one. */
export class ReceivingIds {
  #states: Map<number, Receiving> | null = null
  /** Ids whose repeat waits, on the present connection, for the decision about the first: id → token. */
  #joined: Map<number, number> | null = null

  /** Ids that are not released yet. */
  get size(): number {
    return this.#states === null ? 0 : this.#states.size
  }

  /** Moves an id by an event and answers what to do. */
  on(event: ReceivingEvent, packetId: number): ReceivingAct {
    const state = this.#states?.get(packetId) ?? Receiving.unknown
    const { next, act } = receivingTable[state][event]
    if (next !== state) this.#set(packetId, next)
    return act
  }

  /** The first copy was decided while its connection is gone. */
  decide(packetId: number, taken: boolean): void {
    this.on(taken ? Event.taken : Event.refused, packetId)
  }

  /** A repeat on the present connection is answered by this token. */
  join(packetId: number, token: number): void {
    this.#joined ??= new Map()
    this.#joined.set(packetId, token)
  }

  joinedToken(packetId: number): number | null {
    return this.#joined?.get(packetId) ?? null
  }

  /** The connection is gone: its tokens mean nothing any more. */
  forgetTokens(): void {
    this.#joined = null
  }

  #set(packetId: number, next: Receiving): void {
    if (next === Receiving.unknown) this.#states?.delete(packetId)
    else {
      this.#states ??= new Map()
      this.#states.set(packetId, next)
    }
    if (next !== Receiving.deciding) this.#joined?.delete(packetId)
  }
}

export { ReceivingAct }
