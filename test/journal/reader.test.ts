import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { JournalReader } from '../../src/journal/reader.ts'
import { readOwed, readTail } from '../../src/journal/tail.ts'
import {
  aMessage,
  anOwed,
  appendNumbers,
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

test('each sink reads its own records in order, across segments, and its position passes those of others', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder, { segmentBytes: 1500 })
  for (let number = 1; number <= 90; number += 3) {
    await appendNumbers(journal, number, 2, 'kafka')
    await appendNumbers(journal, number + 2, 1, 'files')
  }
  assert.ok(segmentsIn(folder).length > 3)
  const kafka = readerOf(folder, journal, 'kafka')
  const files = readerOf(folder, journal, 'files')
  assert.deepEqual(
    numbersOf(readAll(kafka)),
    range(1, 90).filter((number) => number % 3 !== 0),
  )
  assert.deepEqual(
    numbersOf(readAll(files)),
    range(1, 90).filter((number) => number % 3 === 0),
  )
  assert.deepEqual([kafka.position, kafka.lastOrdinal, files.position, files.lastOrdinal], [90, 60, 90, 30])
  kafka.close()
  files.close()
})

test('a reader that has caught up goes on with what is appended later, also in later segments', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder, { segmentBytes: 1000 })
  const reader = readerOf(folder, journal)
  for (let number = 1; number <= 40; number += 1) {
    await appendNumbers(journal, number, 1)
    assert.deepEqual(numbersOf(reader.read(10, 1e6)), [number])
    assert.deepEqual(reader.read(10, 1e6), [])
    assert.equal(reader.position, number)
  }
  reader.close()
})

test('starting after any position, readers count the same ordinals and bytes', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder, { segmentBytes: 1200 })
  for (let number = 1; number <= 40; number += 1) {
    await appendNumbers(journal, number, 1, number % 4 === 0 ? 'files' : 'kafka')
  }
  for (let after = 0; after <= 41; after += 1) {
    const reader = readerOf(folder, journal, 'kafka', after)
    const before = range(1, Math.min(after, 40)).filter((number) => number % 4 !== 0)
    assert.equal(reader.startOrdinal, before.length, `after ${after}`)
    assert.equal(reader.unread(readOwed(journal.tail, 0)).messages, 30 - before.length)
    assert.deepEqual(
      numbersOf(readAll(reader)),
      range(1, 40).filter((number) => number % 4 !== 0 && number > after),
    )
    assert.equal(reader.position, 40)
    assert.deepEqual(reader.unread(readOwed(journal.tail, 0)), { messages: 0, bytes: 0 })
    reader.close()
  }
})

test('a reader whose position lies behind the oldest segment starts with that', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder, { segmentBytes: 1000 })
  for (let number = 1; number <= 40; number += 1) await appendNumbers(journal, number, 1)
  journal.release(30)
  const first = () => Number.parseFloat(segmentsIn(folder)[0]!)
  await until(() => first() > 20)
  const reader = readerOf(folder, journal, 'kafka', 3)
  assert.equal(reader.position, first() - 1)
  assert.equal(reader.startOrdinal, first() - 1)
  assert.deepEqual(numbersOf(readAll(reader)), range(first(), 41 - first()))
  reader.close()
})

test('starting within a segment that owes the sink nothing does not pass the first record of the next', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await appendNumbers(journal, 1, 2, 'files')
  await journal.close()
  const again = await openJournal(t, folder)
  await appendNumbers(again, 3, 2)
  const reader = readerOf(folder, again, 'kafka', 1)
  assert.equal(reader.startOrdinal, 0)
  assert.deepEqual(numbersOf(readAll(reader)), [3, 4])
  reader.close()
})

test('a sink added later reads from its first record on, with ordinals from 1', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await appendNumbers(journal, 1, 10)
  const early = readerOf(folder, journal, 'late')
  assert.deepEqual(early.read(10, 1e6), [])
  assert.equal(early.position, 10)
  await appendNumbers(journal, 11, 5)
  await appendNumbers(journal, 16, 5, 'late')
  await journal.close()
  const again = await openJournal(t, folder, { sinks: ['late', 'kafka'] })
  await appendNumbers(again, 21, 5, 'late')
  const late = readerOf(folder, again, 'late')
  assert.equal(late.startOrdinal, 0)
  const records = readAll(late)
  assert.deepEqual(numbersOf(records), range(16, 10))
  assert.deepEqual(
    records.map((record) => record.owed[0]!.ordinal),
    range(1, 10),
  )
  const unknown = readerOf(folder, again, 'nobody')
  assert.deepEqual(unknown.read(10, 1e6), [])
  assert.equal(unknown.position, 25)
  assert.deepEqual(numbersOf(readAll(early)), range(16, 5), 'its tail is that of the first journal')
  for (const reader of [early, late, unknown]) reader.close()
})

