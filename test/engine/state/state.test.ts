import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Message } from '../../../src/contract/message.ts'
import { Outcome } from '../../../src/engine/outcome.ts'
import { faultsOf, load, message, run } from '../rules.ts'

const startMs = Date.UTC(2026, 0, 2)

/** A rule that is run message by message, each taken and on disk at once. */
function runner(text: string) {
  const rules = load({ r: `from: a/{x}\n${text}\nto: [{ sink: records }]\n` })
  const outcome = new Outcome()
  let position = 0
  const take = (payload: unknown, atMs = 0, more: Partial<Message> = {}): string => {
    const given = message(payload, { topic: 'a/1', timeMs: startMs + atMs, ...more })
    run(rules, given, outcome)
    if (outcome.refusal !== null) return outcome.refusal.error.message
    if (outcome.changes.blocked !== null) return outcome.changes.blocked.message
    const { owed } = outcome
    const verdict = owed.length > 0 ? 'passed' : outcome.changes.list.length > 0 ? 'gathered' : 'dropped'
    outcome.count()
    outcome.changes.apply(++position)
    return verdict
  }
  const rule = rules.rules[0]!
  return { rules, rule, outcome, take, state: rule.state!, gather: rule.state!.gather?.table }
}

describe('once', () => {
  const once = 'once: { by: "${payload.id}", within: 10s }'

  it('lets one of several messages with the same key pass within the time', () => {
    const { take } = runner(once)
    assert.equal(take({ id: 1 }), 'passed')
    assert.equal(take({ id: 1 }, 9_999), 'dropped')
    assert.equal(take({ id: 2 }, 9_999), 'passed')
    assert.equal(take({ id: 1 }, 10_000), 'passed', 'the time counts from the one that passed')
    assert.equal(take({ id: 1 }, 19_999), 'dropped')
  })

  it('holds when the clock goes back a little', () => {
    const { take } = runner(once)
    assert.equal(take({ id: 1 }, 5000), 'passed')
    assert.equal(take({ id: 1 }, 1000), 'dropped')
  })

  it('alters nothing until the message is taken', () => {
    const { rules, take } = runner(once)
    const outcome = new Outcome()
    run(rules, message({ id: 1 }, { topic: 'a/1', timeMs: startMs }), outcome)
    assert.equal(outcome.owed.length, 1)
    assert.equal(take({ id: 1 }), 'passed')
  })

  it('says what a drop rests on, so that its answer can wait for it', () => {
    const { rules, take, outcome } = runner(once)
    take({ id: 1 })
    run(rules, message({ id: 1 }, { topic: 'a/1', timeMs: startMs }), outcome)
    assert.equal(outcome.changes.restsOn, 1)
    run(rules, message({ id: 9 }, { topic: 'a/1', timeMs: startMs }), outcome)
    assert.equal(outcome.changes.restsOn, 0)
  })

  it('refuses a message that has no key', () => {
    const { take } = runner(once)
    assert.match(take({}), /id/)
    assert.match(take({ id: 'x'.repeat(2000) }), /longer than 1024/)
  })
})

describe('changed', () => {
  it('lets a message pass when its value is another', () => {
    const { take } = runner('changed: { value: payload.state }')
    const verdicts = ['on', 'on', 'off', 'off', 'on'].map((state) => take({ state }))
    assert.deepEqual(verdicts, ['passed', 'dropped', 'passed', 'dropped', 'passed'])
  })

  it('keeps a value for each topic, or for each key it is told', () => {
    const { take } = runner('changed: { value: payload.v }')
    assert.equal(take({ v: 1 }), 'passed')
    assert.equal(take({ v: 1 }, 0, { topic: 'a/2' }), 'passed')
    const other = runner('changed: { value: payload.v, by: "${client}" }')
    assert.equal(other.take({ v: 1 }), 'passed')
    assert.equal(other.take({ v: 1 }, 0, { topic: 'a/2' }), 'dropped')
    assert.equal(other.take({ v: 1 }, 0, { client: 'other' }), 'passed')
  })

  it('compares with the last that has passed when there is a deadband', () => {
    const { take } = runner('changed: { value: payload.v, by_more_than: 0.5 }')
    const verdicts = [20, 20.5, 20.4, 20.6, 20.2, 20.1, 20].map((v) => take({ v }))
    assert.deepEqual(verdicts, ['passed', 'dropped', 'dropped', 'passed', 'dropped', 'dropped', 'passed'])
  })

  it('lets one pass after a time although nothing has changed', () => {
    const { take } = runner('changed: { value: payload.v, at_least_every: 10m }')
    assert.deepEqual(
      [0, 599_999, 600_000, 600_001].map((atMs) => take({ v: 1 }, atMs)),
      ['passed', 'dropped', 'passed', 'dropped'],
    )
  })

  it('compares lists and objects by what is in them, and tells text from numbers', () => {
    const { take } = runner('changed: { value: payload.v }')
    assert.equal(take({ v: { a: 1, b: [1, 2] } }), 'passed')
    assert.equal(take({ v: { b: [1, 2], a: 1 } }), 'dropped')
    assert.equal(take({ v: { b: [2, 1], a: 1 } }), 'passed')
    assert.equal(take({ v: 1 }), 'passed')
    assert.equal(take({ v: '1' }), 'passed')
    assert.equal(take({ v: 'x'.repeat(5000) }), 'passed')
    assert.equal(take({ v: 'x'.repeat(5000) }), 'dropped')
    assert.equal(take({ v: `${'x'.repeat(4999)}y` }), 'passed')
  })

  it('B2: refuses what is too large to compare or to keep, at once', () => {
    const { take } = runner('changed: { value: payload.v }')
    const window = runner('window: { every: 1m, values: { last: last(payload.v) } }')
    for (const v of [
      Array(500_000).fill(1),
      'x'.repeat(1_000_000),
      Object.fromEntries(Array(100_000).fill(0).entries()),
    ]) {
      const given = { v }
      const startedMs = performance.now()
      assert.match(take(given), /cannot be compared, or longer than 65536/)
      assert.match(window.take(given), /last\(\) cannot keep/)
      assert.ok(performance.now() - startedMs < 2000)
    }
  })

  it('refuses what is no number when there is a deadband', () => {
    const { take } = runner('changed: { value: payload.v, by_more_than: 1 }')
    assert.match(take({ v: 'warm' }), /needs a number, and got string/)
    assert.equal(take({ v: 1 }), 'passed')
  })
})

