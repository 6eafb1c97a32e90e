import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { TrestleError } from '../../src/contract/error.ts'
import type { DeadLetter } from '../../src/outbox/dead-letter.ts'
import { DeadLetters } from '../../src/outbox/dead-letters.ts'
import { messageOf, owedOf } from '../support/owed.ts'

let folder = ''
let store: DeadLetters
const path = (): string => join(folder, 'dead-letters.sqlite')
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trestle-letters-'))
  store = new DeadLetters(path(), 1e9)
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

const letter = (position: number, index = 0, sink = 'lake'): DeadLetter => {
  const message = messageOf()
  const owed = owedOf({ sink, payload: message.payload })
  return {
    delivery: { ...owed, id: `hub-${position}-${index}`, position, index, attempt: 2, message },
    error: new TrestleError('E605', 'too large'),
    timeMs: 1000,
  }
}

const listed = (from: DeadLetters): string[] => from.list({}).map(({ id }) => id)

test('nothing is opened before there is something to keep', () => {
  assert.equal(existsSync(path()), false)
  assert.deepEqual(store.list({}), [])
  assert.equal(store.discard({}), 0)
  assert.equal(store.last({}), null)
  assert.equal(existsSync(path()), false)
})

test('A6: what is kept is there again after a restart, in journal order, counted by sink', () => {
  store.putMany([letter(10), letter(9, 1), letter(9, 0, 'other')])
  store.close()
  store = new DeadLetters(path(), 1e9)
  assert.deepEqual(listed(store), ['9-0', '9-1', '10-0'])
  assert.deepEqual(store.counts(), { lake: 2, other: 1 })
  assert.equal(store.last({ sink: 'other' }), '9-0')
  assert.deepEqual([...store.keptAfter('lake', 9)], ['10-0'])
})

test('keeping the same once more changes nothing', () => {
  store.putMany([letter(1), letter(2)])
  store.putMany([letter(2), letter(3)])
  assert.deepEqual(listed(store), ['1-0', '2-0', '3-0'])
  assert.equal(store.count('lake'), 3)
})

test('all or none is kept', () => {
  const broken = letter(2)
  Object.assign(broken.delivery, { rule: Symbol('cannot be stored') })
  assert.throws(() => store.putMany([letter(1), broken]), { code: 'E504' })
  assert.deepEqual(listed(store), [])
  assert.equal(store.count('lake'), 0)
  store.putMany([letter(1)])
  assert.deepEqual(listed(store), ['1-0'])
})

test('an option that looks like stored bytes but is not stays what it was', () => {
  const odd = letter(1)
  odd.delivery.options = { plain: { $bytes: 7 }, bytes: new Uint8Array([1]) }
  store.putMany([odd])
  assert.deepEqual(store.show('1-0')!.owed.options, { plain: { $bytes: 7 }, bytes: new Uint8Array([1]) })
})

test('is discarded by filter, by ids with or without the hub, and up to a number', () => {
  store.putMany([1, 2, 3, 4, 5].map((position) => letter(position)))
  assert.equal(store.discard({ ids: ['hub-2-0', '4-0', '77-0'] }), 2)
  assert.equal(store.discard({ limit: 1 }), 1)
  assert.deepEqual(listed(store), ['3-0', '5-0'])
  assert.equal(store.discard({ sink: 'nobody' }), 0)
  assert.equal(store.discard({ after: '3-0' }), 1)
  assert.equal(store.count('lake'), 1)
})

test('A7: when it is full it takes nothing more, loses nothing, and takes again when some is discarded', () => {
  const heavy = (position: number): DeadLetter => {
    const made = letter(position)
    const message = messageOf({ payload: new Uint8Array(10_000) })
    return { ...made, delivery: { ...made.delivery, message, payload: message.payload } }
  }
  store.close()
  store = new DeadLetters(path(), 25_000)
  for (const position of [1, 2, 3]) store.putMany([heavy(position)])
  const { sizeBytes } = store
  assert.ok(sizeBytes > 30_000 && sizeBytes < 33_000)
  assert.throws(() => store.putMany([heavy(4)]), { code: 'E406', retry: 'later' })
  assert.deepEqual(listed(store), ['1-0', '2-0', '3-0'])
  store.close()
  store = new DeadLetters(path(), 25_000)
  assert.equal(store.sizeBytes, sizeBytes, 'it is counted when it is opened')
  assert.throws(() => store.putMany([heavy(4)]), { code: 'E406' })
  assert.equal(store.discard({ ids: ['2-0'] }), 1)
  store.putMany([heavy(4)])
  assert.deepEqual(listed(store), ['1-0', '3-0', '4-0'])
  assert.equal(store.discard({}), 3)
  assert.deepEqual([store.sizeBytes, store.counts()], [0, {}])
})

test('what is kept already weighs once', () => {
  store.putMany([letter(1)])
  const { sizeBytes } = store
  store.putMany([letter(1)])
  assert.equal(store.sizeBytes, sizeBytes)
})
