import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ByteBudget, FlowWindow } from '../../../../connectors/pulsar/protocol/consumer/window.ts'

describe('The permits of a consumer', () => {
  test('are never more than its share together with what it holds, and never run dry', () => {
    const steps = fc.array(fc.record({ batch: fc.integer({ min: 1, max: 30 }), settle: fc.nat(40) }), {
      maxLength: 200,
    })
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 100 }), (given, share) => {
        const window = new FlowWindow(share, new ByteBudget(1e9))
        window.grant()
        for (const { batch, settle } of given) {
          if (window.permits > 0) window.receive(batch, batch, batch * 100)
          const settled = Math.min(settle, window.held)
          window.settle(settled, settled * 100)
          window.grant()
          // A batch comes whole: that is all it may be above.
          assert.ok(window.permits + window.held <= share + 30)
          assert.ok(window.permits > 0 || window.held > 0, 'nothing would ever come again')
        }
        window.settle(window.held, window.held * 100)
        window.grant()
        assert.ok(window.permits >= share / 2 && window.permits <= share)
      }),
      { numRuns: 200, seed: 7 },
    )
  })

  test('follow the size of the messages: a bound in bytes, shared by all', () => {
    const budget = new ByteBudget(1_000_000)
    const [one, two] = [new FlowWindow(10_000, budget), new FlowWindow(10_000, budget)]
    assert.equal(one.grant(), 61)
    one.receive(1, 1, 500_000)
    assert.equal(one.grant(), 0)
    assert.equal(two.grant(), 1)
    two.receive(1, 1, 500_000)
    assert.equal(two.grant(), 0, 'there is no room for anyone')
    one.settle(1, 500_000)
    assert.equal(two.grant(), 1)
    for (let n = 0; n < 200; n++) {
      one.receive(1, 1, 100)
      one.settle(1, 100)
    }
    two.settle(1, 500_000)
    assert.ok(one.grant() > 1000, 'small messages make room')
  })

  test('begin anew with a new subscribing', () => {
    const window = new FlowWindow(100, new ByteBudget(1e9))
    assert.equal(window.grant(), 100)
    window.receive(10, 10, 1000)
    window.restart()
    assert.equal(window.grant(), 90)
  })
})
