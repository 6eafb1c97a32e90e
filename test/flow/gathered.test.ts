import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FullBuffers } from '../../src/flow/full-buffers.ts'
import { deadLetterSink } from '../../src/journal/port.ts'
import { StateRig } from './state-rig.ts'

const minute = 60_000
const sum = 'window: { every: 1m, values: { n: count(), sum: sum(payload.v), mean: mean(payload.v) } }'

describe('what a rule makes of what it has gathered', () => {
  test('is shaped and sent by all its targets, each item and condition of its own', async (t) => {
    const rules = {
      r: `from: a/{x}\n${sum}\nset: { mean: "null == null ? payload.mean * 10 : 0" }\nto:\n  - { sink: records, when: payload.n > 1 }\n  - { sink: lake, topic: "sums.\${x}", key: "\${payload.key}" }\n`,
    }
    const rig = await StateRig.open(t, { rules })
    await rig.take({ v: 1 })
    await rig.take({ v: 3 })
    await rig.take({ v: 5 }, 'a/2')
    rig.advance(minute)
    assert.deepEqual(
      (await rig.sent()).map(({ payload }) => payload['mean']),
      [20],
    )
    assert.equal((await rig.sent('lake')).length, 2)
  })

  test('A6: is a dead letter when the rule fails on it, and the window is closed all the same', async (t) => {
    const rules = { r: `from: a/{x}\n${sum}\nset: { half: payload.mean / 2 }\nto: [{ sink: records }]\n` }
    const rig = await StateRig.open(t, { rules })
    await rig.take({ v: null })
    assert.ok(rig.advance(minute))
    assert.deepEqual(await rig.sent(), [])
    const [letter] = await rig.sent(deadLetterSink)
    assert.deepEqual([letter!.payload['n'], letter!.payload['mean']], [1, null])
    assert.equal(rig.closer.nextMs, Number.POSITIVE_INFINITY)
    const { counters } = rig.rules.rules[0]!
    assert.deepEqual([counters.received, counters.absorbed, counters.claims], [2, 1, 1])
  })

  test('is let go when the rule fails on it and says `pass` or `drop`', async (t) => {
    for (const action of ['pass', 'drop']) {
      const rules = {
        r: `from: a/{x}\non_refused: ${action}\n${sum}\nset: { half: payload.mean / 2 }\nto: [{ sink: records }]\n`,
      }
      const rig = await StateRig.open(t, { rules })
      await rig.take({ v: null })
      assert.ok(rig.advance(minute))
      assert.deepEqual([await rig.sent(), await rig.sent(deadLetterSink)], [[], []])
      const { counters } = rig.rules.rules[0]!
      assert.deepEqual([counters.received, counters.absorbed, counters.filtered + counters.refused], [2, 1, 1])
    }
  })

  test('A7: waits for a sink whose buffer blocks, and goes past one that drops the newest', async (t) => {
    const rules = { r: `from: a/{x}\n${sum}\nto: [{ sink: records }, { sink: lake, topic: x }]\n` }
    const rig = await StateRig.open(t, { rules })
    const full = (whenFull: 'block' | 'drop-newest'): FullBuffers => new Map([['records', { maxBytes: 1, whenFull }]])
    await rig.take({ v: 1 })
    rig.flow.full = full('block')
    assert.ok(!rig.advance(minute))
    assert.deepEqual([await rig.sent(), await rig.sent('lake')], [[], []])
    rig.flow.full = full('drop-newest')
    assert.ok(rig.advance(1))
    assert.deepEqual([(await rig.sent()).length, (await rig.sent('lake')).length], [0, 1])
    assert.equal(rig.flow.drops.byRule.get('r'), 1)
    rig.flow.full = null
    assert.ok(rig.advance(minute))
    assert.equal((await rig.sent()).length, 0)
  })

  test('A2: does not wait for the sink of another rule', async (t) => {
    const rules = {
      r: `from: a/{x}\n${sum}\nto: [{ sink: records }]\n`,
      s: `from: a/{x}\n${sum}\nto: [{ sink: lake, topic: x }]\n`,
    }
    const rig = await StateRig.open(t, { rules })
    await rig.take({ v: 1 })
    rig.flow.full = new Map([['records', { maxBytes: 1, whenFull: 'block' }]])
    assert.ok(!rig.advance(minute))
    assert.deepEqual([(await rig.sent()).length, (await rig.sent('lake')).length], [0, 1])
  })

  test('A7: publishers wait where windows can neither be closed nor begun', async (t) => {
    const rules = {
      r: 'from: a/{x}\nwindow: { every: 1m, by: "${payload.k}", values: { n: count() }, max_keys: 4 }\nto: [{ sink: records }]\n',
    }
    const rig = await StateRig.open(t, { rules })
    for (let k = 0; k < 5; k++) assert.equal(await rig.take({ k }), null)
    rig.flow.full = new Map([['records', { maxBytes: 1, whenFull: 'block' }]])
    assert.ok(!rig.advance(1), 'one too many, and it cannot go')
    assert.equal((await rig.take({ k: 9 }))?.code, 'E406')
    assert.equal(await rig.take({ k: 3 }), null, 'a window that is open takes more')
    rig.flow.full = null
    assert.ok(rig.advance(1))
    const early = (await rig.sent()).map(({ payload }) => [payload['key'], payload['partial']])
    assert.deepEqual(early, [['0', true]])
    assert.equal(await rig.take({ k: 9 }), null)
  })

  test('A1: waits for a journal that is full', async (t) => {
    const rules = { r: `from: a/{x}\n${sum}\nto: [{ sink: records }]\n` }
    const rig = await StateRig.open(t, { rules, journal: { maxBytes: 60_000 } })
    await rig.take({ v: 1 })
    let taken = 1
    for (let error = null; error === null; taken++) error = await rig.take({ v: 1, filler: 'x'.repeat(2000) })
    assert.ok(!rig.advance(minute), 'nothing can be closed')
    assert.deepEqual(await rig.sent(), [])
    await rig.keeper.close()
    rig.settle(rig.journal.durable)
    for (let tries = 0; !rig.advance(1) && tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 10))
    assert.deepEqual(
      (await rig.sent()).map(({ payload }) => payload['n']),
      [taken - 1],
    )
  })
})

