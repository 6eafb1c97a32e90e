import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import type { Delivery } from 'trestle/contract'
import { ClaimLog, printClaim } from '../../../connectors/pulsar/claim-log.ts'
import { javaString, murmur3 } from '../../../connectors/pulsar/hashing.ts'
import { Numbering } from '../../../connectors/pulsar/numbering.ts'
import { deliveryAt } from './delivery-at.ts'

const folders: string[] = []
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})
const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'trestle-pulsar-claims-'))
  folders.push(folder)
  return folder
}
const positions = (numbers: readonly number[]): Delivery[] => numbers.map((n) => deliveryAt(n))
const claimOf = (first: number, numbers: readonly number[]) => ({
  topic: 't',
  first,
  places: numbers.map((n) => `${n}-0`),
  fromMs: 0,
  toMs: 2e12,
})

describe('Numbers', () => {
  test('go on above all that was claimed and all that the broker names', () => {
    const numbering = new Numbering([claimOf(10, [1, 2, 3])])
    assert.deepEqual(numbering.opened(20), [])
    assert.equal(numbering.take(2), 21)
    assert.equal(numbering.next, 23)
    const behind = new Numbering([claimOf(10, [1, 2, 3])])
    assert.deepEqual(
      behind.opened(5).map(({ first }) => first),
      [10],
    )
    assert.equal(behind.next, 13)
  })

  test('are those of before for what the broker may have, and new ones for what it certainly has not', () => {
    const numbering = new Numbering([claimOf(0, [5, 3]), claimOf(2, [9]), claimOf(3, [4, 8])])
    assert.deepEqual(
      numbering.opened(2).map(({ first }) => first),
      [3],
    )
    const batch = positions([3, 4, 5, 8, 9, 10])
    const { repeats, fresh } = numbering.sort([0, 1, 2, 3, 4, 5], batch)
    assert.deepEqual(repeats, [
      { queue: [2, 0], sequenceIds: [0, 1] },
      { queue: [4], sequenceIds: [2] },
    ])
    assert.deepEqual(fresh, [1, 3, 5])
  })

  test('of a later claim count, and of one the broker refused none', () => {
    const numbering = new Numbering([claimOf(0, [1, 2]), claimOf(7, [1])])
    numbering.opened(9)
    const batch = positions([1, 2])
    assert.deepEqual(
      numbering.sort([0, 1], batch).repeats.map(({ sequenceIds }) => sequenceIds),
      [[1], [7]],
    )
    numbering.forget([1], batch)
    assert.deepEqual(numbering.sort([0, 1], batch).fresh, [1])
  })

  test('do not count for another message at the same position, which came later', () => {
    const numbering = new Numbering([{ ...claimOf(0, [1]), toMs: 1_700_000_000_001 }])
    numbering.opened(0)
    const later = deliveryAt(1, { message: { timeMs: 1_700_000_900_000 } })
    assert.equal(numbering.sort([0], [later]).fresh.length, 1)
    assert.equal(numbering.sort([0], positions([1])).repeats.length, 1)
  })

  test('never let a message vanish and never put one there twice, whatever order and crashes', () => {
    // A broker that deduplicates: takes an entry when its first number is above the highest, else says that it had it.
    const step = fc.record({
      take: fc.array(fc.nat(11), { minLength: 1, maxLength: 6 }),
      entries: fc.integer({ min: 1, max: 3 }),
      /** After how many entries everything ends; more than there are: not at all. */
      crashAfter: fc.nat(5),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const there: number[] = []
        let highest = -1
        const claims: { first: number; places: string[] }[] = []
        const settled = new Set<number>()
        const start = (): Numbering => {
          const numbering = new Numbering(claims.map((claim) => ({ topic: 't', fromMs: 0, toMs: 2e12, ...claim })))
          for (const { first } of numbering.opened(highest)) {
            for (let at = claims.length - 1; at >= 0; at--) if (claims[at]!.first === first) claims.splice(at, 1)
          }
          return numbering
        }
        let numbering = start()
        for (const { take, entries, crashAfter } of steps) {
          const wanted = [...new Set(take)].filter((n) => !settled.has(n))
          const batch = positions(wanted)
          const { repeats, fresh } = numbering.sort([...wanted.keys()], batch)
          const lots = repeats.map(({ queue, sequenceIds }) => ({ queue, numbers: sequenceIds }))
          const size = Math.ceil(fresh.length / entries)
          for (let from = 0; from < fresh.length; from += size) {
            const queue = fresh.slice(from, from + size)
            const first = numbering.take(queue.length)
            claims.push({ first, places: queue.map((at) => `${wanted[at]}-0`) })
            lots.push({ queue, numbers: queue.map((_, at) => first + at) })
          }
          let sent = 0
          for (const { queue, numbers } of lots) {
            if (sent++ >= crashAfter) break
            if (numbers[0]! > highest) {
              highest = numbers.at(-1)!
              there.push(...queue.map((at) => wanted[at]!))
            }
          }
          if (crashAfter < lots.length) numbering = start()
          else for (const n of wanted) settled.add(n)
        }
        for (const n of settled) assert.ok(there.includes(n), `${n} was said to be there`)
        assert.equal(new Set(there).size, there.length, `twice: ${there}`)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('The log of claims', () => {
  test('gives back what was claimed and not voided, once', async () => {
    const folder = await newFolder()
    const log = await ClaimLog.open(folder)
    const second = { ...deliveryAt(12), index: 3 }
    await log.claim([printClaim('a', 7, [deliveryAt(12), second, deliveryAt(10)]), printClaim('b', 0, [deliveryAt(1)])])
    await log.claim([printClaim('a', 10, [deliveryAt(13)]), printClaim('a', 11, [deliveryAt(14)])])
    await log.void('a', [10])
    await log.close()
    const next = await ClaimLog.open(folder)
    const claims = next.takeBefore('a')
    assert.deepEqual(
      claims.map(({ first, places }) => [first, places]),
      [
        [7, ['12-0', '12-3', '10-0']],
        [11, ['14-0']],
      ],
    )
    assert.deepEqual([claims[0]!.fromMs, claims[0]!.toMs], [1_700_000_000_010, 1_700_000_000_012])
    assert.deepEqual(next.takeBefore('a'), [])
    await next.close()
    await assert.rejects(next.claim([printClaim('a', 20, [deliveryAt(20)])]), /closed/)
  })

  test('counts nothing behind a torn line, and writes on before it', async () => {
    const folder = await newFolder()
    const log = await ClaimLog.open(folder)
    await log.claim([printClaim('a', 0, [deliveryAt(1)])])
    await log.close()
    await appendFile(join(folder, 'pulsar.claims'), '0123456')
    const next = await ClaimLog.open(folder)
    await next.claim([printClaim('a', 1, [deliveryAt(2)])])
    await next.close()
    const last = await ClaimLog.open(folder)
    assert.equal(last.takeBefore('a').length, 2)
    await last.close()
    assert.doesNotMatch(await readFile(join(folder, 'pulsar.claims'), 'utf8'), /0123456\S/)
  })

  test('stays small, and knows the newest when it was turned over', async () => {
    const folder = await newFolder()
    const log = await ClaimLog.open(folder)
    const batch = positions(Array.from({ length: 1000 }, (_, at) => at * 7))
    for (let turn = 0; turn < 900; turn++) await log.claim([printClaim('a', turn * 1000, batch)])
    await log.close()
    const sizes = await Promise.all(['pulsar.claims', 'pulsar.claims.old'].map((name) => stat(join(folder, name))))
    for (const { size } of sizes) assert.ok(size < 1.1 * 2 ** 20, `${size} bytes`)
    const next = await ClaimLog.open(folder)
    assert.equal(next.takeBefore('a').at(-1)!.first, 899_000)
    await next.close()
  })
})

describe('The hashes of keys', () => {
  test('are those of Java', () => {
    // String.hashCode() and Murmur3_32Hash.makeHash() of Pulsar's client, both with 31 bits.
    assert.deepEqual(['', 'a', 'hello', 'key-1', 'é'].map(javaString), [0, 97, 99162322, 101943363, 233])
    assert.deepEqual(['', 'hello', 'hello, world'].map(murmur3), [0, 0x248bfa47, 0x149bbb7f])
  })
})
