import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { maxItemBytes, maxItems } from '../../src/engine/for-each.ts'
import { Outcome } from '../../src/engine/outcome.ts'
import { faultsOf, jsonOf, load, message, run } from './rules.ts'

const from = 'from: plants/{plant}/#\n'
const readings = {
  machine: 'm',
  readings: [
    { id: 'a', t: 1 },
    { id: 'b', t: 2 },
    { id: 'c', t: 3 },
  ],
}

const outcomeOf = (rule: string, payload: unknown): Outcome => run(load({ r: from + rule }), message(payload))

/** What each sink is owed: sink, key and payload. */
function owedBy(rule: string, payload: unknown): unknown[] {
  const { owed, refusal } = outcomeOf(rule, payload)
  assert.equal(refusal?.error.message, undefined)
  return owed.map((one) => [one.sink, one.key, jsonOf(one.payload)])
}

const reasonOf = (rule: string, payload: unknown): string | undefined => outcomeOf(rule, payload).refusal?.error.message

/** A rule's counters after one message, without those that are zero. */
function countsOf(rule: string, payload: unknown): Record<string, number> {
  const rules = load({ r: from + rule })
  run(rules, message(payload)).count()
  return Object.fromEntries(Object.entries(rules.rules[0]!.counters).filter(([, count]) => count > 0))
}

describe('for_each', () => {
  it('sends each item, in order, with the order key of the message', () => {
    const rule = 'for_each: payload.readings\nto: [{ sink: lake, key: "${item.id}-${index}" }]\n'
    assert.deepEqual(owedBy(rule, readings), [
      ['lake', 'a-0', { id: 'a', t: 1 }],
      ['lake', 'b-1', { id: 'b', t: 2 }],
      ['lake', 'c-2', { id: 'c', t: 3 }],
    ])
    const keys = outcomeOf(rule, readings).owed.map(({ orderKey }) => orderKey)
    assert.deepEqual(new Set(keys), new Set(['press-7/plants/oslo/lines/3/telemetry']))
  })

  it('lets `set` edit the item and see the message', () => {
    const rule =
      'for_each: payload.readings\nlet: { double: item.t * 2 }\nset: { machine: payload.machine, t: double, id: null }\nto: [{ sink: lake }]\n'
    assert.deepEqual(
      owedBy(rule, readings).map((one) => (one as unknown[])[2]),
      [
        { t: 2, machine: 'm' },
        { t: 4, machine: 'm' },
        { t: 6, machine: 'm' },
      ],
    )
  })

  it('goes through the values of an object by their names', () => {
    const rule =
      'for_each: { in: payload, as: value, index: name }\npayload: { name: name, value: value }\nto: [{ sink: lake }]\n'
    assert.deepEqual(
      owedBy(rule, { a: 1, b: 2 }).map((one) => (one as unknown[])[2]),
      [
        { name: 'a', value: 1 },
        { name: 'b', value: 2 },
      ],
    )
  })

  it('sends items that are no objects: text as it is, bytes and times of expressions as JSON shows them', () => {
    const texts = outcomeOf('for_each: payload\nto: [{ sink: lake }]\n', ['x', 5, null]).owed
    assert.deepEqual(
      texts.map(({ payload }) => String(payload)),
      ['x', '5', 'null'],
    )
    const made = outcomeOf('for_each: \'[{"b": b"ab", "t": time}]\'\nto: [{ sink: lake }]\n', {}).owed
    assert.deepEqual(jsonOf(made[0]!.payload), { b: 'YWI=', t: '2026-01-02T00:00:00Z' })
  })

  it('publishes each item to a topic of its own', () => {
    const { publishes } = outcomeOf('for_each: payload.readings\nto: [{ publish: "one/${item.id}" }]\n', readings)
    assert.deepEqual(
      publishes.map(({ topic, payload }) => [topic, jsonOf(payload)]),
      readings.readings.map((one) => [`one/${one.id}`, one]),
    )
  })

  it('chooses targets by item, and a target may have a payload of its own', () => {
    const rule =
      'for_each: payload.readings\nto:\n  - { sink: lake, when: item.t > 1, key: "${item.id}" }\n  - { sink: records, when: item.t > 2, set: { hot: "true" } }\n'
    assert.deepEqual(owedBy(rule, readings), [
      ['lake', 'b', { id: 'b', t: 2 }],
      ['lake', 'c', { id: 'c', t: 3 }],
      ['records', null, { id: 'c', t: 3, hot: true }],
    ])
  })

  it('counts what is made, and a message without items as filtered', () => {
    const rule = 'for_each: payload\nto: [{ sink: lake, when: item > 1 }, { publish: x }]\n'
    assert.deepEqual(countsOf(rule, [1, 2, 3]), { received: 5, claims: 2, published: 3 })
    assert.deepEqual(countsOf(rule, []), { received: 1, filtered: 1 })
  })

  it('takes back all items when one fails, and says where', () => {
    const rule = 'for_each: payload\nset: { x: item.n / 1 }\nto: [{ sink: lake }]\n'
    const { owed, refusal } = outcomeOf(rule, [{ n: 1 }, { n: 'x' }])
    assert.deepEqual(owed, [])
    assert.equal(refusal?.error.detail['place'], 'rules/r.yaml:3:18')
    assert.deepEqual(countsOf(`on_refused: pass\n${rule}`, [{ n: 1 }, { n: 'x' }]), {
      received: 1,
      filtered: 1,
      passed: 1,
    })
  })

  const failures: [title: string, rule: string, payload: unknown, expected: string][] = [
    ['no list', 'for_each: payload\n', 5, 'for_each needs a list or an object, and got number (rule r)'],
    [
      'too many items',
      'for_each: payload\n',
      Array(maxItems + 1).fill(0),
      'for_each: 10001 items are more than 10000 (rule r)',
    ],
    [
      'items that make too much',
      'for_each: payload.n\npayload: payload.text\n',
      { n: Array(1000).fill(0), text: 'x'.repeat(60_000) },
      `for_each: more than ${maxItemBytes} bytes are made (rule r)`,
    ],
    [
      'an item that cannot be edited',
      'for_each: payload\nset: { a: "1" }\n',
      [1],
      'item is number, so no field can be set in it (rule r)',
    ],
  ]
  for (const [title, rule, payload, expected] of failures) {
    it(`refuses ${title}`, () => assert.equal(reasonOf(`${rule}to: [{ sink: lake }]\n`, payload), expected))
  }

  it('has done with ten thousand items in little time', () => {
    const rules = load({ r: `${from}for_each: payload\nto: [{ sink: lake, key: "\${item}" }]\n` })
    const given = message(Array.from({ length: maxItems }, (_, at) => at))
    const outcome = new Outcome()
    const times = [1, 2, 3, 4, 5].map(() => {
      const start = performance.now()
      run(rules, given, outcome)
      return performance.now() - start
    })
    assert.equal(outcome.owed.length, maxItems)
    assert.ok(Math.min(...times) < 100, `${Math.min(...times)} ms`)
  })
})

