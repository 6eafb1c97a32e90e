import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Outcome, Receipt } from 'trestle/contract'
import { Progress } from '../../../../connectors/kafka/consumer/progress.ts'

const receipt = (outcome: Outcome): Receipt => ({ outcome, error: null, place: null })
const stored = (count: number): Receipt[] => Array.from({ length: count }, () => receipt('stored'))

describe('the progress of a partition', () => {
  test('covers only what is answered without a gap', () => {
    const progress = new Progress(10, -1)
    assert.equal(progress.done, 10)
    const first = progress.handedIn([10, 11], 12)
    const second = progress.handedIn([14, 15], 16)
    progress.settle(second, stored(2), 0)
    assert.equal(progress.done, 10)
    progress.settle(first, stored(2), 0)
    assert.equal(progress.done, 16)
    progress.skipTo(20)
    assert.equal(progress.done, 20, 'what is for no reader counts as done')
  })

  test('stops for good at a record that was not taken', () => {
    const progress = new Progress(0, -1)
    const first = progress.handedIn([0, 1, 2], 3)
    const second = progress.handedIn([3], 4)
    progress.settle(first, [receipt('stored'), receipt('failed'), receipt('stored')], 0)
    progress.settle(second, stored(1), 0)
    assert.equal(progress.done, 1)
    assert.ok(progress.failed)
  })

  test('never covers a record without an answer, in whatever order the answers come', () => {
    const runs = fc.array(fc.record({ size: fc.integer({ min: 1, max: 4 }), gap: fc.nat(3), fails: fc.boolean() }), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(runs, fc.infiniteStream(fc.nat()), (given, dice) => {
        const progress = new Progress(0, -1)
        const open = given.map(({ size, gap, fails }) => {
          const from = progress.next + gap
          const offsets = Array.from({ length: size }, (_, at) => from + at)
          return { run: progress.handedIn(offsets, from + size), offsets, fails }
        })
        const missing = new Set(open.flatMap(({ offsets }) => offsets))
        while (open.length > 0) {
          const at = Number(dice.next().value) % open.length
          const [{ run, offsets, fails }] = open.splice(at, 1) as [(typeof open)[number]]
          progress.settle(
            run,
            offsets.map(() => receipt(fails ? 'failed' : 'refused')),
            0,
          )
          if (!fails) for (const offset of offsets) missing.delete(offset)
          for (const offset of missing) assert.ok(progress.done <= offset, `${progress.done} covers ${offset}`)
        }
        if (missing.size === 0) assert.equal(progress.done, progress.next)
      }),
    )
  })

  test('rests when everything is answered, and tells when that takes too long', async () => {
    const progress = new Progress(0, -1)
    assert.equal(await progress.rest(1), true)
    const run = progress.handedIn([0], 1)
    assert.equal(await progress.rest(1), false)
    const resting = progress.rest(10_000)
    progress.settle(run, stored(1), 0)
    assert.equal(await resting, true)
  })
})
