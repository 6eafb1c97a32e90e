import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { TrestleError } from '../../src/contract/error.ts'
import { Journal } from '../../src/journal/journal.ts'
import {
  appendNumbers,
  crashCopy,
  dataFolder,
  defaults,
  numbersOf,
  openJournal,
  range,
  readAll,
  readerOf,
  segmentsIn,
} from './journal-fixture.ts'

const openCopy = (folder: string) => Journal.open({ ...defaults, folder })

const code = (expected: string) => (error: TrestleError) => {
  assert.equal(error.code, expected, error.message)
  assert.ok(error.detail.place, 'says where')
  assert.ok(error.detail.advice, 'says what to do')
  return true
}

test('a torn tail is cut at every byte of the last commit, and nothing before it is lost', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await appendNumbers(journal, 1, 3)
  const file = path.join(folder, segmentsIn(folder)[0]!)
  const before = fs.statSync(file).size
  await appendNumbers(journal, 4, 2)
  const whole = fs.readFileSync(file)
  for (let size = before; size < whole.length; size += 1) {
    const copy = crashCopy(t, folder)
    // Half of them with zeros behind, as a file system that had grown the file already leaves it.
    const torn = Buffer.concat([whole.subarray(0, size), Buffer.alloc(size % 2 === 0 ? 0 : whole.length - size)])
    fs.writeFileSync(path.join(copy, path.basename(file)), torn)
    const again = await openCopy(copy)
    assert.equal(again.durable, 3, `cut at ${size}`)
    assert.equal(again.recovery.cutBytes, torn.length - before)
    assert.equal(again.recovery.cutSegment, torn.length === before ? null : path.basename(file))
    await appendNumbers(again, 40, 1)
    const reader = readerOf(copy, again)
    assert.deepEqual(numbersOf(readAll(reader)), [1, 2, 3, 40])
    reader.close()
    await again.close()
    fs.rmSync(path.dirname(copy), { recursive: true })
  }
})

test('a torn commit whose payload looks like the journal itself is still a torn tail', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await appendNumbers(journal, 1, 3)
  const file = path.join(folder, segmentsIn(folder)[0]!)
  const other = dataFolder(t)
  const foreign = await openJournal(t, other)
  await appendNumbers(foreign, 1, 5)
  const bytes = fs.readFileSync(path.join(other, segmentsIn(other)[0]!))
  const copy = crashCopy(t, folder)
  fs.appendFileSync(path.join(copy, path.basename(file)), bytes)
  const again = await openJournal(t, copy)
  assert.equal(again.durable, 3)
})

test('a flipped bit with sound commits behind it is damage: E503 names segment and offset', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await appendNumbers(journal, 1, 3)
  const file = segmentsIn(folder)[0]!
  const offset = fs.statSync(path.join(folder, file)).size
  await appendNumbers(journal, 4, 3)
  await appendNumbers(journal, 7, 3)
  const end = fs.statSync(path.join(folder, file)).size
  for (const at of [offset + 2, offset + 5, offset + 9, offset + 40, offset + 200]) {
    const copy = crashCopy(t, folder)
    const bytes = fs.readFileSync(path.join(copy, file))
    bytes[at]! ^= 0x10
    fs.writeFileSync(path.join(copy, file), bytes)
    await assert.rejects(openCopy(copy), (error: TrestleError) => {
      assert.match(error.message, new RegExp(`${file} at byte ${offset}`))
      return code('E503')(error)
    })
    // Refusing changes nothing, and frees the folder: the same again, not E506.
    await assert.rejects(openCopy(copy), code('E503'))
    assert.equal(fs.statSync(path.join(copy, file)).size, end)
  }
})

test('a damaged segment that the operator sets aside is passed over, and none of its positions is used again', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await appendNumbers(journal, 1, 3)
  await journal.close()
  const second = await openJournal(t, folder)
  await appendNumbers(second, 4, 5)
  await second.close()
  const [, last] = segmentsIn(folder)
  fs.renameSync(path.join(folder, last!), path.join(folder, `${last}.damaged`))
  const third = await openJournal(t, folder)
  assert.ok(third.durable >= 8)
  await appendNumbers(third, 9, 1)
  const reader = readerOf(folder, third)
  const records = readAll(reader)
  assert.deepEqual(numbersOf(records), [1, 2, 3, 9])
  assert.equal(records[3]!.position, third.durable)
  reader.close()
  await third.close()
  const fourth = await openJournal(t, folder)
  assert.equal(fourth.durable, third.durable)
})

test('a reader finds damage in an older segment and says where', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await appendNumbers(journal, 1, 3)
  await journal.close()
  const file = path.join(folder, segmentsIn(folder)[0]!)
  const bytes = fs.readFileSync(file)
  bytes[bytes.length - 3]! ^= 1
  const again = await openJournal(t, folder)
  await appendNumbers(again, 4, 3)
  fs.writeFileSync(file, bytes)
  const reader = readerOf(folder, again)
  assert.throws(() => readAll(reader), code('E503'))
  reader.close()
})

