import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Broker } from '../../../src/broker/broker.ts'
import type { ConnectPacket } from '../../../src/broker/codec/packets/connect.ts'
import type { PublishPacket } from '../../../src/broker/codec/packets/publish.ts'
import type { Message } from '../../../src/contract/message.ts'
import { connectPacket, RawClient } from '../raw-client.ts'

let now = 1_700_000_000_000
const broker = new Broker({
  now: () => now,
  limits: { maxSessionExpiryS: 1000, maxQueuedMessages: 50, maxInflight: 10 },
})
const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
after(() => broker.stop())

/** Lets the broker's time pass, not ours. */
function pass(seconds: number): void {
  for (let i = 0; i < seconds * 4; i++) {
    now += 250
    broker.tick()
  }
}

const message = (topic: string, text: string, qos: 0 | 1 | 2 = 1, more: Partial<Message> = {}): Message => ({
  topic,
  payload: Buffer.from(text),
  qos,
  retain: false,
  properties: null,
  client: 'test',
  username: null,
  source: null,
  timeMs: now,
  ...more,
})

const durable5 = (clientId: string, more: Partial<ConnectPacket> = {}): Partial<ConnectPacket> => ({
  clientId,
  cleanStart: false,
  properties: { sessionExpirySeconds: 100 },
  ...more,
})

async function leave(client: RawClient): Promise<void> {
  client.kill()
  await client.closed()
  await sleep(20)
}

const will = (topic: string, willDelaySeconds: number) => ({
  topic,
  payload: Buffer.from('gone'),
  qos: 1 as const,
  retain: false,
  properties: willDelaySeconds === 0 ? null : { willDelaySeconds },
})

describe('C2: a session that outlives its connection', () => {
  for (const version of [4, 5] as const) {
    test(`gets what was published meanwhile, in order, version ${version}`, async () => {
      const id = `away-${version}`
      const wish = version === 5 ? durable5(id) : { clientId: id, cleanStart: false }
      const first = await RawClient.connect(port, version, wish)
      await first.subscribe(`away/${version}`, 2)
      await leave(first)
      for (let i = 0; i < 30; i++) broker.publish(message(`away/${version}`, String(i), i % 2 === 0 ? 1 : 2))
      broker.publish(message(`away/${version}`, 'not kept', 0))
      const second = await RawClient.open(port, version)
      second.send(connectPacket(version, wish))
      assert.equal((await second.next('connack')).sessionPresent, true)
      for (let i = 0; i < 30; i++) {
        const packet = await second.next('publish')
        assert.equal(packet.payload.toString(), String(i))
        if (packet.qos === 1) second.send({ type: 'puback', packetId: packet.packetId, reason: 0, properties: null })
        else {
          second.send({ type: 'pubrec', packetId: packet.packetId, reason: 0, properties: null })
          second.send({ type: 'pubcomp', packetId: packet.packetId, reason: 0, properties: null })
        }
      }
      second.kill()
    })
  }

  test('sends again what was not acknowledged, with DUP and the same id, and PUBREL where PUBREC had come', async () => {
    const first = await RawClient.connect(port, 4, { clientId: 'resend', cleanStart: false })
    await first.subscribe('resend/#', 2)
    broker.publish(message('resend/1', 'one', 1))
    broker.publish(message('resend/2', 'two', 2))
    broker.publish(message('resend/3', 'three', 2))
    const sent = [await first.next('publish'), await first.next('publish'), await first.next('publish')]
    first.send({ type: 'pubrec', packetId: sent[2]!.packetId, reason: 0, properties: null })
    await first.next('pubrel')
    await leave(first)
    const second = await RawClient.connect(port, 4, { clientId: 'resend', cleanStart: false })
    const again = await second.settle()
    assert.deepEqual(
      again.map((packet) => [packet.type, (packet as { packetId: number }).packetId, 'dup' in packet && packet.dup]),
      [
        ['publish', sent[0]!.packetId, true],
        ['publish', sent[1]!.packetId, true],
        ['pubrel', sent[2]!.packetId, false],
      ],
    )
    second.kill()
  })

  test('lets a message expire, and tells how long the others may still live [MQTT-3.3.2-5, -6]', async () => {
    const first = await RawClient.connect(port, 5, durable5('expiry'))
    await first.subscribe('expiry/#', 1)
    await leave(first)
    broker.publish(message('expiry/short', 'x', 1, { properties: { expirySeconds: 5 } }))
    broker.publish(message('expiry/long', 'x', 1, { properties: { expirySeconds: 60 } }))
    pass(10)
    const before = broker.report().dropped['expired'] ?? 0
    const second = await RawClient.connect(port, 5, durable5('expiry'))
    const packet = await second.next('publish')
    assert.equal(packet.topic, 'expiry/long')
    assert.equal(packet.properties?.expirySeconds, 50)
    assert.equal(broker.report().dropped['expired'], before + 1)
    second.kill()
  })

  test('is gone when its time is over, not before', async () => {
    for (const [seconds, present] of [
      [90, true],
      [110, false],
    ] as const) {
      const first = await RawClient.connect(port, 5, durable5(`ends-${seconds}`))
      await leave(first)
      pass(seconds)
      const second = await RawClient.open(port, 5)
      second.send(connectPacket(5, durable5(`ends-${seconds}`)))
      assert.equal((await second.next('connack')).sessionPresent, present)
      second.kill()
    }
  })

  test('ends at once with Clean Start, or when DISCONNECT sets its expiry to 0', async () => {
    const first = await RawClient.connect(port, 5, durable5('cleaned'))
    await first.subscribe('cleaned', 1)
    await leave(first)
    assert.equal(broker.publish(message('cleaned', 'kept')), 1)
    const second = await RawClient.open(port, 5)
    second.send(connectPacket(5, durable5('cleaned', { cleanStart: true })))
    assert.equal((await second.next('connack')).sessionPresent, false)
    assert.equal(broker.publish(message('cleaned', 'nobody')), 0)
    await second.subscribe('cleaned', 1)
    second.send({ type: 'disconnect', reason: 0, properties: { sessionExpirySeconds: 0 } })
    await second.closed()
    await sleep(20)
    assert.equal(broker.publish(message('cleaned', 'nobody')), 0)
  })

  test('keeps no more than its limit, and counts what it drops', async () => {
    const first = await RawClient.connect(port, 4, { clientId: 'full', cleanStart: false })
    await first.subscribe('full', 1)
    await leave(first)
    const before = broker.report().dropped['queue-full'] ?? 0
    let taken = 0
    for (let i = 0; i < 80; i++) taken += broker.publish(message('full', String(i)))
    assert.equal(taken, 50)
    assert.equal(broker.report().dropped['queue-full'], before + 30)
  })

  test('an expiry above the limit is cut, and the client is told', async () => {
    const client = await RawClient.open(port, 5)
    client.send(connectPacket(5, { properties: { sessionExpirySeconds: 5000 } }))
    assert.equal((await client.next('connack')).properties?.sessionExpirySeconds, 1000)
    client.kill()
  })
})

