import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { TrestleError } from '../../src/contract/error.ts'
import { readOwed, readTail } from '../../src/journal/tail.ts'
import {
  aMessage,
  anOwed,
  appendNumbers,
  crashCopy,
  dataFolder,
  FaultyDisk,
  numbersOf,
  openJournal,
  range,
  readAll,
  readerOf,
  segmentsIn,
  until,
} from './journal-fixture.ts'

test('positions count up by one, and waiters are told in the order of the appends, each once', async (t) => {
  const journal = await openJournal(t, dataFolder(t))
  const settled = await Promise.all([
    appendNumbers(journal, 1, 50),
    appendNumbers(journal, 51, 50, 'files'),
    appendNumbers(journal, 101, 1),
  ])
  assert.deepEqual(
    settled.flat().map(({ token }) => token),
    range(1, 101),
  )
  assert.ok(settled.flat().every(({ error }) => error === null))
  assert.equal(journal.durable, 101)
})

test('A1: nobody is told, and no reader sees a record, before its write is back', async (t) => {
  const files = new FaultyDisk()
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder, { files })
  const told: number[] = []
  files.held = []
  const message = aMessage()
  journal.append(message, [anOwed(message)], false, { settle: (token) => told.push(token) }, 1)
  await until(() => files.held!.length === 1)
  const reader = readerOf(folder, journal)
  assert.deepEqual(told, [])
  assert.equal(readTail(journal.tail), 0)
  assert.deepEqual(reader.read(10, 1e6), [])
  assert.deepEqual(journal.tally()['kafka'], { messages: 0, bytes: 0, byRule: { readings: 0 } })
  files.letGo()
  await until(() => told.length === 1)
  assert.equal(reader.read(10, 1e6).length, 1)
  reader.close()
})

test('what arrives during a write is one commit', async (t) => {
  const files = new FaultyDisk()
  const journal = await openJournal(t, dataFolder(t), { files })
  files.held = []
  const first = appendNumbers(journal, 1, 1)
  await until(() => files.held!.length === 1)
  const rest: Promise<unknown>[] = []
  for (let number = 2; number <= 20; number += 1) {
    rest.push(appendNumbers(journal, number, 1))
    await new Promise((resolve) => setImmediate(resolve))
  }
  files.letGo()
  await Promise.all([first, ...rest])
  assert.equal(journal.report().commits, 2)
})

test('the bytes are copied: what the caller does with its buffers afterwards changes nothing', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  const message = aMessage({ payload: Buffer.from('before') })
  journal.append(message, [anOwed(message)], false, null, 0)
  message.payload.fill(0)
  await until(() => journal.durable === 1)
  const reader = readerOf(folder, journal)
  assert.equal(Buffer.from(reader.read(1, 1)[0]!.message.payload).toString(), 'before')
  reader.close()
})

test('short writes are continued until the whole commit is down', async (t) => {
  const files = new FaultyDisk()
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder, { files })
  files.writeLimit = 37
  await appendNumbers(journal, 1, 20)
  const reader = readerOf(folder, journal)
  assert.deepEqual(numbersOf(readAll(reader)), range(1, 20))
  reader.close()
})

