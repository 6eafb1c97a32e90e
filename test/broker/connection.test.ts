import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import type { Access } from '../../src/broker/access/access.ts'
import { anonymous } from '../../src/broker/access/anonymous.ts'
import { Broker } from '../../src/broker/broker.ts'
import { encodePacket } from '../../src/broker/codec/encode.ts'
import { connectPacket, RawClient } from './raw-client.ts'

/** Lets in whom it knows, after a while when the user name says so. */
const access: Access = {
  ...anonymous,
  authenticate(info) {
    if (info.username === 'stranger') return { refused: 0x87, why: 'not known' }
    if (info.username === 'broken') return Promise.reject(new Error('the directory is down'))
    const admission = { principal: { clientId: info.clientId, username: info.username } }
    return info.username === 'slow' ? sleep(50).then(() => admission) : admission
  },
  mayPublish: (who, topic) => who.username !== 'reader' && !topic.startsWith('$SYS/'),
  maySubscribe: (who) => who.username !== 'writer',
}

const broker = new Broker({
  access,
  limits: { maxPacketBytes: 100_000, maxSubscriptionsPerSession: 3, maxSubscriptionBytes: 20_000 },
})
const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
after(() => broker.stop())

const witness = await RawClient.connect(port, 4)
await witness.subscribe('witness')

async function othersLive(): Promise<void> {
  const client = await RawClient.connect(port, 4)
  client.publish({ topic: 'witness', payload: Buffer.from('alive') })
  assert.equal((await witness.next('publish')).payload.toString(), 'alive')
  client.kill()
}
after(() => witness.kill())

describe('C1 C4: malformed input ends its own connection and no other', () => {
  const cases: [string, string, number, string][] = [
    ['QoS 3', '3603000161', 0x81, 'MQTT-3.3.1-4'],
    ['DUP at QoS 0', '3803000161', 0x81, 'MQTT-3.3.1-2'],
    ['a topic that is longer than its packet', '3003ffff61', 0x81, 'MQTT-4.13.1-1'],
    ['a topic that is not UTF-8', '30040001ff00', 0x81, 'MQTT-1.5.4-1'],
    ['a topic with a wildcard', '30040001' + '2300', 0x90, 'MQTT-3.3.2-2'],
    ['a topic with a NUL', '30040001' + '0000', 0x81, 'MQTT-1.5.4-2'],
    ['packet id 0', '3206000161' + '000000', 0x82, 'MQTT-2.2.1-3'],
    ['type 0', '0000', 0x81, '§2.1.2'],
    ['a remaining length of five bytes', '30ffffffff01', 0x81, '§2.1.4'],
    ['a packet above the maximum', '30ffffff7f', 0x95, 'MQTT-3.1.2-24'],
    ['SUBSCRIBE without a filter', '8203000100', 0x82, 'MQTT-3.8.3-2'],
    ['SUBSCRIBE with wrong flags', '800700010000016100', 0x81, 'MQTT-3.8.1-1'],
    ['a packet that only servers send', '2003000000', 0x82, 'MQTT-4.13.1-1'],
    ['AUTH that was not agreed', 'f00a' + '1808' + '150005' + '5041' + '53532d', 0x82, 'MQTT-4.12.0-7'],
    ['PUBREL with wrong flags', '60020001', 0x81, 'MQTT-3.6.1-1'],
  ]
  for (const [what, hex, reason, clause] of cases) {
    test(`${what}: ${clause}`, async () => {
      const client = await RawClient.connect(port, 5)
      client.bytes(hex)
      const packet = await client.next('disconnect')
      assert.equal(packet.reason, reason, packet.properties?.reasonString ?? '')
      assert.match(packet.properties?.reasonString ?? '', new RegExp(`\\[${clause}\\]`))
      await client.closed()
      const old = await RawClient.connect(port, 4)
      if (what !== 'AUTH that was not agreed') {
        old.bytes(hex)
        await old.closed()
      } else old.kill()
      assert.deepEqual(old.packets, [], 'a 3.1.1 client is only closed')
      await othersLive()
    })
  }

  test('packets before the malformed one are handled', async () => {
    const client = await RawClient.connect(port, 5)
    const good = { topic: 'witness', qos: 0 as const, retain: false, dup: false, packetId: 0, properties: null }
    const bytes = encodePacket({ type: 'publish', ...good, payload: Buffer.from('before') }, 5)
    client.bytes([...bytes], '0000')
    assert.equal((await witness.next('publish')).payload.toString(), 'before')
    await client.closed()
  })

  test('random bytes, before and after CONNECT', async () => {
    const connect = encodePacket(connectPacket(5), 5)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.boolean(), async (bytes, connected) => {
        const client = await RawClient.open(port, 5)
        client.bytes(connected ? [...connect] : [], [...bytes])
        client.socket.end()
        await client.closed()
      }),
      { numRuns: 150 },
    )
    await othersLive()
  })
})