describe('take-over', () => {
  test('ends the older connection with 0x8E and keeps the session [MQTT-3.1.4-3]', async () => {
    const older = await RawClient.connect(port, 5, durable5('twin'))
    await older.subscribe('twin', 1)
    const newer = await RawClient.open(port, 5)
    newer.send(connectPacket(5, durable5('twin')))
    assert.equal((await older.next('disconnect')).reason, 0x8e)
    await older.closed()
    assert.equal((await newer.next('connack')).sessionPresent, true)
    broker.publish(message('twin', 'to the newer'))
    assert.equal((await newer.next('publish')).payload.toString(), 'to the newer')
    newer.kill()
  })

  test('a session without expiry does not survive it', async () => {
    const older = await RawClient.connect(port, 4, { clientId: 'plain-twin' })
    await older.subscribe('plain-twin')
    const newer = await RawClient.open(port, 4)
    newer.send(connectPacket(4, { clientId: 'plain-twin' }))
    assert.equal((await newer.next('connack')).sessionPresent, false)
    await older.closed()
    assert.equal(broker.publish(message('plain-twin', 'x')), 0)
    newer.kill()
  })
})

describe('C2: a will', () => {
  test('is published when the connection is lost, not after a good-bye', async () => {
    const watcher = await RawClient.connect(port, 5)
    await watcher.subscribe('will/#', 1)
    const lost = await RawClient.connect(port, 4, { will: will('will/lost', 0) })
    lost.kill()
    assert.equal((await watcher.next('publish')).topic, 'will/lost')
    const polite = await RawClient.connect(port, 4, { will: will('will/polite', 0) })
    polite.send({ type: 'disconnect', reason: 0, properties: null })
    await polite.closed()
    const asking = await RawClient.connect(port, 5, { will: will('will/asked', 0) })
    asking.send({ type: 'disconnect', reason: 4, properties: null })
    const packet = await watcher.next('publish')
    assert.equal(packet.topic, 'will/asked')
    assert.equal(packet.payload.toString(), 'gone')
    watcher.kill()
  })

  test('with a delay waits so long, and is not published when the client is back in time', async () => {
    const heard: string[] = []
    const end = broker.subscribe('late/#', ({ topic }) => heard.push(topic))
    const back = await RawClient.connect(port, 5, durable5('back', { will: will('late/back', 30) }))
    const gone = await RawClient.connect(port, 5, durable5('gone', { will: will('late/gone', 30) }))
    await leave(back)
    await leave(gone)
    pass(20)
    const again = await RawClient.connect(port, 5, durable5('back'))
    assert.deepEqual(heard, [])
    pass(20)
    assert.deepEqual(heard, ['late/gone'])
    end()
    again.kill()
  })

  test('with a delay is published when the session ends before', async () => {
    const heard: string[] = []
    const end = broker.subscribe('early/#', ({ topic }) => heard.push(topic))
    const client = await RawClient.connect(port, 5, { will: will('early/x', 30) })
    await leave(client)
    assert.deepEqual(heard, ['early/x'])
    end()
  })
})

