import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Deadline, TimingWheel } from '../../src/broker/timing-wheel.ts'

test('a deadline fires once, never early and at most two ticks late, however far away', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2_000_000), { minLength: 1, maxLength: 40 }), (delays) => {
      const wheel = new TimingWheel(1_000_000, 250)
      const fired = new Map<number, number>()
      delays.forEach((delay, i) => {
        wheel.add(
          new Deadline((now) => {
            assert.ok(!fired.has(i))
            fired.set(i, now)
          }),
          delay,
        )
      })
      for (let now = 1_000_000; now < 3_001_000; now += 250) wheel.advance(now)
      delays.forEach((delay, i) => {
        const late = fired.get(i)! - 1_000_000 - delay
        assert.ok(late >= 0 && late <= 500, `${delay} ms fired ${late} ms late`)
      })
      assert.equal(wheel.size, 0)
    }),
    { numRuns: 20 },
  )
})

test('what is removed does not fire, also when another removes it in the same tick', () => {
  const wheel = new TimingWheel(0, 250)
  let fired = 0
  const items: Deadline[] = [1, 2, 3].map(
    () =>
      new Deadline(() => {
        fired++
        for (const item of items) wheel.remove(item)
      }),
  )
  for (const item of items) wheel.add(item, 100)
  wheel.advance(5_000)
  assert.equal(fired, 1)
})

test('a clock that jumps ahead by a day fires all that is due', () => {
  const wheel = new TimingWheel(0, 250)
  let fired = 0
  for (let i = 0; i < 2000; i++) wheel.add(new Deadline(() => fired++), i * 1000)
  wheel.advance(86_400_000)
  assert.equal(fired, 2000)
})

test('adding again moves a deadline', () => {
  const wheel = new TimingWheel(0, 250)
  let at = 0
  const item = new Deadline((now) => (at = now))
  wheel.add(item, 500)
  wheel.add(item, 5000)
  for (let now = 0; now < 10_000; now += 250) wheel.advance(now)
  assert.ok(at >= 5000)
  assert.equal(wheel.size, 0)
})
