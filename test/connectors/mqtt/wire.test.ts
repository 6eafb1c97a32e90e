import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import packets, { type Packet } from 'mqtt-packet'
import { Frames } from '../../../connectors/mqtt/wire/frames.ts'
import {
  Kind,
  readAnswer,
  readCodes,
  readConnack,
  writeConnect,
  writeSubscribe,
} from '../../../connectors/mqtt/wire/packets.ts'
import {
  type PublishPacket,
  publishByte,
  readPublish,
  writeMessageProperties,
  writeUserProperty,
} from '../../../connectors/mqtt/wire/publish.ts'
import { PacketReader, WireFault } from '../../../connectors/mqtt/wire/reader.ts'
import { PacketWriter } from '../../../connectors/mqtt/wire/writer.ts'

/** What mqtt-packet reads of our bytes. */
function theirs(bytes: Buffer, protocolVersion = 5): Packet[] {
  const read: Packet[] = []
  const parser = packets.parser({ protocolVersion })
  parser.on('packet', (packet) => read.push(packet))
  parser.on('error', (error) => {
    throw error
  })
  parser.parse(bytes)
  return read
}

/** What we read of their bytes, handed over in pieces of a size. */
function ours(bytes: Buffer, pieceBytes = bytes.length): PublishPacket[] {
  const read: PublishPacket[] = []
  const reader = new PacketReader()
  const frames = new Frames(1 << 20)
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    frames.push(Buffer.from(bytes.subarray(at, at + pieceBytes)), (first, buffer, start, end) => {
      reader.open(buffer, start, end)
      read.push(readPublish(reader, first, 5))
    })
  }
  return read
}

const full: Packet = {
  cmd: 'publish',
  topic: 'a/ü/🜁',
  payload: Buffer.from('payload'),
  qos: 2,
  retain: true,
  dup: true,
  messageId: 513,
  properties: {
    payloadFormatIndicator: true,
    messageExpiryInterval: 77,
    topicAlias: 3,
    responseTopic: 'answers/1',
    correlationData: Buffer.from([0, 1, 255]),
    userProperties: { n: ['1', '2'], 'ä b': 'ö' },
    subscriptionIdentifier: 7,
    contentType: 'text/plain',
  },
}

