import type { TrestleError } from '../contract/error.ts'
import type { Message, Owed } from '../contract/message.ts'
import { ByteWriter } from './byte-writer.ts'
import type { AppendWaiter } from './port.ts'
import { encodeRecord } from './record.ts'
import { blockHeaderBytes, sealBlock } from './segment.ts'
import { writeOwed } from './tail.ts'
import type { Pair, Tallies } from './tallies.ts'

const startBytes = 256 * 1024
/** A buffer that one large message made larger than this is not kept. */
const maxKeptBytes = 4 * 1024 * 1024

/**
 * What the next commit writes: the block as it will stand in the file, and in parallel arrays who waits for it. Made
 * once, used again for commit after commit.
 */
export class Batch {
  #writer = new ByteWriter(startBytes)
  readonly #waiters: (AppendWaiter | null)[] = []
  readonly #tokens: number[] = []
  readonly #pairs: Pair[] = []
  readonly #messages: number[] = []
  readonly #bytes: number[] = []
  /** Of `#messages`, those of records that nobody waits for. */
  readonly #unheard: number[] = []
  #pairCount = 0
  first = 0
  firstTimeMs = 0
  count = 0
  /** Records whose publisher waits. */
  waiting = 0

  constructor() {
    this.#writer.at = blockHeaderBytes
  }

  get bytes(): Buffer {
    return this.#writer.bytes
  }

  get sizeBytes(): number {
    return this.#writer.at
  }

  get last(): number {
    return this.first + this.count - 1
  }

  /** Takes a record of at most `maxBytes`; all its bytes are copied. */
  add(
    message: Message,
    owed: readonly Owed[],
    pairs: readonly Pair[],
    options: readonly (Buffer | null)[],
    maxBytes: number,
    awaited: boolean,
    waiter: AppendWaiter | null,
    token: number,
  ): void {
    this.#writer.reserve(maxBytes)
    encodeRecord(this.#writer, message, owed, pairs, options, awaited)
    for (let index = 0; index < owed.length; index += 1) {
      this.#count(pairs[index]!, owed[index]!.payload.length, waiter === null ? 1 : 0)
    }
    if (this.count === 0) this.firstTimeMs = message.timeMs
    this.#waiters[this.count] = waiter
    this.#tokens[this.count] = token
    this.count += 1
    if (waiter !== null) this.waiting += 1
  }

  #count(pair: Pair, bytes: number, unheard: 0 | 1): void {
    if (pair.batch !== this) {
      pair.batch = this
      pair.place = this.#pairCount
      this.#pairs[this.#pairCount] = pair
      this.#messages[this.#pairCount] = 0
      this.#bytes[this.#pairCount] = 0
      this.#unheard[this.#pairCount] = 0
      this.#pairCount += 1
    }
    this.#messages[pair.place]! += 1
    this.#bytes[pair.place]! += bytes
    this.#unheard[pair.place]! += unheard
  }

  seal(salt: number): void {
    sealBlock(this.#writer.bytes, this.#writer.at, this.count, this.first, salt)
  }

  /** Books what became durable, in the tallies and in the shared tail's cells. */
  book(tallies: Tallies, tail: SharedArrayBuffer): void {
    for (let index = 0; index < this.#pairCount; index += 1) {
      const pair = this.#pairs[index]!
      tallies.add(pair, this.#messages[index]!, this.#bytes[index]!)
      const { slot, messages, bytes } = pair.sink
      if (slot >= 0) writeOwed(tail, slot, messages, bytes)
    }
  }

  /** Books what is lost and nobody will hear of; answers how many records. To be called before `settle`. */
  bookLost(): number {
    for (let index = 0; index < this.#pairCount; index += 1) this.#pairs[index]!.lost += this.#unheard[index]!
    return this.count - this.waiting
  }

  /** Tells every waiter, in the order of the appends. */
  settle(error: TrestleError | null): void {
    for (let index = 0; index < this.count; index += 1) {
      const waiter = this.#waiters[index]!
      if (waiter === null) continue
      this.#waiters[index] = null
      waiter.settle(this.#tokens[index]!, error)
    }
  }

  /** Empties it for the next commit. */
  clear(): void {
    for (let index = 0; index < this.#pairCount; index += 1) {
      const pair = this.#pairs[index]!
      if (pair.batch === this) pair.batch = null
    }
    if (this.#writer.bytes.length > maxKeptBytes) this.#writer = new ByteWriter(startBytes)
    this.#writer.at = blockHeaderBytes
    this.#pairCount = 0
    this.count = 0
    this.waiting = 0
  }
}
