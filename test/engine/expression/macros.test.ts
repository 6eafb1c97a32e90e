import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bool, double, int, listOf, type RecordType, string } from '../../../src/engine/expression/type.ts'
import { result, run } from './run.ts'

const payload = {
  readings: [
    { sensor: 'a', value: 20.5, ok: true },
    { sensor: 'b', value: -3, ok: false },
    { sensor: 'c', value: 71, ok: true },
  ],
  n: [3, 1, 2],
  names: { x: 1, y: 2 },
  zero: 0,
}

const values: [string, unknown][] = [
  ['payload.n.all(x, x > 0)', true],
  ['payload.n.all(x, x > 1)', false],
  ['[].all(x, false)', true],
  ['payload.n.exists(x, x == 2)', true],
  ['[].exists(x, true)', false],
  ['payload.n.exists_one(x, x > 2)', true],
  ['payload.n.existsOne(x, x > 1)', false],
  ['payload.n.map(x, x * 2)', [6, 2, 4]],
  ['payload.n.map(x, x > 1, x * 2)', [6, 4]],
  ['payload.n.filter(x, x > 1)', [3, 2]],
  ['payload.readings.filter(r, r.ok).map(r, r.sensor)', ['a', 'c']],
  ['payload.readings.map(r, {"s": r.sensor, "v": r.value})[1]', { s: 'b', v: -3 }],
  ['payload.readings.sortBy(r, r.value).map(r, r.sensor)', ['b', 'a', 'c']],
  ['payload.n.sortBy(x, -x)', [3, 2, 1]],
  ['payload.names.map(k, k)', ['x', 'y']],
  ['payload.names.filter(k, payload.names[k] > 1)', ['y']],
  ['payload.names.all(k, v, v > 0 && k != "z")', true],
  ['payload.n.exists(i, x, i == 0 && x == 3)', true],
  ['payload.n.transformList(i, x, x * 10 + i)', [30, 11, 22]],
  ['payload.n.transformList(i, x, i > 0, x)', [1, 2]],
  ['payload.names.transformMap(k, v, v + 1)', { x: 2, y: 3 }],
  ['payload.names.transformMap(k, v, k == "x", v)', { x: 1 }],
  ['payload.names.transformMapEntry(k, v, {k + k: v})', { xx: 1, yy: 2 }],
  ['payload.readings.transformMapEntry(i, r, {r.sensor: r.value})', { a: 20.5, b: -3, c: 71 }],
  ['payload.n.transformMapEntry(i, x, {"same": x})', '! the key "same" stands twice'],
  ['payload.n.transformMap(i, x, x)', { 0: 3, 1: 1, 2: 2 }],
  ['[[1, 2], [3]].map(l, l.map(x, x + 1))', [[2, 3], [4]]],
  [
    '[1, 2].map(x, [10, 20].map(x, x + 1))',
    [
      [11, 21],
      [11, 21],
    ],
  ],
  [
    '[1, 2].map(x, [10, 20].map(y, x + y))',
    [
      [11, 21],
      [12, 22],
    ],
  ],
  ['cel.bind(x, payload.n[0], x * x)', 9],
  ['cel.bind(x, 1, cel.bind(x, x + 1, x))', 2],
  ['[1].map(payload, payload + 1)', [2]],
  ['[1].map(qos, .qos)', [1]],
  // A decision is one whatever fails elsewhere.
  ['[0, 1, 2].exists(x, 4 / x == 2)', true],
  ['[0, 1, 2].all(x, 4 / x > 100)', false],
  ['[0, 1, 2].all(x, 4 / x > 0)', '! division by zero'],
  ['[0, 1].exists_one(x, 1 / x == 1)', '! division by zero'],
  ['[0, 1].map(x, 1 / x)', '! division by zero'],
  ['payload.zero.map(x, x)', '! map() goes through a list or an object, not number'],
  ['payload.n.all(x, x)', '! `all` needs a bool, and got number'],
  ['payload.readings.sortBy(r, r)', '! cannot sort object with object'],
  // An absent value
  ['payload.?n.optMap(l, l.size()).orValue(0)', 3],
  ['payload.?gone.optMap(l, l.size()).orValue(0)', 0],
  ['payload.?names.optFlatMap(n, n.?y).orValue(0)', 2],
  ['payload.?names.optFlatMap(n, n.?z).hasValue()', false],
  ['[1, ?payload.?gone, ?payload.?zero]', [1, 0]],
  ['{"a": 1, ?"b": payload.?gone, ?"c": payload.?zero}', { a: 1, c: 0 }],
  ['optional.ofNonZeroValue(payload.zero).hasValue()', false],
  ['optional.ofNonZeroValue("x").value()', 'x'],
  ['optional.of(1) == optional.of(1.0)', true],
  ['payload.?gone == optional.none()', true],
]

