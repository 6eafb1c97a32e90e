import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { TrestleError } from '../../src/contract/error.ts'
import type { Delivery } from '../../src/contract/message.ts'
import { delivered, notDelivered, type Receipt } from '../../src/contract/receipt.ts'
import { type CursorState, freshCursor } from '../../src/outbox/cursor.ts'
import type { DeadLetter } from '../../src/outbox/dead-letter.ts'
import { Outbox, type OutboxOptions } from '../../src/outbox/outbox.ts'
import { FakeJournal } from '../support/owed.ts'

const later = notDelivered(new TrestleError('E607', 'not now'))
const reconnect = notDelivered(new TrestleError('E601', 'connection reset'))
const never = notDelivered(new TrestleError('E606', 'that will never do'))
const limits = { count: 100, bytes: 1_000_000 }

const setUp = (journal: FakeJournal, options: Partial<OutboxOptions> = {}) => {
  const letters: DeadLetter[] = []
  const receipts: [number, string | null][] = []
  const start = options.start ?? freshCursor('hub1', journal.sink)
  const outbox = new Outbox({
    start,
    reader: journal.reader(start.position),
    deadLetters: { putMany: (given) => letters.push(...given), keptAfter: () => new Set() },
    onReceipt: (position, error) => receipts.push([position, error?.code ?? null]),
    random: () => 0.5,
    ...options,
  })
  return { outbox, letters, receipts }
}

const ids = (batch: readonly Delivery[]): string => batch.map(({ position, index }) => `${position}.${index}`).join(' ')
const all = (batch: readonly Delivery[], receipt: Receipt): Receipt[] => batch.map(() => receipt)

describe('claiming', () => {
  test('a delivery carries the hub, its position and its index as its identity, and counts its attempts', () => {
    const journal = new FakeJournal()
    journal.append([{}, {}])
    const { outbox } = setUp(journal)
    const batch = outbox.claim(limits, 0)
    assert.deepEqual(
      batch.map(({ id, attempt }) => [id, attempt]),
      [
        ['hub1-1-0', 1],
        ['hub1-1-1', 1],
      ],
    )
    outbox.lost(batch, new TrestleError('E601', 'gone'), 0)
    assert.deepEqual(
      outbox.claim(limits, 0).map(({ id, attempt }) => [id, attempt]),
      [
        ['hub1-1-0', 2],
        ['hub1-1-1', 2],
      ],
    )
  })

  test('one batch is out at a time', () => {
    const journal = new FakeJournal()
    for (let n = 0; n < 5; n++) journal.append([{}])
    const { outbox } = setUp(journal)
    assert.equal(outbox.claim({ count: 2, bytes: 1e6 }, 0).length, 2)
    assert.equal(outbox.claim(limits, 0).length, 0)
  })

  test('a batch stays within its count and its bytes, and a delivery above the bytes comes alone', () => {
    const journal = new FakeJournal()
    for (const size of [40, 40, 500, 40, 40, 40])
      journal.append([{ payload: Buffer.alloc(size) }], { payload: Buffer.alloc(size) })
    const { outbox } = setUp(journal)
    const sizes: string[] = []
    for (;;) {
      const batch = outbox.claim({ count: 10, bytes: 100 }, 0)
      if (batch.length === 0) break
      sizes.push(batch.map(({ payload }) => payload.length).join('+'))
      outbox.settle(batch, all(batch, delivered), 0)
    }
    assert.deepEqual(sizes, ['40+40', '500', '40+40', '40'])
  })

  test('what has outlived its expiry is settled as expired and not sent', () => {
    const journal = new FakeJournal()
    journal.append([{}], { timeMs: 1000, properties: { expirySeconds: 5 } }, true)
    journal.append([{}], { timeMs: 1000, properties: { expirySeconds: 50 } })
    const { outbox, receipts } = setUp(journal)
    const batch = outbox.claim(limits, 6000)
    assert.equal(ids(batch), '2.0')
    assert.deepEqual(outbox.counts().byRule['telemetry'], { delivered: 0, deadLettered: 0, dropped: 0, expired: 1 })
    assert.deepEqual(receipts, [[1, 'E407']])
  })
})

