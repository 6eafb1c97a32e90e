import { readFileSync } from 'node:fs'
import { type ConnectorContext, type Delivery, delivered, TrestleError } from 'trestle/contract'
import { ClaimLog, type Entry } from './claim-log.ts'
import { type Claim, type Member, type Partition, placeOf } from './partition.ts'
import { membersOf, recall } from './recall.ts'
import { sequenceAfter, spentIdentity } from './record-batch.ts'
import type { TailReader } from './tail-reader.ts'

/** Kafka forgets a producer a day after its newest record; half of it leaves room for other settings and clocks. */
const numbersHoldMs = 12 * 3_600_000
/** After a longer absence of the hub no setting of the brokers is trusted to have kept the numbers. */
const briefMs = 5 * 60_000

/**
 * What is known of batches beyond the one on its way: which are in Kafka though the hub may ask again, and which may
 * be. A batch is in the claim log before it is sent, so that after `kill -9` the same bytes go again under the same
 * numbers, whatever the hub then hands over; and deliveries that come again although they are written (the hub's cursor is a
 * little behind) are answered without being sent.
 */
export class Claims {
  readonly #context: ConnectorContext
  readonly #log: ClaimLog
  /** Id to arrival, of what is certainly written and may come again. */
  #written = new Map<string, number>()
  readonly #open = new Map<string, Claim>()
  #entries: Entry[] = []
  /** What became of claims: never part of a transaction. */
  #ends: Entry[] = []
  #origin: Entry | null = null
  #cannotKeep = false
  /** Records that may be in Kafka twice, since the start. */
  maybeTwice = 0
  /** The last thing written may be missing from the claim log: partitions must be looked at once. */
  isUnsure = false
  /** Partitions that were looked at. */
  readonly looked = new Set<Partition>()
  /** The last transaction that was committed. */
  transaction = 0
  /** The last one in the claim log. */
  #last = 0
  /** The transaction whose end is not known. */
  #doubted: { round: number; members: readonly Member[] } | null = null
  readonly writtenBefore = delivered

  constructor(context: ConnectorContext) {
    this.#context = context
    this.#log = new ClaimLog(context.folder)
  }

