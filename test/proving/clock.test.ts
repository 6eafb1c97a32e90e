import assert from 'node:assert/strict'
import { it } from 'node:test'
import { VirtualClock } from '../../src/proving/clock.ts'

it('a clock that jumps calls what is due in order of time, then of setting, and nothing that was cleared', () => {
  const clock = new VirtualClock(1000)
  const called: string[] = []
  const note = (what: string) => () => void called.push(`${what} at ${clock.now() - 1000}`)
  clock.set(note('late'), 30)
  clock.set(note('first'), 10)
  clock.set(note('second'), 10)
  const cleared = clock.set(note('cleared'), 5)
  clock.clear(cleared)
  clock.clear(cleared)
  assert.equal(clock.nextDueMs, 1010)
  clock.jump(1010)
  assert.deepEqual(called, ['first at 10', 'second at 10'])
  clock.set(() => clock.set(note('set while calling'), 0), 5)
  clock.jump(1030)
  assert.deepEqual(called.slice(2), ['late at 30', 'set while calling at 30'])
  assert.deepEqual([clock.nextDueMs, clock.elapsedMs], [null, 30])
  clock.jump(1000)
  assert.equal(clock.elapsedMs, 30)
})