for (const fault of [
  { code: 'EIO', landedBytes: 0 },
  { code: 'EIO', landedBytes: 100 },
  { code: 'EIO', landedBytes: 1e9 },
  { code: 'ENOSPC', landedBytes: 30 },
] as const) {
  for (const cutFails of [false, true]) {
    const landed = `${fault.code} with up to ${fault.landedBytes} bytes landed${cutFails ? ', where even cutting fails' : ''}`
    test(`a failing write (${landed}) loses nothing that was settled and goes on by itself`, async (t) => {
      const files = new FaultyDisk()
      const folder = dataFolder(t)
      const states: [string, string | null][] = []
      const journal = await openJournal(t, folder, {
        files,
        onState: (state, error) => states.push([state, error?.code ?? null]),
      })
      const reader = readerOf(folder, journal)
      await appendNumbers(journal, 1, 10)
      files.fault = fault
      files.cutFails = cutFails
      const lost = await appendNumbers(journal, 11, 5)
      assert.deepEqual(
        lost.map(({ token, error }) => [token, error?.code, error?.retry]),
        range(11, 5).map((token) => [token, 'E504', 'later']),
      )
      assert.equal(journal.append(aMessage(), [], false, null, 0), -1)
      assert.equal(journal.error?.code, 'E504')
      assert.equal(journal.report().state, 'failing')
      assert.deepEqual(numbersOf(readAll(reader)), range(1, 10))
      files.fault = null
      files.cutFails = false
      await until(() => journal.error === null)
      await appendNumbers(journal, 20, 10)
      assert.equal(journal.durable, 20)
      const later = readAll(reader)
      assert.deepEqual(numbersOf(later), range(20, 10))
      assert.deepEqual(
        later.map((record) => [record.position, record.owed[0]!.ordinal]),
        range(11, 10).map((position) => [position, position]),
      )
      assert.deepEqual(states, [
        ['failing', 'E504'],
        ['writing', null],
      ])
      // A reader that starts afresh, and a hub that starts again, see the same.
      const copy = crashCopy(t, folder)
      const again = await openJournal(t, copy)
      assert.equal(again.durable, 20)
      const fresh = readerOf(copy, again)
      assert.deepEqual(numbersOf(readAll(fresh)), [...range(1, 10), ...range(20, 10)])
      fresh.close()
      reader.close()
    })
  }
}

test('a fault at the very first write leaves a reader that was there before it unharmed', async (t) => {
  const files = new FaultyDisk()
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder, { files })
  const reader = readerOf(folder, journal)
  assert.deepEqual(reader.read(1, 1), [])
  files.fault = { code: 'EIO', landedBytes: 1e9 }
  files.cutFails = true
  await appendNumbers(journal, 1, 3)
  files.fault = null
  files.cutFails = false
  await until(() => journal.error === null)
  await appendNumbers(journal, 10, 3)
  assert.deepEqual(numbersOf(readAll(reader)), [10, 11, 12])
  assert.equal(segmentsIn(folder).length, 1)
  reader.close()
})

test('all batches behind a failed write are settled with its error, in order', async (t) => {
  const files = new FaultyDisk()
  const journal = await openJournal(t, dataFolder(t), { files })
  files.held = []
  const big = Buffer.alloc(700_000)
  const told: [number, string | undefined][] = []
  const waiter = { settle: (token: number, error: TrestleError | null) => told.push([token, error?.code]) }
  for (let token = 1; token <= 6; token += 1) {
    const message = aMessage({ payload: big })
    journal.append(message, [anOwed(message)], false, waiter, token)
    if (token === 1) await until(() => files.held!.length === 1)
  }
  files.fault = { code: 'EIO', landedBytes: 10 }
  files.letGo()
  await until(() => told.length === 6)
  assert.deepEqual(
    told,
    range(1, 6).map((token) => [token, 'E504']),
  )
  files.fault = null
  await until(() => journal.error === null)
})

test('A8: what is lost with a failed write and nobody waits for is told once, and counted by rule', async (t) => {
  const files = new FaultyDisk()
  const told: [number, string][] = []
  const onLost = (records: number, error: TrestleError) => told.push([records, error.code])
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder, { files, onLost })
  const heard: (string | undefined)[] = []
  const waiter = { settle: (_: number, error: TrestleError | null) => heard.push(error?.code) }
  const message = aMessage({ payload: Buffer.alloc(700_000) })
  const both = [anOwed(message), anOwed(message, { sink: 'files' })]
  const other = [anOwed(message, { rule: 'other' })]
  journal.append(message, both, false, null, 0)
  await until(() => journal.durable === 1)
  assert.equal(journal.lost().size, 0)
  files.held = []
  journal.append(message, both, false, null, 0)
  journal.append(message, both, false, waiter, 1)
  await until(() => files.held!.length === 1)
  journal.append(message, both, false, null, 0)
  journal.append(message, other, false, null, 0)
  journal.append(message, other, false, waiter, 2)
  files.fault = { code: 'EIO', landedBytes: 10 }
  files.letGo()
  await until(() => heard.length === 2)
  assert.deepEqual(told, [[3, 'E504']])
  assert.deepEqual([...journal.lost()].toSorted(), [
    ['other', 1],
    ['readings', 4],
  ])
  files.fault = null
  await until(() => journal.error === null)
  journal.append(message, both, false, null, 0)
  await until(() => journal.durable === 2)
  assert.equal(journal.lost().get('readings'), 4, 'what is written later is not lost')
  assert.equal(journal.tally()['kafka']!.messages, 2)
})