describe('keep-alive', () => {
  test('a silent client is ended after one and a half times its keep-alive, not before [MQTT-3.1.2-22]', async () => {
    const client = await RawClient.connect(port, 5, { keepAliveS: 10 })
    pass(14)
    await client.settle()
    pass(14)
    await client.settle()
    pass(17)
    assert.equal((await client.next('disconnect')).reason, 0x8d)
    await client.closed()
  })

  test('without keep-alive silence is allowed for ever', async () => {
    const client = await RawClient.connect(port, 4, { keepAliveS: 0 })
    pass(5000)
    await client.settle()
    client.kill()
  })

  test('a connection that never sends CONNECT is ended', async () => {
    const client = await RawClient.open(port, 4)
    await sleep(20)
    pass(12)
    await client.closed()
  })
})

describe('flow control to the client', () => {
  test('no more messages are under way than its Receive Maximum; the rest waits for acknowledgements', async () => {
    const client = await RawClient.connect(port, 5, { properties: { receiveMaximum: 3 } })
    await client.subscribe('slowly', 1)
    for (let i = 0; i < 10; i++) broker.publish(message('slowly', String(i)))
    const first = await client.settle()
    assert.equal(first.length, 3)
    for (let i = 0; i < 10; i++) {
      const packet = (i < 3 ? first[i] : await client.next('publish')) as PublishPacket
      assert.equal(Buffer.from(packet.payload).toString(), String(i))
      client.send({ type: 'puback', packetId: packet.packetId, reason: 0, properties: null })
    }
    client.kill()
  })

  test('a refused QoS 2 message (PUBREC 0x80 or above) is over and frees its place', async () => {
    const client = await RawClient.connect(port, 5, { properties: { receiveMaximum: 1 } })
    await client.subscribe('refusing', 2)
    broker.publish(message('refusing', 'a', 2))
    broker.publish(message('refusing', 'b', 2))
    const { packetId } = await client.next('publish')
    client.send({ type: 'pubrec', packetId, reason: 0x83, properties: null })
    assert.equal((await client.next('publish')).payload.toString(), 'b')
    client.kill()
  })

  test('a message larger than the client takes is dropped and counted [MQTT-3.1.2-25]', async () => {
    const client = await RawClient.connect(port, 5, { properties: { maximumPacketSize: 100 } })
    await client.subscribe('size/#', 1)
    const other = await RawClient.connect(port, 5)
    await other.subscribe('size/#', 1)
    const before = broker.report().dropped['too-large'] ?? 0
    for (const qos of [0, 1] as const) {
      other.publish({ topic: 'size/x', qos, packetId: qos, payload: Buffer.alloc(200) })
      other.publish({ topic: 'size/x', qos, packetId: qos * 2, payload: Buffer.alloc(50) })
    }
    for (let i = 0; i < 2; i++) assert.equal((await client.next('publish')).payload.length, 50)
    for (let i = 0; i < 4; i++) await other.next('publish')
    assert.equal(broker.report().dropped['too-large'], before + 2)
    client.kill()
    other.kill()
  })
})
