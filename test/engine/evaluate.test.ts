import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Outcome } from '../../src/engine/outcome.ts'
import { jsonOf, load, message, run, telemetry } from './rules.ts'

const lineTelemetry = `
from: plants/{plant}/lines/{line}/telemetry
schema: telemetry
where: payload.quality == "good" && payload.temperature_f > -40
let:
  celsius: (payload.temperature_f - 32) / 1.8
set:
  temperature_c: celsius
  temperature_f: null
to:
  - sink: lake
    topic: telemetry.\${plant}
    key: \${line}
    headers: { line: "\${line}" }
  - sink: archive
    entry: \${plant}
    labels: { line: "\${line}", quality: "\${payload.quality}" }
  - publish: curated/\${plant}/\${line}
    retain: true
ack: stored
on_refused: dead-letter
order_by: \${client}/\${topic}
examples:
  - name: a good reading reaches the lake in Celsius
    given: { topic: plants/oslo/lines/3/telemetry, payload: { temperature_f: 212, quality: good } }
    expect:
      - { sink: lake, topic: telemetry.oslo, key: "3", payload: { temperature_c: 100, quality: good } }
`
const good = { temperature_f: 212, quality: 'good' }
const lake = 'to: [{ sink: lake }]\n'
const any = 'from: plants/#\n'

describe('the rule of the handbook', () => {
  const rules = load({ 'line-telemetry': lineTelemetry })

  it('owes a good reading to both sinks and publishes it', () => {
    const { owed, publishes, ack, refusal } = run(rules, message(good))
    assert.equal(refusal, null)
    assert.equal(ack, 'stored')
    assert.deepEqual(
      owed.map((claim) => ({ ...claim, payload: jsonOf(claim.payload) })),
      [
        {
          sink: 'lake',
          rule: 'line-telemetry',
          target: 'telemetry.oslo',
          key: '3',
          orderKey: 'press-7/plants/oslo/lines/3/telemetry',
          headers: [['line', '3']],
          payload: { temperature_c: 100, quality: 'good' },
          options: null,
        },
        {
          sink: 'archive',
          rule: 'line-telemetry',
          target: 'oslo',
          key: null,
          orderKey: 'press-7/plants/oslo/lines/3/telemetry',
          headers: [],
          payload: { temperature_c: 100, quality: 'good' },
          options: { labels: { line: '3', quality: 'good' } },
        },
      ],
    )
    assert.deepEqual(publishes, [
      {
        rule: 'line-telemetry',
        topic: 'curated/oslo/3',
        payload: Buffer.from('{"quality":"good","temperature_c":100}'),
        retain: true,
        qos: 1,
        properties: null,
      },
    ])
  })

  it('lets a bad reading go', () => {
    const outcome = run(rules, message({ ...good, quality: 'bad' }))
    assert.deepEqual([outcome.owed, outcome.publishes, outcome.refusal, outcome.ack], [[], [], null, 'received'])
  })

  it('B6: refuses what breaks the schema, naming the field', () => {
    const { refusal, owed } = run(rules, message({ ...good, temperature_f: 'hot' }))
    assert.deepEqual(owed, [])
    assert.equal(refusal?.action, 'dead-letter')
    assert.equal(refusal?.rule, 'line-telemetry')
    assert.equal(refusal?.error.code, 'E401')
    assert.equal(refusal?.error.message, 'payload.temperature_f must be number (schema telemetry@3)')
    assert.equal(refusal?.error.retry, 'never')
  })

  it('refuses what is not JSON', () => {
    const { refusal } = run(rules, message(Buffer.from('21.5 C')))
    assert.equal(refusal?.error.code, 'E402')
    assert.match(refusal?.error.message ?? '', /^payload is not valid JSON: /)
  })

  it('refuses what makes an expression fail, with the place in the file', () => {
    const { refusal } = run(rules, message({ temperature_f: 212 }))
    assert.equal(refusal?.error.code, 'E403')
    assert.equal(refusal?.error.message, 'payload has no field `quality` (rule line-telemetry)')
    assert.equal(refusal?.error.detail.place, 'rules/line-telemetry.yaml:4:16')
  })
})

