import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolFault } from '../../../../src/broker/codec/fault.ts'
import {
  encodePublish,
  type PublishPacket,
  PublishView,
  readPublishProperties,
  scanPublish,
} from '../../../../src/broker/codec/packets/publish.ts'
import type { ProtocolVersion } from '../../../../src/broker/codec/version.ts'
import { TrestleError } from '../../../../src/contract/error.ts'
import { bytes, decode, field, frame, properties, refused, same } from '../bytes.ts'

const plain: PublishPacket = {
  type: 'publish',
  topic: 'a/b',
  payload: Buffer.from('hi'),
  qos: 0,
  retain: false,
  dup: false,
  packetId: 0,
  properties: null,
}

const scan = (packet: Buffer, version: ProtocolVersion): PublishView => {
  const view = new PublishView()
  const around = Buffer.concat([Buffer.from('xx'), packet, Buffer.from('yy')])
  scanPublish(around, 2, packet[1]! < 128 ? 2 : 3, 2 + packet.length, version, view)
  return view
}

const notScanned = (packet: Buffer, version: ProtocolVersion, reason: number, clause: string): void => {
  assert.throws(
    () => scan(packet, version),
    (thrown) => thrown instanceof ProtocolFault && thrown.reason === reason && thrown.clause === clause,
  )
}

test('a PUBLISH of each version and QoS is read and written, byte by byte', () => {
  same(bytes('30 07 0003 612f62 6869'), 4, plain)
  same(bytes('30 08 0003 612f62 00 6869'), 5, plain)
  same(bytes('3b 09 0003 612f62 0007 6869'), 3, { ...plain, qos: 1, dup: true, retain: true, packetId: 7 })
  same(bytes('35 0a 0003 612f62 ffff 00 6869'), 5, { ...plain, qos: 2, retain: true, packetId: 65_535 })
  same(bytes('30 05 0003 612f62'), 4, { ...plain, payload: Buffer.alloc(0) })
})

test('a PUBLISH with all its properties is read and written, byte by byte', () => {
  const block = properties(
    bytes('01 01', '02 0000003c', '03', field('text/plain'), '08', field('r'), '09', field('c'), '0b 05 0b 8001'),
    bytes('23 0002', '26', field('n'), field('1'), '26', field('n'), field('2')),
  )
  same(frame('30', field('a/b'), block, '6869'), 5, {
    ...plain,
    properties: {
      payloadFormat: 1,
      expirySeconds: 60,
      contentType: 'text/plain',
      responseTopic: 'r',
      correlationData: Buffer.from('c'),
      subscriptionIds: [5, 128],
      topicAlias: 2,
      user: [
        ['n', '1'],
        ['n', '2'],
      ],
    },
  })
})

test('the scan finds every part in place', () => {
  const view = scan(frame('3b', field('a/b'), '0007', properties('23 0003', '01 01'), 'aabbcc'), 5)
  assert.deepEqual(
    { ...view },
    {
      flags: 0x0b,
      qos: 1,
      retain: true,
      dup: true,
      topicStart: 6,
      topicEnd: 9,
      packetId: 7,
      propertiesStart: 11,
      propertiesEnd: 17,
      payloadStart: 17,
      end: 20,
      hasProperties: true,
      topicAlias: 3,
    },
  )
  const none = scan(frame('30', field('a'), '00', 'aa'), 5)
  assert.deepEqual([none.hasProperties, none.propertiesStart, none.payloadStart], [false, 7, 8])
  const old = scan(frame('30', field('a'), 'aa'), 4)
  assert.deepEqual([old.propertiesStart, old.propertiesEnd, old.payloadStart, old.end], [7, 7, 7, 8])
})

test('a view that is used again keeps nothing of the packet before', () => {
  const view = new PublishView()
  const full = frame('3b', field('a/b'), '0007', properties('23 0003'), 'aa')
  scanPublish(full, 0, 2, full.length, 5, view)
  const bare = frame('30', field('a'), 'aa')
  scanPublish(bare, 0, 2, bare.length, 4, view)
  assert.deepEqual({ ...view }, { ...scanAt0(bare) })
})

const scanAt0 = (packet: Buffer): PublishView => {
  const view = new PublishView()
  scanPublish(packet, 0, 2, packet.length, 4, view)
  return view
}

test('the properties of a message are read from the view on demand and are copies', () => {
  const packet = frame('30', field('a'), properties('09', field('c'), '23 0003', '26', field('n'), field('v')), 'aa')
  const view = new PublishView()
  scanPublish(packet, 0, 2, packet.length, 5, view)
  const read = readPublishProperties(packet, view)
  packet.fill(0)
  assert.deepEqual(read, { correlationData: Buffer.from('c'), user: [['n', 'v']] })
})

test('both QoS bits set are malformed [MQTT-3.3.1-4]', () => {
  for (const version of [3, 4, 5] as const) refused(bytes('36 06 0001 61 0001 00'), version, 0x81, 'MQTT-3.3.1-4')
})

test('DUP with QoS 0 is malformed [MQTT-3.3.1-2]', () => {
  for (const version of [3, 4, 5] as const) refused(bytes('38 04 0001 61 00'), version, 0x81, 'MQTT-3.3.1-2')
})

