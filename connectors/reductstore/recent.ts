import { readBatch } from './batch-reader.ts'
import type { Item } from './batch-writer.ts'
import { headerOf, type ReductClient } from './client.ts'
import { fromStatus } from './errors.ts'

/** A block of ReductStore has so many records by default; then it is written to its own file. */
const maxOfEntry = 1100
/** The server writes the current blocks to their files at least every minute. *Unit*: ms. */
const maxAgeMs = 90_000

interface Kept {
  readonly item: Item
  readonly confirmedMs: number
}

/**
 * Copies of the newest confirmed records. ReductStore 1.21 keeps the newest block of an entry in a write-ahead log;
 * when it is killed while it appends to that, it finds the log damaged at its start, says so in its own log, and throws
 * all of it away: up to 1,024 records of an entry that it had confirmed. So when the connection was lost, the hub looks
 * whether they are still there, and writes again what is not. In memory only, and bounded.
 */
export class Recent {
  readonly #byEntry = new Map<string, Kept[]>()
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Keeps a copy of a record that was confirmed. */
  keep(item: Item, nowMs: number): void {
    const { delivery } = item
    if (delivery.payload.byteLength > this.#maxBytes / 4) return
    const { timeMs } = delivery.message
    // A delivery is valid only until its receipt: its bytes and its message are copied.
    const copy = { ...delivery, payload: Buffer.from(delivery.payload), message: { ...delivery.message, timeMs } }
    let kept = this.#byEntry.get(item.entry)
    if (kept === undefined) {
      kept = []
      this.#byEntry.set(item.entry, kept)
    }
    kept.push({ item: { ...item, delivery: copy }, confirmedMs: nowMs })
    this.#bytes += sizeOf(item)
    while (kept.length > maxOfEntry || kept[0]!.confirmedMs < nowMs - maxAgeMs)
      this.#bytes -= sizeOf(kept.shift()!.item)
    if (this.#bytes > this.#maxBytes) this.#shrink(nowMs)
  }

  get isEmpty(): boolean {
    return this.#byEntry.size === 0
  }

  clear(): void {
    this.#byEntry.clear()
    this.#bytes = 0
  }

  /** Which of the kept records are not there any more. *Errors*: of the connection and of the server. */
  async missing(client: ReductClient, bucket: string, nowMs: number): Promise<Item[]> {
    this.#dropOld(nowMs)
    const missing: Item[] = []
    for (const [entry, kept] of this.#byEntry) {
      const there = await idsThere(client, bucket, entry, kept)
      for (const { item } of kept) if (!there.has(item.delivery.id)) missing.push(item)
      // These are kept anew when they are confirmed again.
      const still = kept.filter(({ item }) => there.has(item.delivery.id))
      this.#bytes -= kept.reduce((sum, { item }) => sum + (there.has(item.delivery.id) ? 0 : sizeOf(item)), 0)
      this.#byEntry.set(entry, still)
    }
    return missing
  }

  #dropOld(nowMs: number): void {
    for (const [entry, kept] of this.#byEntry) {
      const young = kept.filter(({ confirmedMs }) => confirmedMs >= nowMs - maxAgeMs)
      for (const { item } of kept.slice(0, kept.length - young.length)) this.#bytes -= sizeOf(item)
      if (young.length === 0) this.#byEntry.delete(entry)
      else this.#byEntry.set(entry, young)
    }
  }

  /** First what is old goes, then half of what each entry has. */
  #shrink(nowMs: number): void {
    this.#dropOld(nowMs)
    if (this.#bytes <= this.#maxBytes) return
    for (const [entry, kept] of this.#byEntry) {
      for (const { item } of kept.splice(0, Math.ceil(kept.length / 2))) this.#bytes -= sizeOf(item)
      if (kept.length === 0) this.#byEntry.delete(entry)
    }
  }
}

/** With what its labels and objects take, about. */
const sizeOf = ({ delivery }: Item): number => delivery.payload.byteLength + 1000

/** Identities of the records an entry has in the stretch of the kept ones. */
async function idsThere(
  client: ReductClient,
  bucket: string,
  entry: string,
  kept: readonly Kept[],
): Promise<Set<string>> {
  let start = Number.POSITIVE_INFINITY
  let stop = 0
  for (const { item } of kept) {
    start = Math.min(start, item.timestamp)
    stop = Math.max(stop, item.timestamp + 1)
  }
  const query = JSON.stringify({ query_type: 'QUERY', entries: [entry], start, stop, only_metadata: true })
  const asked = await client.must({ method: 'POST', path: `/io/${bucket}/q`, body: [Buffer.from(query)] })
  const { id } = JSON.parse(asked.body.toString('utf8')) as { id: number }
  const ids = new Set<string>()
  for (;;) {
    const headers = ['x-reduct-query-id', String(id)]
    const answer = await client.ask({ method: 'HEAD', path: `/io/${bucket}/read`, headers })
    if (answer.status === 204) return ids
    if (answer.status >= 300) throw fromStatus(answer.status, answer.said, `${bucket}/${entry}`)
    for (const { labels } of readBatch(answer, false)) {
      for (const [name, value] of labels) if (name === 'trestle-id') ids.add(value)
    }
    if (headerOf(answer, 'x-reduct-last') === 'true') return ids
  }
}
