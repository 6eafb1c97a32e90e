import type { PulsarFault } from '../fault.ts'

/** One message as a consumer gets it. */
export interface PulsarMessage {
  readonly entry: ReceivedEntry
  /** Its place in the batch of its entry; 0 where there is none. */
  readonly index: number
  readonly key: string | null
  readonly properties: readonly (readonly [name: string, value: string])[]
  /** *Shape*: a view into what was read from the socket, unless it was compressed or came in chunks. */
  readonly payload: Uint8Array
  /** When it was made, by the producer's word; null where it named no time. *Unit*: ms since the epoch. */
  readonly eventTimeMs: number | null
  readonly publishTimeMs: number
  /** Why the payload is not the message: what came is damaged, encrypted or incomplete. */
  readonly fault: PulsarFault | null
}

/** Where an entry lies in its topic. */
export interface EntryId {
  readonly ledgerId: bigint
  readonly entryId: bigint
}

/**
 * What is acknowledged: an entry of a topic, with the messages of its batch that are not settled yet. `Owner` is the
 * consumer that got it.
 */
export class ReceivedEntry<Owner = unknown> {
  readonly owner: Owner
  readonly id: EntryId
  /** The entries of the chunks before this one, when the message came in chunks. */
  readonly earlier: readonly EntryId[]
  /** Messages in its batch. */
  readonly size: number
  readonly redeliveryCount: number
  readonly receivedMs: number
  /** Messages that were handed out and not settled yet. */
  pending = 0
  /** One of its messages is given back: the entry must not be acknowledged as a whole. */
  givenBack = false
  /** Whether the broker was told of what is settled. */
  reported = true
  /** A bit for each message that is settled; null while that is none, and for entries that are no batch. */
  #settled: Uint32Array | null = null

  constructor(
    owner: Owner,
    id: EntryId,
    size: number,
    facts: { redeliveryCount: number; receivedMs: number; earlier?: readonly EntryId[] },
  ) {
    this.owner = owner
    this.id = id
    this.size = size
    this.redeliveryCount = facts.redeliveryCount
    this.receivedMs = facts.receivedMs
    this.earlier = facts.earlier ?? []
  }

  /** Settles a message that was not handed out: it was acknowledged before, or compacted away. */
  pass(index: number): void {
    if (this.size === 1) return
    this.#settled ??= new Uint32Array(Math.ceil(this.size / 32))
    this.#settled[index >>> 5]! |= 1 << (index & 31)
  }

  /** Settles a message that was handed out. */
  settle(index: number): void {
    this.pass(index)
    this.reported = false
    this.pending--
  }

  /** A message that is not settled but given back to the broker. */
  giveBack(): void {
    this.pending--
    this.givenBack = true
  }

  /** The bits of the messages that are **not** settled, 64 to a number, as an acknowledgement carries them. */
  ackSet(): bigint[] {
    const words: bigint[] = []
    for (let at = 0; at < this.size; at += 64) {
      const low = BigInt(~(this.#settled?.[at >>> 5] ?? 0) >>> 0)
      const high = BigInt(~(this.#settled?.[(at >>> 5) + 1] ?? 0) >>> 0)
      const count = Math.min(64, this.size - at)
      words.push(BigInt.asIntN(64, ((high << 32n) | low) & ((1n << BigInt(count)) - 1n)))
    }
    return words
  }
}

/** An entry's place as text, for maps and logs. */
export const placeOf = ({ ledgerId, entryId }: EntryId): string => `${ledgerId}:${entryId}`

/** What a message costs beyond its payload while it is held. */
const overheadBytes = 128

/** What a held message counts. */
export const heldBytes = ({ payload }: PulsarMessage): number => payload.length + overheadBytes
