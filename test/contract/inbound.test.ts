import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type ForeignRecord, headersOf, Inbound, type InboundOptions, type Message } from 'trestle/contract'
import { deliveries } from '../support/delivery.ts'

const nowMs = 1_700_000_000_000
const record = (fields: Partial<ForeignRecord> = {}): ForeignRecord => ({
  address: 'orders',
  key: 'k1',
  headers: [],
  payload: Buffer.from('{"a":{"b":7},"text":"x","no":null,"list":[1]}'),
  timeMs: 1_600_000_000_000,
  ...fields,
})
const make = (options: InboundOptions, given: Partial<ForeignRecord> = {}) => {
  const inbound = new Inbound(options, 'lake')
  const batch = inbound.begin()
  inbound.add(batch, record(given), nowMs)
  return { message: batch.messages[0]!, fault: batch.faults.get(0) ?? null }
}

describe('a foreign record', () => {
  const topics: [template: string, topic: string | null][] = [
    ['fixed', 'fixed'],
    ['in/${topic}/${key}', 'in/orders/k1'],
    ['${ key }', 'k1'],
    ['${header.plant}', 'oslo'],
    ['${header.missing}', null],
    ['${payload.a.b}/x', '7/x'],
    ['${payload.text}', 'x'],
    ['${payload.no}', null],
    ['${payload.list}', null],
    ['${payload.a}', null],
    ['${payload.a.__proto__}', null],
    ['${payload.text.length}', null],
    ['${mqtt.topic}', null],
  ]
  for (const [publish, topic] of topics) {
    test(`is published to ${topic ?? 'nothing, with a fault'} by ${publish}`, () => {
      const { message, fault } = make({ publish }, { headers: [['plant', 'oslo']] })
      assert.equal(fault === null ? message.topic : null, topic)
      if (fault === null) return
      assert.equal(fault.code, 'E405')
      assert.equal(fault.retry, 'never')
      assert.ok(fault.message.includes(publish))
      assert.equal(message.topic, 'orders', 'it is kept under its address')
    })
  }

  test('has the topic it once had, when it came from a hub', () => {
    const headers = headersOf(deliveries()({ message: { topic: 'plants/oslo' } }), 'hub')
    assert.equal(make({ publish: 'back/${mqtt.topic}' }, { headers }).message.topic, 'back/plants/oslo')
  })

  test('that is no JSON has no fields', () => {
    assert.equal(make({ publish: '${payload.a}' }, { payload: Buffer.from('{') }).fault?.code, 'E405')
  })

  test('cannot smuggle half a surrogate pair into a topic', () => {
    const payload = Buffer.from('{"t":"a\\ud800"}')
    assert.match(make({ publish: '${payload.t}' }, { payload }).fault!.message, /surrogate/)
  })

  test('is QoS 1, not retained, of the source and of its own time, unless something says otherwise', () => {
    const { message } = make({ publish: 'x' })
    assert.deepEqual([message.qos, message.retain, message.client, message.source], [1, false, 'lake', 'lake'])
    assert.equal(message.timeMs, 1_600_000_000_000)
    assert.equal(make({ publish: 'x' }, { timeMs: null }).message.timeMs, nowMs)
    const set = make({ publish: 'x', qos: 2, retain: true, expiry_s: 5 }).message
    assert.deepEqual([set.qos, set.retain, set.properties], [2, true, { expirySeconds: 5 }])
  })

  test('keeps its own expiry where the source has one for those without', () => {
    const headers = headersOf(deliveries()({ message: { timeMs: nowMs, properties: { expirySeconds: 9 } } }), 'hub')
    assert.equal(make({ publish: 'x', expiry_s: 5 }, { headers }).message.properties?.expirySeconds, 9)
  })

  test('expires at the moment it would have expired in the hub it came from, also after it has waited', () => {
    const expiresMs = ({ timeMs, properties }: Message): number => timeMs + properties!.expirySeconds! * 1000
    const sent = { timeMs: nowMs - 20_000, properties: { expirySeconds: 60 } }
    const headers = headersOf(deliveries()({ message: sent }), 'hub')
    assert.equal(expiresMs(make({ publish: 'x' }, { headers }).message), nowMs + 40_000)
    const timeless = headers.filter(([name]) => name !== 'mqtt-time')
    for (const timeMs of [nowMs - 10_000, null])
      assert.equal(expiresMs(make({ publish: 'x' }, { headers: timeless, timeMs }).message), nowMs + 40_000)
  })

  test('keeps faults by their place in the batch', () => {
    const inbound = new Inbound({ publish: '${key}' }, 'lake')
    const batch = inbound.begin()
    for (const key of ['a', null, 'b', null]) inbound.add(batch, record({ key }), nowMs)
    assert.deepEqual([...batch.faults.keys()], [1, 3])
    assert.deepEqual(
      batch.messages.map(({ topic }) => topic),
      ['a', 'orders', 'b', 'orders'],
    )
  })

  for (const publish of ['${nonsense}', '${payload}', '${header}', '${}'])
    test(`cannot be named by ${publish}`, () => assert.throws(() => new Inbound({ publish }, 'lake'), { code: 'E206' }))
})

test('A11: a message that left and came back is the same, but for the hop list and its source', () => {
  fc.assert(
    fc.property(
      fc.record({
        qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
        retain: fc.boolean(),
        client: fc.string(),
        timeMs: fc.nat({ max: nowMs }),
      }),
      (given) => {
        const delivery = deliveries()({ message: given as Partial<Message>, payload: 'x' })
        const back = make(
          { publish: '${mqtt.topic}' },
          { headers: headersOf(delivery, 'hub'), payload: delivery.payload },
        )
        const { properties, ...rest } = back.message
        const { properties: _, ...before } = delivery.message
        assert.deepEqual(rest, { ...before, source: 'lake' })
        assert.deepEqual(properties, { user: [['trestle-hops', 'hub']] })
      },
    ),
  )
})