describe('the first packet', () => {
  test('that is not CONNECT ends the connection without an answer [MQTT-3.1.0-1]', async () => {
    const client = await RawClient.open(port, 5)
    client.publish({ topic: 'witness' })
    await client.closed()
    assert.deepEqual(client.packets, [])
  })

  test('a second CONNECT is a protocol error [MQTT-3.1.0-2]', async () => {
    const client = await RawClient.connect(port, 5)
    client.send(connectPacket(5))
    assert.equal((await client.next('disconnect')).reason, 0x82)
  })

  test('of a version we do not speak gets CONNACK with 0x84, or 1 in 3.x', async () => {
    const six = await RawClient.open(port, 5)
    six.bytes('1010' + '0004' + '4d515454' + '06' + '02' + '0000' + '00' + '0003' + '616263')
    assert.equal((await six.next('connack')).reason, 0x84)
    const two = await RawClient.open(port, 4)
    two.bytes('100f' + '0004' + '4d515454' + '02' + '02' + '0000' + '0003' + '616263')
    assert.equal((await two.next('connack')).reason, 0x84)
  })

  test('larger than a stranger may send is refused before it is there', async () => {
    const client = await RawClient.open(port, 4)
    client.bytes('10ffffff7f')
    await client.closed()
  })

  test('an empty client id: assigned in MQTT 5, allowed with a clean session in 3.1.1, refused without', async () => {
    const five = await RawClient.open(port, 5)
    five.send(connectPacket(5, { clientId: '' }))
    assert.match((await five.next('connack')).properties?.assignedClientId ?? '', /^auto-[0-9a-f]{16}$/)
    const four = await RawClient.open(port, 4)
    four.send(connectPacket(4, { clientId: '' }))
    assert.equal((await four.next('connack')).reason, 0)
    const durable = await RawClient.open(port, 4)
    durable.send(connectPacket(4, { clientId: '', cleanStart: false }))
    assert.equal((await durable.next('connack')).reason, 0x85)
    await durable.closed()
    five.kill()
    four.kill()
  })

  test('announces what the broker takes', async () => {
    const client = await RawClient.open(port, 5)
    client.send(connectPacket(5))
    const { properties } = await client.next('connack')
    assert.deepEqual(properties, {
      receiveMaximum: 1024,
      maximumPacketSize: 100_000,
      topicAliasMaximum: 64,
    })
    client.kill()
  })

  test('with enhanced authentication is refused with 0x8C', async () => {
    const client = await RawClient.open(port, 5)
    client.send(connectPacket(5, { properties: { authenticationMethod: 'SCRAM' } }))
    assert.equal((await client.next('connack')).reason, 0x8c)
    await client.closed()
  })
})

