import { crc32c, Reader, type RecordsBatch, readRecordsBatch } from '@platformatic/kafka'
import type { Entry, Frame } from './claim-log.ts'
import type { Member } from './partition.ts'

/** What an earlier life has left in the claim log. */
export interface Recalled {
  /** Id to arrival, of all that is certainly in Kafka. */
  readonly written: Map<string, number>
  /** Batches that were sent and of which it is not known whether they are in Kafka, at most one per partition. */
  readonly open: Entry[]
  /** The last life ended by `close`. */
  readonly isClosed: boolean
  /** The machine has been started anew since: what was written last may be missing. */
  readonly isOtherBoot: boolean
  /** The highest transaction; 0 without any. */
  readonly transaction: number
}

/**
 * Makes sense of the claim log's frames. `committed` is the last transaction that Kafka knows: later ones were aborted.
 * Frames of another cluster say nothing.
 */
export function recall(frames: readonly Frame[], cluster: string, boot: string, committed: number): Recalled {
  const written = new Map<string, number>()
  const open = new Map<string, Entry>()
  let isClosed = true
  let lastBoot = boot
  let isSame = false
  const rounds = new Map<number, Frame>()
  for (const frame of frames) {
    for (const entry of frame.entries) {
      isClosed = entry.kind === 'closed'
      if (entry.kind === 'origin') {
        isSame = entry.topic === cluster
        lastBoot = entry.topicId
        open.clear()
      } else if (isSame && frame.transaction === 0) follow(open, written, entry)
    }
    // A round that was aborted gives its number to the next.
    if (isSame && frame.transaction > 0) rounds.set(frame.transaction, frame)
  }
  for (const [round, { entries }] of rounds)
    if (round <= committed) for (const entry of entries) addMembers(written, entry)
  const transaction = Math.max(0, ...rounds.keys())
  return { written, open: [...open.values()], isClosed, isOtherBoot: lastBoot !== boot, transaction }
}

function follow(open: Map<string, Entry>, written: Map<string, number>, entry: Entry): void {
  const place = `${entry.topic}/${entry.partition}`
  if (entry.kind === 'claim') {
    // Half a write of a process that was killed: then the batch was not sent.
    if (isWhole(entry.batch!)) open.set(place, entry)
    return
  }
  const claim = open.get(place)
  open.delete(place)
  if (claim !== undefined && entry.kind === 'written') addMembers(written, claim)
}

function addMembers(written: Map<string, number>, { kind, batch }: Entry): void {
  if (kind !== 'claim' || batch === null || !isWhole(batch)) return
  for (const { id, timeMs } of membersOf(batch)) written.set(id, timeMs)
}

const isWhole = (batch: Buffer): boolean =>
  batch.length > 61 &&
  batch.readInt32BE(8) === batch.length - 12 &&
  crc32c(batch.subarray(21)) === batch.readUInt32BE(17)

/** Who is in a record batch that this connector wrote, in order. */
export const membersOf = (batch: Buffer): Member[] => membersIn(readRecordsBatch(Reader.from(batch)))

/** The records of any batch that carry an identity. */
export function membersIn({ firstTimestamp, records }: RecordsBatch): Member[] {
  const members: Member[] = []
  for (const { headers, timestampDelta } of records) {
    // The reader of the library gives pairs, whatever its type says.
    for (const [name, value] of headers as unknown as Iterable<[Buffer | null, Buffer | null]>) {
      if (name === null || value === null || name.toString() !== 'trestle-id') continue
      members.push({ id: value.toString(), timeMs: Number(firstTimestamp + timestampDelta) })
      break
    }
  }
  return members
}