describe('A5: failing', () => {
  test('later: the key waits with its order, the other keys go on', () => {
    const journal = new FakeJournal()
    for (const orderKey of ['a', 'b', 'a', 'b']) journal.append([{ orderKey }])
    const { outbox } = setUp(journal)
    const batch = outbox.claim({ count: 2, bytes: 1e6 }, 0)
    outbox.settle(batch, [later, delivered], 0)
    const next = outbox.claim(limits, 0)
    assert.equal(ids(next), '4.0')
    outbox.settle(next, [delivered], 0)
    assert.equal(outbox.nextDueMs, 50)
    assert.equal(ids(outbox.claim(limits, 49)), '')
    assert.equal(ids(outbox.claim(limits, 50)), '1.0 3.0')
  })

  test('later: waits grow with each failure in a row, and start again after a delivery', () => {
    const journal = new FakeJournal()
    journal.append([{}])
    const { outbox } = setUp(journal)
    const waits: number[] = []
    let nowMs = 0
    for (let n = 0; n < 12; n++) {
      const batch = outbox.claim(limits, nowMs)
      outbox.settle(batch, [later], nowMs)
      waits.push(outbox.nextDueMs! - nowMs)
      nowMs = outbox.nextDueMs!
    }
    assert.deepEqual(waits, [50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000, 15000])
  })

  test('total order: one that fails holds all that come after it', () => {
    const journal = new FakeJournal()
    for (const orderKey of ['a', 'b', 'c']) journal.append([{ orderKey }])
    const { outbox } = setUp(journal)
    outbox.useOrdering('total')
    const batch = outbox.claim({ count: 1, bytes: 1e6 }, 0)
    outbox.settle(batch, [later], 0)
    assert.equal(ids(outbox.claim(limits, 10)), '')
    assert.equal(ids(outbox.claim(limits, 50)), '1.0 2.0 3.0')
  })

  test('never: becomes a dead letter at once, and its key goes on', () => {
    const journal = new FakeJournal()
    journal.append([{ orderKey: 'a' }])
    journal.append([{ orderKey: 'a' }])
    const { outbox, letters } = setUp(journal)
    const batch = outbox.claim(limits, 7)
    outbox.settle(batch, [never, delivered], 7)
    assert.deepEqual(
      letters.map(({ delivery, error, timeMs }) => [delivery.id, error.code, timeMs]),
      [['hub1-1-0', 'E606', 7]],
    )
    assert.equal(outbox.position, 2)
  })

  test('never: is settled only when its dead letter is stored, and holds the low-water mark until then', () => {
    const journal = new FakeJournal()
    journal.append([{}])
    journal.append([{}])
    let full = true
    const stored: DeadLetter[] = []
    const putMany = (letters: readonly DeadLetter[]): void => {
      if (full) throw new TrestleError('E504', 'disk is full')
      stored.push(...letters)
    }
    const { outbox } = setUp(journal, { deadLetters: { putMany, keptAfter: () => new Set() } })
    const batch = outbox.claim(limits, 0)
    const settlement = outbox.settle(batch, [never, delivered], 0)
    assert.equal(settlement.error?.message, 'disk is full')
    assert.equal(outbox.position, 0)
    assert.equal(outbox.counts().parked, 1)
    assert.equal(outbox.counts().unaccounted, 0)
    assert.equal(outbox.storeParked(outbox.nextDueMs!)?.message, 'disk is full')
    full = false
    assert.equal(outbox.storeParked(outbox.nextDueMs!), null)
    assert.equal(stored.length, 1)
    assert.equal(outbox.position, 2)
    assert.equal(outbox.nextDueMs, null)
  })

  test('reconnect: all of the batch that was not taken goes first, in its order, when the sink is open anew', () => {
    const journal = new FakeJournal()
    for (const orderKey of ['a', 'b', 'a', 'c']) journal.append([{ orderKey }])
    const { outbox } = setUp(journal)
    const batch = outbox.claim({ count: 3, bytes: 1e6 }, 0)
    const settlement = outbox.settle(batch, [reconnect, delivered, reconnect], 0)
    assert.equal(settlement.reconnect, true)
    assert.equal(ids(outbox.claim(limits, 0)), '1.0 3.0 4.0')
  })

  test('a key of which one waits and a later one lost its connection keeps its order', () => {
    const journal = new FakeJournal()
    for (const orderKey of ['a', 'a', 'a']) journal.append([{ orderKey }])
    const { outbox } = setUp(journal)
    for (const [first, second] of [
      [later, reconnect],
      [reconnect, later],
    ] as const) {
      const nowMs = outbox.nextDueMs ?? 0
      const batch = outbox.claim({ count: 2, bytes: 1e6 }, nowMs)
      assert.equal(ids(batch), '1.0 2.0')
      outbox.settle(batch, [first, second], nowMs)
    }
    const again = outbox.claim(limits, outbox.nextDueMs!)
    assert.equal(ids(again), '1.0 2.0')
    outbox.settle(again, all(again, delivered), 5000)
    assert.equal(ids(outbox.claim(limits, 5000)), '3.0')
  })

  test('one that lost its connection goes before a later one of its key that failed in the same batch', () => {
    const journal = new FakeJournal()
    for (const orderKey of ['a', 'a']) journal.append([{ orderKey }])
    const { outbox } = setUp(journal)
    outbox.settle(outbox.claim(limits, 0), [reconnect, later], 0)
    assert.equal(ids(outbox.claim(limits, outbox.nextDueMs!)), '1.0 2.0')
  })

  test('a budget that is spent ends in the dead letters, with the last error told', () => {
    const journal = new FakeJournal()
    journal.append([{}])
    const { outbox, letters } = setUp(journal, { budget: { maxAttempts: 3, maxAgeMs: null } })
    for (let n = 0; n < 3; n++) {
      const nowMs = outbox.nextDueMs ?? 0
      outbox.settle(outbox.claim(limits, nowMs), [later], nowMs)
    }
    assert.equal(letters[0]?.error.code, 'E610')
    assert.match(letters[0]!.error.message, /after 3 attempts.*not now/)
  })

  test('a sink that gives too few receipts, or one that says neither yes nor why not, has delivered nothing', () => {
    const journal = new FakeJournal()
    journal.append([{}])
    journal.append([{}])
    const { outbox } = setUp(journal)
    const batch = outbox.claim(limits, 0)
    assert.equal(outbox.settle(batch, [delivered], 0).reconnect, true)
    const again = outbox.claim(limits, 0)
    assert.equal(again.length, 2)
    const stored: Receipt = { outcome: 'stored', error: null, place: null }
    const settlement = outbox.settle(again, all(again, stored), 0)
    assert.equal(settlement.delivered, 0)
    assert.equal(settlement.error?.code, 'E608')
  })

  test('one that loses its connection alone again and again stands back for the other keys', () => {
    const journal = new FakeJournal()
    for (const orderKey of ['poison', 'a', 'b']) journal.append([{ orderKey }])
    const { outbox } = setUp(journal)
    const gone = new TrestleError('E608', 'gone')
    for (let n = 0; n < 3; n++) {
      const batch = outbox.claim({ count: 1, bytes: 1e6 }, 0)
      assert.equal(ids(batch), '1.0')
      outbox.lost(batch, gone, 0)
    }
    assert.equal(ids(outbox.claim(limits, 0)), '2.0 3.0')
  })

  test('receipts of a batch that was given up meanwhile change nothing', () => {
    const journal = new FakeJournal()
    journal.append([{}])
    const { outbox } = setUp(journal)
    const batch = outbox.claim(limits, 0)
    outbox.lost(batch, new TrestleError('E608', 'no answer'), 0)
    const again = outbox.claim(limits, 0)
    assert.equal(outbox.settle(batch, [delivered], 0).delivered, 0)
    assert.equal(outbox.counts().settled, 0)
    assert.equal(outbox.settle(again, [delivered], 0).delivered, 1)
  })
})

