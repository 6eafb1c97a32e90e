import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** How far an entry was read: everything up to `mark` is safe, and of what lies beside it in time, these. */
export interface Position {
  /** *Unit*: µs since the epoch. */
  mark: number
  /** Nothing before this is wanted. *Unit*: µs since the epoch. */
  readonly floor: number
  /** Timestamps that are safe in the hub and not yet out of sight of a look back. */
  readonly safe: Set<number>
}

const maxLogBytes = 4 << 20

/**
 * Keeps how far a source was read, over crashes: a log of lines, each written at once when the hub has taken records.
 *
 *     ["sensors/a", 1700000000000004, [1700000000000000, 1700000000000004]]    entry, mark, newly safe
 *     ["sensors/a", 1699999999999999, [], 1700000000000000]                    … and the floor, when it begins
 *     ["sensors/a"]                                                            the entry is gone
 *
 * What a crash of the machine takes from its end is read again: records come twice rather than never.
 */
export class Positions {
  readonly #file: string
  readonly #lookBackUs: number
  readonly #positions = new Map<string, Position>()
  #handle: number | null = null
  #logBytes = 0
  /** Whether this source has never read before. */
  readonly isNew: boolean

  constructor(folder: string, name: string, lookBackMs: number) {
    mkdirSync(folder, { recursive: true })
    this.#file = join(folder, `position-${name}.jsonl`)
    this.#lookBackUs = lookBackMs * 1000
    this.isNew = !this.#load()
    this.#rewrite()
  }

  get(entry: string): Position | undefined {
    return this.#positions.get(entry)
  }

  get entries(): IterableIterator<string> {
    return this.#positions.keys()
  }

  /** Begins an entry behind `mark`. */
  begin(entry: string, mark: number): Position {
    const position = { mark, floor: mark + 1, safe: new Set<number>() }
    this.#positions.set(entry, position)
    this.#append([entry, mark, [], position.floor])
    return position
  }

  /** Records of an entry are safe in the hub, and with them all up to `mark`. */
  settle(entry: string, mark: number, timestamps: readonly number[]): void {
    const position = this.#positions.get(entry)
    if (position === undefined) return
    put(position, mark, timestamps, this.#lookBackUs)
    this.#append([entry, position.mark, timestamps])
  }

  forget(entry: string): void {
    this.#positions.delete(entry)
    this.#append([entry])
  }

  close(): void {
    if (this.#handle !== null) closeSync(this.#handle)
    this.#handle = null
  }

  #append(line: readonly unknown[]): void {
    if (this.#handle === null) return
    this.#logBytes += writeSync(this.#handle, `${JSON.stringify(line)}\n`)
    if (this.#logBytes > maxLogBytes) this.#rewrite()
  }

  /** False when there is no log. */
  #load(): boolean {
    let text: string
    try {
      text = readFileSync(this.#file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
    for (const line of text.split('\n')) this.#read(line)
    return true
  }

  #read(line: string): void {
    let read: [string, number?, number[]?, number?]
    try {
      read = JSON.parse(line) as typeof read
    } catch {
      // The end of a log that a crash tore.
      return
    }
    const [entry, mark, timestamps = [], floor = 0] = read
    if (mark === undefined) {
      this.#positions.delete(entry)
      return
    }
    const position = this.#positions.get(entry) ?? { mark, floor, safe: new Set<number>() }
    this.#positions.set(entry, position)
    put(position, mark, timestamps, this.#lookBackUs)
  }

  /** Makes a short log of the long one; the old one serves until the new one is whole. */
  #rewrite(): void {
    const lines = [...this.#positions].map(
      ([entry, { floor, mark, safe }]) => `${JSON.stringify([entry, mark, [...safe], floor])}\n`,
    )
    writeFileSync(`${this.#file}.new`, lines.join(''), { flush: true })
    this.close()
    renameSync(`${this.#file}.new`, this.#file)
    this.#handle = openSync(this.#file, 'a')
    this.#logBytes = 0
  }
}

function put(position: Position, mark: number, timestamps: readonly number[], lookBackUs: number): void {
  position.mark = Math.max(position.mark, mark)
  for (const timestamp of timestamps) position.safe.add(timestamp)
  const oldest = position.mark - lookBackUs
  // They were added about in the order of time: what is out of sight stands first.
  for (const timestamp of position.safe) {
    if (timestamp >= oldest) break
    position.safe.delete(timestamp)
  }
}

/** The name of a position that was given none: another server, bucket or choice of entries is another position. */
export function positionName(url: string, bucket: string, entries: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([url, bucket, entries]))
    .digest('hex')
    .slice(0, 16)
}
