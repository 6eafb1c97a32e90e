import { TrestleError } from 'trestle/contract'
import type { EntryInfo, Reading } from './reading.ts'

/** Entries that are about equally far are read by one query. */
const maxTogether = 32
const togetherUs = 5_000_000

/** A stretch of time of some entries to be read. *Unit*: µs since the epoch, both ends included. */
export interface Stretch {
  from: number
  to: number
  /** Whether it lies behind what was read already. */
  readonly lookBack: boolean
  readonly parts: { reading: Reading; info: EntryInfo }[]
}

/** What is to be read now. */
export function stretchesOf(
  infos: readonly EntryInfo[],
  readings: ReadonlyMap<string, Reading>,
  nowMs: number,
): Stretch[] {
  const wanted: Stretch[] = []
  for (const info of infos) {
    const reading = readings.get(info.name)!
    const want = reading.wants(info, nowMs)
    if (want !== null) wanted.push({ ...want, parts: [{ reading, info }] })
  }
  wanted.sort((one, other) => one.from - other.from)
  const joined: Stretch[] = []
  for (const stretch of wanted) {
    const last = joined.at(-1)
    const near = last !== undefined && last.lookBack === stretch.lookBack && stretch.from - last.from <= togetherUs
    if (near && last.parts.length < maxTogether) {
      last.to = Math.max(last.to, stretch.to)
      last.parts.push(...stretch.parts)
    } else joined.push(stretch)
  }
  return joined
}

/**
 * The timestamp behind which an entry begins that was never read; `first`: the source itself has never read.
 * *Errors*: E104.
 */
export function startOf(start: unknown, { latest_record: latest }: EntryInfo, first: boolean): number {
  if (typeof start === 'number') return start - 1
  if (start === 'beginning') return -1
  // What comes into being later is new, whatever its timestamps are.
  if (start === 'end') return first ? latest : -1
  const ms = Date.parse(String(start))
  if (Number.isNaN(ms)) {
    const advice = 'beginning, end, a moment such as 2026-11-20T12:00:00Z, or µs since the epoch'
    throw new TrestleError('E104', `start: \`${start}\` is not a moment`, { detail: { advice } })
  }
  return ms * 1000 - 1
}
