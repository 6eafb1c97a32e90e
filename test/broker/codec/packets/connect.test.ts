import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConnectPacket } from '../../../../src/broker/codec/packets/connect.ts'
import { bytes, decode, field, frame, refused, same } from '../bytes.ts'

const plain: ConnectPacket = {
  type: 'connect',
  version: 4,
  cleanStart: true,
  keepAliveS: 60,
  clientId: 'dev',
  username: null,
  password: null,
  will: null,
  properties: null,
}
const mqtt = field('MQTT')

test('a CONNECT of each version is read and written, byte by byte', () => {
  same(bytes('10 0f 0004 4d515454 04 02 003c 0003 646576'), 4, plain)
  same(bytes('10 11 0006 4d5149736470 03 02 003c 0003 646576'), 4, { ...plain, version: 3 })
  same(bytes('10 10 0004 4d515454 05 02 003c 00 0003 646576'), 4, { ...plain, version: 5 })
})

test('a CONNECT with everything is read and written, byte by byte', () => {
  const will = { topic: 'w', payload: Buffer.from([0, 255]), qos: 2 as const, retain: true, properties: null }
  const full: ConnectPacket = { ...plain, cleanStart: false, username: 'ü', password: Buffer.from([0, 1]), will }
  const tail = [field('dev'), field('w'), field(bytes('00ff')), field('ü'), field(bytes('0001'))]
  same(frame('10', mqtt, '04 f4 003c', ...tail), 4, full)
  const block = bytes('11 0000000a', '15', field('m'), '16', field('d'), '17 01', '19 00', '21 0014')
  const length = Buffer.from([block.length])
  same(frame('10', mqtt, '05 f4 003c', length, block, field('dev'), '05 18 00000005', ...tail.slice(1)), 4, {
    ...full,
    version: 5,
    will: { ...will, properties: { willDelaySeconds: 5 } },
    properties: {
      sessionExpirySeconds: 10,
      authenticationMethod: 'm',
      authenticationData: Buffer.from('d'),
      requestProblemInformation: true,
      requestResponseInformation: false,
      receiveMaximum: 20,
    },
  })
})

test('an empty client id is taken; what it means is for the handler [MQTT-3.1.3-6]', () => {
  same(frame('10', mqtt, '04 00 0000', field('')), 4, { ...plain, cleanStart: false, keepAliveS: 0, clientId: '' })
})

test('another protocol name is refused with 0x84 [MQTT-3.1.2-1], an unreadable one is malformed', () => {
  for (const name of ['mqtt', 'MQTT ', 'AMQP', '', 'MQIsdP']) {
    refused(frame('10', field(name), '04 02 0000', field('c')), 4, 0x84, 'MQTT-3.1.2-1')
  }
  refused(frame('10', field(bytes('ff')), '04 02 0000', field('c')), 4, 0x81, 'MQTT-1.5.3-1')
  refused(frame('10', '00ff 4d'), 4, 0x81, 'MQTT-4.8.0-1')
})

test('another level, or one that does not belong to the name, is refused with 0x84 before the rest is read [MQTT-3.1.2-2]', () => {
  const levels: [string, string, number][] = [
    ['MQTT', '00', 4],
    ['MQTT', '03', 4],
    ['MQTT', '06', 5],
    ['MQTT', '84', 4],
    ['MQTT', 'ff', 5],
    ['MQIsdp', '04', 4],
    ['MQIsdp', '05', 5],
    ['MQIsdp', '83', 4],
  ]
  for (const [name, level, version] of levels) {
    const fault = refused(frame('10', field(name), level), 4, 0x84, 'MQTT-3.1.2-2')
    assert.equal(fault.version, version, `${name} ${level}`)
  }
})

test('a fault tells the version to answer in once the client has named it', () => {
  assert.equal(refused(frame('10', mqtt, '05 03 0000'), 4, 0x81, 'MQTT-3.1.2-3').version, 5)
  assert.equal(refused(frame('10', mqtt, '04 03 0000'), 5, 0x81, 'MQTT-3.1.2-3').version, 4)
  assert.equal(refused(frame('10', '0005 4d'), 5, 0x81, 'MQTT-4.13.1-1').version, null)
})

test('the reserved connect flag must be 0 in 3.1.1 and 5 [MQTT-3.1.2-3]; 3.1 does not use it', () => {
  refused(frame('10', mqtt, '04 03 0000', field('c')), 4, 0x81, 'MQTT-3.1.2-3')
  refused(frame('10', mqtt, '05 03 0000 00', field('c')), 4, 0x81, 'MQTT-3.1.2-3')
  assert.equal(decode(frame('10', field('MQIsdp'), '03 03 0000', field('c')), 4).type, 'connect')
})

test('the flags of the first byte must be 0 [MQTT-2.2.2-2, MQTT-2.1.3-1]; 3.1 does not use them', () => {
  for (const first of ['11', '12', '14', '18', '1f']) {
    refused(frame(first, mqtt, '04 02 0000', field('c')), 4, 0x81, 'MQTT-2.2.2-2')
    refused(frame(first, mqtt, '05 02 0000 00', field('c')), 4, 0x81, 'MQTT-2.1.3-1')
    assert.equal(decode(frame(first, field('MQIsdp'), '03 02 0000', field('c')), 4).type, 'connect')
  }
})

