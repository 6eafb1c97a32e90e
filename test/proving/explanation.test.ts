import assert from 'node:assert/strict'
import { it } from 'node:test'
import { drawExplanation } from '../../src/cli/explain-report.ts'
import { paintFor } from '../../src/cli/paint.ts'
import { type Explanation, explain } from '../../src/proving/explanation.ts'
import { planOf } from './proved.ts'

const explained = (rules: Readonly<Record<string, string>>, topic: string, payload: string): Explanation =>
  explain(planOf(rules), {
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    retain: false,
    properties: null,
    client: 'device-1',
    username: null,
    source: null,
    timeMs: 0,
  })

const drawn = (...args: Parameters<typeof explained>): string[] => drawExplanation(explained(...args), paintFor(false))

const telemetry = `
from: plants/{plant}/lines/{line}/telemetry
where: payload.quality == "good" && payload.temperature_f > -40
let:
  celsius: (payload.temperature_f - 32) / 1.8
set:
  temperature_c: celsius
  temperature_f: null
to:
  - { sink: lake, topic: "telemetry.\${plant}", key: "\${line}", headers: { line: "\${line}" } }
  - { sink: archive, file: "\${plant}", when: celsius > 500 }
  - { publish: "curated/\${plant}/\${line}", retain: true }
`

it('B8: explain tells which rules match, each value on the way and where the message would go', () => {
  const told = drawn({ telemetry }, 'plants/oslo/lines/3/telemetry', '{"temperature_f": 212, "quality": "good"}')
  assert.deepEqual(told, [
    'rules/telemetry.yaml matches   plant = "oslo", line = "3"',
    '  where   payload.quality == "good" && payload.temperature_f > -40',
    '          true                      && true',
    '          payload.quality = "good", payload.temperature_f = 212',
    '  let     celsius = 100',
    '  set     temperature_c = 100, temperature_f removed',
    '  → lake     topic telemetry.oslo, key "3", headers line=3, 38 bytes',
    '  → publish  curated/oslo/3, retained, qos 1, 38 bytes',
    '  – archive, when celsius > 500 is false',
    '',
    'ack  stored: PUBACK after the journal has it',
  ])
})

it('B8: a condition that does not hold shows which term said no, and why', () => {
  const told = drawn({ telemetry }, 'plants/oslo/lines/3/telemetry', '{"temperature_f": -50, "quality": "good"}')
  assert.deepEqual(told.slice(0, 4), [
    'rules/telemetry.yaml lets it go   plant = "oslo", line = "3"',
    '  where   payload.quality == "good" && payload.temperature_f > -40',
    '          true                      && false',
    '          payload.quality = "good", payload.temperature_f = -50',
  ])
})

it('B8: a term that fails says why, and the message is refused with what its publisher hears', () => {
  const told = drawn({ telemetry }, 'plants/oslo/lines/3/telemetry', '{"quality": "good"}').join('\n')
  assert.match(told, /rules\/telemetry\.yaml refuses it/)
  assert.match(told, /true +&& fails/)
  assert.match(told, /error {3}E403 .*temperature_f.*rules\/telemetry\.yaml:3:\d+/)
  assert.match(told, /refused by rule telemetry, so nothing is sent/)
  assert.match(told, /the publisher hears PUBACK 0x\d\d .*, and it is kept as a dead letter/)
})

it('B8: a payload that breaks its schema is told with the field', () => {
  const rule = 'from: a\nschema: reading\nwhere: payload.t > 3\non_refused: drop\nto: [{ sink: lake, topic: t }]\n'
  const told = drawn({ rule }, 'a', '{"t": "warm"}')
  assert.equal(told[1], '  schema  reading@1   not valid: payload.t must be number (schema reading@1)')
  assert.match(told.at(-1)!, /PUBACK 0x99 payload format invalid, and it is dropped/)
})

