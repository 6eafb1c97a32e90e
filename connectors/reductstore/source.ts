import {
  type ConnectorContext,
  Inbound,
  type InboundOptions,
  type Intake,
  type Source,
  TrestleError,
} from 'trestle/contract'
import { headersFrom, type ReadRecord, readBatch } from './batch-reader.ts'
import { headerOf, ReductClient } from './client.ts'
import { matchesEntry } from './entries.ts'
import { fromStatus, fromThrown } from './errors.ts'
import type { ReductOptions, ReductSourceOptions } from './options.ts'
import { Positions, positionName } from './positions.ts'
import { type EntryInfo, Reading } from './reading.ts'
import { type Stretch, startOf, stretchesOf } from './stretches.ts'

/**
 * ReductStore as a source: asks what entries there are and how far each goes, reads what is new to its end, and asks
 * again. The server's own continuous query is not used: it knows only the entries there were when it began, passes over
 * a record that was still being written while a newer one was read, and looks for news only every quarter of its time
 * to live. How far was read is kept once the hub has the records.
 */
export class ReductSource implements Source {
  readonly #options: ReductOptions
  readonly #source: ReductSourceOptions
  readonly #context: ConnectorContext
  readonly #client: ReductClient
  readonly #inbound: Inbound
  readonly #bucket: string
  readonly #readings = new Map<string, Reading>()
  #positions: Positions | null = null
  #intake: Intake | null = null
  #first = false
  #out = { records: 0, bytes: 0 }
  #paused = false
  #closed = false
  #wake: (() => void) | null = null
  #done: Promise<void> = Promise.resolve()

  constructor(options: ReductOptions, source: ReductSourceOptions, context: ConnectorContext) {
    this.#options = options
    this.#source = source
    this.#context = context
    this.#client = new ReductClient(options)
    this.#inbound = new Inbound(source as unknown as InboundOptions, context.name)
    this.#bucket = source.bucket ?? options.bucket
  }

  async open(intake: Intake): Promise<void> {
    const { entries, look_back_ms: lookBackMs, position } = this.#source
    await this.#client.open()
    // The bucket must be there, and a condition must be one, before it is said that messages flow.
    const infos = await this.#list()
    await this.#query(
      infos.slice(0, 1).map(({ name }) => name),
      0,
      1,
    )
    const name = position ?? positionName(this.#options.url, this.#bucket, entries)
    this.#positions = new Positions(this.#context.folder, name, lookBackMs)
    this.#first = this.#positions.isNew
    this.#intake = intake
    this.#meet(infos)
    this.#done = this.#run(intake)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#wake?.()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake?.()
    this.#client.close()
    await this.#done
    this.#positions?.close()
    this.#positions = null
  }

  async #run(intake: Intake): Promise<void> {
    try {
      while (!this.#closed) {
        const found = this.#paused ? 0 : await this.#pass()
        if (found === 0) await this.#wait(this.#source.poll_ms)
      }
    } catch (thrown) {
      if (!this.#closed) intake.lost(fromThrown(thrown, this.#client.place))
    }
  }

