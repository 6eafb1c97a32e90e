import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Message, textHeadersOf } from 'trestle/contract'
import { LotMaker } from '../../../connectors/pulsar/lots.ts'
import { pulsarOptions } from '../../../connectors/pulsar/options.ts'
import { PropertiesWriter } from '../../../connectors/pulsar/properties.ts'
import { PayloadWriter } from '../../../connectors/pulsar/protocol/producer/payload-writer.ts'
import { readSingleMessages } from '../../../connectors/pulsar/protocol/wire/single-message.ts'
import { deliveryAt } from './delivery-at.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 200 })
const message = fc.record({
  topic: text,
  client: text,
  qos: fc.constantFrom(0, 1, 2),
  retain: fc.boolean(),
  timeMs: fc.nat(2 ** 41),
  properties: fc.option(
    fc.record(
      {
        payloadFormat: fc.constantFrom(0, 1),
        expirySeconds: fc.nat(),
        contentType: text,
        responseTopic: text,
        correlationData: fc.uint8Array({ maxLength: 200 }),
        user: fc.array(fc.tuple(fc.oneof(text, fc.constantFrom('trestle-hops', 'mqtt-topic', 'content-type')), text)),
      },
      { requiredKeys: [] },
    ),
  ),
}) as fc.Arbitrary<Partial<Message>>
const headers = fc.array(fc.tuple(text, fc.oneof(text, fc.uint8Array({ maxLength: 20 }))))

describe('The properties of a message', () => {
  test('A11: are those of the contract, whatever is in it, and its payload, key and times stand beside', () => {
    fc.assert(
      fc.property(message, headers, fc.option(text), fc.uint8Array({ maxLength: 300 }), (given, own, key, payload) => {
        const delivery = deliveryAt(7, { message: given, headers: own, key, payload })
        const out = new PayloadWriter()
        const properties = new PropertiesWriter('hub', true)
        out.begin()
        for (let count = 0; count < 2; count++) {
          out.beginMessage()
          properties.write(out, delivery)
          out.endMessage(delivery.key, null, delivery.message.timeMs, 12, delivery.payload)
        }
        const [first, second] = readSingleMessages(out.end(), 2)
        assert.deepEqual(first!.properties, textHeadersOf(delivery, 'hub'))
        assert.deepEqual(first, second)
        assert.equal(first!.partitionKey, key)
        assert.equal(first!.eventTimeMs, delivery.message.timeMs)
        assert.equal(first!.sequenceId, 12)
        assert.deepEqual(Buffer.from(first!.payload), Buffer.from(payload))
      }),
    )
  })

  test('are identity, hops and the rule’s own where those of MQTT are not wanted', () => {
    for (const batching of ['default', 'none']) {
      const lots = new LotMaker(pulsarOptions({ servers: ['pulsar://x'], mqtt_properties: false, batching }), 'hub')
      const delivery = deliveryAt(1, { headers: [['line', 'A']] })
      const { entry } = lots.make([0], 0, [delivery], 0, { count: 10, bytes: 1 << 20 })
      const found =
        batching === 'none'
          ? entry.metadata.properties!.map(({ key, value }) => [key, value])
          : readSingleMessages(Buffer.from(entry.payload), 1)[0]!.properties
      assert.deepEqual(found, [
        ['trestle-id', 'hub-1-0'],
        ['trestle-hops', 'hub'],
        ['line', 'A'],
      ])
    }
  })
})