describe('when', () => {
  const rule =
    'to:\n  - { sink: lake, when: payload.t > 80 }\n  - { sink: records, when: payload.t <= 80 }\n  - { publish: x, when: false }\n'

  it('chooses among the targets of a message', () => {
    assert.deepEqual(owedBy(rule, { t: 90 }), [['lake', null, { t: 90 }]])
    assert.deepEqual(owedBy(rule, { t: 70 }), [['records', null, { t: 70 }]])
    assert.deepEqual(countsOf(rule, { t: 90 }), { received: 1, claims: 1 })
  })

  it('that is false for all targets lets the message go, and asks for no answer', () => {
    const never = 'to: [{ sink: lake, when: payload.t > 80 }]\n'
    assert.deepEqual(countsOf(never, { t: 1 }), { received: 1, filtered: 1 })
    assert.equal(outcomeOf(never, { t: 1 }).ack, 'received')
  })

  it('that gives no bool is refused, with its place', () => {
    const { refusal } = outcomeOf('to:\n  - sink: lake\n    when: payload.t\n', { t: 1 })
    assert.equal(refusal?.error.message, 'when needs a bool, and got number (rule r)')
    assert.equal(refusal?.error.detail['place'], 'rules/r.yaml:4:11')
  })
})

describe('else', () => {
  const rule =
    'where: payload.t > 80\nset: { alarm: "true" }\nto: [{ sink: lake }]\nelse: [{ sink: records }, { publish: "calm/${plant}", set: { calm: "true" } }]\n'

  it('takes the message as it was published when `where` is false', () => {
    assert.deepEqual(owedBy(rule, { t: 90 }), [['lake', null, { t: 90, alarm: true }]])
    const given = message({ t: 1 })
    const { owed, publishes } = run(load({ r: from + rule }), given)
    assert.equal(owed[0]!.payload, given.payload)
    assert.deepEqual(
      publishes.map(({ topic, payload }) => [topic, jsonOf(payload)]),
      [['calm/oslo', { t: 1, calm: true }]],
    )
  })

  it('is counted like any target', () => {
    assert.deepEqual(countsOf(rule, { t: 1 }), { received: 2, claims: 1, published: 1 })
    assert.deepEqual(countsOf(rule, { t: 90 }), { received: 1, claims: 1 })
  })

  it('is not for messages that `where` cannot judge', () => {
    assert.equal(reasonOf(rule, {}), 'payload has no field `t` (rule r)')
  })

  it('is not cut into items', () => {
    const each = 'where: size(payload) > 2\nfor_each: payload\nto: [{ sink: lake }]\nelse: [{ sink: records }]\n'
    assert.deepEqual(owedBy(each, [1, 2]), [['records', null, [1, 2]]])
    assert.equal(owedBy(each, [1, 2, 3]).length, 3)
  })
})