describe('the payload', () => {
  it('is the very same object when no rule changes it, and is not decoded', () => {
    const rules = load({ a: any + lake, b: `${any}where: qos == 1\n${lake}` })
    const given = message(Buffer.from('not JSON at all'))
    const { owed } = run(rules, given)
    assert.equal(owed.length, 2)
    for (const claim of owed) assert.equal(claim.payload, given.payload)
  })

  it('is encoded once per rule and checked once per schema', () => {
    const target = 'schema: telemetry\nset: { x: "1" }\nto: [{ sink: lake }, { sink: records }]\n'
    const rules = load({ a: any + target, b: any + target })
    const before = telemetry.checks
    const { owed } = run(rules, message(good))
    assert.equal(telemetry.checks - before, 1)
    assert.equal(owed[0]?.payload, owed[1]?.payload)
    assert.notEqual(owed[1]?.payload, owed[2]?.payload)
  })

  it('is what was published for every rule, whatever others set', () => {
    const set = (line: string) => `${any}set:\n  ${line}\nto: [{ sink: lake, key: "\${payload.n}" }]\n`
    const rules = load({ a: set('n: payload.n + 1'), b: set('d.x: payload.n + 1'), c: set('d: "null"'), e: any + lake })
    const { owed } = run(rules, message({ n: 1, d: { x: 0, y: 0 } }))
    assert.deepEqual(
      owed.map((claim) => [claim.key, jsonOf(claim.payload)]),
      [
        ['1', { n: 2, d: { x: 0, y: 0 } }],
        ['1', { n: 1, d: { x: 2, y: 0 } }],
        ['1', { n: 1, d: null }],
        [null, { n: 1, d: { x: 0, y: 0 } }],
      ],
    )
  })

  const edits: [title: string, set: string, payload: unknown, expected: unknown][] = [
    ['sets, adds and removes fields', '{ a: payload.b, c: "1 + 1", b: null }', { a: 1, b: 2 }, { a: 2, c: 2 }],
    ['sets plain scalars', '{ a: 5, b: true, c: "\'text\'" }', {}, { a: 5, b: true, c: 'text' }],
    [
      'reaches into objects by paths and by maps',
      '{ a.b.c: "1", d: { e: "2", f: null } }',
      { a: { x: 0 }, d: { f: 1 } },
      { a: { x: 0, b: { c: 1 } }, d: { e: 2 } },
    ],
    ['merges a path and a map of one object', '{ a.b: "1", a: { c: "2" } }', {}, { a: { b: 1, c: 2 } }],
    ['does not make an object only to remove from it', '{ a.b: null, c.d: null }', { c: { d: 1 } }, { c: {} }],
    [
      'writes bytes as base64, times as RFC 3339, integers in full',
      '{ a: \'b"ab"\', t: time, i: "9223372036854775807" }',
      {},
      { a: 'YWI=', t: '2026-01-02T00:00:00Z', i: 2 ** 63 },
    ],
    [
      'writes lists and objects of expressions',
      '{ a: \'[{"x": payload.n}, b"a"]\' }',
      { n: 1 },
      { n: 1, a: [{ x: 1 }, 'YQ=='] },
    ],
  ]
  for (const [title, set, payload, expected] of edits) {
    it(title, () => {
      const { owed, refusal } = run(load({ r: `${any}set: ${set}\n${lake}` }), message(payload))
      assert.equal(refusal?.error.message, undefined)
      assert.deepEqual(jsonOf(owed[0]!.payload), expected)
    })
  }

  it('keeps 64-bit integers exact in the bytes', () => {
    const { owed } = run(load({ r: `${any}set: { i: "9007199254740993" }\n${lake}` }), message({}))
    assert.equal(String(owed[0]!.payload), '{"i":9007199254740993}')
  })

  it('keeps hostile field names as data', () => {
    const rules = load({ r: `${any}set: { __proto__.x: "1", constructor: "2", toString: null }\n${lake}` })
    const { owed } = run(rules, message(Buffer.from('{"__proto__": {"y": 1}, "toString": 3}')))
    assert.equal(String(owed[0]!.payload), '{"__proto__":{"y":1,"x":1},"constructor":2}')
    assert.equal(({} as { x?: unknown }).x, undefined)
  })

  it('may be replaced by an expression or a structure of them', () => {
    const replaced = (payload: string, encode = '') => {
      const { owed, refusal } = run(
        load({ r: `${any}payload: ${payload}\nto: [{ sink: lake${encode} }]\n` }),
        message({ n: 1, s: 'text' }),
      )
      return refusal === null ? Buffer.from(owed[0]!.payload).toString() : refusal.error.message
    }
    assert.equal(replaced('payload.n + 1'), '2')
    assert.equal(replaced('payload.s'), 'text')
    assert.equal(replaced('payload.s', ', encode: json'), '"text"')
    assert.equal(replaced('payload.s', ', encode: raw'), 'text')
    assert.equal(replaced('bytes(payload.s)'), 'text')
    assert.equal(replaced('bytes(payload.s)', ', encode: json'), '"dGV4dA=="')
    assert.equal(
      replaced('{ reading: { value: payload.n, unit: "\'F\'" }, list: [topic, 5] }'),
      '{"reading":{"value":1,"unit":"F"},"list":["plants/oslo/lines/3/telemetry",5]}',
    )
    assert.equal(replaced('payload.n', ', encode: raw'), 'encode: raw takes a string or bytes, and got number (rule r)')
  })

  const failures: [title: string, rule: string, payload: unknown, expected: string][] = [
    [
      'a payload that is no object cannot be edited',
      'set: { a: "1" }\n',
      5,
      'payload is number, so no field can be set in it (rule r)',
    ],
    [
      'a field that is no object cannot be edited',
      'set: { a.b: "1" }\n',
      { a: 5 },
      'payload.a is number, so no field can be set in it (rule r)',
    ],
    [
      'JSON has no infinity',
      'set: { a: payload.a * payload.a }\n',
      { a: 1e300 },
      'Infinity cannot be written as JSON (rule r)',
    ],
    ['a where that is no bool', 'where: payload.a\n', { a: 'yes' }, 'where needs a bool, and got string (rule r)'],
  ]
  for (const [title, rule, payload, expected] of failures) {
    it(`is refused: ${title}`, () => {
      const { refusal } = run(load({ r: any + rule + lake }), message(payload))
      assert.equal(refusal?.error.message, expected)
      assert.equal(refusal?.error.code, 'E403')
    })
  }

  it('is refused: a number beyond doubles, where the payload is written anew, instead of becoming null', () => {
    const rules = load({ r: `${any}set: { a: 'null' }\n${lake}` })
    for (const beyond of ['{"v":1e400}', '{"v":{"w":[null,-1e999]}}']) {
      assert.match(
        run(rules, message(Buffer.from(beyond))).refusal?.error.message ?? '',
        /Infinity cannot be written as JSON/,
      )
    }
    assert.equal(run(rules, message({ v: null, text: 'null' })).refusal, null)
  })

  it('nested beyond all measure is refused and harms nobody', () => {
    const rules = load({ r: `${any}set: { a: payload.d }\n${lake}` })
    const deep = Buffer.from(`{"d":${'['.repeat(50_000)}${']'.repeat(50_000)}}`)
    assert.equal(run(rules, message(deep)).refusal?.error.code, 'E403')
    assert.equal(run(rules, message({ d: 1 })).refusal, null)
  })
})

