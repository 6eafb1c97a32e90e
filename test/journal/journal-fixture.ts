import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import type { TrestleError } from '../../src/contract/error.ts'
import type { Message, Owed } from '../../src/contract/message.ts'
import { type FileSystemPort, nodeFileSystem } from '../../src/journal/file-system.ts'
import { Journal, type JournalOptions } from '../../src/journal/journal.ts'
import type { JournalRecord } from '../../src/journal/port.ts'
import { JournalReader } from '../../src/journal/reader.ts'
import { readHead, readOwed, readTail } from '../../src/journal/tail.ts'

/** A data folder of the test's own; the journal's folder is `journal` in it. */
export function dataFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'trestle-journal-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return path.join(folder, 'journal')
}

export const defaults = {
  sinks: ['kafka', 'files'],
  rules: ['readings'],
  maxBytes: 1e9,
  segmentBytes: 64e6,
  spacingMs: 0,
  sync: 'os',
} as const satisfies Partial<JournalOptions>

/** An open journal that is closed at the test's end. */
export async function openJournal(
  t: TestContext,
  folder: string,
  options: Partial<JournalOptions> = {},
): Promise<Journal> {
  const journal = await Journal.open({ ...defaults, folder, ...options })
  t.after(() => journal.close())
  return journal
}

export function aMessage(change: Partial<Message> = {}): Message {
  return {
    topic: 'site/7/temperature',
    payload: Buffer.from('{"celsius":21.5}'),
    qos: 1,
    retain: false,
    properties: null,
    client: 'sensor-7',
    username: null,
    source: null,
    timeMs: 1_700_000_000_000,
    ...change,
  }
}

export function anOwed(message: Message, change: Partial<Owed> = {}): Owed {
  return {
    sink: 'kafka',
    rule: 'readings',
    target: null,
    key: null,
    orderKey: `${message.client}/${message.topic}`,
    headers: [],
    payload: message.payload,
    options: null,
    ...change,
  }
}

export interface Settled {
  token: number
  error: TrestleError | null
}

/** Appends `count` records to `sink`, each with its number as payload and token; resolves when all are settled. */
export function appendNumbers(journal: Journal, from: number, count: number, sink = 'kafka'): Promise<Settled[]> {
  const settled: Settled[] = []
  return new Promise((resolve, reject) => {
    const waiter = {
      settle(token: number, error: TrestleError | null) {
        settled.push({ token, error })
        if (settled.length === count) resolve(settled)
      },
    }
    for (let number = from; number < from + count; number += 1) {
      const message = aMessage({ payload: Buffer.from(String(number)) })
      if (journal.append(message, [anOwed(message, { sink })], false, waiter, number) === -1) reject(journal.error)
    }
  })
}

export const readerOf = (folder: string, journal: Journal, sink = 'kafka', after = 0): JournalReader =>
  new JournalReader({
    folder,
    sink,
    after,
    tail: () => readTail(journal.tail),
    head: () => readHead(journal.tail),
    ...(defaults.sinks.indexOf(sink as 'kafka') < 0
      ? {}
      : { owed: () => readOwed(journal.tail, defaults.sinks.indexOf(sink as 'kafka')).messages }),
  })

/** Everything a sink is owed, read in small bites. */
export function readAll(reader: JournalReader, maxCount = 7): JournalRecord[] {
  const all: JournalRecord[] = []
  for (;;) {
    const some = reader.read(maxCount, 1e6)
    if (some.length === 0) return all
    all.push(...some)
  }
}

export const numbersOf = (records: readonly JournalRecord[]): number[] =>
  records.map((record) => Number(Buffer.from(record.message.payload).toString()))

export const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => from + index)

export const segmentsIn = (folder: string): string[] =>
  fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.trestle'))
    .sort()

/** A copy of a data folder as a crash would leave it: without the living process's lock. */
export function crashCopy(t: TestContext, folder: string): string {
  const copy = dataFolder(t)
  fs.cpSync(path.dirname(folder), path.dirname(copy), { recursive: true })
  fs.rmSync(path.join(copy, 'lock'), { force: true })
  return copy
}

export type Fault = { code: 'ENOSPC' | 'EIO'; landedBytes: number }

const faultError = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code })

/** The real disk until told to fail: `fault` breaks writes and new files, `writeLimit` makes writes short. */
export class FaultyDisk implements FileSystemPort {
  fault: Fault | null = null
  cutFails = false
  unlinkFails = false
  writeLimit = Number.POSITIVE_INFINITY
  /** Writes are held back while set; `letGo` continues them. */
  held: (() => void)[] | null = null
  writes = 0

  async create(file: string, sync: boolean): Promise<number> {
    if (this.fault !== null) throw faultError(this.fault.code)
    return nodeFileSystem.create(file, sync)
  }

  write(
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    at: number,
    done: (error: Error | null, written: number) => void,
  ): void {
    this.writes += 1
    const go = (): void => {
      const fault = this.fault
      if (fault === null) nodeFileSystem.write(fd, bytes, offset, Math.min(length, this.writeLimit), at, done)
      else fs.write(fd, bytes, offset, Math.min(length, fault.landedBytes), at, () => done(faultError(fault.code), 0))
    }
    if (this.held === null) go()
    else this.held.push(go)
  }

  letGo(): void {
    const held = this.held ?? []
    this.held = null
    for (const go of held) go()
  }

  truncate(fd: number, sizeBytes: number): Promise<void> {
    return this.cutFails ? Promise.reject(faultError('EIO')) : nodeFileSystem.truncate(fd, sizeBytes)
  }

  close = (fd: number): Promise<void> => nodeFileSystem.close(fd)
  rename = (from: string, to: string): Promise<void> => nodeFileSystem.rename(from, to)
  unlink = (file: string): Promise<void> =>
    this.unlinkFails ? Promise.reject(faultError('EIO')) : nodeFileSystem.unlink(file)
  syncFolder = (folder: string): Promise<void> => nodeFileSystem.syncFolder(folder)
}

export async function until(condition: () => boolean, timeoutMs = 5000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not so within ${timeoutMs} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
