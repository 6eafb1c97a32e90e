import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AcknowledgementType,
  readBareAcknowledgement,
  writeBareAcknowledgement,
} from '../../../../src/broker/codec/packets/acknowledgement.ts'
import { bytes, decode, field, frame, refused, same } from '../bytes.ts'

/** First byte, a reason that is its own, one that is not, the clause about it, the clause about flags (5 and 3.1.1). */
const kinds: [AcknowledgementType, string, string, string, string, string, string][] = [
  ['puback', '40', '10', '92', 'MQTT-3.4.2-1', 'MQTT-2.1.3-1', 'MQTT-2.2.2-2'],
  ['pubrec', '50', '97', '01', 'MQTT-3.5.2-1', 'MQTT-2.1.3-1', 'MQTT-2.2.2-2'],
  ['pubrel', '62', '92', '80', 'MQTT-3.6.2-1', 'MQTT-3.6.1-1', 'MQTT-3.6.1-1'],
  ['pubcomp', '70', '92', '10', 'MQTT-3.7.2-1', 'MQTT-2.1.3-1', 'MQTT-2.2.2-2'],
]

for (const [type, first, own, foreign, reasonClause, flags5, flags4] of kinds) {
  const plain = { type, packetId: 0x1234, reason: 0, properties: null }
  const reason = Number.parseInt(own, 16)

  test(`${type} of success is its identifier alone in every version`, () => {
    for (const version of [3, 4, 5] as const) same(frame(first, '1234'), version, plain)
  })

  test(`${type} in 5 has a reason code and properties as its length says (§3.4.2.1)`, () => {
    same(frame(first, '1234', own), 5, { ...plain, reason })
    same(frame(first, '1234', own, '06 1f', field('why')), 5, { ...plain, reason, properties: { reasonString: 'why' } })
    same(frame(first, '1234 00 06 1f', field('why')), 5, { ...plain, properties: { reasonString: 'why' } })
    assert.deepEqual(decode(frame(first, '1234 00'), 5), plain)
    assert.deepEqual(decode(frame(first, '1234 00 00'), 5), plain)
  })

  test(`${type} with a reason code that is not its own is a protocol error [${reasonClause}]`, () => {
    refused(frame(first, '1234', foreign), 5, 0x82, reasonClause)
    refused(frame(first, '1234 7f'), 5, 0x82, reasonClause)
  })

  test(`${type} for the identifier 0 is a protocol error`, () => {
    refused(frame(first, '0000'), 4, 0x82, 'MQTT-2.3.1-1')
    refused(frame(first, '0000'), 5, 0x82, 'MQTT-2.2.1-3')
  })

  test(`${type} that is too short or too long is malformed`, () => {
    for (const body of ['', '12']) refused(frame(first, body), 4, 0x81, 'MQTT-4.8.0-1')
    for (const body of ['', '12']) refused(frame(first, body), 5, 0x81, 'MQTT-4.13.1-1')
    refused(frame(first, '1234 00'), 4, 0x81, 'MQTT-4.8.0-1')
    refused(frame(first, '1234 00 00 00'), 5, 0x81, 'MQTT-4.13.1-1')
  })

  test(`${type} with other flags is malformed [${flags5}]; 3.1 looks at the QoS bits alone, where it uses them`, () => {
    const high = first[0]!
    for (let flags = 0; flags < 16; flags++) {
      const changed = high + flags.toString(16)
      if (changed === first) continue
      refused(frame(changed, '1234'), 5, 0x81, flags5)
      refused(frame(changed, '1234'), 4, 0x81, flags4)
      if (type !== 'pubrel' || (flags & 2) === 2) assert.deepEqual(decode(frame(changed, '1234'), 3), plain)
      else refused(frame(changed, '1234'), 3, 0x81, flags4)
    }
  })
}

test('the short way reads and writes the same four bytes and leaves all else to the decoder', () => {
  const buffer = Buffer.alloc(6)
  assert.equal(writeBareAcknowledgement(buffer, 1, 0x62, 0x1234), 5)
  assert.equal(buffer.toString('hex'), '006202123400')
  assert.equal(readBareAcknowledgement(buffer, 1, 2, 5), 0x1234)
  assert.equal(readBareAcknowledgement(bytes('40 03 1234 10'), 0, 2, 5), 0)
  assert.equal(readBareAcknowledgement(bytes('40 8200 1234'), 0, 3, 5), 0)
  assert.equal(readBareAcknowledgement(bytes('40 01 12'), 0, 2, 3), 0)
})
