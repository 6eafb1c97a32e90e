import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Delivery } from 'trestle/contract'

/** Positions that share a millisecond have so many places in it; then a new lap begins. */
const lapLength = 250
/** Places of one position, 1 µs apart: hubs begin in different lanes, and a taken lane leaves three more. */
const lanes = 4
/** Milliseconds before a lap that are remembered; a message of the next lap can share only the newest of them. */
const maxRemembered = 8
const maxKeptLaps = 4096
const none: ReadonlyMap<number, number> = new Map()

/**
 * Gives each delivery its timestamp in ReductStore, which orders and names records by it.
 *
 *     timestamp µs = (arrival ms + shift) × 1000 + (position mod 250) × 4 + lane
 *
 * It depends only on the delivery itself: what is sent again comes to the same place and is recognised there. Within a
 * millisecond places rise with the position in the journal, so the order of a key holds. Every 250 positions they begin
 * again; a message whose millisecond began in the lap before is shifted by one millisecond, so that it still follows.
 * Such shifts are written down before they are used, because they must be the same after a restart.
 */
export class Timeline {
  readonly #file: string
  readonly #lane: number
  /** By lap: milliseconds of the lap before, and where they stand in this one. */
  readonly #shifts = new Map<number, ReadonlyMap<number, number>>()
  readonly #written = new Set<number>()
  #lap = -1
  /** The newest milliseconds of the current lap, and where they stand in it. */
  #recent = new Map<number, number>()

  constructor(folder: string, hub: string) {
    mkdirSync(folder, { recursive: true })
    this.#file = join(folder, 'shifts.jsonl')
    this.#lane = laneOf(hub)
    this.#load()
  }

  /** The place a delivery tries first (`attempt` 0), or after so many others were taken. *Unit*: µs since the epoch. */
  timestampOf({ position, index, message }: Delivery, attempt: number): number {
    const lap = Math.floor(position / lapLength)
    if (lap > this.#lap) this.#begin(lap)
    const timeMs = Math.floor(message.timeMs)
    const shiftedMs = this.#shifted(lap, timeMs)
    if (shiftedMs > timeMs && !this.#written.has(lap)) this.#write(lap)
    if (lap === this.#lap) this.#remember(timeMs, shiftedMs)
    const lane = (this.#lane + index + attempt) % lanes
    const ms = shiftedMs + Math.floor(attempt / lanes)
    return ms * 1000 + (position % lapLength) * lanes + lane
  }

  #begin(lap: number): void {
    this.#lap = lap
    if (!this.#shifts.has(lap)) {
      const shifted = new Map<number, number>()
      for (const [timeMs, shiftedMs] of this.#recent) shifted.set(timeMs, shiftedMs + 1)
      if (shifted.size > 0) this.#shifts.set(lap, shifted)
      if (this.#shifts.size > maxKeptLaps) this.#shifts.delete(this.#shifts.keys().next().value!)
    }
    this.#recent = new Map()
  }

  #shifted(lap: number, timeMs: number): number {
    let shiftedMs = timeMs
    for (const [before, stands] of this.#shifts.get(lap) ?? none) {
      if (before <= timeMs && stands > shiftedMs) shiftedMs = stands
    }
    return shiftedMs
  }

  #remember(timeMs: number, shiftedMs: number): void {
    const recent = this.#recent
    if (recent.has(timeMs)) return
    recent.set(timeMs, shiftedMs)
    if (recent.size > maxRemembered) recent.delete(Math.min(...recent.keys()))
  }

  #write(lap: number): void {
    this.#written.add(lap)
    appendFileSync(this.#file, lineOf(lap, this.#shifts.get(lap)!))
  }

  #load(): void {
    let text: string
    try {
      text = readFileSync(this.#file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    for (const line of text.split('\n')) {
      const read = parseLine(line)
      if (read === null) continue
      this.#shifts.set(read.lap, read.shifted)
      this.#written.add(read.lap)
    }
    this.#compact()
  }

  #compact(): void {
    const laps = [...this.#shifts]
    if (laps.length <= maxKeptLaps / 2) return
    const kept = laps.slice(-maxKeptLaps / 4)
    writeFileSync(`${this.#file}.new`, kept.map(([lap, shifted]) => lineOf(lap, shifted)).join(''))
    renameSync(`${this.#file}.new`, this.#file)
  }
}

const lineOf = (lap: number, shifted: ReadonlyMap<number, number>): string => `${JSON.stringify([lap, [...shifted]])}\n`

/** Null for the torn line that a crash leaves: what it said was not used yet. */
function parseLine(line: string): { lap: number; shifted: Map<number, number> } | null {
  try {
    const [lap, shifted] = JSON.parse(line) as [number, [number, number][]]
    return { lap, shifted: new Map(shifted) }
  } catch {
    return null
  }
}

/** FNV-1a of the hub's id: which lane it begins in. */
function laneOf(hub: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < hub.length; at++) hash = Math.imul(hash ^ hub.charCodeAt(at), 0x01000193) >>> 0
  return hash % lanes
}
