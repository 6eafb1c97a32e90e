import { dirname, join } from 'node:path'
import {
  type BatchLimits,
  type ConnectorContext,
  type Delivery,
  delivered,
  notDelivered,
  type Receipt,
  type Sink,
  TrestleError,
} from 'trestle/contract'
import { asideName, prune } from './aside.ts'
import { type Disk, type DiskFile, realDisk } from './disk.ts'
import { badName, fromThrown } from './errors.ts'
import { type Format, formatOf } from './formats.ts'
import { fileNameOf } from './names.ts'
import type { FileOptions } from './options.ts'
import { addMissing, PositionLog, placeOf } from './position-log.ts'
import { repair } from './repair.ts'

/** A data file that is open. */
interface OpenFile {
  readonly file: DiskFile
  sizeBytes: number
  bornMs: number
}

/** What a batch adds to one file. */
interface Addition {
  text: string
  /** What is not text. */
  readonly parts: Buffer[]
  readonly places: number[]
}

const maxOpenFiles = 64

/**
 * Messages in files below one folder. A batch is all in or not in at all: its lines are written and synced, then one
 * line of the position log makes them count. Whatever a crash leaves beyond is cut off at the next start, and what is
 * handed over a second time although it is in the files is answered without being written.
 */
export class FileSink implements Sink {
  readonly ordering = 'total'
  readonly limits: BatchLimits
  readonly #options: FileOptions
  readonly #context: ConnectorContext
  readonly #disk: Disk
  readonly #format: Format
  readonly #open = new Map<string, OpenFile>()
  /** Handed over and not written, by refusal or failure; the position may have passed them. */
  #missing = new Set<string>()
  #log: PositionLog | null = null

  constructor(options: FileOptions, context: ConnectorContext, disk: Disk = realDisk) {
    this.#options = options
    this.#context = context
    this.#disk = disk
    this.#format = formatOf(options)
    this.limits = { count: options.batch_count, bytes: options.batch_bytes, lingerMs: options.linger_ms }
  }

  async open(): Promise<void> {
    const { path, sync } = this.#options
    const owner = { hub: this.#context.hub, connector: this.#context.name }
    try {
      await this.#disk.makeFolder(path)
      const log = await PositionLog.read(this.#disk, path, owner, sync)
      for (const [name, size] of log.written.files) await this.#repair(name, size)
      // All that is there counts now, so no file needs a length until it is written again.
      log.written.files.clear()
      await log.rewrite()
      this.#missing = new Set(log.written.missing)
      this.#log = log
    } catch (thrown) {
      throw fromThrown(thrown, path)
    }
  }

  async deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const log = this.#log
    if (log === null) throw new TrestleError('E601', 'the sink is not open')
    const receipts = new Array<Receipt>(batch.length)
    const additions = this.#sort(batch, receipts)
    try {
      const sizes = await this.#write(log, additions)
      const furthest = this.#furthest(batch)
      const missing = this.#missingAfter(batch, receipts)
      await log.advance(furthest, sizes, missing)
      this.#missing = missing
      for (const [name, size] of sizes) this.#open.get(name)!.sizeBytes = size
      for (const [name, { places }] of additions) settle(receipts, places, { ...delivered, place: name })
    } catch (thrown) {
      await this.#fail(batch, receipts, fromThrown(thrown, this.#options.path))
    }
    await this.#closeSome()
    return receipts
  }

  async close(): Promise<void> {
    for (const { file } of this.#open.values()) await file.close()
    this.#open.clear()
    await this.#log?.close()
    this.#log = null
  }

  /** What each file gets; receipts of what needs no writing are filled in. */
  #sort(batch: readonly Delivery[], receipts: Receipt[]): Map<string, Addition> {
    const additions = new Map<string, Addition>()
    const { ending } = this.#format
    for (let at = 0; at < batch.length; at++) {
      const delivery = batch[at]!
      const wanted = delivery.target ?? this.#options.file
      const name = fileNameOf(wanted, delivery.message.timeMs, ending)
      if (name === null) receipts[at] = notDelivered(badName(wanted))
      else if (this.#isWritten(delivery)) receipts[at] = { ...delivered, place: name }
      else {
        const error = this.#add(additions, name, delivery, at)
        if (error !== null) receipts[at] = notDelivered(error)
      }
    }
    return additions
  }

  #add(additions: Map<string, Addition>, name: string, delivery: Delivery, at: number): TrestleError | null {
    let printed: string | Buffer
    try {
      printed = this.#format.print(delivery)
    } catch (thrown) {
      return TrestleError.from(thrown, 'E606')
    }
    const addition = additions.get(name) ?? { text: '', parts: [], places: [] }
    additions.set(name, addition)
    if (typeof printed === 'string') addition.text += printed
    else addition.parts.push(printed)
    addition.places.push(at)
    return null
  }

  #isWritten(delivery: Delivery): boolean {
    const { position, index } = delivery
    return this.#isPassed(delivery) && !this.#isAnother(delivery) && !this.#missing.has(placeOf(position, index))
  }

