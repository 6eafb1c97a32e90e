import assert from 'node:assert/strict'
import { it } from 'node:test'
import { proved } from './proved.ts'

const rule = (examples: string): string =>
  `from: a/#\npayload: payload\nto: [{ sink: archive, file: x }]\nexamples:\n${examples}`

it('names that objects know are plain names, in what is given and in what is expected', async () => {
  const payload = '{ "__proto__": { x: 1 }, constructor: 2, toString: [3] }'
  const told = await proved(
    rule(`
  - { name: the same, given: { topic: a, payload: ${payload} }, expect: [{ sink: archive, payload: ${payload} }] }
  - name: another
    given: { topic: a, payload: ${payload} }
    expect: [{ sink: archive, payload: { "__proto__": { x: 2 }, constructor: 2, toString: [3] } }]
  - { name: none, given: { topic: a, payload: {} }, expect: [{ sink: archive, payload_includes: { constructor: 2 } }] }`),
  )
  assert.deepEqual(told.slice(0, 6), [
    'the same: passes',
    'another: archive, delivery 1 of 1',
    '  payload:',
    '    __proto__:',
    '-     x: 2',
    '+     x: 1',
  ])
  assert.ok(told.includes('-   constructor: 2'))
})

it('every kind of payload comes as it is given: null, text, numbers without an exact form, nothing at all', async () => {
  const told = await proved(
    rule(`
  - { name: "null", given: { topic: a, payload: null }, expect: [{ sink: archive, payload: null }] }
  - { name: text in JSON, given: { topic: a, payload: '"x"' }, expect: [{ sink: archive, payload: x }] }
  - { name: large, given: { topic: a, payload: 1e300 }, expect: [{ sink: archive, payload: 1e300 }] }
  - { name: nothing, given: { topic: a }, expect: [{ puback: payload format invalid }] }
  - { name: no text, given: { topic: a, payload_hex: "ff fe" }, expect: [{ puback: payload format invalid }] }`),
  )
  assert.deepEqual(
    told.filter((line) => !line.endsWith(': passes')),
    [],
  )
})

it('an example that would never end is ended, and says so', async () => {
  const told = await proved(
    rule(`
  - name: endless
    given: { topic: a, payload: 1 }
    faults: [{ sink: archive, fails: unavailable }]
    until: 10000d
    expect: [{ sink: archive, count: 0 }]`),
  )
  assert.match(told[0]!, /^endless: it was still going on after \d+ s and thousands of steps$/)
})

it('a thousand messages in one example, and a long time between two, are no trouble', async () => {
  const given = Array.from({ length: 1000 }, (_, at) => `{ topic: a/${at}, payload: ${at} }`).join(', ')
  const told = await proved(
    rule(`
  - { name: many, given: [${given}], expect: [{ sink: archive, count: 1000 }, { sink: archive, payload: 999, count: 1 }] }
  - name: far apart
    given: [{ topic: a, payload: 1 }, { topic: a, payload: 2, at: 3650d }]
    expect: [{ sink: archive, after: 0s }, { sink: archive, after: 3650d }]`),
  )
  assert.deepEqual(told, ['many: passes', 'far apart: passes'])
})