describe('the wire of the MQTT connector', () => {
  test('a PUBLISH with every property is read as mqtt-packet wrote it, in pieces of any size', () => {
    const bytes = packets.generate(full, { protocolVersion: 5 })
    for (const piece of [1, 2, 3, 7, bytes.length]) {
      const [packet, second] = ours(Buffer.concat([bytes, bytes]), piece)
      assert.equal(packet!.topic, 'a/ü/🜁')
      assert.deepEqual([packet!.qos, packet!.retain, packet!.dup, packet!.packetId], [2, true, true, 513])
      assert.equal(packet!.topicAlias, 3)
      assert.equal(Buffer.from(packet!.payload).toString(), 'payload')
      const { correlationData, ...rest } = packet!.properties!
      assert.deepEqual([...correlationData!], [0, 1, 255])
      assert.deepEqual(rest, {
        payloadFormat: 1,
        expirySeconds: 77,
        contentType: 'text/plain',
        responseTopic: 'answers/1',
        user: [
          ['n', '1'],
          ['n', '2'],
          ['ä b', 'ö'],
        ],
      })
      assert.equal(second!.packetId, 513)
    }
  })

  test('a PUBLISH is written with the shortest lengths, whatever was guessed', () => {
    for (const size of [0, 1, 50, 126, 127, 128, 129, 16_000, 16_383, 16_384, 70_000]) {
      for (const guess of [0, 100, 200, 20_000, 3_000_000]) {
        const writer = new PacketWriter()
        writer.acknowledgement(Kind.Puback, 9)
        writer.begin(publishByte(1, false, false), guess)
        writer.text('t')
        writer.uint16(4660)
        const block = writer.openBlock(guess)
        writeMessageProperties(writer, { contentType: 'x', correlationData: new Uint8Array([7]) })
        writeUserProperty(writer, 'n', 'v'.repeat(Math.min(size, 20_000)))
        writer.closeBlock(block, guess)
        writer.bytes(Buffer.alloc(size, 1))
        const length = writer.end()
        const bytes = writer.take()
        assert.equal(bytes.length, length + 4)
        const [ack, packet] = theirs(bytes) as [Packet, Packet & { payload: Buffer; properties: object }]
        assert.equal(ack.messageId, 9)
        assert.equal(packet.messageId, 4660)
        assert.equal(packet.payload.length, size)
        // As they write it themselves: no byte more.
        assert.equal(packets.generate(packet, { protocolVersion: 5 }).length, length)
      }
    }
  })

  test('CONNECT and SUBSCRIBE say to mqtt-packet what was meant', () => {
    const writer = new PacketWriter()
    const will = { topic: 'w', payload: Buffer.from('bye'), qos: 1, retain: true, delaySeconds: 5 } as const
    for (const version of [4, 5] as const) {
      writeConnect(writer, {
        version,
        clientId: 'c',
        clean: false,
        keepaliveSeconds: 30,
        username: 'u',
        password: 'p',
        will,
        sessionExpirySeconds: 60,
        receiveMaximum: 10,
        maxPacketBytes: 1000,
        topicAliasMaximum: 2,
      })
      const [connect] = theirs(writer.take()) as unknown as Record<string, unknown>[]
      assert.equal(connect!['protocolVersion'], version)
      assert.equal(connect!['clean'], false)
      assert.equal(connect!['username'], 'u')
      const wanted = { sessionExpiryInterval: 60, receiveMaximum: 10, maximumPacketSize: 1000, topicAliasMaximum: 2 }
      if (version === 5) assert.deepEqual({ ...(connect!['properties'] as object) }, wanted)
      assert.equal((connect!['will'] as { topic: string }).topic, 'w')
    }
    const subscription = { filter: 'a/#', qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 1 } as const
    writeSubscribe(writer, 5, 77, [subscription])
    const [subscribe] = theirs(writer.take()) as unknown as { messageId: number; subscriptions: object[] }[]
    assert.equal(subscribe!.messageId, 77)
    assert.deepEqual(subscribe!.subscriptions, [{ topic: 'a/#', qos: 1, nl: true, rap: true, rh: 1 }])
  })

  test('answers of a server are read with their reasons, long and short', () => {
    const reader = new PacketReader()
    const open = (packet: Packet, version: 4 | 5): PacketReader => {
      const bytes = packets.generate(packet, { protocolVersion: version })
      reader.open(bytes, 2, bytes.length)
      return reader
    }
    const properties = { receiveMaximum: 5, maximumQoS: 1, retainAvailable: false, maximumPacketSize: 99 }
    const connack = readConnack(open({ cmd: 'connack', sessionPresent: true, reasonCode: 0, properties }, 5), 5)
    assert.deepEqual(
      [connack.sessionPresent, connack.receiveMaximum, connack.maxQos, connack.retainAvailable, connack.maxPacketBytes],
      [true, 5, 1, false, 99],
    )
    const answer = { packetId: 0, code: 0, reason: null }
    readAnswer(
      open({ cmd: 'puback', messageId: 3, reasonCode: 0x97, properties: { reasonString: 'full' } }, 5),
      5,
      answer,
    )
    assert.deepEqual(answer, { packetId: 3, code: 0x97, reason: 'full' })
    readAnswer(open({ cmd: 'puback', messageId: 4 }, 4), 4, answer)
    assert.deepEqual(answer, { packetId: 4, code: 0, reason: null })
    assert.deepEqual(readCodes(open({ cmd: 'suback', messageId: 1, granted: [2, 0x87] }, 5), 5).codes, [2, 0x87])
  })

  test('damaged bytes are a fault and nothing else', () => {
    const bytes = packets.generate(full, { protocolVersion: 5 })
    let state = 1
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return (state >>> 8) % below
    }
    for (let round = 0; round < 3000; round++) {
      const damaged = Buffer.from(bytes)
      for (let hit = 0; hit <= random(3); hit++) damaged[random(damaged.length)] = random(256)
      try {
        ours(damaged.subarray(0, 2 + random(damaged.length)))
      } catch (thrown) {
        assert.ok(thrown instanceof WireFault, String(thrown))
      }
    }
  })
})
