import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt from 'mqtt'
import { Broker } from '../../src/broker/broker.ts'
import type { Message } from '../../src/contract/message.ts'
import { RawClient } from './raw-client.ts'

const broker = new Broker()
const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
const url = `mqtt://127.0.0.1:${port}`
after(() => broker.stop())

const message = (wish: Partial<Message>): Message => ({
  topic: 't',
  payload: Buffer.from('x'),
  qos: 0,
  retain: false,
  properties: null,
  client: 'test',
  username: null,
  source: null,
  timeMs: Date.now(),
  ...wish,
})

interface Got {
  topic: string
  text: string
  qos: number
  retain: boolean
}

async function open(version: 4 | 5, options: mqtt.IClientOptions = {}) {
  const client = await mqtt.connectAsync(url, { protocolVersion: version, reconnectPeriod: 0, ...options })
  const got: Got[] = []
  client.on('message', (topic, payload, { qos, retain }) => got.push({ topic, text: payload.toString(), qos, retain }))
  return { client, got }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (condition()) return
    await sleep(10)
  }
  assert.fail(what)
}

for (const version of [4, 5] as const) {
  describe(`MQTT.js, version ${version}`, () => {
    test('messages arrive at the lesser of both QoS, in order, by wildcard', async () => {
      const publisher = await open(version)
      for (const granted of [0, 1, 2] as const) {
        const subscriber = await open(version)
        await subscriber.client.subscribeAsync(`q${version}/+/x/#`, { qos: granted })
        const sent: number[] = []
        for (let i = 0; i < 30; i++) {
          const qos = (i % 3) as 0 | 1 | 2
          sent.push(Math.min(qos, granted))
          await publisher.client.publishAsync(`q${version}/${i}/x/y`, String(i), { qos })
        }
        await publisher.client.publishAsync(`q${version}/no/y`, 'must not arrive')
        await until(() => subscriber.got.length >= 30, 'all arrive')
        const sorted = subscriber.got.toSorted((a, b) => Number(a.text) - Number(b.text))
        assert.deepEqual(
          sorted.map(({ qos }) => qos),
          sent,
        )
        assert.equal(subscriber.got.length, 30)
        await subscriber.client.endAsync()
      }
      await publisher.client.endAsync()
    })

    test('many messages of each QoS arrive once and in order', async () => {
      for (const qos of [0, 1, 2] as const) {
        const subscriber = await open(version)
        const publisher = await open(version)
        await subscriber.client.subscribeAsync(`many/${version}`, { qos })
        const sending: Promise<unknown>[] = []
        for (let i = 0; i < 3000; i++)
          sending.push(publisher.client.publishAsync(`many/${version}`, String(i), { qos }))
        await Promise.all(sending)
        await until(() => subscriber.got.length >= 3000, `all of QoS ${qos} arrive`)
        assert.deepEqual(
          subscriber.got.map(({ text }) => Number(text)),
          [...Array(3000).keys()],
        )
        await subscriber.client.endAsync()
        await publisher.client.endAsync()
      }
    })

    test('overlapping subscriptions give one copy with the greatest QoS', async () => {
      const { client, got } = await open(version)
      await client.subscribeAsync({ 'over/#': { qos: 0 }, 'over/+': { qos: 2 }, 'over/a': { qos: 1 } })
      await client.publishAsync('over/a', '1', { qos: 2 })
      await until(() => got.length > 0, 'it arrives')
      await sleep(30)
      assert.deepEqual(got, [{ topic: 'over/a', text: '1', qos: 2, retain: false }])
      await client.endAsync()
    })

    test('C2: a retained message is kept, sent to new subscribers with RETAIN, replaced, and cleared', async () => {
      const { client } = await open(version)
      const topic = `kept/${version}`
      await client.publishAsync(topic, 'one', { retain: true, qos: 1 })
      await client.publishAsync(topic, 'two', { retain: true, qos: 1 })
      const late = await open(version)
      await late.client.subscribeAsync('kept/#', { qos: 1 })
      await until(() => late.got.some((one) => one.topic === topic), 'it arrives')
      assert.deepEqual(
        late.got.filter((one) => one.topic === topic),
        [{ topic, text: 'two', qos: 1, retain: true }],
      )
      late.got.length = 0
      await client.publishAsync(topic, 'three', { retain: true, qos: 1 })
      await until(() => late.got.length > 0, 'the live one arrives')
      assert.deepEqual(late.got, [{ topic, text: 'three', qos: 1, retain: false }], 'RETAIN is cleared on the way')
      await client.publishAsync(topic, '', { retain: true, qos: 1 })
      const later = await open(version)
      await later.client.subscribeAsync(topic, { qos: 1 })
      await sleep(30)
      assert.deepEqual(later.got, [])
      for (const each of [client, late.client, later.client]) await each.endAsync()
    })

    test('large messages pass, alone and among small ones', async () => {
      const { client, got } = await open(version)
      await client.subscribeAsync(`big/${version}`, { qos: 1 })
      const sizes = [10, 70_000, 3, 1_000_000, 20_000, 1, 65_536]
      for (const qos of [0, 1] as const) {
        await Promise.all(sizes.map((size) => client.publishAsync(`big/${version}`, Buffer.alloc(size, 'z'), { qos })))
      }
      await until(() => got.length === sizes.length * 2, 'all arrive')
      assert.deepEqual(
        got.map(({ text }) => text.length),
        [...sizes, ...sizes],
      )
      await client.endAsync()
    })
  })
}

