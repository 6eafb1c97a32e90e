import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePacket } from '../../../../src/broker/codec/encode.ts'
import type { SubscribePacket } from '../../../../src/broker/codec/packets/subscribe.ts'
import { bytes, decode, field, frame, refused, same } from '../bytes.ts'

const old = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const

test('a SUBSCRIBE of 3.x is read and written, byte by byte', () => {
  const packet: SubscribePacket = {
    type: 'subscribe',
    packetId: 10,
    subscriptions: [
      { filter: 'a/+', qos: 1, ...old },
      { filter: '#', qos: 2, ...old },
    ],
    properties: null,
  }
  const wire = frame('82', '000a', field('a/+'), '01', field('#'), '02')
  same(wire, 3, packet)
  same(wire, 4, packet)
})

test('a SUBSCRIBE of 5 is read and written with its options and its identifier, byte by byte', () => {
  same(frame('82', '000a 03 0b c801', field('a'), '2e'), 5, {
    type: 'subscribe',
    packetId: 10,
    subscriptions: [{ filter: 'a', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 }],
    properties: { subscriptionId: 200 },
  })
})

test('SUBSCRIBE and UNSUBSCRIBE must have the flags 0010 [MQTT-3.8.1-1, MQTT-3.10.1-1]; 3.1 may set DUP', () => {
  for (const flags of ['0', '1', '3', '6', 'a', 'f']) {
    refused(frame(`8${flags}`, '0001', field('a'), '00'), 4, 0x81, 'MQTT-3.8.1-1')
    refused(frame(`8${flags}`, '0001 00', field('a'), '00'), 5, 0x81, 'MQTT-3.8.1-1')
    refused(frame(`a${flags}`, '0001', field('a')), 4, 0x81, 'MQTT-3.10.1-1')
    refused(frame(`a${flags}`, '0001 00', field('a')), 5, 0x81, 'MQTT-3.10.1-1')
  }
  assert.equal(decode(frame('8a', '0001', field('a'), '00'), 3).type, 'subscribe')
  refused(frame('80', '0001', field('a'), '00'), 3, 0x81, 'MQTT-3.8.1-1')
})

test('a SUBSCRIBE without a filter is a protocol error (5: MQTT-3.8.3-2; 3.1.1: MQTT-3.8.3-3)', () => {
  refused(frame('82', '0001'), 4, 0x82, 'MQTT-3.8.3-3')
  refused(frame('82', '0001 00'), 5, 0x82, 'MQTT-3.8.3-2')
})

test('an UNSUBSCRIBE without a filter is a protocol error [MQTT-3.10.3-2]', () => {
  refused(frame('a2', '0001'), 4, 0x82, 'MQTT-3.10.3-2')
  refused(frame('a2', '0001 00'), 5, 0x82, 'MQTT-3.10.3-2')
})

test('a packet identifier of 0 is a protocol error (5: MQTT-2.2.1-3; 3.1.1: MQTT-2.3.1-1)', () => {
  for (const [first, tail] of [
    ['82', bytes(field('a'), '00')],
    ['a2', field('a')],
  ] as const) {
    refused(frame(first, '0000', tail), 4, 0x82, 'MQTT-2.3.1-1')
    refused(frame(first, '0000 00', tail), 5, 0x82, 'MQTT-2.2.1-3')
  }
})

test('the reserved bits of the options must be 0 (5: MQTT-3.8.3-5; 3.1.1: MQTT-3-8.3-4); 3.1 does not say so', () => {
  for (const options of ['40', '80', 'c1'])
    refused(frame('82', '0001 00', field('a'), options), 5, 0x81, 'MQTT-3.8.3-5')
  for (const options of ['04', '08', '10', '80']) {
    refused(frame('82', '0001', field('a'), options), 4, 0x81, 'MQTT-3-8.3-4')
    assert.equal(decode(frame('82', '0001', field('a'), options), 3).type, 'subscribe')
  }
})

test('a QoS of 3 is a protocol error in 5 (§3.8.3.1) and malformed in 3.x [MQTT-3-8.3-4]', () => {
  refused(frame('82', '0001 00', field('a'), '03'), 5, 0x82, '§3.8.3.1')
  refused(frame('82', '0001', field('a'), '03'), 4, 0x81, 'MQTT-3-8.3-4')
  refused(frame('82', '0001', field('a'), '03'), 3, 0x81, 'MQTT-3-8.3-4')
})