describe('A2 A7: the window', () => {
  test('a key in trouble does not stall the others until the window is full, and then memory stays bounded', () => {
    const journal = new FakeJournal()
    journal.append([{ orderKey: 'bad' }])
    for (let n = 0; n < 400; n++) journal.append([{ orderKey: n % 4 === 0 ? 'bad' : `good-${n}` }])
    const { outbox } = setUp(journal, { maxCount: 50 })
    const receipts = (batch: readonly Delivery[]): Receipt[] =>
      batch.map(({ orderKey }) => (orderKey === 'bad' ? later : delivered))
    let sent = 0
    for (;;) {
      const batch = outbox.claim({ count: 10, bytes: 1e6 }, 0)
      if (batch.length === 0) break
      sent += batch.length
      outbox.settle(batch, receipts(batch), 0)
      assert.ok(outbox.counts().held <= 50 + 512)
    }
    assert.equal(outbox.counts().held, 50)
    assert.ok(sent > 140, `${sent} were sent`)
    assert.equal(outbox.counts().unaccounted, 0)
    // When the key is well again everything goes, and the low-water mark moves.
    let nowMs = outbox.nextDueMs!
    for (;;) {
      const batch = outbox.claim({ count: 10, bytes: 1e6 }, nowMs++)
      if (batch.length === 0) break
      outbox.settle(batch, all(batch, delivered), nowMs)
    }
    assert.equal(outbox.position, journal.tail)
    assert.equal(outbox.counts().settled, 401)
  })

  test('what was only peeked at is still there to be claimed, and says so', () => {
    const journal = new FakeJournal()
    const { outbox } = setUp(journal)
    assert.equal(outbox.hasMore(0), false)
    journal.append([{}])
    assert.equal(outbox.hasMore(1), true)
    outbox.peek()
    assert.equal(outbox.hasMore(1), true)
    outbox.settle(outbox.claim(limits, 0), [delivered], 0)
    assert.equal(outbox.hasMore(1), false)
  })

  test('what is held for long does not pin the chunk of the journal it was read with', () => {
    const journal = new FakeJournal()
    const chunk = Buffer.alloc(1_000_000)
    const payload = chunk.subarray(10, 30)
    journal.append([{ payload }], { payload })
    const { outbox } = setUp(journal)
    outbox.settle(outbox.claim(limits, 0), [later], 0)
    const [held] = outbox.claim(limits, outbox.nextDueMs!)
    assert.equal(held!.payload.buffer.byteLength, 20)
    assert.equal(held!.payload, held!.message.payload)
  })
})