describe('in this process', () => {
  test('publish reaches subscribers and counts them; subscribe hears clients until it is ended', async () => {
    const { client, got } = await open(5)
    await client.subscribeAsync('inner/+', { qos: 1 })
    const heard: string[] = []
    const end = broker.subscribe('inner/#', (each) =>
      heard.push(`${each.topic} ${Buffer.from(each.payload)} ${each.client}`),
    )
    assert.equal(broker.publish(message({ topic: 'inner/a', qos: 1, properties: { contentType: 'x/y' } })), 2)
    assert.equal(broker.publish(message({ topic: 'elsewhere' })), 0)
    await until(() => got.length === 1, 'it arrives')
    await client.publishAsync('inner/b', 'from client', { qos: 1 })
    end()
    await client.publishAsync('inner/c', 'unheard', { qos: 1 })
    assert.equal(heard.length, 2)
    assert.ok(heard[1]!.startsWith('inner/b from client mqttjs'))
    await client.endAsync()
  })

  test('a subscriber that publishes does not disturb the message it is in', async () => {
    const subscriber = await open(4)
    await subscriber.client.subscribeAsync('chain/#', { qos: 1 })
    const end = broker.subscribe('chain/a', () => broker.publish(message({ topic: 'chain/b', qos: 1 })))
    const publisher = await open(4)
    await publisher.client.publishAsync('chain/a', 'first', { qos: 1 })
    await until(() => subscriber.got.length === 2, 'both arrive')
    assert.deepEqual(subscriber.got.map(({ topic, text }) => [topic, text]).toSorted(), [
      ['chain/a', 'first'],
      ['chain/b', 'x'],
    ])
    end()
    await subscriber.client.endAsync()
    await publisher.client.endAsync()
  })

  test('a subscriber that throws harms neither the publisher nor the others', async () => {
    const { client, got } = await open(4)
    const end = broker.subscribe('faulty', () => {
      throw new Error('a fault of ours')
    })
    await client.subscribeAsync('faulty', { qos: 1 })
    await client.publishAsync('faulty', 'still there', { qos: 1 })
    await until(() => got.length === 1, 'it arrives')
    end()
    await client.endAsync()
  })

  test('the report counts', async () => {
    const before = broker.report()
    const { client, got } = await open(4)
    await client.subscribeAsync('count/me')
    for (let i = 0; i < 10; i++) await client.publishAsync('count/me', 'x')
    await until(() => got.length === 10, 'all arrive')
    const now = broker.report()
    assert.equal(now.received - before.received, 10)
    assert.equal(now.sent - before.sent, 10)
    assert.equal(now.subscriptions - before.subscriptions, 1)
    assert.ok(now.connections >= 1 && now.sessions >= 1)
    await client.endAsync()
    await until(() => broker.report().connections === before.connections, 'the connection is uncounted')
  })
})

describe('between versions', () => {
  test('a 3.1.1 publish reaches an MQTT 5 subscriber and the other way, properties where they can be', async () => {
    const four = await RawClient.connect(port, 4)
    const five = await RawClient.connect(port, 5)
    const three = await RawClient.connect(port, 3)
    for (const client of [three, four, five]) await client.subscribe('mix/#', 1)
    for (const qos of [0, 1] as const) {
      four.publish({ topic: 'mix/4', qos, packetId: qos })
      five.publish({ topic: 'mix/5', qos, packetId: qos, properties: { contentType: 'a/b' } })
      for (const topic of ['mix/4', 'mix/5']) {
        for (const client of [three, four, five]) {
          const packet = await client.next('publish')
          assert.equal(packet.topic, topic)
          assert.equal(packet.qos, qos)
          assert.equal(packet.payload.toString(), 'x')
          assert.equal(packet.properties?.contentType, client === five && topic === 'mix/5' ? 'a/b' : undefined)
        }
      }
    }
    for (const client of [three, four, five]) client.kill()
  })

  test('runs of packets are re-encoded, packet by packet, for those who need it', async () => {
    const four = await RawClient.connect(port, 4)
    const five = await RawClient.connect(port, 5)
    const marked = await RawClient.connect(port, 5)
    await four.subscribe('run/#')
    await five.subscribe('run/#')
    await marked.subscribe('run/#', 0, {}, 42)
    const publisher = await RawClient.connect(port, 5)
    for (let i = 0; i < 5; i++)
      publisher.publish({ topic: 'run/x', payload: Buffer.from(String(i)), properties: { contentType: 'c' } })
    for (let i = 0; i < 5; i++) {
      for (const client of [four, five, marked]) {
        const packet = await client.next('publish')
        assert.equal(packet.payload.toString(), String(i))
        assert.deepEqual(packet.properties?.subscriptionIds, client === marked ? [42] : undefined)
      }
    }
    for (const client of [four, five, marked, publisher]) client.kill()
  })
})