test('A1: `delivered` waits for the sinks of what has passed, not for the note of it', async (t) => {
  const rules = {
    r: 'from: a/{x}\nonce: { by: "${payload.id}", within: 1h }\nack: delivered\nto: [{ sink: records }]\n',
    s: 'from: s\nonce: { by: "${payload.id}", within: 1h }\nack: delivered\nto: [{ publish: t }]\n',
  }
  const rig = await StateRig.open(t, { rules })
  let answered = false
  const answer = rig.take({ id: 1 }).then((error) => {
    answered = true
    return error
  })
  const [sent] = await rig.sent()
  assert.ok(!answered)
  rig.flow.awaiting.settle(sent!.position, 'records', null)
  assert.equal(await answer, null)
  assert.equal(rig.flow.awaiting.count, 0)
  assert.equal(await rig.take({ id: 1 }, 's'), null, 'with no sink, stored is all there is')
})

test('A3: results of a key are in order, whoever spoke last; the order key is the rule’s and the key’s', async (t) => {
  const rules = {
    r: 'from: a/{x}\nwindow: { every: 1m, by: "${payload.k}", values: { n: count() } }\nto: [{ sink: records }]\n',
  }
  const rig = await StateRig.open(t, { rules })
  for (const [topic, client] of [
    ['a/1', 'one'],
    ['a/2', 'two'],
  ] as const) {
    await rig.take({ k: 7 }, topic, { client })
    rig.advance(minute)
  }
  assert.deepEqual(
    (await rig.sent()).map(({ orderKey }) => orderKey),
    ['r/7', 'r/7'],
  )
})
