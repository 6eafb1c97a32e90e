/*
 * What the members of a group of protocol type "consumer" tell each other through the coordinator, which does not look
 * into it. Not compact: STRING has an INT16 length, BYTES and arrays an INT32 one; -1 is null.
 *
 *   subscription => version INT16, [topic STRING], user_data BYTES, from 1: [owned], from 2: generation INT32
 *   owned        => topic STRING, [partition INT32]
 *   assignment   => version INT16, [owned], user_data BYTES
 *
 * The cooperative-sticky assignor of older Java clients has the generation in user_data, as INT32.
 */

/** Partitions by topic. */
export type Partitions = ReadonlyMap<string, readonly number[]>

export interface Subscription {
  readonly topics: readonly string[]
  readonly owned: Partitions
  /** Of the last assignment; -1 when there was none. */
  readonly generation: number
}

export function writeSubscription({ topics, owned, generation }: Subscription): Buffer {
  const userData = Buffer.alloc(4)
  userData.writeInt32BE(generation)
  const parts = [int16(2), int32(topics.length), ...topics.map(text), int32(4), userData, ...partitions(owned)]
  return Buffer.concat([...parts, int32(generation)])
}

export function readSubscription(bytes: Buffer): Subscription {
  const reader = new PlainReader(bytes)
  const version = reader.int16()
  const topics = reader.array(() => reader.text())
  const userData = reader.bytes()
  const owned = version >= 1 ? reader.partitions() : new Map<string, number[]>()
  const told = version >= 2 ? reader.int32() : userData?.length === 4 ? userData.readInt32BE(0) : -1
  return { topics, owned, generation: told }
}

export const writeAssignment = (assigned: Partitions): Buffer =>
  Buffer.concat([int16(0), ...partitions(assigned), int32(-1)])

/** *Shape*: empty bytes, as a member gets that was given nothing, are no partitions. */
export function readAssignment(bytes: Buffer): Map<string, number[]> {
  if (bytes.length < 6) return new Map()
  const reader = new PlainReader(bytes)
  reader.int16()
  return reader.partitions()
}

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const text = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)])

const partitions = (owned: Partitions): Buffer[] => {
  const parts = [int32(owned.size)]
  for (const [topic, indexes] of owned) parts.push(text(topic), int32(indexes.length), ...indexes.map(int32))
  return parts
}

/** Reads what another client wrote; what is missing at the end counts as empty. */
class PlainReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int16(): number {
    this.#at += 2
    return this.#at > this.#bytes.length ? 0 : this.#bytes.readInt16BE(this.#at - 2)
  }

  int32(): number {
    this.#at += 4
    return this.#at > this.#bytes.length ? -1 : this.#bytes.readInt32BE(this.#at - 4)
  }

  text(): string {
    return this.#take(this.int16())?.toString() ?? ''
  }

  bytes(): Buffer | null {
    return this.#take(this.int32())
  }

  array<Item>(read: () => Item): Item[] {
    const items: Item[] = []
    for (let left = this.int32(); left > 0 && this.#at < this.#bytes.length; left--) items.push(read())
    return items
  }

  partitions(): Map<string, number[]> {
    return new Map(this.array(() => [this.text(), this.array(() => this.int32())] as const))
  }

  #take(length: number): Buffer | null {
    if (length < 0) return null
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}