test('a record owed to one sink several times comes once, with each index and ordinal', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  const message = aMessage()
  const owed = [anOwed(message), anOwed(message, { sink: 'files' }), anOwed(message, { target: 'second' })]
  journal.append(message, owed, true, null, 0)
  journal.append(message, owed, false, null, 0)
  await until(() => journal.durable === 2)
  const reader = readerOf(folder, journal)
  assert.deepEqual(
    readAll(reader).map((record) => [record.awaited, record.owed.map((one) => [one.index, one.ordinal, one.target])]),
    [
      [
        true,
        [
          [0, 1, null],
          [2, 2, 'second'],
        ],
      ],
      [
        false,
        [
          [0, 3, null],
          [2, 4, 'second'],
        ],
      ],
    ],
  )
  reader.close()
})

test('read stops at about the bytes and the count it is given', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  const message = aMessage({ payload: Buffer.alloc(1000) })
  for (let count = 0; count < 20; count += 1) journal.append(message, [anOwed(message)], false, null, 0)
  await until(() => journal.durable === 20)
  const reader = readerOf(folder, journal)
  assert.equal(reader.read(3, 1e6).length, 3)
  assert.equal(reader.position, 3)
  assert.equal(reader.read(100, 5000).length, 5)
  assert.equal(reader.read(100, 1).length, 1)
  assert.equal(reader.read(100, 1e6).length, 11)
  reader.close()
})

test('what was read stays as it is while reading goes on', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await appendNumbers(journal, 1, 100)
  const reader = readerOf(folder, journal)
  const records = []
  for (let count = 0; count < 100; count += 1) {
    records.push(...reader.read(1, 1))
    if (count % 10 === 0) await appendNumbers(journal, 101 + count, 10)
  }
  assert.deepEqual(numbersOf(records), range(1, 100))
  reader.close()
})

test('whatever is appended, to whom, in whatever segments, is read exactly', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          sinks: fc.array(fc.constantFrom('kafka', 'files', 'third', 'fourth'), { maxLength: 4 }),
          sizeBytes: fc.nat({ max: 400 }),
          wait: fc.boolean(),
        }),
        { minLength: 1, maxLength: 60 },
      ),
      fc.nat({ max: 60 }),
      async (steps, after) => {
        const folder = dataFolder(t)
        const journal = await openJournal(t, folder, { segmentBytes: 2000 })
        for (const { sinks, sizeBytes, wait } of steps) {
          const message = aMessage({ payload: Buffer.alloc(sizeBytes) })
          const owed = sinks.map((sink) => anOwed(message, { sink }))
          const position = journal.append(message, owed, false, null, 0)
          if (wait) await until(() => journal.durable === position)
        }
        await until(() => journal.durable === steps.length)
        for (const sink of ['kafka', 'third']) {
          const reader = readerOf(folder, journal, sink, after)
          const expected = steps.flatMap(({ sinks, sizeBytes }, index) => {
            const indexes = sinks.flatMap((name, place) => (name === sink ? [place] : []))
            return index + 1 > after && indexes.length > 0 ? [[index + 1, sizeBytes, indexes]] : []
          })
          assert.deepEqual(
            readAll(reader, 3).map((one) => [one.position, one.message.payload.length, one.owed.map((o) => o.index)]),
            expected,
          )
          assert.equal(reader.lastOrdinal, journal.tally()[sink]?.messages ?? 0)
          reader.close()
        }
        await journal.close()
      },
    ),
    { numRuns: 40 },
  )
})

for (const isTold of [false, true])
  test(`another thread reads while this one writes, ${isTold ? 'told where' : 'looking for it in the folder'}`, async (t) => {
    const folder = dataFolder(t)
    const journal = await openJournal(t, folder, { segmentBytes: 20_000 })
    const source = `
    const { parentPort, workerData } = await import('node:worker_threads')
    const { JournalReader } = await import(workerData.reader)
    const { readHead, readOwed, readTail } = await import(workerData.tail)
    const { folder, shared } = workerData
    const told = workerData.isTold ? { head: () => readHead(shared), owed: () => readOwed(shared, 0).messages } : {}
    const reader = new JournalReader({ folder, sink: 'kafka', after: 0, tail: () => readTail(shared), ...told })
    const numbers = []
    while (numbers.length < 3000) {
      for (const record of reader.read(50, 1e5)) numbers.push(Number(record.message.payload.toString()))
      await new Promise((resolve) => setImmediate(resolve))
    }
    reader.close()
    parentPort.postMessage(numbers)
  `
    const src = (file: string) => `file://${path.resolve(import.meta.dirname, '../../src/journal', file)}`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
      workerData: { isTold, folder, shared: journal.tail, reader: src('reader.ts'), tail: src('tail.ts') },
    })
    const numbers = new Promise<number[]>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    for (let number = 1; number <= 3000; number += 30) {
      await appendNumbers(journal, number, 20)
      await appendNumbers(journal, 9000, 7, 'files')
      await appendNumbers(journal, number + 20, 10)
    }
    assert.deepEqual(await numbers, range(1, 3000))
  })