const faults: [string, string, number, string][] = [
  [
    'payload.n.all(x)',
    'E202',
    10,
    'all() takes a name, and an expression or two names, and an expression, not 1 arguments',
  ],
  ['payload.n.map(x.y, 1)', 'E202', 16, 'map() begins with a simple name'],
  ['payload.n.all(x, x, true)', 'E202', 17, 'all() needs two different names'],
  ['payload.n.map(x, y)', 'E203', 17, 'unknown name `y`'],
  ['[1].map(reading, readin + 1)', 'E203', 17, 'unknown name `readin`'],
  ['client.map(x, x)', 'E204', 7, 'map() goes through a list or an object, not string'],
  ['[1].filter(x, x + 1)', 'E204', 16, '`filter` needs a bool, not int'],
  ['["a"].map(s, s - 1)', 'E204', 15, '`-` does not fit string and int'],
  ['{"a": "b"}.all(k, v, v < 1)', 'E204', 23, '`<` between string and int: without an order'],
  ['payload.n.map(x, payload.?y)', 'E204', 0, 'a value in it may be absent: say what then, with .orValue(…)'],
  ['[?payload.n]', 'E204', 10, 'what follows `?` may be absent, as payload.?x may; this is any value'],
  ['payload.x.optMap(x, x)', 'E204', 10, '.optMap() is for optional values, as payload.?x gives'],
  ['payload.?x.optFlatMap(x, 1)', 'E204', 25, 'optFlatMap() needs an optional value here, not int; or write optMap()'],
  ['payload.?x == 1', 'E204', 9, 'this value may be absent: say what then, with .orValue(…)'],
  ['cel.bind(x, 1)', 'E202', 4, 'cel.bind() takes a name, its value, and an expression'],
  ['Reading{value: 1}', 'E202', 0, '`Reading{…}` would make a message; a map is written {"field": value}'],
]

const reading: RecordType = {
  kind: 'record',
  fields: new Map([
    ['sensor', string],
    ['value', double],
    ['count', int],
    ['ok', bool],
  ]),
  open: false,
  owner: 'schema batch@1',
}
const batch: RecordType = {
  kind: 'record',
  fields: new Map([['readings', listOf(reading)]]),
  open: false,
  owner: 'schema batch@1',
}

describe('macros', () => {
  for (const [text, value] of values) {
    it(`${text} is ${JSON.stringify(value)}`, () => {
      assert.deepEqual(result(text, payload), value)
    })
  }
})

describe('faulty macros', () => {
  for (const [text, code, offset, message] of faults) {
    it(`${JSON.stringify(text)} is ${code} at ${offset}`, () => {
      const ran = run(text, payload)
      assert.ok('faults' in ran, `${text} was compiled`)
      const [fault] = ran.faults
      assert.deepEqual([fault!.code, fault!.offset, fault!.message], [code, offset, message])
    })
  }
})

describe('words of other languages', () => {
  for (const [text, message, suggestion] of [
    ['payload.n.any(x, x > 1)', 'unknown function `any`', 'exists'],
    ['payload.n.exist(x, x > 1)', 'unknown function `exist`', 'exists'],
    ['client.toLowerCase()', 'unknown function `toLowerCase`', 'lowerAscii'],
    ['max(1, 2)', 'unknown function `max`', 'math.greatest'],
    ['retain == True', 'unknown name `True`', 'true'],
    ['msg.x', 'unknown name `msg`', 'payload'],
    ['client.length', 'string has no fields, so no `length`', 'size()'],
    ['retain and retain', 'expected an operator or the end, found `and` (here that is &&)', undefined],
  ] as const) {
    it(`${text} is told ${suggestion ?? 'in the fault'}`, () => {
      const ran = run(text)
      assert.ok('faults' in ran)
      assert.deepEqual([ran.faults[0]?.message, ran.faults[0]?.suggestion, ran.faults.length], [message, suggestion, 1])
    })
  }
})

describe('B3: a macro over a list of the schema', () => {
  it('knows the fields of its items', () => {
    const ran = run('payload.readings.filter(r, r.ok).map(r, r.valu)', {}, { type: batch })
    assert.ok('faults' in ran)
    assert.deepEqual(ran.faults, [
      { code: 'E217', offset: 42, message: 'unknown field `valu` in schema batch@1', suggestion: 'value' },
    ])
  })

  it('knows their types', () => {
    assert.equal(
      result('payload.readings.exists(r, r.sensor > 3)', {}, batch),
      '! E204 `>` between string and int: without an order',
    )
    assert.deepEqual(result('payload.readings.map(r, r.count / 2)', { readings: [{ count: 7 }] }, batch), [3])
    assert.deepEqual(result('payload.readings.map(r, r.value / 2)', { readings: [{ value: 7 }] }, batch), [3.5])
  })
})