it('B8: what a rule publishes is followed through the rules that take it', () => {
  const next = 'from: curated/{plant}/{line}\nto: [{ sink: archive, file: "${plant}" }]\nack: delivered\n'
  const told = drawn({ next, telemetry }, 'plants/oslo/lines/3/telemetry', '{"temperature_f": 212, "quality": "good"}')
  const at = told.indexOf('rules/next.yaml matches curated/oslo/3   plant = "oslo", line = "3"')
  assert.ok(at > 0, told.join('\n'))
  assert.equal(told[at + 1], '  → archive  file oslo, 38 bytes')
  assert.equal(told.at(-1), 'ack  delivered: PUBACK after every sink has confirmed')
})

it('B8: a topic that no rule takes says which comes nearest, and where it differs', () => {
  assert.deepEqual(drawn({ telemetry }, 'plants/oslo/line/3/telemetry', '{}'), [
    'no rule takes plants/oslo/line/3/telemetry',
    '  rules/telemetry.yaml comes nearest: plants/{plant}/lines/{line}/telemetry has `lines` where the topic has `line`',
    '  It reaches its MQTT subscribers, and nothing else.',
  ])
})

it('B8: an item at a time, each delivery is told with the item it has', () => {
  const rule = `
from: a
for_each: payload.readings
payload: { t: item.t }
to: [{ sink: lake, topic: "t-\${index}" }]
`
  const told = drawn({ rule }, 'a', '{"readings": [{"t": 1}, {"t": 2}]}')
  assert.deepEqual(told.slice(1, 6), [
    '  each    2 items',
    '  → lake  topic t-0, 7 bytes',
    '          { t: 1 }',
    '  → lake  topic t-1, 7 bytes',
    '          { t: 2 }',
  ])
})

it('B8: choices, brackets and nested conditions are shown whole', () => {
  const rule =
    'from: a\nwhere: "(payload.x || payload.y) && (payload.x ? payload.y : true)"\nto: [{ sink: lake, topic: t }]\n'
  const [, text, values] = drawn({ rule }, 'a', '{"x": false, "y": true}')
  assert.equal(text, '  where   (payload.x || payload.y) && (payload.x ? payload.y : true)')
  assert.equal(values, '          true                     && true')
})

it('B8: a rule that remembers is told with its key, as if nothing had come before', () => {
  const rule = `
from: a/{device}
once: { by: "\${device}/\${payload.id}", within: 1h }
window: { every: 1m, by: "\${device}", values: { n: count() } }
to: [{ sink: lake, topic: t }]
`
  const told = drawn({ rule }, 'a/d1', '{"id": 7}')
  assert.deepEqual(told.slice(0, 3), [
    'rules/rule.yaml gathers it   device = "d1"',
    '  once    key "d1/7"   as if nothing had come before',
    '  window  key "d1"   as if nothing had come before',
  ])
})

it('B8: a target that is left for some item says so, and long values are not shown below a condition', () => {
  const rule = `
from: a
where: payload.list.size() > 0 && payload.list == payload.list
for_each: payload.list
to: [{ sink: lake, topic: t, when: item > 1 }]
`
  const told = drawn({ rule }, 'a', JSON.stringify({ list: [1, 2, ...Array(40).fill(3)] }))
  assert.equal(told[3], '          payload.list.size() = 42')
  assert.equal(told[4], '  each    42 items')
  assert.equal(told.at(-3), '  – lake, when item > 1 is false for some item')
  assert.equal(told.at(-4), '  … and 21 more')
})

it('B8: what the publisher hears goes by the quality of service', () => {
  const rule = 'from: a\nschema: reading\nto: [{ sink: lake, topic: t }]\n'
  const last = (qos: 0 | 1 | 2, payload: string): string =>
    drawExplanation({ ...explained({ rule }, 'a', payload), qos }, paintFor(false)).at(-1)!
  assert.deepEqual(
    ([0, 1, 2] as const).map((qos) => last(qos, '{"t":1}')),
    [
      'ack  QoS 0 is not answered',
      'ack  stored: PUBACK after the journal has it',
      'ack  stored: PUBREC after the journal has it',
    ],
  )
  assert.match(last(0, '{}'), /hears nothing \(QoS 0\), and it is kept/)
  assert.match(last(2, '{}'), /hears PUBREC 0x99/)
})