describe('awaited records', () => {
  test('get one receipt per sink, when the last of their deliveries is settled, with the first error', () => {
    const journal = new FakeJournal()
    journal.append([{ orderKey: 'a' }, { orderKey: 'b' }], {}, true)
    journal.append([{}], {}, true)
    journal.append([{}])
    const { outbox, receipts } = setUp(journal)
    outbox.settle(outbox.claim(limits, 0), [later, never, delivered, delivered], 0)
    assert.deepEqual(receipts, [[2, null]])
    outbox.settle(outbox.claim(limits, outbox.nextDueMs!), [delivered], 0)
    assert.deepEqual(receipts, [
      [2, null],
      [1, 'E606'],
    ])
  })
})

describe('A8: the ledger', () => {
  test('counts how each delivery ended, by rule, over restarts', () => {
    const journal = new FakeJournal()
    journal.append([{ rule: 'one' }, { rule: 'two' }])
    journal.append([{ rule: 'one' }])
    const first = setUp(journal).outbox
    first.settle(first.claim({ count: 2, bytes: 1e6 }, 0), [delivered, never], 0)
    const second = setUp(journal, { start: first.snapshot() }).outbox
    const batch = second.claim(limits, 0)
    assert.equal(ids(batch), '2.0')
    second.settle(batch, [delivered], 0)
    assert.deepEqual(second.counts().byRule, {
      one: { delivered: 2, deadLettered: 0, dropped: 0, expired: 0 },
      two: { delivered: 0, deadLettered: 1, dropped: 0, expired: 0 },
    })
    assert.equal(second.counts().unaccounted, 0)
  })

  test('what was settled between two that wait is still known to be after two restarts', () => {
    const journal = new FakeJournal()
    journal.append(['a', 'b', 'c', 'd'].map((orderKey) => ({ orderKey })))
    const first = setUp(journal).outbox
    first.settle(first.claim(limits, 0), [later, delivered, later, delivered], 0)
    const second = setUp(journal, { start: first.snapshot() }).outbox
    second.peek()
    const third = setUp(journal, { start: second.snapshot() }).outbox
    assert.equal(ids(third.claim(limits, 0)), '1.0 1.2')
    assert.equal(third.counts().unaccounted, 0)
  })

  test('shows a record that the reader passed over, at once and after a restart', () => {
    const journal = new FakeJournal()
    for (let n = 0; n < 3; n++) journal.append([{}])
    journal.skip.add(2)
    const { outbox } = setUp(journal)
    outbox.settle(outbox.claim(limits, 0), [delivered, delivered], 0)
    assert.equal(outbox.counts().unaccounted, 1)
    const after = setUp(journal, { start: outbox.snapshot() }).outbox
    assert.equal(after.counts().unaccounted, 1)
  })

  test('shows a record that the reader gave twice', () => {
    const journal = new FakeJournal()
    journal.append([{}])
    const reader = journal.reader(0)
    const once = reader.read(10, 1e6)
    let reads = 0
    const twice = { ...reader, read: () => (reads++ < 2 ? once.map((record) => ({ ...record })) : []) }
    const { outbox } = setUp(journal, { reader: twice })
    outbox.settle(outbox.claim(limits, 0), [delivered, delivered], 0)
    assert.equal(outbox.counts().unaccounted, -1)
  })

  test('shows what the journal gave out before the cursor began', () => {
    const journal = new FakeJournal()
    for (let n = 0; n < 4; n++) journal.append([{}])
    const { outbox } = setUp(journal, { reader: journal.reader(3) })
    assert.equal(outbox.counts().unaccounted, 3)
  })
})