test('A7: at its size limit it refuses with E505, and takes again by itself when segments are released', async (t) => {
  const folder = dataFolder(t)
  const states: string[] = []
  const journal = await openJournal(t, folder, { maxBytes: 200_000, onState: (state) => states.push(state) })
  const message = aMessage({ payload: Buffer.alloc(1000) })
  let last = 0
  for (;;) {
    const position = journal.append(message, [anOwed(message)], false, null, 0)
    if (position === -1) break
    last = position
    if (last % 10 === 0) await until(() => journal.durable === last)
  }
  assert.equal(journal.error?.code, 'E505')
  assert.equal(journal.error?.retry, 'later')
  assert.equal(journal.report().state, 'full')
  await until(() => journal.durable === last)
  assert.ok(journal.report().bytes <= 200_000)
  assert.ok(last > 150, `${last}`)
  journal.release(Math.floor(last / 2))
  await until(() => journal.error === null)
  assert.equal(journal.append(message, [anOwed(message)], false, null, 0), last + 1)
  assert.deepEqual(states, ['full', 'writing'])
})

test('a full journal whose newest segment alone fills it lets that go when nobody is owed it', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder, { maxBytes: 40_000 })
  const message = aMessage({ payload: Buffer.alloc(38_000) })
  assert.equal(journal.append(message, [anOwed(message)], false, null, 0), 1)
  await until(() => journal.durable === 1)
  assert.equal(journal.append(message, [anOwed(message)], false, null, 0), -1)
  journal.release(1)
  await until(() => journal.error === null)
  assert.equal(journal.append(message, [anOwed(message)], false, null, 0), 2)
  await until(() => journal.durable === 2)
  assert.deepEqual(segmentsIn(folder).map(Number.parseFloat), [2])
})

test('a record that can never fit is refused with E505 and does not keep others out', async (t) => {
  const journal = await openJournal(t, dataFolder(t), { maxBytes: 40_000 })
  const giant = aMessage({ payload: Buffer.alloc(50_000) })
  assert.equal(journal.append(giant, [anOwed(giant)], false, null, 0), -1)
  assert.equal(journal.error?.code, 'E505')
  await until(() => journal.error === null)
  await appendNumbers(journal, 1, 1)
})

test('released segments are unlinked, never one that holds something owed, never the newest', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder, { segmentBytes: 1500 })
  for (let number = 1; number <= 60; number += 1) await appendNumbers(journal, number, 1)
  const firsts = segmentsIn(folder).map(Number.parseFloat)
  assert.ok(firsts.length > 4)
  journal.release(firsts[2]! - 2)
  await until(() => segmentsIn(folder).length === firsts.length - 1)
  journal.release(firsts[2]! - 1)
  await until(() => segmentsIn(folder).length === firsts.length - 2)
  journal.release(60)
  await until(() => segmentsIn(folder).length === 1)
  assert.equal(journal.report().segments, 1)
  assert.equal(journal.report().oldestMs, null)
  assert.equal(journal.report().bytes, fs.statSync(path.join(folder, segmentsIn(folder)[0]!)).size)
  await journal.close()
  const again = await openJournal(t, folder)
  assert.equal(again.durable, 60)
  assert.equal(again.tally()['kafka']!.messages, 60)
})

test('a segment that cannot be removed is told once, takes room, and goes when it can', async (t) => {
  const files = new FaultyDisk()
  const told: string[] = []
  const folder = dataFolder(t)
  const onStuck = (file: string, error: Error) => told.push(`${path.basename(file)} ${error.message}`)
  const journal = await openJournal(t, folder, { files, segmentBytes: 1000, onStuck })
  for (let number = 1; number <= 30; number += 1) await appendNumbers(journal, number, 1)
  const before = segmentsIn(folder)
  assert.ok(before.length > 3)
  const { bytes } = journal.report()
  files.unlinkFails = true
  journal.release(journal.durable)
  await until(() => told.length > 0)
  journal.release(journal.durable)
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual(told, [`${before[0]} EIO: injected`])
  assert.deepEqual([segmentsIn(folder).length, journal.report().bytes], [before.length, bytes])
  files.unlinkFails = false
  journal.release(journal.durable)
  await until(() => segmentsIn(folder).length === 1)
  await until(() => journal.report().bytes < bytes)
  assert.equal(told.length, 1)
})

