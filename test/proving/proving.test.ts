import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { proveAll, proved } from './proved.ts'

const rule = (examples: string, more = ''): string => `
from: plants/{plant}/readings
${more}
set: { plant: plant }
to:
  - { sink: lake, topic: "readings.\${plant}", key: "\${plant}", headers: { plant: "\${plant}" } }
  - { publish: "seen/\${plant}", retain: true }
examples:
${examples}
`

describe('B1: an example', () => {
  it('passes when all it names is as it says, and says nothing of what it does not name', async () => {
    const told = await proved(
      rule(`
  - name: all of it
    given: { topic: plants/oslo/readings, payload: { t: 1 } }
    expect:
      - { sink: lake, topic: readings.oslo, key: oslo, headers: { plant: oslo }, payload: { t: 1, plant: oslo }, attempts: 1, after: 0s }
      - { publish: seen/oslo, retain: true, qos: 1, payload: { t: 1, plant: oslo } }
      - { puback: success }
  - name: a part
    given: { topic: plants/oslo/readings, payload: { t: 1 } }
    expect: [{ sink: lake, payload_includes: { t: 1 } }]`),
    )
    assert.deepEqual(told, ['all of it: passes', 'a part: passes'])
  })

  it('that fails shows the difference line by line', async () => {
    const told = await proved(
      rule(`
  - name: wrong
    given: { topic: plants/oslo/readings, payload: { t: 1, list: [1, { a: 2 }] } }
    expect:
      - { sink: lake, topic: readings.bergen, payload: { t: 2, list: [1, { a: 3 }], gone: true } }`),
    )
    assert.deepEqual(told, [
      'wrong: lake, delivery 1 of 1',
      '- topic: "readings.bergen"',
      '+ topic: "readings.oslo"',
      '  payload:',
      '-   t: 2',
      '+   t: 1',
      '    list:',
      '      [0]: 1',
      '      [1]:',
      '-       a: 3',
      '+       a: 2',
      '-   gone: true',
      '+   plant: "oslo"',
    ])
  })

  it('of nothing fails on anything', async () => {
    const told = await proved(
      rule(`
  - name: nothing
    given: { topic: plants/oslo/readings, payload: { t: 1 } }
    expect: []`),
    )
    assert.deepEqual(told, [
      'nothing: lake got a delivery',
      '+ topic: "readings.oslo"',
      '+ key: "oslo"',
      '+ headers: { plant: "oslo" }',
      '+ payload: { t: 1, plant: "oslo" }',
      'nothing: a message was published',
      '+ publish: "seen/oslo"',
      '+ payload: { t: 1, plant: "oslo" }',
      '+ retain: true',
    ])
  })

  it('names all deliveries of a sink that it names, in their order', async () => {
    const given = `
    given:
      - { topic: plants/oslo/readings, payload: { t: 1 } }
      - { topic: plants/oslo/readings, payload: { t: 2 } }`
    const told = await proved(
      rule(`
  - name: in order${given}
    expect: [{ sink: lake, payload_includes: { t: 1 } }, { sink: lake, payload_includes: { t: 2 } }]
  - name: out of order${given}
    expect: [{ sink: lake, payload_includes: { t: 2 } }, { sink: lake, payload_includes: { t: 1 } }]
  - name: one too few${given}
    expect: [{ sink: lake, payload_includes: { t: 2 } }]
  - name: one too many${given}
    expect: [{ publish: seen/oslo }, { publish: seen/oslo }, { publish: seen/bergen }]
  - name: counted${given}
    expect: [{ sink: lake, count: 2 }, { sink: lake, payload_includes: { t: 2 }, count: 1 }, { sink: archive, count: 0 }]
  - name: miscounted${given}
    expect: [{ sink: lake, count: 3 }]`),
    )
    assert.deepEqual(told, [
      'in order: passes',
      'out of order: lake, delivery 1 of 2',
      '  payload:',
      '-   t: 2',
      '+   t: 1',
      'out of order: lake, delivery 2 of 2',
      '  payload:',
      '-   t: 1',
      '+   t: 2',
      'one too few: lake, delivery 1 of 2 was not expected',
      '+ topic: "readings.oslo"',
      '+ key: "oslo"',
      '+ headers: { plant: "oslo" }',
      '+ payload: { t: 1, plant: "oslo" }',
      'one too many: publish 3 of 3 did not come',
      '- publish: "seen/bergen"',
      'counted: passes',
      'miscounted: lake, delivery { sink: "lake", count: 3 }',
      '- count: 3',
      '+ count: 2',
    ])
  })

  it('takes numbers for equal that differ in the tenth digit, and bytes as they are written', async () => {
    const told = await proved(`
from: a
payload: "payload.x / 3.0"
to: [{ sink: archive, file: a }]
examples:
  - { name: a third, given: { topic: a, payload: { x: 1 } }, expect: [{ sink: archive, payload: 0.3333333333 }] }
  - { name: not quite, given: { topic: a, payload: { x: 1 } }, expect: [{ sink: archive, payload: 0.33333 }] }
  - name: bytes
    given: { topic: a, payload_hex: "7b 22 78 22 3a 33 7d" }
    expect: [{ sink: archive, payload_hex: "31" }, { puback: 0 }]
  - name: other bytes
    given: { topic: a, payload_base64: eyJ4IjozfQ== }
    expect: [{ sink: archive, payload_base64: MQ== }]`)
    assert.deepEqual(told, [
      'a third: passes',
      'not quite: archive, delivery 1 of 1',
      '- payload: 0.33333',
      '+ payload: 0.3333333333333333',
      'bytes: passes',
      'other bytes: passes',
    ])
  })

  it('is run with all rules, and compared with what its own makes of it', async () => {
    const other = 'from: plants/#\nto: [{ sink: lake, topic: all }]\n'
    const examples = `
  - name: its own
    given: { topic: plants/oslo/readings, payload: { t: 1 } }
    expect: [{ sink: lake, topic: readings.oslo }]
  - name: another's
    given: { topic: plants/oslo/readings, payload: { t: 1 } }
    expect: [{ sink: lake, topic: all, rule: other }]`
    assert.deepEqual(await proved(rule(examples), { other }), ['its own: passes', "another's: passes"])
  })

  it('that another rule refuses fails, and says which', async () => {
    const strict = 'from: plants/#\nwhere: payload.missing\nto: [{ sink: lake, topic: all }]\n'
    const examples = `
  - name: refused elsewhere
    given: { topic: plants/oslo/readings, payload: { t: 1 } }
    expect: [{ sink: lake, count: 0 }]`
    const told = await proved(rule(examples), { strict })
    assert.equal(told[0], 'refused elsewhere: the message was refused')
    assert.match(told.join('\n'), /\+ at: "rules\/strict\.yaml:2:/)
  })

  it('follows what a rule publishes through the rules that take it', async () => {
    const next = `
from: seen/{plant}
to: [{ sink: archive, file: "\${plant}" }]
`
    const examples = `
  - name: on it goes
    given: { topic: plants/oslo/readings, payload: { t: 1 } }
    expect: [{ publish: seen/oslo }, { sink: archive, file: oslo, rule: next, payload: { t: 1, plant: oslo } }]`
    assert.deepEqual(await proved(rule(examples), { next }), ['on it goes: passes'])
  })
})

describe('B1: refusals in examples', () => {
  const examples = `
  - name: heard
    given: { topic: plants/oslo/readings, payload: { t: warm } }
    expect: [{ puback: payload format invalid, reason: payload.t must be number }]
  - name: by its number, and kept
    given: { topic: plants/oslo/readings, payload: not JSON }
    expect: [{ puback: 0x99 }, { dead_letter: E402, reason: not valid JSON, payload: not JSON }]
  - name: by its reason alone
    given: { topic: plants/oslo/readings, payload: { t: warm } }
    expect: [{ dead_letter: must be number }]
  - name: not spoken of
    given: { topic: plants/oslo/readings, payload: { t: warm } }
    expect: []
  - name: the wrong one
    given: { topic: plants/oslo/readings, payload: { t: warm } }
    expect: [{ puback: quota exceeded }]
  - name: none
    given: { topic: plants/oslo/readings, payload: { t: 1 } }
    expect: [{ puback: payload format invalid }]
  - name: QoS 0 hears nothing
    given: { topic: plants/oslo/readings, payload: { t: warm }, qos: 0 }
    expect: [{ puback: none }, { dead_letter: E401 }]
  - name: one of three
    given:
      - { topic: plants/oslo/readings, payload: { t: 1 } }
      - { topic: plants/oslo/readings, payload: { t: warm } }
      - { topic: plants/oslo/readings, payload: { t: 2 } }
    expect: [{ puback: payload format invalid }, { sink: lake, count: 2 }]`

  it('are what the publisher hears and what is kept; one that is not spoken of never passes', async () => {
    const reason = 'payload.t must be number (schema reading@1)'
    assert.deepEqual(await proved(rule(examples, 'schema: reading')), [
      'heard: passes',
      'by its number, and kept: passes',
      'by its reason alone: passes',
      'not spoken of: the message was refused',
      '+ puback: "payload format invalid"',
      `+ reason: "${reason}"`,
      'the wrong one: puback',
      '- puback: "quota exceeded"',
      '+ puback: "payload format invalid"',
      'none: puback',
      '- puback: "payload format invalid"',
      '+ puback: "success"',
      'QoS 0 hears nothing: passes',
      'one of three: passes',
    ])
  })

  it('that a rule drops leave nothing behind', async () => {
    const told = await proved(
      rule(
        `
  - name: dropped
    given: { topic: plants/oslo/readings, payload: { t: warm } }
    expect: [{ puback: payload format invalid }, { dead_letter: E401, count: 0 }]`,
        'schema: reading\non_refused: drop',
      ),
    )
    assert.deepEqual(told, ['dropped: passes'])
    const unheard = await proved(
      rule(
        `
  - name: dropped unheard
    given: { topic: plants/oslo/readings, payload: { t: warm } }
    expect: [{ dead_letter: E401, count: 0 }]`,
        'schema: reading\non_refused: drop',
      ),
    )
    assert.equal(unheard[0], 'dropped unheard: the message was refused')
  })

  it('at a topic that no rule takes say which rule comes nearest', async () => {
    const told = await proved(
      rule(`
  - name: two of them
    given:
      - { topic: plants/oslo/readings, payload: { t: 1 } }
      - { topic: plants/oslo/reading, payload: { t: 1 } }
    expect: [{ sink: lake, count: 1 }]`),
      { far: 'from: cellar/+\nto: [{ sink: lake, topic: x }]\n' },
    )
    assert.deepEqual(told, [
      'two of them: no rule takes plants/oslo/reading',
      '  rules/it.yaml comes nearest: plants/{plant}/readings has `readings` where the topic has `reading`',
    ])
  })
})

describe('B1: faults in examples', () => {
  const given = 'given: { topic: plants/oslo/readings, payload: { t: 1 } }'

  it('that pass by themselves are outlived, by the back-off of the hub and in no time', async () => {
    const startMs = performance.now()
    const told = await proved(
      rule(`
  - name: away for a minute
    ${given}
    faults: [{ sink: lake, fails: unavailable, for: 60s }]
    expect: [{ sink: lake, after: "60s..70s", attempts: "> 1" }, { puback: success, after: 0s }]
  - name: a connection lost
    ${given}
    faults: [{ sink: lake, fails: reconnect, for: 60s }]
    expect: [{ sink: lake, after: "60s..70s", attempts: 1 }]
  - name: three times
    ${given}
    faults: [{ sink: lake, fails: timeout, times: 3 }]
    expect: [{ sink: lake, attempts: 4, after: "< 1s" }]
  - name: by the code of a far side
    ${given}
    faults: [{ sink: lake, fails: E604, times: 1 }]
    expect: [{ sink: lake, attempts: 2 }]
  - name: too early
    ${given}
    faults: [{ sink: lake, fails: unavailable, for: 60s }]
    expect: [{ sink: lake, after: "< 10s" }]`),
    )
    assert.deepEqual(told.slice(0, 4), [
      'away for a minute: passes',
      'a connection lost: passes',
      'three times: passes',
      'by the code of a far side: passes',
    ])
    assert.match(told.slice(4).join('\n'), /^too early: lake, delivery 1 of 1\n- after: < 10s\n\+ after: 6\d\.\d+s$/)
    assert.ok(performance.now() - startMs < 5000)
  })

  it('that never pass make dead letters, which an example must speak of', async () => {
    const told = await proved(
      rule(`
  - name: kept
    ${given}
    faults: [{ sink: lake, fails: rejected }]
    expect: [{ dead_letter: E606, sink: lake, reason: rejects it, attempts: 1 }, { sink: lake, count: 0 }]
  - name: not spoken of
    ${given}
    faults: [{ sink: lake, fails: rejected }]
    expect: [{ sink: lake, count: 0 }]
  - name: for ever
    ${given}
    faults: [{ sink: lake, fails: unavailable }]
    expect: [{ sink: lake }]`),
    )
    assert.deepEqual(told, [
      'kept: passes',
      'not spoken of: lake refused it for good',
      '+ dead_letter: "E606"',
      '+ sink: "lake"',
      '+ reason: "lake rejects it"',
      'for ever: lake, delivery 1 of 1 did not come',
      '- sink: "lake"',
      '+ 1 still wait: lake is unavailable',
    ])
  })

  it('spend the retry budget of the configuration', async () => {
    const told = await proved(`
from: a
to: [{ sink: hasty, path: /x }]
examples:
  - name: three tries
    given: { topic: a, payload: x }
    faults: [{ sink: hasty, fails: unavailable }]
    expect: [{ dead_letter: E610, sink: hasty, attempts: 3 }]`)
    assert.deepEqual(told, ['three tries: passes'])
  })

  it('keep the order of a key', async () => {
    const told = await proved(`
from: a/+
payload: payload
order_by: x
to: [{ sink: archive, file: x }]
examples:
  - name: the first is late, and first
    given: [{ topic: a/1, payload: 1 }, { topic: a/2, payload: 2, at: 10ms }]
    faults: [{ sink: archive, fails: unavailable, times: 2 }]
    expect: [{ sink: archive, payload: 1, attempts: 3 }, { sink: archive, payload: 2 }]`)
    assert.deepEqual(told, ['the first is late, and first: passes'])
  })

  it('hold an answer that waits for the delivery', async () => {
    const told = await proved(
      rule(
        `
  - name: answered late
    ${given}
    faults: [{ sink: lake, fails: unavailable, for: 1s }]
    expect: [{ puback: success, after: "1s..3s" }]
  - name: never
    ${given}
    faults: [{ sink: lake, fails: unavailable }]
    until: 10s
    expect: [{ puback: none }, { sink: lake, count: 0 }]`,
        'ack: delivered',
      ),
    )
    assert.deepEqual(told, ['answered late: passes', 'never: passes'])
  })

  it('of the journal are heard by the publisher', async () => {
    const told = await proved(
      rule(`
  - name: full
    ${given}
    faults: [{ journal: full }]
    expect: [{ puback: quota exceeded, reason: size limit }, { sink: lake, count: 0 }]`),
    )
    assert.deepEqual(told, ['full: passes'])
  })
})

it('B1: examples leave nothing to the next, and five hundred take less than a second', async () => {
  const examples = Array.from(
    { length: 1000 },
    (_, at) => `
  - name: number ${at}
    given: { topic: plants/oslo/readings, payload: { t: ${at} } }
    ${at % 10 === 0 ? 'faults: [{ sink: lake, fails: unavailable, for: 60s }]' : ''}
    expect: [{ sink: lake, payload: { t: ${at}, plant: oslo } }, { publish: seen/oslo }]`,
  ).join('')
  const results = await proveAll({ it: rule(examples) })
  const found = results[0]!.examples
  assert.deepEqual(
    found.filter(({ mismatches }) => mismatches.length > 0),
    [],
  )
  const tookMs = found.reduce((sum, one) => sum + one.tookMs, 0)
  assert.ok(tookMs < 10_000, `1000 examples took ${tookMs} ms`)
})