describe('B1: faults of for_each, when and else are found at load', () => {
  const lake = 'to: [{ sink: lake }]\n'
  const cases: [rule: string, ...faults: string[]][] = [
    [`for_each: payload.x >\n${lake}`, 'rules/r.yaml:2:22  E202  ends where a value is expected'],
    [`for_each: topic\n${lake}`, 'rules/r.yaml:2:11  E204  for_each: expected a list or an object, not string'],
    [`for_each: { as: x }\n${lake}`, 'rules/r.yaml:2:1  E201  `for_each.in` is missing (expected a string)'],
    [
      `for_each: { in: payload, as: plant }\n${lake}`,
      'rules/r.yaml:2:30  E201  `plant` already means something in expressions',
    ],
    [
      'schema: telemetry\nfor_each: payload.tgs\nset: { x: item.y, n: index }\nto: [{ sink: lake, when: item.y > 1 }]\n',
      'rules/r.yaml:3:19  E217  unknown field `tgs` in schema telemetry@3 (did you mean `tags`?)',
    ],
    [`where: item.x > 1\nfor_each: payload\n${lake}`, 'rules/r.yaml:2:8  E203  unknown name `item`'],
    [
      `for_each: payload\nlet: { a: item.x, b: a + 1 }\nwhere: b > 1\n${lake}`,
      'rules/r.yaml:4:8  E203  unknown name `b`',
    ],
    [
      `schema: telemetry\nfor_each: payload.tags\nset: { x: item.y }\n${lake}`,
      'rules/r.yaml:4:16  E204  string has no fields, so no `y`',
    ],
    ['to: [{ sink: lake, when: size(topic) }]\n', 'rules/r.yaml:2:26  E204  when: expected a bool, not int'],
    ['to: [{ sink: lake, when: [1] }]\n', 'rules/r.yaml:2:26  E201  when: expected an expression'],
    [
      `${lake}else: [{ sink: lak }]\nwhere: "false"\n`,
      'rules/r.yaml:3:16  E205  unknown sink `lak` (did you mean `lake`?)',
    ],
    [
      `${lake}else: [{ sink: records }]\n`,
      'rules/r.yaml:3:1  E201  `else` is for messages for which `where` is false, and there is no `where`',
    ],
    ['to: [{ sink: lake, set: 5 }]\n', 'rules/r.yaml:2:25  E201  set: expected a map of fields'],
    [
      'to: [{ sink: lake, set: { a: x }, payload: "1" }]\n',
      'rules/r.yaml:2:30  E203  unknown name `x`',
      'rules/r.yaml:2:35  E201  `payload` replaces what `set` edits; a rule or a target has one of them',
    ],
    [
      'where: payload.x == 1\nto: [{ sink: lake }]\nelse: [{ publish: "plants/${plant}/again" }]\n',
      'rules/r.yaml:4:19  E207  what this rule publishes may match its own `from`: r → r',
    ],
    [
      'for_each: payload\nto: [{ publish: "${item}", when: item == "x" }]\n',
      'rules/r.yaml:3:17  E207  what this rule publishes may match its own `from`: r → r',
    ],
  ]
  for (const [rule, ...faults] of cases) {
    it(faults.at(-1)!.slice(14), () => assert.deepEqual(faultsOf({ r: from + rule }), faults))
  }
})