  /** Reads all that is new now; answers how many records that was. */
  async #pass(): Promise<number> {
    const infos = await this.#list()
    this.#meet(infos)
    let found = 0
    for (const stretch of stretchesOf(infos, this.#readings, this.#context.now())) {
      if (this.#closed || this.#paused) break
      found += await this.#read(stretch)
    }
    return found
  }

  /** The entries this source reads, as they are now. */
  async #list(): Promise<EntryInfo[]> {
    const answer = await this.#client.must({ method: 'GET', path: `/b/${this.#bucket}` })
    const { entries } = JSON.parse(answer.body.toString('utf8')) as { entries: EntryInfo[] }
    return entries.filter(({ name }) => matchesEntry(name, this.#source.entries))
  }

  /** Begins with entries that are new, and forgets those that are gone. */
  #meet(infos: readonly EntryInfo[]): void {
    const positions = this.#positions!
    const { look_back_ms: lookBackMs } = this.#source
    const there = new Set<string>()
    for (const info of infos) {
      there.add(info.name)
      if (this.#readings.has(info.name)) continue
      const known = positions.get(info.name)
      if (
        known !== undefined &&
        info.record_count > 0 &&
        info.oldest_record > known.mark &&
        known.mark >= known.floor
      ) {
        const facts = { entry: info.name, readTo: known.mark, oldest: info.oldest_record }
        this.#context.log('warn', 'reductstore.maybe-evicted-unread', facts)
      }
      const position = known ?? positions.begin(info.name, startOf(this.#source.start, info, this.#first))
      this.#readings.set(info.name, new Reading(info.name, position, lookBackMs, this.#context.now()))
    }
    this.#first = false
    for (const name of [...positions.entries]) {
      if (there.has(name)) continue
      positions.forget(name)
      this.#readings.delete(name)
    }
  }

  /** Reads a stretch to its end; answers how many records were handed in. */
  async #read(stretch: Stretch): Promise<number> {
    const { parts, from, to, lookBack } = stretch
    const byEntry = new Map(
      parts.map((part) => [part.reading.entry, { ...part, highBefore: part.reading.high, found: 0 }]),
    )
    const query = await this.#query([...byEntry.keys()], from, to + 1)
    if (query === null) return 0
    let found = 0
    for (let last = false; !last; ) {
      await this.#room()
      if (this.#closed) return found
      const headers = ['x-reduct-query-id', String(query)]
      const answer = await this.#client.ask({ method: 'GET', path: `/io/${this.#bucket}/read`, headers })
      if (this.#closed) return found
      if (answer.status === 204) break
      // The hub was full for so long that the server forgot the query: what is left is read by the next.
      if (answer.status === 404 && /query/i.test(answer.said ?? '')) return found
      if (answer.status >= 300) throw fromStatus(answer.status, answer.said, `${this.#client.place} ${this.#bucket}`)
      last = headerOf(answer, 'x-reduct-last') === 'true'
      const taken: ReadRecord[] = []
      for (const record of readBatch(answer)) {
        const part = byEntry.get(record.entry)
        if (part === undefined || !part.reading.takes(record.timestamp)) continue
        taken.push(record)
        if (record.timestamp <= part.info.latest_record) part.found++
      }
      found += taken.length
      this.#hand(taken)
    }
    const nowMs = this.#context.now()
    for (const { reading, info, found: ofEntry } of byEntry.values()) {
      const told = this.#source.when === undefined ? ofEntry : null
      reading.finished(info, told, lookBack, nowMs, this.#source.look_back_ms)
      if (reading.isSettled && reading.high > reading.mark) this.#positions!.settle(reading.entry, reading.high, [])
    }
    return found
  }

  /** Hands records to the hub; when it has them, it is kept that they were read. */
  #hand(records: readonly ReadRecord[]): void {
    if (records.length === 0) return
    const batch = this.#inbound.begin()
    const nowMs = this.#context.now()
    let bytes = 0
    for (const record of records) {
      bytes += record.payload.byteLength
      const { entry: address, payload, timestamp } = record
      const timeMs = Math.floor(timestamp / 1000)
      this.#inbound.add(batch, { address, key: null, headers: headersFrom(record), payload, timeMs }, nowMs)
    }
    this.#out.records += records.length
    this.#out.bytes += bytes
    const byEntry = Map.groupBy(records, ({ entry }) => entry)
    const handed = [...byEntry].map(([entry, ofEntry]) => {
      const reading = this.#readings.get(entry)!
      return { entry, reading, handed: reading.hand(ofEntry.map(({ timestamp }) => timestamp)) }
    })
    void this.#intake!.take(batch.messages, batch.faults).then((receipts) => {
      this.#out.records -= records.length
      this.#out.bytes -= bytes
      this.#wake?.()
      const failed = receipts.find(({ outcome }) => outcome === 'failed')
      if (failed !== undefined) {
        if (!this.#closed) this.#intake!.lost(failed.error ?? new TrestleError('E902', 'the hub did not take records'))
        return
      }
      for (const one of handed) {
        const mark = one.reading.settle(one.handed)
        this.#positions?.settle(one.entry, mark, one.handed.timestamps)
      }
    })
  }

  /** Begins a query; null when there is nothing to ask for. `to` is not included. *Errors*: E104, the condition is none. */
  async #query(entries: readonly string[], from: number, to: number): Promise<number | null> {
    if (entries.length === 0) return null
    const { strict, when } = this.#source
    const query = {
      query_type: 'QUERY',
      entries,
      start: from,
      stop: to,
      strict,
      ...(when === undefined ? {} : { when }),
    }
    const body = [Buffer.from(JSON.stringify(query))]
    const answer = await this.#client.ask({ method: 'POST', path: `/io/${this.#bucket}/q`, body })
    if (answer.status === 422 && when !== undefined) {
      const detail = { advice: 'see the conditional queries of ReductStore for `when`' }
      throw new TrestleError('E104', `when: ${answer.said}`, { detail })
    }
    if (answer.status >= 300) throw fromStatus(answer.status, answer.said, `${this.#client.place} ${this.#bucket}`)
    return (JSON.parse(answer.body.toString('utf8')) as { id: number }).id
  }

  /** Waits until the hub may be given more. */
  async #room(): Promise<void> {
    const { max_unsettled: maxRecords, max_unsettled_bytes: maxBytes } = this.#source
    while (!this.#closed && (this.#paused || this.#out.records >= maxRecords || this.#out.bytes >= maxBytes)) {
      await this.#wait(1000)
    }
  }

  #wait(ms: number): Promise<void> {
    if (this.#closed) return Promise.resolve()
    return new Promise((done) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#wake = null
        done()
      }
      const timer = setTimeout(end, ms)
      this.#wake = end
    })
  }
}