test('a reader never passes the tail it is given', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  for (let number = 1; number <= 10; number += 1) await appendNumbers(journal, number, 1)
  let tail = 4
  const reader = new JournalReader({ folder, sink: 'kafka', after: 0, tail: () => tail })
  assert.deepEqual(numbersOf(readAll(reader)), range(1, 4))
  tail = 9
  assert.deepEqual(numbersOf(readAll(reader)), range(5, 5))
  assert.equal(readTail(journal.tail), 10)
  reader.close()
})

test('a sink that is owed nothing more goes to the tail unread, and goes on from there', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder, { segmentBytes: 3000 })
  await appendNumbers(journal, 1, 2, 'kafka')
  const reader = readerOf(folder, journal, 'kafka')
  assert.deepEqual(numbersOf(readAll(reader)), [1, 2])
  for (let number = 3; number <= 40; number += 1) await appendNumbers(journal, number, 1, 'files')
  // Who reads what is no longer as it was written hears of it.
  for (const name of segmentsIn(folder)) {
    const file = path.join(folder, name)
    const bytes = fs.readFileSync(file)
    const fd = fs.openSync(file, 'r+')
    for (let at = bytes.indexOf('TCB1'); at >= 0; at = bytes.indexOf('TCB1', at + 1)) fs.writeSync(fd, 'gone', at)
    fs.closeSync(fd)
  }
  assert.throws(() => readAll(readerOf(folder, journal, 'files')), { code: 'E503' })
  assert.deepEqual(reader.read(10, 1e6), [])
  assert.equal(reader.position, 40)
  await appendNumbers(journal, 41, 3, 'kafka')
  assert.deepEqual(numbersOf(readAll(reader)), [41, 42, 43])
  assert.deepEqual([reader.position, reader.lastOrdinal], [43, 5])
  assert.deepEqual(reader.unread(readOwed(journal.tail, 0)), { messages: 0, bytes: 0 })
  reader.close()
})

test('what a reader gave stays as it is while it reads on', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  const reader = readerOf(folder, journal)
  const given = []
  for (let number = 0; number < 60; number += 1) {
    const message = aMessage({ payload: Buffer.alloc(number === 30 ? 600_000 : 20_000, number) })
    const waiter = Promise.withResolvers<void>()
    journal.append(message, [anOwed(message)], false, { settle: () => waiter.resolve() }, 0)
    await waiter.promise
    given.push(...reader.read(10, 1e6))
  }
  assert.equal(given.length, 60)
  for (const [number, { message }] of given.entries()) {
    assert.ok(
      message.payload.every((byte) => byte === number),
      `payload ${number}`,
    )
  }
  reader.close()
})

test('whatever is owed to whom, and through faults of the disk, readers that are told where to read miss nothing', async (t) => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('append' as const), toKafka: fc.boolean(), count: fc.nat(12) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), count: fc.integer({ min: 1, max: 20 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('fault' as const), cutFails: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('anew' as const) }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const folder = dataFolder(t)
      const disk = new FaultyDisk()
      const journal = await openJournal(t, folder, { segmentBytes: 2500, files: disk })
      let reader = readerOf(folder, journal, 'kafka')
      let number = 0
      const owed: number[] = []
      const got: number[] = []
      for (const one of steps) {
        if (one.kind === 'append' && one.count > 0) {
          await appendNumbers(journal, number + 1, one.count, one.toKafka ? 'kafka' : 'files')
          if (one.toKafka) owed.push(...range(number + 1, one.count))
          number += one.count
        } else if (one.kind === 'read') got.push(...numbersOf(reader.read(one.count, 1e6)))
        else if (one.kind === 'anew') {
          const { position } = reader
          reader.close()
          reader = readerOf(folder, journal, 'kafka', position)
        } else if (one.kind === 'fault') {
          disk.cutFails = one.cutFails
          disk.fault = { code: 'EIO', landedBytes: 150 }
          const [lost] = await appendNumbers(journal, 9000, 1)
          assert.notEqual(lost!.error, null)
          disk.fault = null
          disk.cutFails = false
          await until(() => journal.report().state === 'writing')
        }
      }
      got.push(...numbersOf(readAll(reader)))
      assert.deepEqual(got, owed)
      assert.equal(reader.position, number)
      reader.close()
      await journal.close()
    }),
    { numRuns: 6 },
  )
})