  #isPassed({ position, index }: Delivery): boolean {
    const { written } = this.#log!
    return position < written.position || (position === written.position && index <= written.index)
  }

  /** It arrived after all that is written: at its place was another, and the journal was put back to an earlier state. */
  #isAnother({ message }: Delivery): boolean {
    return message.timeMs > this.#log!.written.timeMs
  }

  #furthest(batch: readonly Delivery[]): { position: number; index: number; timeMs: number } {
    let { position, index, timeMs } = this.#log!.written
    if (batch.some((delivery) => this.#isPassed(delivery) && this.#isAnother(delivery))) position = 0
    for (const delivery of batch) {
      timeMs = Math.max(timeMs, delivery.message.timeMs)
      if (delivery.position < position || (delivery.position === position && delivery.index <= index)) continue
      position = delivery.position
      index = delivery.index
    }
    return { position, index, timeMs }
  }

  #missingAfter(batch: readonly Delivery[], receipts: readonly Receipt[]): Set<string> {
    const missing = new Set(this.#missing)
    for (let at = 0; at < batch.length; at++) {
      const place = placeOf(batch[at]!.position, batch[at]!.index)
      if (receipts[at]?.outcome === 'refused') addMissing(missing, place)
      else missing.delete(place)
    }
    return missing
  }

  /** Writes and syncs; answers the new length of each file. */
  async #write(log: PositionLog, additions: ReadonlyMap<string, Addition>): Promise<Map<string, number>> {
    const sizes = new Map<string, number>()
    if (additions.size === 0) return sizes
    const { header, pack } = this.#format
    const bytes = new Map<string, Buffer>()
    for (const [name, { text, parts }] of additions) {
      bytes.set(name, await pack(text === '' ? Buffer.concat(parts) : Buffer.from(text)))
    }
    const unlisted = new Map<string, number>()
    for (const [name, added] of bytes) {
      const known = this.#open.get(name) ?? (await this.#openFile(name))
      const open = this.#isDue(known, added.length) ? await this.#rotate(log, name, known) : known
      if (log.written.files.get(name) !== open.sizeBytes) unlisted.set(name, open.sizeBytes)
    }
    if (unlisted.size > 0) await log.list(unlisted)
    for (const [name, added] of bytes) {
      const { file, sizeBytes } = this.#open.get(name)!
      const begins = sizeBytes === 0 && header.length > 0
      const all = begins ? Buffer.concat([await pack(header), added]) : added
      await file.write(all, sizeBytes)
      sizes.set(name, sizeBytes + all.length)
    }
    for (const name of bytes.keys()) if (this.#options.sync) await this.#open.get(name)!.file.sync()
    return sizes
  }

  async #openFile(name: string): Promise<OpenFile> {
    const path = join(this.#options.path, name)
    const isNew = !(await this.#disk.exists(path))
    const file = await this.#disk.open(path)
    // A name that is not durable could vanish with all its lines.
    if (isNew) await this.#disk.syncFolder(dirname(path))
    // Whatever wrote there before us may have stopped within a line: ours begins a new one.
    const { sizeBytes, bornMs } = file
    const inLine = this.#format.isLines && sizeBytes > 0 && (await file.read(sizeBytes - 1, sizeBytes))[0] !== 0x0a
    if (inLine) await file.write(Buffer.from('\n'), sizeBytes)
    const open = { file, sizeBytes: sizeBytes + (inLine ? 1 : 0), bornMs: isNew ? this.#context.now() : bornMs }
    this.#open.set(name, open)
    return open
  }

  #isDue({ sizeBytes, bornMs }: OpenFile, addedBytes: number): boolean {
    const { rotate_size_bytes: maxBytes, rotate_every_s: everySeconds } = this.#options
    if (sizeBytes === 0) return false
    if (maxBytes > 0 && sizeBytes + addedBytes > maxBytes) return true
    return everySeconds > 0 && this.#context.now() - bornMs >= everySeconds * 1000
  }

  /**
   * Puts a file aside. The order of the steps: all lines in it count already; it gets its other name, durably; only
   * then the log says that the name begins anew at 0. A crash before the log's line finds no file and begins at 0 too.
   */
  async #rotate(log: PositionLog, name: string, { file }: OpenFile): Promise<OpenFile> {
    const path = join(this.#options.path, name)
    this.#open.delete(name)
    await file.sync()
    await file.close()
    await this.#disk.rename(path, await this.#asideName(path))
    await this.#disk.syncFolder(dirname(path))
    await log.list(new Map([[name, 0]]))
    const { rotate_keep: keep } = this.#options
    if (keep > 0) await prune(this.#disk, path, this.#format.ending, keep)
    return this.#openFile(name)
  }

  #asideName(path: string): Promise<string> {
    return asideName(this.#disk, path, this.#format.ending, this.#context.now())
  }

  /** Nothing of the batch counts: it is cut off again, or, where that fails too, at the next start. */
  async #fail(batch: readonly Delivery[], receipts: Receipt[], error: TrestleError): Promise<void> {
    let told = error
    try {
      // The log first: as long as it may say that the lines are there, they must stay.
      await this.#log?.undo()
      for (const { file, sizeBytes } of this.#open.values()) await file.truncate(sizeBytes)
    } catch (thrown) {
      const { code, message, detail } = error
      told = new TrestleError(code, message, { retry: 'reconnect', detail, cause: thrown })
    }
    if (told.retry === 'reconnect') await this.close().catch(() => this.#open.clear())
    const receipt = notDelivered(told)
    for (let at = 0; at < batch.length; at++) {
      const delivery = batch[at]!
      const place = placeOf(delivery.position, delivery.index)
      if (receipts[at]?.outcome === 'delivered') continue
      addMissing(this.#missing, place)
      receipts[at] ??= receipt
    }
  }

  /** Cuts a file back to what counts. */
  async #repair(name: string, counts: number): Promise<void> {
    const path = join(this.#options.path, name)
    const done = await repair(this.#disk, path, counts, this.#format.isLines, () => this.#asideName(path))
    if (done === null) return
    const level = done.event === 'file.cut-back' ? 'info' : 'error'
    this.#context.log(level, done.event, { file: name, bytes: done.sizeBytes, known: counts })
  }

  async #closeSome(): Promise<void> {
    while (this.#open.size > maxOpenFiles) {
      const [name, { file }] = this.#open.entries().next().value!
      this.#open.delete(name)
      await file.close()
    }
  }
}

function settle(receipts: Receipt[], places: readonly number[], receipt: Receipt): void {
  for (const at of places) receipts[at] = receipt
}