describe('C3: access', () => {
  test('a refused client hears why and is closed', async () => {
    const five = await RawClient.open(port, 5)
    five.send(connectPacket(5, { username: 'stranger' }))
    assert.equal((await five.next('connack')).reason, 0x87)
    await five.closed()
    const four = await RawClient.open(port, 4)
    four.send(connectPacket(4, { username: 'stranger' }))
    assert.equal((await four.next('connack')).reason, 0x87)
    await four.closed()
  })

  test('what follows a CONNECT that is still judged waits for the answer', async () => {
    const client = await RawClient.open(port, 4)
    client.send(connectPacket(4, { username: 'slow' }))
    client.publish({ topic: 'witness', payload: Buffer.from('first') })
    client.publish({ topic: 'witness', payload: Buffer.from('second') })
    await sleep(20)
    assert.deepEqual(client.packets, [])
    client.bytes('30090007', [...Buffer.from('wit')])
    await sleep(5)
    client.bytes([...Buffer.from('ness')])
    await client.next('connack')
    assert.equal((await witness.next('publish')).payload.toString(), 'first')
    assert.equal((await witness.next('publish')).payload.toString(), 'second')
    assert.equal((await witness.next('publish')).payload.toString(), '')
    client.kill()
  })

  test('a provider that fails refuses the client and nobody else', async () => {
    const client = await RawClient.open(port, 5)
    client.send(connectPacket(5, { username: 'broken' }))
    assert.equal((await client.next('connack')).reason, 0x88)
    await othersLive()
  })

  test('who may not publish is told in MQTT 5, and nothing is routed', async () => {
    const five = await RawClient.connect(port, 5, { username: 'reader' })
    five.publish({ topic: 'witness', qos: 1, packetId: 1 })
    assert.equal((await five.next('puback')).reason, 0x87)
    five.publish({ topic: 'witness', qos: 0 })
    five.publish({ topic: 'witness', qos: 0, retain: true })
    const four = await RawClient.connect(port, 4, { username: 'reader' })
    four.publish({ topic: 'witness', qos: 1, packetId: 1 })
    await four.next('puback')
    const any = await RawClient.connect(port, 4)
    any.publish({ topic: '$SYS/broker/fake', qos: 1, packetId: 1 })
    await any.next('puback')
    assert.deepEqual(await witness.settle(), [])
    assert.equal(broker.report().dropped['not-authorised'], 5)
    for (const client of [five, four, any]) client.kill()
  })

  test('the right to publish is asked again for another topic', async () => {
    const client = await RawClient.connect(port, 5)
    for (const [topic, reason] of [
      ['a', 0x10],
      ['$SYS/a', 0x87],
      ['a', 0x10],
      ['$SYS/a', 0x87],
    ] as const) {
      client.publish({ topic, qos: 1, packetId: 1 })
      assert.equal((await client.next('puback')).reason, reason)
    }
    client.kill()
  })

  test('A7: a filter that weighs too much gets 0x97, one of too many levels 0x8F, both 0x80 in 3.1.1', async () => {
    const five = await RawClient.connect(port, 5)
    assert.equal(await five.subscribe('/'.repeat(100)), 0x97)
    assert.equal(await five.subscribe('/'.repeat(60_000)), 0x8f)
    assert.equal(await five.subscribe('a/b'), 0)
    const four = await RawClient.connect(port, 4)
    assert.equal(await four.subscribe('/'.repeat(100)), 0x80)
    assert.equal(await four.subscribe('/'.repeat(60_000)), 0x80)
    await othersLive()
  })

  test('who may not subscribe gets 0x87, 0x80 in 3.1.1', async () => {
    const five = await RawClient.connect(port, 5, { username: 'writer' })
    assert.equal(await five.subscribe('a'), 0x87)
    const four = await RawClient.connect(port, 4, { username: 'writer' })
    assert.equal(await four.subscribe('a'), 0x80)
    five.kill()
    four.kill()
  })
})