describe('at_most', () => {
  it('lets the first pass and none until the time is over', () => {
    const { take } = runner('at_most: { every: 10s }')
    assert.deepEqual(
      [0, 1, 9_999, 10_000, 15_000, 20_000].map((atMs) => take({}, atMs)),
      ['passed', 'dropped', 'dropped', 'passed', 'dropped', 'passed'],
    )
  })

  it('gathers, and has the last message of each piece of time, as it was', () => {
    const { take, gather } = runner('at_most: { every: 10s, keep: last }')
    assert.equal(take({ n: 1 }, 1000), 'gathered')
    assert.equal(take({ n: 2 }, 9000, { retain: true, properties: { contentType: 'x' } }), 'gathered')
    assert.equal(take({ n: 3 }, 10_000), 'gathered')
    assert.equal(gather!.nextDue(startMs + 9_999), null)
    const due = gather!.nextDue(startMs + 10_000)!
    const last = gather!.messageOf(due, false)
    assert.deepEqual(JSON.parse(Buffer.from(last.payload).toString()), { n: 2 })
    assert.deepEqual([last.retain, last.properties, last.timeMs], [true, { contentType: 'x' }, startMs + 9000])
  })
})

describe('window', () => {
  const window = `window:
  every: 1m
  values:
    n: count()
    hot: count(payload.t > 30)
    mean: mean(payload.t)
    sum: sum(payload.t)
    min: min(payload.t)
    max: max(payload.t)
    spread: stddev(payload.t)
    first: first(payload.t)
    last: last(payload.name)`
  const resultOf = ({ gather }: ReturnType<typeof runner>, nowMs: number) => {
    const due = gather!.nextDue(startMs + nowMs)!
    const result = gather!.messageOf(due, false)
    return { due, result, payload: JSON.parse(Buffer.from(result.payload).toString()) }
  }

  it('makes one message of all that came in its time', () => {
    const one = runner(window)
    for (const [t, atMs] of [
      [20, 0],
      [40, 30_000],
      [30, 59_999],
    ] as const)
      one.take({ t, name: `t${t}` }, atMs)
    const { payload, result } = resultOf(one, 60_000)
    assert.deepEqual(payload, {
      n: 3,
      hot: 1,
      mean: 30,
      sum: 90,
      min: 20,
      max: 40,
      spread: 10,
      first: 20,
      last: 't30',
      key: 'a/1',
      start: '2026-01-02T00:00:00.000Z',
      end: '2026-01-02T00:01:00.000Z',
      partial: false,
    })
    assert.deepEqual([result.topic, result.client, result.timeMs], ['a/1', 'press-7', startMs + 60_000])
  })

  it('passes over nulls, and has null for the mean of nothing', () => {
    const one = runner(window.replace('payload.t > 30', 'payload.t != null'))
    one.take({ t: null, name: null })
    const { payload } = resultOf(one, 60_000)
    assert.deepEqual(
      [payload.n, payload.hot, payload.mean, payload.min, payload.sum, payload.last],
      [1, 0, null, null, 0, null],
    )
  })

  it('keeps keys apart, and closes the oldest window first', () => {
    const { take, gather } = runner('window: { every: 1m, by: "${payload.k}", values: { n: count() } }')
    take({ k: 'a' }, 0)
    take({ k: 'b' }, 60_000)
    take({ k: 'a' }, 60_001)
    const closed: string[] = []
    for (let due = gather!.nextDue(startMs + 600_000); due !== null; due = gather!.nextDue(startMs + 600_000)) {
      closed.push(`${due.key} ${(due.startMs - startMs) / 1000}`)
      gather!.apply(due.key, ['close', due.startMs], gather!.messageOf(due, false), 99)
    }
    assert.deepEqual(closed, ['a 0', 'b 60', 'a 60'])
    assert.equal(gather!.keys, 0)
    assert.equal(gather!.bytes, 0)
  })

  it('counts a message in the next window when its own is closed, and says so', () => {
    const { take, gather } = runner('window: { every: 1m, values: { n: count() } }')
    take({}, 30_000)
    const due = gather!.nextDue(startMs + 60_000)!
    gather!.apply(due.key, ['close', due.startMs], gather!.messageOf(due, false), 2)
    take({}, 59_000)
    assert.equal(gather!.nextDue(startMs + 119_999), null)
    assert.equal(gather!.nextDue(startMs + 120_000)!.startMs, startMs + 60_000)
    assert.equal(gather!.late, 1)
  })

  it('refuses a message whose value is no number, and takes none of it in', () => {
    const { take, gather } = runner('window: { every: 1m, values: { n: count(), mean: mean(payload.t) } }')
    assert.match(take({ t: 'warm' }), /mean\(\) needs a number, and got string/)
    assert.match(take({}), /no field `t`|no such|t/)
    assert.equal(gather!.keys, 0)
  })

  it('counts as absorbed, and the rule’s sum balances', () => {
    const { take, rule } = runner('where: payload.ok\nwindow: { every: 1m, values: { n: count() } }')
    take({ ok: true })
    take({ ok: true })
    take({ ok: false })
    assert.deepEqual(
      { ...rule.counters },
      {
        received: 3,
        filtered: 1,
        passed: 0,
        refused: 0,
        claims: 0,
        published: 0,
        absorbed: 2,
      },
    )
  })

  it('comes after the filters of the same rule, and what they drop leaves no trace', () => {
    const { take, gather, state } = runner(
      'once: { by: "${payload.id}", within: 1h }\nchanged: { value: payload.v }\nwindow: { every: 1m, values: { n: count() } }',
    )
    assert.equal(take({ id: 1, v: 1 }), 'gathered')
    assert.equal(take({ id: 1, v: 2 }), 'dropped')
    assert.equal(take({ id: 2, v: 1 }), 'dropped')
    assert.equal(take({ id: 2, v: 2 }), 'gathered')
    assert.equal(gather!.nextDue(startMs + 60_000)!.count, 2)
    assert.deepEqual(
      state.filters.map(({ table }) => table.keys),
      [2, 1],
    )
  })
})

