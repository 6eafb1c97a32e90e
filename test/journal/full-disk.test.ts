import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type { TrestleError } from '../../src/contract/error.ts'
import type { Journal } from '../../src/journal/journal.ts'
import {
  aMessage,
  anOwed,
  appendNumbers,
  openJournal,
  readAll,
  readerOf,
  segmentsIn,
  until,
} from './journal-fixture.ts'

const isRoot = process.getuid?.() === 0
const skip = isRoot ? false : 'mounting a small tmpfs needs root'
if (!isRoot && process.env['CI'] === 'true' && process.platform === 'linux') {
  throw new Error('CI runs as root: the full disk must be tested there')
}

/** Appends until the journal refuses or fails; answers what was settled without an error. */
async function fill(journal: Journal): Promise<number[]> {
  const stored: number[] = []
  let open = 0
  const waiter = {
    settle(token: number, error: TrestleError | null) {
      open -= 1
      if (error === null) stored.push(token)
    },
  }
  const message = aMessage({ payload: Buffer.alloc(5000, 'x') })
  for (let taken = true; taken; ) {
    for (let burst = 0; burst < 10 && taken; burst += 1) {
      const next = journal.report().appended + 1
      taken = journal.append(message, [anOwed(message)], false, waiter, next) !== -1
      if (taken) open += 1
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => open === 0)
  return stored
}

/** A disk of 4 MiB of the test's own, as the journal's folder on it. */
function smallDisk(t: TestContext): string {
  const mount = fs.mkdtempSync(path.join(os.tmpdir(), 'trestle-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount])
  t.after(() => {
    execFileSync('umount', ['-l', mount])
    fs.rmdirSync(mount)
  })
  return path.join(mount, 'journal')
}

/** Waits until what a failed write left behind is cut away. */
const untilCut = (journal: Journal, folder: string): Promise<void> =>
  until(() => {
    const sizes = segmentsIn(folder).map((name) => fs.statSync(path.join(folder, name)).size)
    return sizes.reduce((sum, size) => sum + size, 0) === journal.report().bytes
  })

/** Takes the last byte of the disk, as another program would. */
function stuff(file: string): void {
  const fd = fs.openSync(file, 'w')
  for (const size of [65_536, 4096, 1]) {
    const bytes = Buffer.alloc(size)
    try {
      while (fs.writeSync(fd, bytes) > 0);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
    }
  }
  fs.closeSync(fd)
}

test('A1: a full disk: nothing is settled that is not stored, and it goes on by itself when space returns', {
  skip,
}, async (t) => {
  const folder = smallDisk(t)
  const filler = path.join(folder, '..', 'filler')
  fs.writeFileSync(filler, Buffer.alloc(1_000_000))
  const journal = await openJournal(t, folder, { sync: 'always' })

  const stored = await fill(journal)
  assert.equal(journal.error?.code, 'E504')
  assert.match(journal.error!.message, /ENOSPC/)
  assert.ok(stored.length > 50)
  assert.equal(journal.durable, stored.length)
  await untilCut(journal, folder)
  stuff(`${filler}2`)
  await new Promise((resolve) => setTimeout(resolve, 1200))
  assert.equal(journal.error?.code, 'E504', 'the disk is still full')

  fs.rmSync(filler)
  await until(() => journal.error === null)
  await appendNumbers(journal, 1, 5)
  const reader = readerOf(folder, journal)
  const records = readAll(reader, 100)
  assert.equal(records.length, stored.length + 5)
  assert.deepEqual(
    records.map((record) => record.owed[0]!.ordinal),
    records.map((_, index) => index + 1),
  )
  reader.close()
  await journal.close()
  const again = await openJournal(t, folder)
  assert.equal(again.durable, stored.length + 5)
  await again.close()
})

for (const segmentBytes of [500_000, 64_000_000]) {
  test(`a disk full to its last byte gets room by delivering (segments of ${segmentBytes})`, { skip }, async (t) => {
    const folder = smallDisk(t)
    const journal = await openJournal(t, folder, { sync: 'always', segmentBytes })
    const stored = await fill(journal)
    assert.equal(journal.error?.code, 'E504')
    await untilCut(journal, folder)
    stuff(path.join(folder, '..', 'filler'))
    await new Promise((resolve) => setTimeout(resolve, 700))
    assert.equal(journal.error?.code, 'E504')
    journal.release(journal.durable)
    await until(() => journal.error === null)
    await appendNumbers(journal, stored.length + 1, 20)
    assert.ok(journal.report().bytes < 100_000, 'all room is there again')
    await journal.close()
  })
}