test('a segment missing in the middle is E503, missing old ones are not', async (t) => {
  const folder = dataFolder(t)
  for (let round = 0; round < 4; round += 1) {
    const journal = await openJournal(t, folder)
    await appendNumbers(journal, 1, 3)
    await journal.close()
  }
  const segments = segmentsIn(folder)
  assert.equal(segments.length, 4)
  const middle = crashCopy(t, folder)
  fs.rmSync(path.join(middle, segments[1]!))
  await assert.rejects(openCopy(middle), code('E503'))
  const old = crashCopy(t, folder)
  fs.rmSync(path.join(old, segments[0]!))
  const journal = await openJournal(t, old)
  assert.equal(journal.durable, 12)
})

test('a newer version is E502, whatever else the file holds', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await appendNumbers(journal, 1, 3)
  await journal.close()
  const file = path.join(folder, segmentsIn(folder)[0]!)
  const bytes = fs.readFileSync(file)
  bytes.writeUInt32LE(2, 8)
  fs.writeFileSync(file, bytes)
  await assert.rejects(openCopy(folder), code('E502'))
})

test('a last segment that the system went down in the middle of making is removed', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await appendNumbers(journal, 1, 3)
  await journal.close()
  const whole = fs.readFileSync(path.join(folder, segmentsIn(folder)[0]!))
  for (const torn of [Buffer.alloc(0), Buffer.alloc(500), whole.subarray(0, 30), whole.subarray(0, 7)]) {
    const copy = crashCopy(t, folder)
    fs.writeFileSync(path.join(copy, '0000000000000004.trestle'), torn)
    fs.writeFileSync(path.join(copy, '0000000000000004.trestle.new'), torn)
    const again = await openJournal(t, copy)
    assert.equal(again.durable, 3)
    assert.equal(again.recovery.cutSegment, '0000000000000004.trestle')
    assert.equal(fs.readdirSync(copy).includes('0000000000000004.trestle.new'), false)
  }
  const copy = crashCopy(t, folder)
  const broken = Buffer.from(whole)
  broken[25]! ^= 1
  fs.writeFileSync(path.join(copy, segmentsIn(folder)[0]!), broken)
  await assert.rejects(openCopy(copy), code('E503'), 'a broken header before records is damage')
})

test('starting and stopping without a message leaves one segment', async (t) => {
  const folder = dataFolder(t)
  for (let round = 0; round < 3; round += 1) await (await openJournal(t, folder)).close()
  assert.deepEqual(segmentsIn(folder), ['0000000000000001.trestle'])
})

test('a folder that cannot be used is E501', async (t) => {
  const folder = dataFolder(t)
  fs.writeFileSync(folder, 'a file')
  await assert.rejects(openCopy(folder), code('E501'))
  await assert.rejects(openCopy(path.join(folder, 'below')), code('E501'))
})

test('the identity is written again from the journal when hub.json is lost, and must not contradict it', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await journal.close()
  const file = path.join(folder, '..', 'hub.json')
  fs.rmSync(file)
  const again = await openJournal(t, folder)
  assert.equal(again.hub, journal.hub)
  assert.equal(JSON.parse(fs.readFileSync(file, 'utf8')).hub, journal.hub)
  await again.close()
  fs.writeFileSync(file, '{"hub":"another"}')
  await assert.rejects(openCopy(folder), code('E503'))
  fs.writeFileSync(file, '{"hu')
  await assert.rejects(openCopy(folder), code('E503'))
})

test('A3: a journal that was removed begins anew as another hub, so that no id is given twice', async (t) => {
  const folder = dataFolder(t)
  const before = await openJournal(t, folder)
  await before.close()
  fs.rmSync(folder, { recursive: true })
  const after = await openJournal(t, folder)
  assert.notEqual(after.hub, before.hub)
  assert.equal(JSON.parse(fs.readFileSync(path.join(folder, '..', 'hub.json'), 'utf8')).hub, after.hub)
  await after.close()
  const again = await openJournal(t, folder)
  assert.equal(again.hub, after.hub)
})

test('a folder in use is E506; one whose owner is dead, or has another start time, is not', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await assert.rejects(openCopy(folder), code('E506'))
  await appendNumbers(journal, 1, 1)
  await journal.close()
  const lock = path.join(folder, 'lock')
  assert.equal(fs.existsSync(lock), false)
  const dead = spawnSync(process.execPath, ['-e', '']).pid
  const owners = [JSON.stringify({ pid: dead, started: null }), '', '{"pid":"x"}']
  if (fs.existsSync('/proc/self/stat')) owners.push(JSON.stringify({ pid: process.pid, started: 'earlier boot/1' }))
  for (const owner of owners) {
    fs.writeFileSync(lock, owner)
    await (await openCopy(folder)).close()
  }
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => name.startsWith('lock')),
    [],
  )
})

test('a failed write that landed whole behind the last durable record does not disturb the next start', async (t) => {
  const folder = dataFolder(t)
  const journal = await openJournal(t, folder)
  await appendNumbers(journal, 1, 3)
  const file = path.join(folder, segmentsIn(folder)[0]!)
  const durable = fs.readFileSync(file)
  await appendNumbers(journal, 4, 2)
  const withVoid = fs.readFileSync(file)
  fs.writeFileSync(file, durable)
  const copy = crashCopy(t, folder)
  const again = await openJournal(t, copy)
  await appendNumbers(again, 40, 4)
  fs.writeFileSync(path.join(copy, path.basename(file)), withVoid)
  await again.close()
  const third = await openJournal(t, copy)
  const reader = readerOf(copy, third)
  assert.deepEqual(numbersOf(readAll(reader)), [...range(1, 3), ...range(40, 4)])
  reader.close()
})