describe('subscriptions', () => {
  test('what cannot be had is refused with its reason, the rest is granted', async () => {
    const client = await RawClient.connect(port, 5)
    const wish = (filter: string) => ({
      filter,
      qos: 1 as const,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0 as const,
    })
    const filters = ['a/#/b', '$share//a', 'a', 'b', 'c', 'd', 'a']
    client.send({ type: 'subscribe', packetId: 1, subscriptions: filters.map(wish), properties: null })
    assert.deepEqual((await client.next('suback')).reasons, [0x8f, 0x8f, 1, 1, 1, 0x97, 1])
    client.send({ type: 'unsubscribe', packetId: 2, filters: ['a', 'x'], properties: null })
    assert.deepEqual((await client.next('unsuback')).reasons, [0, 0x11])
    client.publish({ topic: 'a' })
    client.publish({ topic: 'b' })
    const got = await client.settle()
    assert.deepEqual(
      got.map((packet) => (packet as { topic: string }).topic),
      ['b'],
    )
    client.kill()
  })

  test('no local, retain as published and identifiers do what they say, also where filters overlap', async () => {
    const client = await RawClient.connect(port, 5)
    const other = await RawClient.connect(port, 5)
    await client.subscribe('opt/#', 0, { noLocal: true, retainAsPublished: true }, 7)
    await client.subscribe('opt/both', 1, {}, 8)
    other.publish({ topic: 'opt/both', qos: 1, packetId: 1, retain: true })
    const first = await client.next('publish')
    assert.deepEqual([first.qos, first.retain, first.properties?.subscriptionIds], [1, true, [7, 8]])
    client.publish({ topic: 'opt/both', qos: 1, packetId: 1, retain: true })
    const own = await client.next('publish')
    assert.deepEqual([own.qos, own.retain, own.properties?.subscriptionIds], [1, false, [8]])
    client.publish({ topic: 'opt/mine' })
    const rest = await client.settle()
    assert.deepEqual(
      rest.map(({ type }) => type),
      ['puback'],
    )
    client.kill()
    other.kill()
  })

  test('retain handling 1 sends retained messages to new subscriptions only, 2 never', async () => {
    const client = await RawClient.connect(port, 5)
    client.publish({ topic: 'rh/x', retain: true })
    await client.settle()
    const counts: number[] = []
    for (const retainHandling of [2, 1, 1, 0]) {
      if (retainHandling === 1 && counts.length === 1) {
        client.send({ type: 'unsubscribe', packetId: 2, filters: ['rh/+'], properties: null })
      }
      await client.subscribe('rh/+', 0, { retainHandling })
      counts.push((await client.settle()).length)
    }
    assert.deepEqual(counts, [0, 1, 0, 1])
    client.kill()
  })

  test('a wildcard at the front matches no topic that begins with $ [MQTT-4.7.2-1]', async () => {
    const client = await RawClient.connect(port, 4)
    await client.subscribe('#')
    await client.subscribe('+/x')
    await client.settle()
    client.publish({ topic: '$other/x' })
    client.publish({ topic: 'y/x' })
    assert.deepEqual(
      (await client.settle()).map((packet) => (packet as { topic: string }).topic),
      ['y/x'],
    )
    client.kill()
  })
})

test('answers of the wrong kind are protocol errors; unknown ids are not', async () => {
  const client = await RawClient.connect(port, 5)
  await client.subscribe('kind', 1)
  client.send({ type: 'puback', packetId: 999, reason: 0, properties: null })
  client.send({ type: 'pubcomp', packetId: 999, reason: 0, properties: null })
  client.send({ type: 'pubrec', packetId: 999, reason: 0, properties: null })
  assert.equal((await client.next('pubrel')).reason, 0x92)
  client.publish({ topic: 'kind', qos: 1, packetId: 5 })
  const { packetId } = await client.next('publish')
  client.send({ type: 'pubrec', packetId, reason: 0, properties: null })
  assert.equal((await client.next('disconnect')).reason, 0x82)
})

test('a stream cut at every byte is understood like a whole one', async () => {
  const client = await RawClient.connect(port, 4)
  await client.subscribe('cut/#', 1)
  const packets = [1, 2, 3].map((packetId) =>
    encodePacket(
      {
        type: 'publish',
        topic: 'cut/x',
        payload: Buffer.alloc(packetId * 60, 'p'),
        qos: 1,
        retain: false,
        dup: false,
        packetId,
        properties: null,
      },
      4,
    ),
  )
  const stream = Buffer.concat(packets)
  for (let cut = 1; cut < stream.length; cut += 13) {
    client.socket.write(stream.subarray(0, cut))
    await sleep(1)
    client.socket.write(stream.subarray(cut))
    const sizes: number[] = []
    for (let i = 0; i < 3; i++) {
      const packet = await client.next('publish')
      sizes.push(packet.payload.length)
      client.send({ type: 'puback', packetId: packet.packetId, reason: 0, properties: null })
    }
    assert.deepEqual(sizes, [60, 120, 180])
  }
  client.kill()
})
