import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Sending } from '../../../src/broker/session/exchange.ts'
import { Inflight } from '../../../src/broker/session/inflight.ts'

test('an id is never given twice while it is under way, and ids stay between 1 and 65,535', () => {
  const choice = fc.array(fc.oneof(fc.constant(-1), fc.nat(60)), { minLength: 100, maxLength: 400 })
  fc.assert(
    fc.property(choice, (steps) => {
      const inflight = new Inflight()
      const open: number[] = []
      for (const step of steps) {
        if (step === -1 || open.length === 0) {
          const id = inflight.open(Sending.awaitPuback, null)
          assert.ok(id >= 1 && id <= 65_535)
          assert.ok(!open.includes(id), `${id} is given twice`)
          open.push(id)
        } else {
          const [id] = open.splice(step % open.length, 1)
          assert.equal(inflight.stateOf(id!), Sending.awaitPuback)
          inflight.move(id!, Sending.free)
          assert.equal(inflight.stateOf(id!), Sending.free)
        }
        assert.equal(inflight.count, open.length)
      }
      assert.deepEqual(inflight.ids(), open, 'in the order of sending')
    }),
    { numRuns: 100 },
  )
})

test('ids begin again after 65,535 and pass over one that is still under way', () => {
  const inflight = new Inflight()
  const slow = inflight.open(Sending.awaitPubrec, null)
  for (let i = 0; i < 200_000; i++) {
    const id = inflight.open(Sending.awaitPuback, null)
    assert.notEqual(id, slow)
    inflight.move(id, Sending.free)
  }
  assert.equal(inflight.stateOf(slow), Sending.awaitPubrec)
  assert.deepEqual(inflight.ids(), [slow])
})
