import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { CursorFile, type CursorState, freshCursor } from '../../src/outbox/cursor.ts'

const slotBytes = 16 * 1024 * 1024
let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trestle-cursor-'))
  path = join(folder, 'lake.cursor')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const at = (position: number): CursorState => ({
  ...freshCursor('hub1', 'lake'),
  position,
  ordinal: position * 2,
  ranges: [[position * 2 + 3, position * 2 + 9]],
  settled: position * 2 + 7,
  settledBytes: 1234,
  byRule: { telemetry: { delivered: position, deadLettered: 1, dropped: 0, expired: 2 } },
})

const reopen = async (): Promise<CursorState | null> => {
  const file = new CursorFile(path)
  await file.close()
  return file.found
}

const spoil = (slot: number): void => {
  const fd = openSync(path, 'r+')
  writeSync(fd, Buffer.from('spoiled'), 0, 7, slot * slotBytes + 30)
  closeSync(fd)
}

test('a new cursor holds nothing, and gives back what was written last', async () => {
  const file = new CursorFile(path)
  assert.equal(file.found, null)
  for (const position of [1, 2, 3]) assert.equal(file.write(at(position)), true)
  await file.close()
  assert.deepEqual(await reopen(), at(3))
})

test('a torn write costs only what came after the last sync', async () => {
  const file = new CursorFile(path)
  file.write(at(1))
  await file.sync()
  file.write(at(2))
  file.write(at(3))
  await file.close()
  spoil(1)
  assert.deepEqual(await reopen(), at(1))
})

test('writes between two syncs never touch the slot that was synced', async () => {
  const file = new CursorFile(path)
  for (let round = 0; round < 4; round++) {
    file.write(at(round * 10 + 1))
    await file.sync()
    file.write(at(round * 10 + 2))
    file.write(at(round * 10 + 3))
  }
  await file.close()
  // Synced in slots 0, 1, 0, 1; the last unsynced one lies in slot 0.
  spoil(0)
  assert.deepEqual(await reopen(), at(31))
})

test('a write while a sync is under way is put off, not torn', async () => {
  const file = new CursorFile(path)
  file.write(at(1))
  const syncing = file.sync()
  assert.equal(file.write(at(2)), false)
  await syncing
  assert.equal(file.write(at(2)), true)
  await file.close()
  assert.deepEqual(await reopen(), at(2))
})

test('a cursor whose two slots are damaged is refused with advice', async () => {
  const file = new CursorFile(path)
  file.write(at(1))
  await file.sync()
  file.write(at(2))
  await file.close()
  spoil(0)
  spoil(1)
  assert.throws(() => new CursorFile(path), { code: 'E503' })
})

test('a cursor of a newer format is refused and left as it is', async () => {
  const file = new CursorFile(path)
  file.write(at(1))
  await file.close()
  const fd = openSync(path, 'r+')
  writeSync(fd, Buffer.from([0, 0, 0, 99]), 0, 4, 4)
  closeSync(fd)
  assert.throws(() => new CursorFile(path), { code: 'E502' })
})

test('the file is sparse: it takes a few pages, not two slots', async () => {
  const file = new CursorFile(path)
  file.write(at(1))
  await file.sync()
  file.write(at(2))
  await file.close()
  assert.ok(statSync(path).blocks * 512 < 256 * 1024)
})
