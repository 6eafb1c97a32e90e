import { RecordView } from './record-view.ts'
import { blockCount, blockFirst, blockHeaderBytes, blockIsSound, blockMagicBytes, blockSize } from './segment.ts'
import type { Tallies } from './tallies.ts'

/** What a pass over a segment's blocks found. */
export interface Scan {
  /** Position after the last sound record. */
  readonly next: number
  /** Where the sound part ends. */
  readonly endBytes: number
  /** Offset of a sound block behind the end: then the end is damage, not a torn tail. */
  readonly soundBehind: number | null
  /** Arrival of the first record; null when there is none. *Unit*: ms since the epoch. */
  readonly firstTimeMs: number | null
}

/**
 * Walks a segment's blocks from `start`, counts what they owe into `tallies`, and stops at the first that is not sound.
 * A commit is one write and the next begins only when it is back, so only the last block can be torn by a crash.
 */
export function scanBlocks(
  bytes: Buffer,
  start: number,
  first: number,
  salt: number,
  names: readonly string[],
  tallies: Tallies,
): Scan {
  const view = new RecordView(bytes)
  let at = start
  let next = first
  let firstTimeMs: number | null = null
  while (at < bytes.length) {
    const size = blockSize(bytes, at, bytes.length)
    if (!isSoundBlock(bytes, at, size, salt) || blockFirst(bytes, at) !== next) break
    firstTimeMs ??= view.timeAt(at + blockHeaderBytes)
    tallyBlock(view, at, blockCount(bytes, at), names, tallies)
    next += blockCount(bytes, at)
    at += size
  }
  return {
    next,
    endBytes: at,
    soundBehind: at < bytes.length ? findSoundBlock(bytes, at + 1, salt) : null,
    firstTimeMs,
  }
}

const isSoundBlock = (bytes: Buffer, at: number, size: number, salt: number): boolean =>
  size > blockHeaderBytes && at + size <= bytes.length && blockIsSound(bytes, at, size, salt)

function tallyBlock(view: RecordView, at: number, count: number, names: readonly string[], tallies: Tallies): void {
  let record = at + blockHeaderBytes
  for (let left = count; left > 0; left -= 1) {
    const owed = view.owedCountAt(record)
    for (let index = 0; index < owed; index += 1) {
      const pair = tallies.pair(names[view.sinkAt(record, index)]!, names[view.ruleAt(record, index)]!)
      tallies.add(pair, 1, view.payloadBytesAt(record, index))
      pair.sink.ordinal += 1
    }
    record += view.sizeAt(record)
  }
}

/** Offset of the first sound block at or behind `from`; null when there is none. */
function findSoundBlock(bytes: Buffer, from: number, salt: number): number | null {
  for (let at = bytes.indexOf(blockMagicBytes, from); at !== -1; at = bytes.indexOf(blockMagicBytes, at + 1)) {
    if (isSoundBlock(bytes, at, blockSize(bytes, at, bytes.length), salt)) return at
  }
  return null
}
