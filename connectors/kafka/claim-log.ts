import { closeSync, constants, fdatasyncSync, openSync, readFileSync, statSync, writevSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

/*
 * Two files, `claims-0` and `claims-1`, written in turns from their beginning, over what they held before: so they keep
 * their place on disk and in the page cache. Frames follow each other; a file ends where the next frame's number is not
 * the next or its checksum does not hold. All integers are big-endian.
 *
 *   0  bytes of the frame in all   uint32
 *   4  CRC-32 of 8 to the first batch   uint32
 *   8  number of the frame         double, counts up by one over both files
 *  16  transaction                 double, 0: none
 *  24  bytes of the head           uint32, from 0 to the first batch
 *  28  entries                     uint16
 *  30  entry…, then the batches of the claims, one after the other
 *
 * Entry: kind uint8, partition int32, offset double, bytes of the batch uint32, topic (length uint16, UTF-8), topic id
 * (length uint8, ASCII). An origin begins a file and a life: `topic` is the cluster's id, `topic id` the boot; the claims that
 * are open follow it once more.
 */
const fixedBytes = 30
const entryBytes = 20

/** What a frame says. `claim`: this batch is about to be sent. */
export type EntryKind = 'origin' | 'claim' | 'written' | 'not-written' | 'closed'
const kinds: readonly EntryKind[] = ['origin', 'claim', 'written', 'not-written', 'closed']

export interface Entry {
  readonly kind: EntryKind
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** A claim: the end of the partition as it was known before; -1 unknown. */
  readonly offset: number
  /** A claim: the record batch as it is sent. */
  readonly batch: Buffer | null
}

export interface Frame {
  readonly number: number
  readonly transaction: number
  readonly entries: readonly Entry[]
}

/** A file is left when it holds so much and what it began with is so old (a cursor on disk is never so far behind), or at its bound. */
const fullBytes = 4 * 1024 * 1024
const oldMs = 1000
const maxBytes = 64 * 1024 * 1024
const nothing = Buffer.alloc(0)

/**
 * Keeps record batches on disk before they are sent, and what became of them: one write a round, in the page cache,
 * where it outlives the process. Not synced but once: who comes after a loss of power must read the partitions instead.
 */
export class ClaimLog {
  readonly #folder: string
  #head = Buffer.allocUnsafe(4096)
  #file = 0
  #fd: number | null = null
  #end = 0
  #number = 0
  #beganMs = 0
  #origin: Entry | null = null

  constructor(folder: string) {
    this.#folder = folder
  }

  /** What is in the files, in the order it was written. What is appended then follows the last of it. */
  read(): { frames: Frame[]; ageMs: number } {
    const files = [0, 1].map((file) => ({ file, ...readFrames(join(this.#folder, `claims-${file}`)) }))
    files.sort((a, b) => (a.frames.at(-1)?.number ?? 0) - (b.frames.at(-1)?.number ?? 0))
    const newest = files[1]!
    this.#file = newest.file
    this.#number = newest.frames.at(-1)?.number ?? 0
    this.#end = newest.end
    this.#beganMs = performance.now()
    return { frames: files.flatMap(({ frames }) => frames), ageMs: newest.ageMs }
  }

  /** `carried` are the claims that are still open, asked for where an origin is written. *Errors*: of the file system. */
  append(entries: readonly Entry[], transaction: number, origin: Entry, carried: () => readonly Entry[]): void {
    const nowMs = performance.now()
    const isOld = nowMs - this.#beganMs >= oldMs
    const isFull = this.#end >= (isOld ? fullBytes : maxBytes)
    if (isFull) this.#turn(nowMs)
    const isFirst = this.#origin !== origin
    // Until it is written: what follows a write that failed begins anew.
    this.#origin = null
    const parts = this.#frame(isFirst || isFull ? [origin, ...carried(), ...entries] : entries, transaction)
    const size = parts.reduce((sum, part) => sum + part.length, 0)
    this.#fd ??= openForWriting(this.#path)
    const written = writevSync(this.#fd, parts, this.#end)
    if (written !== size) throw new Error(`${this.#path}: only ${written} of ${size} bytes could be written`)
    this.#end += size
    this.#number++
    this.#origin = origin
    // Once a life: else a loss of power might leave the mark that the life before has closed.
    if (isFirst) fdatasyncSync(this.#fd)
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  get #path(): string {
    return join(this.#folder, `claims-${this.#file}`)
  }

  #turn(nowMs: number): void {
    this.close()
    this.#file = 1 - this.#file
    this.#end = 0
    this.#beganMs = nowMs
  }

  #frame(entries: readonly Entry[], transaction: number): Buffer[] {
    const room = entries.reduce((sum, { topic, topicId }) => sum + entryBytes + topic.length * 3 + topicId.length, 0)
    if (fixedBytes + room > this.#head.length) this.#head = Buffer.allocUnsafe((fixedBytes + room) * 2)
    const head = this.#head
    const parts: Buffer[] = [nothing]
    let size = 0
    let at = fixedBytes
    for (const entry of entries) {
      at = writeEntry(head, at, entry)
      if (entry.batch === null) continue
      parts.push(entry.batch)
      size += entry.batch.length
    }
    head.writeUInt32BE(at + size, 0)
    head.writeDoubleBE(this.#number + 1, 8)
    head.writeDoubleBE(transaction, 16)
    head.writeUInt32BE(at, 24)
    head.writeUInt16BE(entries.length, 28)
    head.writeUInt32BE(crc32(head.subarray(8, at)), 4)
    parts[0] = head.subarray(0, at)
    return parts
  }
}

function writeEntry(head: Buffer, from: number, { kind, partition, offset, batch, topic, topicId }: Entry): number {
  let at = head.writeUInt8(kinds.indexOf(kind), from)
  at = head.writeInt32BE(partition, at)
  at = head.writeDoubleBE(offset, at)
  at = head.writeUInt32BE(batch === null ? 0 : batch.length, at)
  const length = head.write(topic, at + 2)
  head.writeUInt16BE(length, at)
  at = head.writeUInt8(topicId.length, at + 2 + length)
  return at + head.write(topicId, at, 'latin1')
}

/** Keeps what the file has, and makes it where it is not. */
const openForWriting = (path: string): number => openSync(path, constants.O_RDWR | constants.O_CREAT)

/** `end`: where the last good frame ends. */
function readFrames(path: string): { frames: Frame[]; end: number; ageMs: number } {
  let bytes: Buffer
  let ageMs: number
  try {
    bytes = readFileSync(path)
    ageMs = Date.now() - statSync(path).mtimeMs
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return { frames: [], end: 0, ageMs: 0 }
    throw thrown
  }
  const frames: Frame[] = []
  let at = 0
  while (bytes.length - at >= fixedBytes) {
    const size = bytes.readUInt32BE(at)
    const headSize = bytes.readUInt32BE(at + 24)
    if (headSize < fixedBytes || headSize > size || size > bytes.length - at) break
    const number = bytes.readDoubleBE(at + 8)
    if (frames.length > 0 && number !== frames.at(-1)!.number + 1) break
    if (crc32(bytes.subarray(at + 8, at + headSize)) !== bytes.readUInt32BE(at + 4)) break
    const frame = bytes.subarray(at, at + size)
    frames.push({ number, transaction: frame.readDoubleBE(16), entries: readEntries(frame, headSize) })
    at += size
  }
  return { frames, end: at, ageMs }
}

function readEntries(frame: Buffer, headSize: number): Entry[] {
  const entries: Entry[] = []
  let at = fixedBytes
  let batchAt = headSize
  for (let left = frame.readUInt16BE(28); left > 0; left--) {
    const kind = kinds[frame[at]!]!
    const partition = frame.readInt32BE(at + 1)
    const offset = frame.readDoubleBE(at + 5)
    const size = frame.readUInt32BE(at + 13)
    const topicEnd = at + 19 + frame.readUInt16BE(at + 17)
    const topic = frame.toString('utf8', at + 19, topicEnd)
    const end = topicEnd + 1 + frame[topicEnd]!
    const topicId = frame.toString('latin1', topicEnd + 1, end)
    const batch = kind === 'claim' ? frame.subarray(batchAt, batchAt + size) : null
    entries.push({ kind, topic, topicId, partition, offset, batch })
    at = end
    batchAt += size
  }
  return entries
}
