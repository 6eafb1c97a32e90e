import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TrestleError } from '../../src/contract/error.ts'
import { delivered, notDelivered } from '../../src/contract/receipt.ts'
import { freshCursor } from '../../src/outbox/cursor.ts'
import { Outbox, type OutboxOptions } from '../../src/outbox/outbox.ts'
import { FakeJournal } from '../support/owed.ts'

const limits = { count: 3, bytes: 1_000_000 }
const later = notDelivered(new TrestleError('E607', 'not now'))

function outboxOf(journal: FakeJournal, options: Partial<OutboxOptions> = {}) {
  const receipts: [number, string | null][] = []
  const start = options.start ?? freshCursor('hub1', journal.sink)
  const outbox = new Outbox({
    start,
    reader: journal.reader(start.position),
    deadLetters: {
      putMany: () => {
        throw new Error('no room')
      },
      keptAfter: () => new Set(),
    },
    onReceipt: (position, error) => receipts.push([position, error?.code ?? null]),
    random: () => 0.5,
    ...options,
  })
  return { outbox, receipts }
}

/** `count` records of ten bytes each, of three order keys. */
function filled(count: number): FakeJournal {
  const journal = new FakeJournal()
  for (let n = 0; n < count; n++) journal.append([{ payload: Buffer.alloc(10), orderKey: `key-${n % 3}` }], {}, true)
  return journal
}

describe('A7: a buffer that drops its oldest', () => {
  test('drops those that were never tried, oldest first, and counts them with their reason', () => {
    const { outbox, receipts } = outboxOf(filled(10))
    const batch = outbox.claim(limits, 0)
    assert.equal(outbox.dropOldest(25), 3, 'ten bytes each')
    const { drops, byRule, unaccounted, held, settled } = outbox.counts()
    assert.deepEqual(drops, { 'drop-oldest': 3 })
    assert.deepEqual([byRule['telemetry']!.dropped, unaccounted, settled], [3, 0, 3])
    assert.deepEqual(
      receipts.map(([position]) => position),
      [4, 5, 6],
    )
    assert.equal(receipts[0]![1], 'E406')
    assert.ok(held >= 3)
    outbox.settle(
      batch,
      batch.map(() => delivered),
      0,
    )
    assert.deepEqual(
      outbox.claim(limits, 0).map(({ position }) => position),
      [7, 8, 9],
    )
  })

  test('keeps what it dropped dropped over a restart, with its reason', () => {
    const journal = filled(10)
    const { outbox } = outboxOf(journal)
    outbox.claim(limits, 0)
    outbox.dropOldest(20)
    const state = outbox.snapshot()
    assert.deepEqual(state.ranges, [[4, 5]])
    const { outbox: next } = outboxOf(journal, { start: JSON.parse(JSON.stringify(state)) })
    assert.deepEqual(
      next.claim({ ...limits, count: 10 }, 0).map(({ position }) => position),
      [1, 2, 3, 6, 7, 8, 9, 10],
    )
    assert.deepEqual(next.counts().drops, { 'drop-oldest': 2 })
    assert.equal(next.counts().unaccounted, 0)
  })

  test('drops nothing more than there is, and a little at a time', () => {
    const { outbox } = outboxOf(filled(6000))
    assert.equal(outbox.dropOldest(Number.POSITIVE_INFINITY), 5000)
    assert.equal(outbox.dropOldest(Number.POSITIVE_INFINITY), 1000)
    assert.equal(outbox.dropOldest(Number.POSITIVE_INFINITY), 0)
    assert.equal(outbox.position, 6000)
    assert.equal(outbox.counts().unaccounted, 0)
  })
})

describe('D6: a sink that is removed', () => {
  test('lets go of everything: what waits, what is in trouble, what could not become a dead letter, and what is unread', () => {
    const journal = filled(30)
    const { outbox, receipts } = outboxOf(journal, { maxCount: 10 })
    const batch = outbox.claim(limits, 0)
    outbox.settle(batch, [delivered, later, notDelivered(new TrestleError('E606', 'never'))], 0)
    const lost = outbox.claim({ ...limits, count: 2 }, 0)
    outbox.lost(lost, new TrestleError('E601', 'gone'), 0)
    assert.equal(outbox.discardAll(), 29)
    const { drops, settled, unaccounted, held, keysInTrouble, parked } = outbox.counts()
    assert.deepEqual(drops, { removed: 29 })
    assert.deepEqual([settled, unaccounted, held, keysInTrouble, parked], [30, 0, 0, 0, 0])
    assert.equal(receipts.length, 30)
    assert.deepEqual(outbox.snapshot().ranges, [])
    assert.equal(outbox.position, 30)
    assert.equal(outbox.nextDueMs, null)
    journal.append([{}])
    assert.equal(outbox.claim(limits, 0).length, 1, 'what comes later is owed again')
  })
})
