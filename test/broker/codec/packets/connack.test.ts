import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePacket } from '../../../../src/broker/codec/encode.ts'
import { returnCodeOf } from '../../../../src/broker/codec/packets/connack.ts'
import { TrestleError } from '../../../../src/contract/error.ts'
import { bytes, decode, field, frame, refused, same } from '../bytes.ts'

test('a CONNACK of each version is read and written, byte by byte', () => {
  same(bytes('20 02 01 00'), 4, { type: 'connack', sessionPresent: true, reason: 0, properties: null })
  same(bytes('20 03 01 00 00'), 5, { type: 'connack', sessionPresent: true, reason: 0, properties: null })
  const block = ['05', '12', field('id')]
  same(frame('20', '00 00', ...block), 5, {
    type: 'connack',
    sessionPresent: false,
    reason: 0,
    properties: { assignedClientId: 'id' },
  })
})

test('reasons of 5 travel as the return codes of the same meaning in 3.x, and back (3.1.1 §3.2.2.3)', () => {
  for (const [reason, code] of [
    [0x84, '01'],
    [0x85, '02'],
    [0x88, '03'],
    [0x86, '04'],
    [0x87, '05'],
  ] as const) {
    for (const version of [3, 4] as const) {
      same(frame('20', '00', code), version, { type: 'connack', sessionPresent: false, reason, properties: null })
    }
  }
})

test('finer reasons take the nearest return code, others have none and are not written (3.1.1 MQTT-3.2.2-6)', () => {
  assert.equal(returnCodeOf(0x89), 3)
  assert.equal(returnCodeOf(0x8a), 5)
  assert.equal(returnCodeOf(0x81), null)
  const packet = { type: 'connack', sessionPresent: false, reason: 0x81, properties: null } as const
  assert.throws(() => encodePacket(packet, 4), TrestleError)
})

test('the reserved acknowledge flags must be 0 in 3.1.1 and 5 [MQTT-3.2.2-1]; 3.1 uses none and has no session present', () => {
  for (const flags of ['02', '80', 'ff']) {
    refused(frame('20', flags, '00'), 4, 0x81, 'MQTT-3.2.2-1')
    refused(frame('20', flags, '00 00'), 5, 0x81, 'MQTT-3.2.2-1')
    assert.equal(decode(frame('20', flags, '00'), 3).type, 'connack')
  }
  const packet = { type: 'connack', sessionPresent: true, reason: 0, properties: null } as const
  assert.equal(encodePacket(packet, 3).toString('hex'), '20020000')
})

test('a refusal has no session present (5: MQTT-3.2.2-6; 3.1.1: MQTT-3.2.2-4)', () => {
  refused(bytes('20 02 01 05'), 4, 0x82, 'MQTT-3.2.2-4')
  refused(bytes('20 03 01 87 00'), 5, 0x82, 'MQTT-3.2.2-6')
})

test('a code that is not one of its own is a protocol error [MQTT-3.2.2-8]', () => {
  refused(bytes('20 03 00 01 00'), 5, 0x82, 'MQTT-3.2.2-8')
  refused(bytes('20 03 00 8e 00'), 5, 0x82, 'MQTT-3.2.2-8')
  refused(bytes('20 02 00 06'), 4, 0x82, '§3.2.2.3')
})

test('a CONNACK that is too short, too long or has flags is malformed', () => {
  refused(bytes('20 01 00'), 4, 0x81, 'MQTT-4.8.0-1')
  refused(bytes('20 03 00 00 00'), 4, 0x81, 'MQTT-4.8.0-1')
  refused(bytes('20 02 00 00'), 5, 0x81, 'MQTT-4.13.1-1')
  refused(bytes('20 04 00 00 00 00'), 5, 0x81, 'MQTT-4.13.1-1')
  refused(bytes('21 02 00 00'), 4, 0x81, 'MQTT-2.2.2-2')
  refused(bytes('21 03 00 00 00'), 5, 0x81, 'MQTT-2.1.3-1')
})
