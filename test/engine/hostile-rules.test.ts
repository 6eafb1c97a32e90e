import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { Outcome } from '../../src/engine/outcome.ts'
import { evaluate, RuleSet } from '../../src/engine/rule-set.ts'
import { message, registryOf, sinks, telemetry } from './rules.ts'

const dollar = '$'
const words = [
  ...[
    'payload',
    'payload.x',
    'item',
    'index',
    'topic',
    'true',
    '1',
    '"a"',
    '[1, 2]',
    '{"a": 1}',
    'x > 1',
    'payload.x > 1',
  ],
  ...['json', 'avro', 'csv', 'raw', 'cbor', 'msgpack', 'confluent', 'header', 'none', 'telemetry', 'lake', 'records'],
  ...['a/b', `a/${dollar}{topic}`, `${dollar}{payload.x}`, '__proto__', 'constructor', '', 'plants/#'],
]
const fields = [
  'sink',
  'publish',
  'when',
  'set',
  'payload',
  'encode',
  'schema',
  'frame',
  'key',
  'headers',
  'topic',
  'qos',
  'retain',
]
const inner = [
  'format',
  'columns',
  'delimiter',
  'lines',
  'in',
  'as',
  'index',
  'file',
  'key',
  'types',
  'a',
  '__proto__',
  ...fields,
]

const word = fc.constantFrom(...words)
const scalar = fc.oneof(word, word, fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308))
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...inner), tie('value'), { maxKeys: 4 }),
  ),
}))
/** Nearly always one of these, now and then anything. */
const mostly = (...sound: readonly unknown[]) =>
  fc.oneof({ weight: 25, arbitrary: fc.constantFrom(...sound) }, { weight: 1, arbitrary: value })

const condition = mostly('true', 'payload == 5', 'has(payload.x)', 'size(payload) > 1', 'topic == "a"', 'payload.x > 1')
const data = mostly('payload', '{"a": payload, "b": b"x"}', 'time', '1u', '[1, payload]', 'b"ab"', 'topic')
const edits = mostly({ a: 'payload' }, { 'x.y': '1', b: null }, { __proto__x: 'time' }, { constructor: '2' })
const encode = mostly('json', 'raw', 'cbor', 'msgpack', 'csv', {
  format: 'csv',
  columns: ['a', '__proto__'],
  header: true,
})
const more = { when: condition, encode, schema: mostly('telemetry') }
const target = fc.oneof(
  fc.record(
    { sink: mostly('lake', 'records'), key: mostly(`${dollar}{topic}`, `k-${dollar}{payload}`), set: edits, ...more },
    { requiredKeys: ['sink'] },
  ),
  fc.record({ publish: mostly('x', `y/${dollar}{client}`), payload: data, ...more }, { requiredKeys: ['publish'] }),
)
const targets = fc.oneof(
  { weight: 25, arbitrary: fc.array(target, { minLength: 1, maxLength: 2 }) },
  { weight: 1, arbitrary: value },
)
const rule = fc
  .record(
    {
      from: fc.constantFrom('plants/#', 'plants/{plant}/#'),
      schema: mostly('telemetry'),
      decode: mostly('json', 'msgpack', 'cbor', 'csv', 'raw', 'confluent', {
        format: 'csv',
        columns: { x: 'int' },
        lines: 'one',
      }),
      where: condition,
      for_each: mostly('payload', 'payload.x', '[1, "a", time]', { in: 'payload', as: 'one', index: 'at' }),
      let: mostly({ l: 'payload' }, { l: 'topic', m: 'l + "a"' }),
      set: edits,
      payload: data,
      to: targets,
      else: targets,
      order_by: mostly('${client}'),
    },
    { requiredKeys: ['from', 'to'] },
  )
  .map(({ payload, set, ...others }) => (set === undefined ? { ...others, payload } : { ...others, set }))

const payloads = [{ x: 1 }, { x: [1, { y: 2 }] }, [1, 2], 5, null, 'text', new Uint8Array([0, 0, 0, 0, 17, 1])]

describe('B1: whatever stands in the fields of a rule', () => {
  it('is told as faults or can be run, and nothing is thrown', () => {
    let sound = 0
    fc.assert(
      fc.property(rule, (said) => {
        const files = [{ file: 'rules/r.yaml', text: stringify(said) }]
        const { rules, faults } = RuleSet.load(files, { sinks, registry: registryOf(telemetry) })
        assert.equal(rules === null, faults.length > 0)
        for (const fault of faults)
          assert.ok(fault.line >= 1 && fault.message !== '' && !fault.message.includes('undefined'))
        if (rules === null) return
        sound++
        const outcome = new Outcome()
        for (const payload of payloads) {
          const given = message(payload)
          evaluate(rules.lookup(given.topic)!, given, outcome)
          for (const { key, target } of outcome.owed) assert.doesNotMatch(`${key} ${target}`, /undefined|\[object/)
          for (const { topic } of outcome.publishes) assert.doesNotMatch(topic, /undefined|null|\[object/)
          outcome.count()
          assert.notEqual(outcome.refusal?.error.code, 'E999')
        }
        const { received, filtered, refused, claims, published } = rules.rules[0]!.counters
        assert.equal(received, filtered + refused + claims + published)
      }),
      { numRuns: 1500, seed: 11 },
    )
    assert.ok(sound > 50, `only ${sound} rules were sound`)
  })
})