test('a name the dictionary does not hold starts a new segment, learnt names do not start one each', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await appendNumbers(journal, 1, 1)
  journal.learn(['a', 'b', 'c'])
  for (const rule of ['a', 'b', 'c', 'd']) {
    const message = aMessage()
    const position = journal.append(message, [anOwed(message, { rule })], false, null, 0)
    await until(() => journal.durable === position)
  }
  assert.deepEqual(segmentsIn(folder).map(Number.parseFloat), [1, 2, 5])
  const reader = readerOf(folder, journal)
  assert.deepEqual(
    readAll(reader).map((record) => record.owed[0]!.rule),
    ['readings', 'a', 'b', 'c', 'd'],
  )
  reader.close()
})

test('totals by sink and rule are kept over restarts, for sinks that are configured no more too', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  const message = aMessage({ payload: Buffer.alloc(10) })
  const owed = [
    anOwed(message),
    anOwed(message, { rule: 'other' }),
    anOwed(message, { sink: 'old', rule: '__proto__' }),
  ]
  for (let count = 0; count < 3; count += 1) journal.append(message, owed, false, null, 0)
  await until(() => journal.durable === 3)
  const expected = {
    kafka: { messages: 6, bytes: 60, byRule: { readings: 3, other: 3 } },
    files: { messages: 0, bytes: 0, byRule: {} },
    old: { messages: 3, bytes: 30, byRule: Object.fromEntries([['__proto__', 3]]) },
  }
  assert.deepEqual(journal.tally(), expected)
  assert.deepEqual(readOwed(journal.tail, 0), { messages: 6, bytes: 60 })
  const { hub } = journal
  await journal.close()
  const second = await openJournal(t, folder, { sinks: ['files', 'kafka'] })
  assert.equal(second.hub, hub)
  assert.deepEqual(second.tally(), expected)
  assert.deepEqual(readOwed(second.tail, 1), { messages: 6, bytes: 60 })
  second.append(message, owed, false, null, 0)
  await until(() => second.durable === 4)
  await second.close()
  const third = await openJournal(t, folder)
  assert.equal(third.tally()['old']!.messages, 4)
})

test('a message larger than a commit or a chunk passes whole', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  const big = aMessage({ payload: Buffer.alloc(6_000_000, 'abc') })
  await appendNumbers(journal, 1, 3)
  journal.append(big, [anOwed(big)], false, null, 0)
  await appendNumbers(journal, 5, 3)
  const reader = readerOf(folder, journal)
  const records = readAll(reader)
  assert.equal(records.length, 7)
  assert.ok(Buffer.from(records[3]!.message.payload).equals(big.payload))
  reader.close()
})

test('a disk that does not keep up fills a bounded queue, then appends are refused until it does', async (t) => {
  const files = new FaultyDisk()
  const journal = await openJournal(t, dataFolder(t), { files })
  files.held = []
  const message = aMessage({ payload: Buffer.alloc(500_000) })
  let taken = 0
  while (journal.append(message, [anOwed(message)], false, null, 0) !== -1) taken += 1
  assert.equal(journal.error?.code, 'E406')
  assert.ok(taken > 50 && taken < 80, `${taken}`)
  files.letGo()
  await until(() => journal.durable === taken)
  assert.equal(journal.error, null)
})

test('close writes what it has, tells everyone, and refuses afterwards', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  const all = appendNumbers(journal, 1, 100)
  const closed = journal.close()
  assert.equal(journal.append(aMessage(), [], false, null, 0), -1)
  assert.equal(journal.error?.code, 'E902')
  await closed
  assert.equal((await all).length, 100)
  const again = await openJournal(t, folder)
  assert.equal(again.durable, 100)
})

test('close does not hang while the disk fails', async (t) => {
  const files = new FaultyDisk()
  const journal = await openJournal(t, dataFolder(t), { files })
  files.fault = { code: 'EIO', landedBytes: 0 }
  await appendNumbers(journal, 1, 1)
  await journal.close()
})