describe('targets', () => {
  it('keep the type of a whole template and make text of mixed ones', () => {
    const rules = load({
      r: `${any}to:\n  - { sink: lake, key: "\${payload.n}", topic: "t-\${payload.n}", partition: "\${payload.n}", headers: { n: "\${payload.n}", b: \x27\${b"x"}\x27, five: 5 } }\n`,
    })
    const [claim] = run(rules, message({ n: 4 })).owed
    assert.deepEqual([claim?.key, claim?.target, claim?.options], ['4', 't-4', { partition: 4 }])
    assert.deepEqual(claim?.headers, [
      ['n', '4'],
      ['b', 'x'],
      ['five', '5'],
    ])
  })

  it('never say "undefined" or "null"', () => {
    const rules = load({ r: `${any}to: [{ sink: lake, key: "k-\${payload.n}" }]\n` })
    assert.equal(run(rules, message({})).refusal?.error.message, 'payload has no field `n` (rule r)')
    assert.equal(run(rules, message({ n: null })).refusal?.error.message, 'null cannot become text (rule r)')
    assert.equal(run(rules, message({ n: [1] })).refusal?.error.message, 'list cannot become text (rule r)')
  })

  it('write ${ as $${', () => {
    const rules = load({ r: `${any}to: [{ sink: lake, key: "$\${topic} \${qos}" }]\n` })
    assert.equal(run(rules, message({})).owed[0]?.key, '${topic} 1')
  })

  it('of publish check their topic, retain and qos on each message', () => {
    const rules = load({
      r: 'from: plants/#\nto: [{ publish: "x/${payload.t}", qos: "${payload.q}", retain: "${retain}" }]\n',
    })
    const [order] = run(rules, message({ t: 'a/b', q: 2 }, { retain: true })).publishes
    assert.deepEqual([order?.topic, order?.qos, order?.retain], ['x/a/b', 2, true])
    assert.match(run(rules, message({ t: '+', q: 2 })).refusal?.error.message ?? '', /contains a wildcard/)
    assert.match(run(rules, message({ t: 'a', q: 3 })).refusal?.error.message ?? '', /retain and qos cannot be/)
  })

  it('are ordered by client and topic unless the rule says otherwise', () => {
    const rules = load({ a: any + lake, b: `from: plants/{plant}/#\norder_by: \${plant}\n${lake}` })
    const keys = (client: string) => run(rules, message({}, { client })).owed.map(({ orderKey }) => orderKey)
    assert.deepEqual(keys('one'), ['one/plants/oslo/lines/3/telemetry', 'oslo'])
    assert.deepEqual(keys('two'), ['two/plants/oslo/lines/3/telemetry', 'oslo'])
  })

  it('read MQTT properties by their names', () => {
    const rules = load({
      r: `${any}where: properties.?user["site"].orValue("") == "oslo"\nto: [{ sink: lake, key: "\${properties.content_type}" }]\n`,
    })
    const properties = {
      contentType: 'text/plain',
      user: [
        ['site', 'oslo'],
        ['site', 'x'],
      ],
    } as const
    assert.equal(run(rules, message({}, { properties })).owed[0]?.key, 'text/plain')
    assert.deepEqual(run(rules, message({})).owed, [])
  })
})

