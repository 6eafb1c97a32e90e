import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { TrestleError } from 'trestle/contract'
import type { Disk, DiskFile } from './disk.ts'

/*
 * `trestle.position`, in the folder of a file connector: what is certainly in the files, as lines of
 *
 *   <CRC-32 of the JSON, 8 hexadecimal digits> <JSON>
 *
 * The first says whose it is: {"version":1,"hub":…,"connector":…}. Each further one is true from then on:
 *   {"position":7,"index":0,"timeMs":1700000000000}   all that was handed over up to there is settled, and none of it
 *                                    arrived later than then
 *   {"files":{"a.jsonl":120}}        beyond these lengths nothing counts: it is cut off at the next start
 *   {"missing":["3-0"]}              of what lies up to the position, these were not written
 * Lines after one that is torn do not count.
 */
const fileName = 'trestle.position'
const maxLogBytes = 1 << 20
const maxMissing = 10_000

/** What is in the files. */
export interface Written {
  position: number
  index: number
  /** The latest arrival among all that is written; infinite where that was not noted. */
  timeMs: number
  files: Map<string, number>
  missing: Set<string>
}

export interface Owner {
  hub: string
  connector: string
}

/** The record of how far the files are written; every change is one appended line, durable when `sync` is wanted. */
export class PositionLog {
  readonly #disk: Disk
  readonly #folder: string
  readonly #owner: Owner
  readonly #sync: boolean
  readonly written: Written
  #file: DiskFile | null = null
  #bytes = 0

  constructor(disk: Disk, folder: string, owner: Owner, sync: boolean, written: Written) {
    this.#disk = disk
    this.#folder = folder
    this.#owner = owner
    this.#sync = sync
    this.written = written
  }

  /** Reads what is there. *Errors*: E109 when the folder belongs to another connector, E611 for a newer version. */
  static async read(disk: Disk, folder: string, owner: Owner, sync: boolean): Promise<PositionLog> {
    const bytes = await disk.read(join(folder, fileName))
    return new PositionLog(disk, folder, owner, sync, parse(bytes?.toString() ?? '', owner, join(folder, fileName)))
  }

  /** Writes all of it anew, in a file that takes the old one's place at once. */
  async rewrite(): Promise<void> {
    const path = join(this.#folder, fileName)
    const draft = `${path}.new`
    const { position, index, timeMs, files, missing } = this.written
    const lines = [
      { version: 1, ...this.#owner },
      { position, index, timeMs, files: Object.fromEntries(files), missing: [...missing] },
    ]
    const bytes = Buffer.from(lines.map(printEntry).join(''))
    const file = await this.#disk.open(draft)
    try {
      await file.truncate(0)
      await file.write(bytes, 0)
      await file.sync()
      await this.#disk.rename(draft, path)
      await this.#disk.syncFolder(this.#folder)
    } catch (thrown) {
      await file.close()
      throw thrown
    }
    await this.#file?.close()
    this.#file = file
    this.#bytes = bytes.length
  }

  /** The named files count from now on up to these lengths. Must come before the first byte goes into a file. */
  async list(files: ReadonlyMap<string, number>): Promise<void> {
    await this.#append({ files: Object.fromEntries(files) })
    for (const [name, size] of files) this.written.files.set(name, size)
  }

  /** A batch is in the files: their lengths and the new position belong together, in one line. */
  async advance(
    { position, index, timeMs }: Pick<Written, 'position' | 'index' | 'timeMs'>,
    files: ReadonlyMap<string, number>,
    missing: Set<string>,
  ): Promise<void> {
    const before = this.written.missing
    const changed = missing.size !== before.size || [...missing].some((place) => !before.has(place))
    await this.#append({
      position,
      index,
      timeMs,
      files: Object.fromEntries(files),
      ...(changed ? { missing: [...missing] } : {}),
    })
    for (const [name, size] of files) this.written.files.set(name, size)
    Object.assign(this.written, { position, index, timeMs, missing })
    if (this.#bytes > maxLogBytes) await this.rewrite()
  }

  /** Takes back what a failed change may have left. Must come before the data it spoke of is touched. */
  async undo(): Promise<void> {
    await this.#file?.truncate(this.#bytes)
    if (this.#sync) await this.#file?.sync()
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = null
  }

  async #append(entry: object): Promise<void> {
    const bytes = Buffer.from(printEntry(entry))
    const file = this.#file
    if (file === null) throw new TrestleError('E608', 'the position file is not open')
    await file.write(bytes, this.#bytes)
    if (this.#sync) await file.sync()
    this.#bytes += bytes.length
  }
}

/** Where a delivery stands, as the list of missing ones has it. */
export const placeOf = (position: number, index: number): string => `${position}-${index}`

/** Bounded: the oldest are forgotten first. */
export function addMissing(missing: Set<string>, place: string): void {
  missing.add(place)
  if (missing.size > maxMissing) {
    const [oldest] = missing
    missing.delete(oldest!)
  }
}

function printEntry(entry: object): string {
  const text = JSON.stringify(entry)
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`
}

function parse(text: string, owner: Owner, path: string): Written {
  const written: Written = { position: 0, index: -1, timeMs: 0, files: new Map(), missing: new Set() }
  const [first, ...rest] = [...entriesOf(text)]
  if (first === undefined) return written
  checkOwner(first, owner, path)
  for (const { position, index, timeMs, files, missing } of rest) {
    for (const [name, size] of Object.entries(files ?? {})) written.files.set(name, size)
    // Positions of another hub's journal say nothing about ours; lengths of files do.
    if (first.hub !== owner.hub) continue
    if (position !== undefined && index !== undefined)
      Object.assign(written, { position, index, timeMs: timeMs ?? Number.POSITIVE_INFINITY })
    if (missing !== undefined) written.missing = new Set(missing)
  }
  return written
}

/** Any line of the file; which fields it has depends on what it says. */
interface Entry {
  version?: number
  hub?: string
  connector?: string
  position?: number
  index?: number
  timeMs?: number | null
  files?: Record<string, number>
  missing?: string[]
}

function* entriesOf(text: string): Generator<Entry> {
  for (const line of text.split('\n').slice(0, -1)) {
    const json = line.slice(9)
    if (line.slice(0, 8) !== crc32(json).toString(16).padStart(8, '0')) return
    yield JSON.parse(json) as Entry
  }
}

function checkOwner(entry: Entry, owner: Owner, path: string): void {
  if ((entry.version ?? 0) > 1)
    throw new TrestleError('E611', `${path} was written by a newer version`, { detail: { place: path } })
  if (entry.connector === owner.connector) return
  throw new TrestleError('E109', `${path} says that the folder belongs to the connector \`${entry.connector}\``, {
    detail: { place: path, advice: 'give each file connector a path of its own, or remove that file' },
  })
}