describe('B1: the faults of a rule that keeps a state', () => {
  const faults = (text: string): string[] => faultsOf({ r: `from: a/{x}\n${text}\nto: [{ sink: records }]\n` })

  it('are told with their places', () => {
    assert.deepEqual(faults('once: { by: "${payload.id}", within: 10 minutes }'), [
      'rules/r.yaml:2:38  E201  once.within: expected a duration such as 500ms, 10s, 5m, 2h or 1d, found "10 minutes"',
    ])
    assert.match(faults('once: { within: 10s }')[0]!, /once.*by/)
    assert.match(faults('window: { every: 1m, values: { a: avg(payload.t) } }')[0]!, /E202.*expected one of count/)
    assert.match(faults('window: { every: 1m, values: { a: mean(payload.) } }')[0]!, /rules\/r.yaml:2:\d+ {2}E202/)
    assert.match(faults('window: { every: 1m, values: { a: mean(topic) } }')[0]!, /mean\(\) takes a number, not string/)
    assert.match(faults('window: { every: 1m, values: { a: mean() } }')[0]!, /mean\(\) needs a value/)
    assert.match(faults('window: { every: 1m, values: { key: count() } }')[0]!, /`key` is what every window has/)
    assert.match(faults('at_most: { every: 0s }')[0]!, /a time of nothing/)
    assert.match(
      faults('at_most: { every: 1s, keep: last }\nwindow: { every: 1m, values: { n: count() } }')[0]!,
      /both gather/,
    )
    assert.match(faults('at_most: { every: 1s, keep: last }\nack: delivered')[0]!, /`stored` is the most/)
  })

  it('B3: include fields that a window does not have, and names of single messages', () => {
    const window = 'let: { c: payload.t }\nwindow: { every: 1m, values: { mean: mean(c) } }'
    assert.match(faults(`${window}\nset: { x: payload.maen }`)[0]!, /maen.*mean/)
    assert.match(faults(`${window}\nset: { x: c }`)[0]!, /c/)
    assert.deepEqual(faults(`${window}\nset: { x: payload.mean, from: payload.start, where: x }`), [])
  })
})