describe('several rules', () => {
  const failing = (action: string, targets = lake) => `${any}where: payload.x == 1\non_refused: ${action}\n${targets}`

  it('ask together for the strongest acknowledgement, of those that match', () => {
    const rules = load({
      a: `${any}ack: received\n${lake}`,
      b: `${any}where: payload.b == 1\nack: delivered\n${lake}`,
      c: any + lake,
    })
    assert.equal(run(rules, message({ b: 1 })).ack, 'delivered')
    assert.equal(run(rules, message({ b: 2 })).ack, 'stored')
  })

  it('send the message nowhere when one of them refuses it', () => {
    const rules = load({ a: any + lake, b: failing('drop'), c: any + lake })
    const outcome = run(rules, message({}))
    assert.deepEqual([outcome.owed, outcome.publishes, outcome.ack], [[], [], 'received'])
    assert.deepEqual([outcome.refusal?.rule, outcome.refusal?.action], ['b', 'drop'])
  })

  it('go on without one that lets failures pass, and take back what it had begun', () => {
    const half = 'to: [{ sink: records }, { publish: "x" }, { sink: lake, key: "${payload.x}" }]\n'
    const rules = load({ a: any + lake, b: `${any}on_refused: pass\nack: delivered\n${half}`, c: any + lake })
    const outcome = run(rules, message({}))
    assert.deepEqual(
      outcome.owed.map(({ rule }) => rule),
      ['a', 'c'],
    )
    assert.deepEqual([outcome.publishes, outcome.refusal, outcome.ack], [[], null, 'stored'])
  })

  it('evaluate a let at most once, and only when it is used', () => {
    const rules = load({
      r: `${any}where: has(payload.n)\nlet: { never: payload.missing, twice: payload.n * 2 }\nset: { a: twice, b: twice }\n${lake}`,
    })
    const outcome = run(rules, message({ n: 2 }))
    assert.equal(outcome.refusal, null)
    assert.deepEqual(jsonOf(outcome.owed[0]!.payload), { n: 2, a: 4, b: 4 })
    assert.deepEqual(jsonOf(run(rules, message({ n: 3 }), outcome).owed[0]!.payload), { n: 3, a: 6, b: 6 })
  })

  it('count in claims, once the message is taken, and only the one that refused', () => {
    const rules = load({
      a: `${any}to: [{ sink: lake }, { sink: records }, { publish: x }]\n`,
      b: failing('dead-letter'),
      c: failing('pass'),
      d: failing('drop'),
    })
    const outcome = new Outcome()
    const counters = () =>
      rules.rules.map(({ counters: c }) => [c.received, c.filtered, c.passed, c.refused, c.claims, c.published])
    run(rules, message({ x: 1 }), outcome)
    assert.deepEqual(counters(), [
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
    ])
    outcome.count()
    assert.deepEqual(counters(), [
      [3, 0, 0, 0, 2, 1],
      [1, 0, 0, 0, 1, 0],
      [1, 0, 0, 0, 1, 0],
      [1, 0, 0, 0, 1, 0],
    ])
    run(rules, message({ x: 2 }), outcome).count()
    assert.deepEqual(counters(), [
      [6, 0, 0, 0, 4, 2],
      [2, 1, 0, 0, 1, 0],
      [2, 1, 0, 0, 1, 0],
      [2, 1, 0, 0, 1, 0],
    ])
    run(rules, message({}), outcome).count()
    assert.deepEqual(counters()[1], [3, 1, 0, 0, 2, 0])
    assert.deepEqual(counters()[0], [6, 0, 0, 0, 4, 2])
    for (const { counters: c } of rules.rules) assert.equal(c.received, c.filtered + c.refused + c.claims + c.published)
  })

  it('count drops and passes', () => {
    const rules = load({ c: failing('pass'), d: failing('drop') })
    run(rules, message({})).count()
    const [passing, dropping] = rules.rules.map(({ counters }) => counters)
    assert.deepEqual(
      { ...passing },
      { received: 0, filtered: 0, passed: 0, refused: 0, claims: 0, published: 0, absorbed: 0 },
    )
    assert.deepEqual(
      { ...dropping },
      { received: 1, filtered: 0, passed: 0, refused: 1, claims: 0, published: 0, absorbed: 0 },
    )
    const only = load({ c: failing('pass') })
    run(only, message({})).count()
    assert.deepEqual(
      { ...only.rules[0]?.counters },
      { received: 1, filtered: 1, passed: 1, refused: 0, claims: 0, published: 0, absorbed: 0 },
    )
  })

  it('give each message its own claims, so that those taken may be kept', () => {
    const rules = load({ a: any + lake })
    const outcome = new Outcome()
    const [first] = run(rules, message({}, { client: 'one' }), outcome).owed
    const [second] = run(rules, message({}, { client: 'two' }), outcome).owed
    assert.notEqual(first, second)
    assert.match(first!.orderKey, /^one/)
  })
})

describe('reasons for the publisher', () => {
  it('hold no control characters, and an end', () => {
    const rules = load({ r: `${any}where: int(payload.n) == 1\n${lake}` })
    const { refusal } = run(rules, message({ n: `a\u0000b\n${'x'.repeat(5_000)}` }))
    assert.match(refusal!.error.message, /is not an integer/)
    const broken = run(rules, message(Buffer.from(`{"a\u0000${'y'.repeat(5_000)}`))).refusal!.error.message
    assert.ok(broken.length <= 300)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested
    assert.doesNotMatch(broken, /[\u0000-\u001f]/)
  })
})