/** What the property below scripts: appends, claims with random receipts, time, lost sinks, kills. */
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('append'), keys: fc.array(fc.nat(3), { maxLength: 3 }) }) },
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('turn'), count: fc.integer({ min: 1, max: 7 }), seed: fc.nat() }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('time'), ms: fc.nat(500) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('lost'), count: fc.integer({ min: 1, max: 7 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('save') }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill') }) },
  ),
  { maxLength: 80 },
) as fc.Arbitrary<
  {
    kind: 'append' | 'turn' | 'time' | 'lost' | 'save' | 'kill'
    keys: number[]
    count: number
    seed: number
    ms: number
  }[]
>

for (const ordering of ['key', 'total'] as const)
  test(`A4: random faults and kills (order: ${ordering}): nothing lost, nothing overtaken, every turn balanced`, () => {
    fc.assert(
      fc.property(steps, (script) => {
        const journal = new FakeJournal()
        const farSide: Delivery[] = []
        const letters = new Set<string>()
        let saved: CursorState = freshCursor('hub1', 'lake')
        let nowMs = 0
        const open = (): Outbox => {
          const putMany = (given: readonly DeadLetter[]): void => {
            for (const { delivery } of given) letters.add(`${delivery.position}-${delivery.index}`)
          }
          const { outbox } = setUp(journal, {
            start: saved,
            deadLetters: { putMany, keptAfter: () => letters },
            maxCount: 20,
          })
          outbox.useOrdering(ordering)
          return outbox
        }
        let outbox = open()
        const turn = (count: number, seed: number): number => {
          const batch = outbox.claim({ count, bytes: 1e6 }, nowMs)
          const failed = new Map<string, Receipt>()
          const receipts = batch.map((delivery, at) => {
            // As the contract has it: later ones of the same order fail too.
            const key = ordering === 'total' ? '' : delivery.orderKey
            const roll = (seed >>> (at * 3)) & 7
            const receipt =
              failed.get(key) ?? (roll === 1 ? later : roll === 2 ? reconnect : roll === 3 ? never : delivered)
            if (receipt === later || receipt === reconnect) failed.set(key, receipt)
            if (receipt === delivered) farSide.push({ ...delivery })
            return receipt
          })
          outbox.settle(batch, receipts, nowMs)
          return batch.length
        }
        for (const step of script) {
          if (step.kind === 'append') journal.append(step.keys.map((key) => ({ orderKey: `key-${key}` })))
          else if (step.kind === 'turn') turn(step.count, step.seed)
          else if (step.kind === 'time') nowMs += step.ms
          else if (step.kind === 'save') saved = outbox.snapshot()
          else if (step.kind === 'kill') outbox = open()
          else
            outbox.lost(outbox.claim({ count: step.count, bytes: 1e6 }, nowMs), new TrestleError('E601', 'gone'), nowMs)
          assert.equal(outbox.counts().unaccounted, 0)
        }
        for (let idle = 0; idle < 2; nowMs += 30_000) idle = turn(7, 0) === 0 ? idle + 1 : 0
        assert.equal(outbox.position, journal.tail)
        assert.equal(outbox.counts().settled, journal.ordinals)
        assert.equal(outbox.counts().unaccounted, 0)
        assert.equal(outbox.counts().held, 0)
        const seen = new Set<string>()
        const lastOf = new Map<string, number>()
        for (const { id, position, index, orderKey } of farSide) {
          if (seen.has(id)) continue
          seen.add(id)
          const key = ordering === 'total' ? '' : orderKey
          const place = position * 10 + index
          assert.ok(place > (lastOf.get(key) ?? 0), `${id} was overtaken`)
          lastOf.set(key, place)
        }
        for (const record of journal.records)
          for (const { index } of record.owed)
            assert.ok(seen.has(`hub1-${record.position}-${index}`) || letters.has(`${record.position}-${index}`))
      }),
      { numRuns: 400 },
    )
  })
