import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePacket } from '../../../../src/broker/codec/encode.ts'
import { TrestleError } from '../../../../src/contract/error.ts'
import { bytes, decode, field, frame, refused, same } from '../bytes.ts'

test('PINGREQ and PINGRESP are two bytes and have no body', () => {
  for (const version of [3, 4, 5] as const) {
    same(bytes('c0 00'), version, { type: 'pingreq' })
    same(bytes('d0 00'), version, { type: 'pingresp' })
    const clause = version === 5 ? 'MQTT-4.13.1-1' : 'MQTT-4.8.0-1'
    refused(bytes('c0 01 00'), version, 0x81, clause)
    refused(bytes('d0 01 00'), version, 0x81, clause)
  }
  refused(bytes('c1 00'), 4, 0x81, 'MQTT-2.2.2-2')
  refused(bytes('d8 00'), 5, 0x81, 'MQTT-2.1.3-1')
})

test('a DISCONNECT has a reason and properties as its length says (§3.14.2)', () => {
  const plain = { type: 'disconnect', reason: 0, properties: null } as const
  for (const version of [3, 4, 5] as const) same(bytes('e0 00'), version, plain)
  same(bytes('e0 01 04'), 5, { ...plain, reason: 4 })
  same(frame('e0', '8e 06 1f', field('why')), 5, { ...plain, reason: 0x8e, properties: { reasonString: 'why' } })
  assert.deepEqual(decode(bytes('e0 02 00 00'), 5), plain)
})

test('a DISCONNECT of 3.x has no body, one of 5 no more than its own', () => {
  refused(bytes('e0 01 00'), 4, 0x81, 'MQTT-4.8.0-1')
  refused(bytes('e0 03 00 00 00'), 5, 0x81, 'MQTT-4.13.1-1')
  assert.equal(encodePacket({ type: 'disconnect', reason: 0x8b, properties: null }, 4).toString('hex'), 'e000')
})

test('a DISCONNECT with other flags is malformed [MQTT-3.14.1-1], with a foreign reason a protocol error [MQTT-3.14.2-1]', () => {
  refused(bytes('e1 00'), 4, 0x81, 'MQTT-3.14.1-1')
  refused(bytes('e2 00'), 5, 0x81, 'MQTT-3.14.1-1')
  refused(bytes('e0 01 01'), 5, 0x82, 'MQTT-3.14.2-1')
  refused(bytes('e0 01 86'), 5, 0x82, 'MQTT-3.14.2-1')
})

test('an AUTH is read and written, byte by byte', () => {
  same(bytes('f0 00'), 5, { type: 'auth', reason: 0, properties: null })
  same(frame('f0', '18 08 15', field('m'), '16', field('d')), 5, {
    type: 'auth',
    reason: 0x18,
    properties: { authenticationMethod: 'm', authenticationData: Buffer.from('d') },
  })
})

test('an AUTH with other flags is malformed [MQTT-3.15.1-1], with a foreign reason a protocol error [MQTT-3.15.2-1]', () => {
  refused(frame('f1', '18 04 15', field('m')), 5, 0x81, 'MQTT-3.15.1-1')
  refused(frame('f0', '80 04 15', field('m')), 5, 0x82, 'MQTT-3.15.2-1')
})

test('an AUTH that does not name its method is a protocol error (§3.15.2.2.2)', () => {
  refused(bytes('f0 02 18 00'), 5, 0x82, '§3.15.2.2.2')
  refused(frame('f0', '19 04 16', field('d')), 5, 0x82, '§3.15.2.2.2')
  refused(bytes('f0 01 18'), 5, 0x81, 'MQTT-4.13.1-1')
})

test('the type 0 is reserved in every version and 15 in 3.x (5: §2.1.2; 3.1.1: §2.2.1)', () => {
  refused(bytes('00 00'), 4, 0x81, '§2.2.1')
  refused(bytes('00 00'), 5, 0x81, '§2.1.2')
  refused(bytes('f0 00'), 4, 0x81, '§2.2.1')
  refused(bytes('f0 00'), 3, 0x81, '§2.2.1')
  assert.throws(() => encodePacket({ type: 'auth', reason: 0, properties: null }, 4), TrestleError)
})
