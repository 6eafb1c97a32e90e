import type { IPublishPacket, Packet } from 'mqtt-packet'
import type { Seen } from '../../support/judge.ts'
import { seenIn } from '../far-system.ts'

/** A message on its way to the server under one packet identifier, from its first PUBLISH on. */
interface Exchange extends Seen {
  /** When the server said PUBREC. *Unit*: ms of the process, as all here. */
  receivedMs: number | null
  /** When the server said PUBCOMP. */
  completeMs: number | null
  /** Refused, or the server has told that its session is gone: it may go again. */
  isVoid: boolean
}

/** A message as the reader got it. */
export interface Arrival extends Seen {
  atMs: number
}

/** So long before it is killed Mosquitto may have confirmed what is not on its disk: a turn of its loop. */
const unwrittenMs = 1000

/**
 * What passed between the sink under test and Mosquitto, by which what a reader has is judged: a message counts as there
 * only when the reader has it **and** the server's PUBCOMP for it went by.
 *
 * Mosquitto 2.0.11 is not without fault itself, so these are not held against the sink, each only where the wire shows that it was not the
 * sink's doing:
 *
 * - It writes its sessions at the end of each turn of its loop, after it has confirmed what came in that turn. Killed in
 *   between it has lost messages whose PUBCOMP had left. Left out: what it confirmed in the last second before it was killed.
 * - After a restart, even a clean one, its readers get a PUBLISH again whose PUBREL they had (against [MQTT-4.3.3-6], see
 *   the control in `test/connectors/mqtt/mosquitto-restart.test.ts`), and when it was killed in the middle of one, messages that
 *   it had passed on. Left out: the second arrival, with a restart between the two, of what the sink has sent under one
 *   identifier only.
 *
 * A message that the sink sends under a second identifier although the first is not void is there twice, whatever the
 * reader got.
 */
export class MqttWitness {
  readonly #exchanges: Exchange[] = []
  readonly #open = new Map<string, Exchange>()
  readonly #killsMs: number[] = []
  readonly #restartsMs: number[] = []

  /** A packet that went by. */
  see(clientId: string, isFromClient: boolean, packet: Packet): void {
    const nowMs = performance.now()
    if (packet.cmd === 'connack' && packet.sessionPresent !== true) this.#forget(clientId)
    if (packet.messageId === undefined) return
    const key = `${clientId} ${packet.messageId}`
    if (packet.cmd === 'publish') {
      if (isFromClient) this.#publish(key, packet)
      return
    }
    const exchange = this.#open.get(key)
    if (isFromClient || exchange === undefined) return
    if (packet.cmd === 'pubrec') {
      exchange.receivedMs ??= nowMs
      if ((packet.reasonCode ?? 0) >= 0x80) exchange.isVoid = true
    }
    if (packet.cmd === 'pubcomp') {
      exchange.completeMs = nowMs
      this.#open.delete(key)
    }
  }

  killed(): void {
    this.#killsMs.push(performance.now())
  }

  restarted(): void {
    this.#restartsMs.push(performance.now())
  }

  /** What is there, in the reader's order, without what Mosquitto alone has done. */
  judge(arrivals: readonly Arrival[]): Seen[] {
    const byId = Map.groupBy(this.#exchanges, ({ id }) => id)
    const there = this.#withoutRepeats(arrivals, byId)
    const counts = new Map<string, number>()
    for (const { id } of there) counts.set(id, (counts.get(id) ?? 0) + 1)
    for (const [id, exchanges] of byId) {
      const complete = exchanges.find(({ completeMs }) => completeMs !== null)
      if (!counts.has(id) && complete !== undefined && this.#isForgotten(complete)) insert(there, complete, byId)
      const live = exchanges.filter(({ isVoid }) => !isVoid).length
      for (let count = counts.get(id) ?? 1; count < live; count++) there.push(exchanges[0]!)
    }
    return there
  }

  #publish(key: string, packet: IPublishPacket): void {
    const id = String(packet.properties?.userProperties?.['trestle-id'] ?? '')
    const open = this.#open.get(key)
    // The same again, with the same identifier: one message to a server that has the session.
    if (open?.id === id && packet.dup) return
    const seen = seenIn(packet.payload.toString(), id)
    const exchange: Exchange = { ...seen, receivedMs: null, completeMs: null, isVoid: false }
    this.#open.set(key, exchange)
    this.#exchanges.push(exchange)
  }

  #forget(clientId: string): void {
    for (const [key, exchange] of this.#open) {
      if (!key.startsWith(`${clientId} `)) continue
      exchange.isVoid = true
      this.#open.delete(key)
    }
  }

  /** Arrivals that count: confirmed on the wire, and not Mosquitto's own repeats. */
  #withoutRepeats(arrivals: readonly Arrival[], byId: ReadonlyMap<string, readonly Exchange[]>): Seen[] {
    const lastMs = new Map<string, number>()
    return arrivals.filter(({ id, atMs }) => {
      const exchanges = byId.get(id) ?? []
      const before = lastMs.get(id)
      lastMs.set(id, atMs)
      if (!exchanges.some(({ completeMs }) => completeMs !== null)) return false
      const isRestarted = before !== undefined && this.#restartsMs.some((at) => before < at && at < atMs)
      return !(isRestarted && exchanges.length === 1)
    })
  }

  #isForgotten({ receivedMs, completeMs }: Exchange): boolean {
    const isShortBefore = (ms: number | null): boolean =>
      ms !== null && this.#killsMs.some((at) => ms <= at && at - ms < unwrittenMs)
    return isShortBefore(receivedMs) || isShortBefore(completeMs)
  }
}

/** Puts what the reader has not got where the wire had it: before the next of its name. */
function insert(there: Seen[], exchange: Exchange, byId: ReadonlyMap<string, readonly Exchange[]>): void {
  const at = there.findIndex(({ name, id }) => name === exchange.name && isAfter(byId.get(id)?.[0], exchange))
  there.splice(at < 0 ? there.length : at, 0, exchange)
}

const isAfter = (one: Exchange | undefined, other: Exchange): boolean =>
  one !== undefined && one.completeMs !== null && other.completeMs !== null && one.completeMs > other.completeMs