test('a packet identifier of 0 is a protocol error (5: MQTT-2.2.1-3; 3.1.1: MQTT-2.3.1-1)', () => {
  refused(bytes('32 05 0001 61 0000'), 4, 0x82, 'MQTT-2.3.1-1')
  refused(bytes('34 06 0001 61 0000 00'), 5, 0x82, 'MQTT-2.2.1-3')
})

test('an empty topic is a protocol error, but in 5 with a topic alias (§3.3.2.1; 3.1.1: MQTT-4.7.3-1)', () => {
  refused(bytes('30 02 0000'), 4, 0x82, 'MQTT-4.7.3-1')
  refused(bytes('30 03 0000 00'), 5, 0x82, '§3.3.2.1')
  same(bytes('30 06 0000 03 23 0009'), 5, {
    ...plain,
    topic: '',
    payload: Buffer.alloc(0),
    properties: { topicAlias: 9 },
  })
})

test('a topic, an identifier or properties that go beyond the packet are malformed', () => {
  for (const [version, clause] of [
    [4, 'MQTT-4.8.0-1'],
    [5, 'MQTT-4.13.1-1'],
  ] as const) {
    for (const cut of ['30 00', '30 01 00', '30 03 0002 61', '32 03 0001 61', '32 04 0001 61 00']) {
      notScanned(bytes(cut), version, 0x81, clause)
    }
    refused(bytes('30 00'), version, 0x81, clause)
    refused(bytes('30 01 00'), version, 0x81, clause)
    refused(bytes('30 03 0002 61'), version, 0x81, clause)
    refused(bytes('32 03 0001 61'), version, 0x81, clause)
    refused(bytes('32 04 0001 61 00'), version, 0x81, clause)
  }
  refused(bytes('30 03 0001 61'), 5, 0x81, 'MQTT-4.13.1-1')
  refused(bytes('30 05 0001 61 02 01'), 5, 0x81, 'MQTT-4.13.1-1')
})

test('a client may not send a subscription identifier [MQTT-3.3.4-6], a server may', () => {
  const packet = frame('30', field('a'), properties('0b 01'))
  notScanned(packet, 5, 0x82, 'MQTT-3.3.4-6')
  assert.deepEqual((decode(packet, 5) as PublishPacket).properties, { subscriptionIds: [1] })
})

test('a topic that is not UTF-8 is malformed [MQTT-3.3.2-1], one with a wildcard is refused with 0x90 [MQTT-3.3.2-2]', () => {
  refused(frame('30', field(bytes('ff'))), 4, 0x81, 'MQTT-1.5.3-1')
  refused(frame('30', field(bytes('6100')), '00'), 5, 0x81, 'MQTT-1.5.4-2')
  refused(frame('30', field('a/+')), 4, 0x90, 'MQTT-3.3.2-2')
  refused(frame('30', field('#'), '00'), 5, 0x90, 'MQTT-3.3.2-2')
})

test('the scan judges properties whole, though it makes nothing of them', () => {
  const broken: [Buffer, number, string][] = [
    [properties('01 02'), 0x82, '§3.3.2.3.2'],
    [properties('23 0000'), 0x94, 'MQTT-3.3.2-8'],
    [properties('23 0001 23 0001'), 0x82, '§3.3.2.3.4'],
    [properties('03', field(bytes('c0'))), 0x81, 'MQTT-1.5.4-1'],
    [properties('26', field('n'), field(bytes('00'))), 0x81, 'MQTT-1.5.4-2'],
    [properties('08', field('+')), 0x82, 'MQTT-3.3.2-14'],
    [properties('21 0001'), 0x81, '§2.2.2.2'],
    [properties('09 0005 00'), 0x81, 'MQTT-4.13.1-1'],
    [bytes('8000'), 0x81, 'MQTT-1.5.5-1'],
  ]
  for (const [block, reason, clause] of broken) notScanned(frame('30', field('a'), block, '6869'), 5, reason, clause)
})

test('a topic may be given as bytes, and properties are left out in 3.x', () => {
  const given = { user: [['n', 'v']] as const, topicAlias: 1 }
  const asText = encodePublish('ø', Buffer.from('x'), 1, false, false, 9, given, 4)
  const asBytes = encodePublish(Buffer.from('ø'), Buffer.from('x'), 1, false, false, 9, null, 4)
  assert.deepEqual(asText, asBytes)
  assert.equal(asText.toString('hex'), '32070002c3b8000978')
})

test('lengths at every border of the remaining length come back', () => {
  for (const size of [0, 122, 123, 16_378, 16_379, 2_097_146, 2_097_147]) {
    const packet = encodePublish('abc', Buffer.alloc(size, 7), 0, false, false, 0, null, 5)
    assert.equal((decode(packet, 5) as PublishPacket).payload.length, size)
  }
})

test('what MQTT cannot write is refused with E803 and not cut', () => {
  const long = 'a'.repeat(65_536)
  const refuse = (run: () => unknown): void => {
    assert.throws(run, (thrown) => thrown instanceof TrestleError && thrown.code === 'E803')
  }
  refuse(() => encodePublish(long, Buffer.alloc(0), 0, false, false, 0, null, 4))
  refuse(() => encodePublish('a', Buffer.alloc(0), 0, false, false, 0, { user: [['n', long]] }, 5))
  refuse(() => encodePublish('a', Buffer.alloc(0), 0, false, false, 0, { correlationData: Buffer.alloc(65_536) }, 5))
  refuse(() => encodePublish('a', new Uint8Array(268_435_456), 0, false, false, 0, null, 4))
})