  /**
   * Reads what the life before has left. `partitionOf` gives the place of a batch that may be written; `committed` asks
   * Kafka for the last transaction, when there were any.
   */
  async recover(
    cluster: string,
    partitionOf: (entry: Entry) => Partition,
    committed: () => Promise<number>,
  ): Promise<void> {
    const boot = bootId()
    this.#origin = { kind: 'origin', topic: cluster, topicId: boot, partition: 0, offset: 0, batch: null }
    const { frames, ageMs } = this.#read()
    const lastTransaction = frames.reduce((last, { transaction }) => Math.max(last, transaction), 0)
    this.transaction = lastTransaction > 0 ? await committed() : 0
    const found = recall(frames, cluster, boot, this.transaction)
    this.#written = found.written
    this.#last = found.transaction
    if (!found.isClosed && found.isOtherBoot) this.isUnsure = true
    for (const { batch, topic, topicId, partition, offset } of found.open) {
      const bytes = Buffer.from(batch!)
      const place = partitionOf({ kind: 'claim', topic, topicId, partition, offset, batch: bytes })
      this.#add({
        partition: place,
        batch: bytes,
        members: membersOf(bytes),
        fromOffset: offset,
        isOwn: false,
        waiting: [],
        mustLook: this.isUnsure || ageMs > briefMs,
        isLooked: false,
      })
    }
  }

  /** False as nearly always: no delivery can be one that was sent before. */
  get hasAny(): boolean {
    return this.#written.size > 0 || this.#open.size > 0
  }

  isWritten({ id, message }: Delivery): boolean {
    return this.#written.get(id) === message.timeMs
  }

  claimOf({ id, message }: Delivery): Claim | null {
    const claim = this.#open.get(id)
    // A topic that was created anew has forgotten its claims.
    if (claim === undefined || claim.partition.claim !== claim) return null
    return claim.members.some((member) => member.id === id && member.timeMs === message.timeMs) ? claim : null
  }

  /** Whether this transaction was committed nobody has said. */
  doubt(round: number, members: readonly Member[]): void {
    this.#doubted = { round, members }
  }

  /** The coordinator has said what was committed last. */
  committed(round: number): void {
    const doubted = this.#doubted
    this.#doubted = null
    if (doubted !== null && doubted.round <= round)
      for (const { id, timeMs } of doubted.members) this.#written.set(id, timeMs)
    // Kafka has forgotten what was committed (after a week), or the claim log is an old one.
    if (this.#last > 0 ? round === 0 || round > this.#last : round > 0 && doubted === null) this.isUnsure = true
    this.transaction = round
  }

  /** It was delivered, and nobody has heard of it: it will come again. */
  unheard({ id, message }: Delivery): void {
    this.#written.set(id, message.timeMs)
  }

  /** It was answered, and the answer was heard. */
  heard(id: string): void {
    this.#written.delete(id)
  }

  /** Notes that this batch is about to be sent; `flush` puts all notes on disk. */
  note(partition: Partition, batch: Buffer): void {
    this.#entries.push(entryOf('claim', partition, batch))
  }

  /** Notes what became of a batch. */
  noteEnd(partition: Partition, kind: 'written' | 'not-written'): void {
    this.#entries.push(entryOf(kind, partition, null))
  }

  /** Writes the notes. A disk that takes none is said once; false: they are not kept. */
  flush(transaction = 0): boolean {
    if (transaction > 0) this.#last = transaction
    if (transaction > 0 && this.#ends.length > 0) this.#append(this.#ends, 0)
    else if (this.#ends.length > 0) this.#entries.unshift(...this.#ends)
    this.#ends = []
    if (this.#entries.length > 0) this.#append(this.#entries, transaction)
    this.#entries = []
    return !this.#cannotKeep
  }

  #append(entries: readonly Entry[], transaction: number): void {
    if (this.#origin === null) return
    try {
      this.#log.append(entries, transaction, this.#origin, () => this.#carried())
      this.#cannotKeep = false
    } catch (thrown) {
      const { message } = TrestleError.from(thrown)
      if (!this.#cannotKeep) this.#context.log('warn', 'kafka.claims-not-kept', { message })
      this.#cannotKeep = true
    }
  }

  /** A batch that was noted and not answered: from now on it stands before all else of its partition. */
  open(partition: Partition, batch: Buffer, members: readonly Member[], waiting: number[]): void {
    const { end } = partition
    // The buffer it was written in is used again.
    const claim = { partition, batch: Buffer.from(batch), members, fromOffset: end, waiting }
    this.#add({ ...claim, isOwn: true, mustLook: false, isLooked: false })
  }

  /** Whether it must be looked for, because the brokers may have forgotten its numbers. */
  mustLook(claim: Claim): boolean {
    if (claim.isLooked) return false
    const newestMs = Number(claim.batch.readBigInt64BE(35))
    return claim.mustLook || this.#context.now() - newestMs > numbersHoldMs
  }

  /** It is settled: written, or certainly not. */
  close(claim: Claim, isWritten: boolean): void {
    const { partition, members, batch } = claim
    // Once more with its end: it may be from before the origin of this life.
    const end = isWritten ? 'written' : 'not-written'
    this.#ends.push(entryOf('claim', partition, batch), entryOf(end, partition, null))
    for (const { id, timeMs } of members) {
      this.#open.delete(id)
      if (isWritten) this.#written.set(id, timeMs)
    }
    if (partition.claim === claim) partition.claim = null
    if (!claim.isOwn) return
    if (isWritten) partition.sequence = sequenceAfter(partition.sequence, batch.readInt32BE(57))
    // Its numbers were given; whether the broker has counted them nobody knows.
    else partition.identity = spentIdentity
  }

  /** Looks whether it is in the partition; closes it when it is. *Errors*: of the connection: then it stays open. */
  async look(claim: Claim, reader: TailReader): Promise<boolean> {
    const { partition, members, fromOffset } = claim
    const sinceMs = members.reduce((oldest, { timeMs }) => Math.min(oldest, timeMs), Number.POSITIVE_INFINITY)
    const there = await this.#readBack(partition, reader, fromOffset, sinceMs, members.length)
    const isWritten = there !== null && members.every(({ id, timeMs }) => there.get(id) === timeMs)
    claim.isLooked = true
    if (isWritten) this.close(claim, true)
    this.#context.log('info', 'kafka.looked', { partition: placeOf(partition), records: members.length, isWritten })
    return isWritten
  }

  /** After a loss of power: what is in the partition since then counts as written. *Errors*: of the connection. */
  async lookSince(partition: Partition, sinceMs: number, reader: TailReader): Promise<void> {
    const there = await this.#readBack(partition, reader, -1, sinceMs, 0)
    this.looked.add(partition)
    for (const [id, timeMs] of there ?? []) this.#written.set(id, timeMs)
  }

  /** Says that records may be twice, where nothing else is left. */
  sayMaybeTwice(partition: Partition, count: number, why: string): void {
    this.maybeTwice += count
    this.#context.log('warn', 'kafka.maybe-twice', { partition: placeOf(partition), records: count, why })
  }

  /** Puts what is left to say on disk: the next life then knows that nothing is open but what is said so. */
  end(): void {
    if (this.#origin === null) return
    this.#entries.push({ ...this.#origin, kind: 'closed' })
    this.flush()
    this.#log.close()
  }

  async #readBack(
    { topic, index, leader }: Partition,
    reader: TailReader,
    fromOffset: number,
    sinceMs: number,
    count: number,
  ): Promise<Map<string, number> | null> {
    try {
      const tail = { topic: topic.name, partition: index, leader, fromOffset, sinceMs }
      const members = await reader.read(tail)
      const ours = members.filter(({ id }) => id.startsWith(`${this.#context.hub}-`))
      return new Map(ours.map(({ id, timeMs }) => [id, timeMs]))
    } catch (thrown) {
      const error = TrestleError.from(thrown, 'E608')
      if (error.retry === 'reconnect' || error.code === 'E607') throw error
      this.sayMaybeTwice(topic.partitions[index]!, count, error.message)
      return null
    }
  }

  #read(): ReturnType<ClaimLog['read']> {
    try {
      return this.#log.read()
    } catch (thrown) {
      this.#context.log('warn', 'kafka.claims-not-read', { message: TrestleError.from(thrown).message })
      this.isUnsure = true
      return { frames: [], ageMs: 0 }
    }
  }

  #add(claim: Claim): void {
    claim.partition.claim = claim
    for (const { id } of claim.members) this.#open.set(id, claim)
  }

  #carried(): Entry[] {
    const claims = [...new Set(this.#open.values())].filter((claim) => claim.partition.claim === claim)
    return claims.map(({ partition, batch }) => entryOf('claim', partition, batch))
  }
}

function entryOf(kind: Entry['kind'], { topic, index, end }: Partition, batch: Buffer | null): Entry {
  return { kind, topic: topic.name, topicId: topic.id ?? '', partition: index, offset: end, batch }
}

/** Another one after the machine was started anew; empty where the system does not say. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    // Not Linux: then nobody tells a loss of power from an ordinary end.
    return ''
  }
}
