import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadRegistry } from '../../src/registry/files.ts'
import { proved } from './proved.ts'

const shipped = loadRegistry(join(fileURLToPath(new URL('../..', import.meta.url)), 'schemas')).registry

describe('B1: examples of rules with a state', () => {
  const window = `
from: m/{meter}
window: { every: 10s, by: "\${meter}", values: { sum: sum(payload.w), n: count() } }
to: [{ sink: lake, topic: "w-\${meter}" }]
examples:
`
  it('run on their own clock: a window is sent on when it is over', async () => {
    const told = await proved(`${window}
  - name: two windows
    given:
      - { topic: m/1, payload: { w: 1 } }
      - { topic: m/1, payload: { w: 2 }, at: 9s }
      - { topic: m/1, payload: { w: 4 }, at: 10s }
    expect:
      - { sink: lake, topic: w-1, payload_includes: { sum: 3, n: 2 }, after: "10s..11s" }
      - { sink: lake, topic: w-1, payload_includes: { sum: 4, n: 1 }, after: "20s..21s" }
  - name: begins anew
    given: { topic: m/1, payload: { w: 8 } }
    expect: [{ sink: lake, payload_includes: { sum: 8, n: 1 } }]
  - name: is not over yet
    given: { topic: m/1, payload: { w: 8 } }
    until: 9s
    expect: [{ sink: lake, count: 0 }, { puback: success, after: "< 1s" }]`)
    assert.deepEqual(told, ['two windows: passes', 'begins anew: passes', 'is not over yet: passes'])
  })

  it('hold what a window sends on when its sink is away', async () => {
    const told = await proved(`${window}
  - name: away
    given: { topic: m/1, payload: { w: 1 } }
    faults: [{ sink: lake, fails: unavailable, from: 5s, for: 60s }]
    expect: [{ sink: lake, payload_includes: { sum: 1 }, after: "65s..80s", attempts: "> 1" }]`)
    assert.deepEqual(told, ['away: passes'])
  })

  it('remember nothing of the example before', async () => {
    const told = await proved(`
from: a
once: { by: "\${payload.id}", within: 1h }
to: [{ sink: archive, file: a }]
examples:
  - { name: one, given: { topic: a, payload: { id: 1 } }, expect: [{ sink: archive }] }
  - { name: the same again, given: { topic: a, payload: { id: 1 } }, expect: [{ sink: archive }] }
  - name: twice
    given: [{ topic: a, payload: { id: 1 } }, { topic: a, payload: { id: 1 }, at: 59m }]
    expect: [{ sink: archive, count: 1 }]`)
    assert.deepEqual(told, ['one: passes', 'the same again: passes', 'twice: passes'])
  })

  it('sample and throttle as time goes on', async () => {
    const told = await proved(`
from: a
at_most: { every: 10s, keep: last }
payload: payload
to: [{ sink: archive, file: a }]
examples:
  - name: the last of each ten seconds
    given: [{ topic: a, payload: 1 }, { topic: a, payload: 2, at: 5s }, { topic: a, payload: 3, at: 15s }]
    expect: [{ sink: archive, payload: 2, after: "10s..11s" }, { sink: archive, payload: 3, after: "20s..21s" }]`)
    assert.deepEqual(told, ['the last of each ten seconds: passes'])
  })
})

describe('B1: payloads of examples', () => {
  it('are written as the rule reads them, and compared as data however a target writes them', async () => {
    for (const encoding of ['msgpack', 'cbor']) {
      const told = await proved(`
from: a
decode: ${encoding}
set: { b: payload.a + 1 }
to: [{ sink: lake, topic: x, encode: ${encoding} }, { publish: y, encode: ${encoding} }]
examples:
  - name: there and back
    given: { topic: a, payload: { a: 1 } }
    expect: [{ sink: lake, payload: { a: 1, b: 2 } }, { publish: y, payload: { a: 1, b: 2 } }]
  - name: not of that kind
    given: { topic: a, payload_hex: "c1 ff" }
    expect: [{ puback: payload format invalid }]`)
      assert.deepEqual(told, ['there and back: passes', 'not of that kind: passes'], encoding)
    }
  })

  it('are Avro both ways, with the id of the schema before them', async () => {
    const schema = shipped.resolve('vibration')!
    const frame = Buffer.from(schema.frame).toString('hex')
    const told = await proved(
      `
from: a
schema: vibration
to: [{ sink: lake, topic: x, encode: avro }, { sink: archive, file: y, encode: json }]
examples:
  - name: there and back
    given: { topic: a, payload: { machine: m, bearing: 1, measured: "2026-01-15T06:00:00Z", rms_mm_s: 2.5 } }
    expect:
      - { sink: lake, payload_includes: { machine: m, bearing: 1, rms_mm_s: 2.5, peaks_hz: [] } }
      - { sink: archive, payload_includes: { machine: m, rms_mm_s: 2.5 } }
  - name: bytes as they come
    given: { topic: a, payload_hex: "02 6d 02 00 00000000000004 40 00" }
    expect: [{ sink: lake, payload_hex: "${frame} 02 6d 02 00 0000000000000440 00" }]
  - name: no Avro at all
    given: { topic: a, payload_hex: "ff" }
    expect: [{ puback: payload format invalid }]`,
      {},
      shipped,
    )
    assert.deepEqual(told, ['there and back: passes', 'bytes as they come: passes', 'no Avro at all: passes'])
  })
})