test('a retain handling of 3 is a protocol error (§3.8.3.1)', () => {
  refused(frame('82', '0001 00', field('a'), '30'), 5, 0x82, '§3.8.3.1')
})

test('no local on a shared subscription is a protocol error [MQTT-3.8.3-4]', () => {
  refused(frame('82', '0001 00', field('$share/g/a'), '04'), 5, 0x82, 'MQTT-3.8.3-4')
  assert.equal(decode(frame('82', '0001 00', field('$shared/a'), '04'), 5).type, 'subscribe')
})

test('a filter must be UTF-8 without U+0000 [MQTT-3.8.3-1, MQTT-3.10.3-1] and not empty [MQTT-4.7.3-1]', () => {
  for (const [first, tail] of [
    ['82', '00'],
    ['a2', ''],
  ] as const) {
    refused(frame(first, '0001', field(bytes('c1bf')), tail), 4, 0x81, 'MQTT-1.5.3-1')
    refused(frame(first, '0001 00', field(bytes('eda080')), tail), 5, 0x81, 'MQTT-1.5.4-1')
    refused(frame(first, '0001 00', field(bytes('00')), tail), 5, 0x81, 'MQTT-1.5.4-2')
    refused(frame(first, '0001 00', field(''), tail), 5, 0x82, 'MQTT-4.7.3-1')
    refused(frame(first, '0001', field(''), tail), 4, 0x82, 'MQTT-4.7.3-1')
  }
})

test('a filter that is readable but no filter is left to the handler, which answers 0x8F', () => {
  assert.equal(decode(frame('82', '0001 00', field('a#b'), '00'), 5).type, 'subscribe')
})

test('a filter without its options, or with half a length, is malformed', () => {
  refused(frame('82', '0001', field('a')), 4, 0x81, 'MQTT-4.8.0-1')
  refused(frame('82', '0001 00', field('a'), '00 00'), 5, 0x81, 'MQTT-4.13.1-1')
  refused(frame('a2', '0001 00', field('a'), '00'), 5, 0x81, 'MQTT-4.13.1-1')
})

test('a SUBACK is read and written, byte by byte; in 3.x every failure is 0x80', () => {
  same(frame('90', '0001 00 01 02 80'), 4, { type: 'suback', packetId: 1, reasons: [0, 1, 2, 0x80], properties: null })
  same(frame('90', '0001 00 00 8f 97'), 5, { type: 'suback', packetId: 1, reasons: [0, 0x8f, 0x97], properties: null })
  const packet = { type: 'suback', packetId: 1, reasons: [0x8f, 1], properties: null } as const
  assert.equal(encodePacket({ ...packet, reasons: [...packet.reasons] }, 4).toString('hex'), '900400018001')
})

test('a SUBACK with a code that is not its own is a protocol error [MQTT-3.9.3-2], one without codes too', () => {
  refused(frame('90', '0001 03'), 4, 0x82, 'MQTT-3.9.3-2')
  refused(frame('90', '0001 87'), 4, 0x82, 'MQTT-3.9.3-2')
  refused(frame('90', '0001 00 11'), 5, 0x82, 'MQTT-3.9.3-2')
  refused(frame('90', '0001'), 4, 0x82, '§3.9.3')
  refused(frame('90', '0001 00'), 5, 0x82, '§3.9.3')
})

test('an UNSUBSCRIBE is read and written, byte by byte', () => {
  const packet = { type: 'unsubscribe' as const, packetId: 1, filters: ['a', 'b/#'], properties: null }
  same(frame('a2', '0001', field('a'), field('b/#')), 4, packet)
  same(frame('a2', '0001 00', field('a'), field('b/#')), 5, packet)
})

test('an UNSUBACK is read and written: codes in 5, none in 3.x', () => {
  same(frame('b0', '0001'), 4, { type: 'unsuback', packetId: 1, reasons: [], properties: null })
  same(frame('b0', '0001 00 00 11'), 5, { type: 'unsuback', packetId: 1, reasons: [0, 0x11], properties: null })
  refused(frame('b0', '0001 00'), 4, 0x81, 'MQTT-4.8.0-1')
  refused(frame('b0', '0001 00'), 5, 0x82, '§3.11.3')
  refused(frame('b0', '0001 00 01'), 5, 0x82, 'MQTT-3.11.3-2')
})