test('without a will, will QoS and will retain must be 0 (5: MQTT-3.1.2-11, -13; 3.1.1: MQTT-3.1.2-13, -15)', () => {
  for (const flags of ['0a', '12', '1a']) {
    refused(frame('10', mqtt, '04', flags, '0000', field('c')), 4, 0x81, 'MQTT-3.1.2-13')
    refused(frame('10', mqtt, '05', flags, '0000 00', field('c')), 4, 0x81, 'MQTT-3.1.2-11')
  }
  refused(frame('10', mqtt, '04 22 0000', field('c')), 4, 0x81, 'MQTT-3.1.2-15')
  refused(frame('10', mqtt, '05 22 0000 00', field('c')), 4, 0x81, 'MQTT-3.1.2-13')
})

test('a will of QoS 3 is malformed (5: MQTT-3.1.2-12; 3.1.1: MQTT-3.1.2-14)', () => {
  refused(frame('10', mqtt, '04 1e 0000', field('c'), field('w'), field('p')), 4, 0x81, 'MQTT-3.1.2-14')
  refused(frame('10', mqtt, '05 1e 0000 00', field('c'), '00', field('w'), field('p')), 4, 0x81, 'MQTT-3.1.2-12')
})

test('a flag for a will, a user name or a password that is not there is malformed [MQTT-3.1.2-9, -17, -19]', () => {
  for (const [version, empty, clause] of [
    ['04', '', 'MQTT-4.8.0-1'],
    ['05', '00', 'MQTT-4.13.1-1'],
  ] as const) {
    refused(frame('10', mqtt, version, '06 0000', empty, field('c')), 4, 0x81, clause)
    refused(frame('10', mqtt, version, '06 0000', empty, field('c'), empty, field('w')), 4, 0x81, clause)
    refused(frame('10', mqtt, version, '82 0000', empty, field('c')), 4, 0x81, clause)
    refused(frame('10', mqtt, version, 'c2 0000', empty, field('c'), field('u')), 4, 0x81, clause)
  }
})

test('what no flag announces is malformed [MQTT-3.1.2-16, -18]', () => {
  refused(frame('10', mqtt, '04 02 0000', field('c'), field('u')), 4, 0x81, 'MQTT-4.8.0-1')
  refused(frame('10', mqtt, '05 02 0000 00', field('c'), '00'), 4, 0x81, 'MQTT-4.13.1-1')
})

test('in 3.1 the remaining length takes precedence over the flags of user name and password (3.1 §3.1)', () => {
  const name = field('MQIsdp')
  const packet = decode(frame('10', name, '03 c2 0000', field('c')), 4) as ConnectPacket
  assert.deepEqual([packet.username, packet.password], [null, null])
  const other = decode(frame('10', name, '03 c2 0000', field('c'), field('u')), 4) as ConnectPacket
  assert.deepEqual([other.username, other.password], ['u', null])
})

test('a password without a user name is malformed in 3.x [MQTT-3.1.2-22] and allowed in 5 (§3.1.2.9)', () => {
  refused(frame('10', mqtt, '04 42 0000', field('c'), field('p')), 4, 0x81, 'MQTT-3.1.2-22')
  refused(frame('10', field('MQIsdp'), '03 42 0000', field('c'), field('p')), 4, 0x81, 'MQTT-3.1.2-22')
  same(frame('10', mqtt, '05 42 003c 00', field('dev'), field('p')), 4, {
    ...plain,
    version: 5,
    password: Buffer.from('p'),
  })
})

test('client id, user name and will topic must be UTF-8 without U+0000 [MQTT-3.1.3-4, -11, -12]', () => {
  const bad = field(bytes('61 ed a0 80'))
  const nul = field(bytes('61 00'))
  for (const [text, clause5, clause4] of [
    [bad, 'MQTT-1.5.4-1', 'MQTT-1.5.3-1'],
    [nul, 'MQTT-1.5.4-2', 'MQTT-1.5.3-2'],
  ] as const) {
    refused(frame('10', mqtt, '04 02 0000', text), 4, 0x81, clause4)
    refused(frame('10', mqtt, '05 82 0000 00', field('c'), text), 4, 0x81, clause5)
    refused(frame('10', mqtt, '05 06 0000 00', field('c'), '00', text, field('p')), 4, 0x81, clause5)
  }
})

test('a will topic that is empty or has a wildcard is refused with 0x90 [MQTT-4.7.3-1, MQTT-3.3.2-2]', () => {
  refused(frame('10', mqtt, '04 06 0000', field('c'), field(''), field('p')), 4, 0x90, 'MQTT-4.7.3-1')
  refused(frame('10', mqtt, '04 06 0000', field('c'), field('a/#'), field('p')), 4, 0x90, 'MQTT-3.3.2-2')
})

test('authentication data without a method is a protocol error (§3.1.2.11.10)', () => {
  refused(frame('10', mqtt, '05 02 0000 04 16 0001 00', field('c')), 4, 0x82, '§3.1.2.11.10')
})

test('a CONNECT that is cut anywhere is malformed', () => {
  const whole = frame('10', mqtt, '05 f6 003c 00', field('dev'), '00', field('w'), field('p'), field('u'), field('x'))
  const body = whole.subarray(2)
  for (let length = 0; length < body.length; length++) {
    const reason = refused(
      frame('10', body.subarray(0, length)),
      4,
      0x81,
      length < 7 ? 'MQTT-4.8.0-1' : 'MQTT-4.13.1-1',
    )
    assert.equal(reason.packet, 'connect')
  }
})
