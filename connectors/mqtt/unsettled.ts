import type { Receipt } from 'trestle/contract'
import type { PublishPacket } from './wire/publish.ts'

/** One message that was handed in. */
interface Entry {
  readonly packetId: number
  readonly qos: 0 | 1 | 2
  readonly sizeBytes: number
  settled: boolean
}

/**
 * What was handed in and is not acknowledged upstream. Acknowledgements leave in the order in which the messages came
 * [MQTT-4.6.0-2], whatever the order of the receipts; behind a message that the hub has not taken none leaves.
 */
export class Unsettled {
  /** Of packets' bodies, of all that is unsettled. */
  bytes = 0
  readonly #entries: Entry[] = []
  #head = 0

  get count(): number {
    return this.#entries.length - this.#head
  }

  add(packets: readonly PublishPacket[]): Entry[] {
    const added = packets.map(({ packetId, qos, sizeBytes }): Entry => ({ packetId, qos, sizeBytes, settled: false }))
    for (const entry of added) {
      this.#entries.push(entry)
      this.bytes += entry.sizeBytes
    }
    return added
  }

  /** Receipts of what `add` gave, in its order. */
  settle(entries: readonly Entry[], receipts: readonly Receipt[]): void {
    for (const [at, entry] of entries.entries()) entry.settled = receipts[at]!.outcome !== 'failed'
  }

  /** Takes off the front what may be acknowledged now. */
  take(acknowledge: (packetId: number, qos: 1 | 2) => void): void {
    while (this.#head < this.#entries.length) {
      const { packetId, qos, sizeBytes, settled } = this.#entries[this.#head]!
      if (!settled) break
      this.#head++
      this.bytes -= sizeBytes
      if (qos > 0) acknowledge(packetId, qos as 1 | 2)
    }
    if (this.#head > 1024 || this.#head === this.#entries.length) {
      this.#entries.splice(0, this.#head)
      this.#head = 0
    }
  }
}
