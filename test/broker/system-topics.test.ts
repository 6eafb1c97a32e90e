import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { anonymous } from '../../src/broker/access/anonymous.ts'
import { Broker } from '../../src/broker/broker.ts'
import { RawClient } from './raw-client.ts'

const access = {
  ...anonymous,
  maySubscribe: (who: { username: string | null }, filter: string) =>
    !filter.startsWith('$SYS') || who.username === 'admin',
}

async function open() {
  let now = 1_000_000
  const broker = new Broker({ access, now: () => now, systemTopics: { node: '7', version: '1.2.3', intervalMs: 1000 } })
  const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
  const pass = (ms: number) => {
    now += ms
    broker.tick()
  }
  return { broker, port, pass }
}

test('C2: the figures of $SYS/broker/ are retained, told anew when they change, and not counted themselves', async () => {
  const { broker, port, pass } = await open()
  const admin = await RawClient.connect(port, 5, { username: 'admin' })
  await admin.subscribe('count/me')
  for (let n = 0; n < 3; n++) admin.publish({ topic: 'count/me' })
  await admin.settle()
  pass(1500)
  assert.equal(await admin.subscribe('$SYS/broker/#', 0), 0)
  const figures = new Map<string, string>()
  const read = async () => {
    const packets = (await admin.settle()).filter((packet) => packet.type === 'publish')
    for (const { topic, payload } of packets) figures.set(topic.slice('$SYS/broker/'.length), payload.toString())
    return packets
  }
  assert.ok((await read()).every(({ retain }) => retain))
  assert.equal(figures.get('version'), 'trestle version 1.2.3')
  assert.equal(figures.get('publish/messages/received'), '3')
  assert.equal(figures.get('publish/messages/sent'), '3')
  assert.equal(figures.get('clients/connected'), '1')
  assert.equal(figures.get('subscriptions/count'), '1')
  await RawClient.connect(port, 4)
  pass(1000)
  const changed = await read()
  assert.equal(figures.get('clients/connected'), '2')
  assert.equal(figures.get('uptime'), '2 seconds')
  assert.ok(!changed.some(({ topic }) => topic.endsWith('version')))
  assert.equal(broker.report().received, 3)
  await broker.stop()
})

test('C3: only those whom access allows may read them, and a # does not', async () => {
  const { broker, port, pass } = await open()
  const anybody = await RawClient.connect(port, 5)
  assert.equal(await anybody.subscribe('$SYS/#'), 0x87)
  assert.equal(await anybody.subscribe('$share/g/$SYS/#'), 0x87)
  assert.equal(await anybody.subscribe('#'), 0)
  pass(2000)
  assert.deepEqual(await anybody.settle(), [])
  anybody.publish({ topic: '$SYS/broker/version', qos: 1, packetId: 1 })
  assert.equal((await anybody.next('puback')).reason, 0x87)
  await broker.stop()
})

test('C2: clients that come and go, and the sums, are told as JSON below $SYS/brokers/', async () => {
  const { broker, port, pass } = await open()
  const admin = await RawClient.connect(port, 5, { username: 'admin' })
  await admin.subscribe('$SYS/brokers/#')
  const device = await RawClient.connect(port, 4, { clientId: 'd1' })
  const connected = await admin.next('publish')
  assert.equal(connected.topic, '$SYS/brokers/7/clients/d1/connected')
  assert.equal(JSON.parse(connected.payload.toString()).clientid, 'd1')
  const odd = await RawClient.connect(port, 4, { clientId: 'a+b' })
  device.kill()
  const gone = await admin.next('publish')
  assert.equal(gone.topic, '$SYS/brokers/7/clients/d1/disconnected', 'a name that is no topic is not told')
  odd.kill()
  while (broker.report().connections > 1) await sleep(1)
  pass(1000)
  const [stats, metrics] = [await admin.next('publish'), await admin.next('publish')]
  assert.deepEqual([stats.topic, metrics.topic], ['$SYS/brokers/7/stats', '$SYS/brokers/7/metrics'])
  assert.equal(JSON.parse(stats.payload.toString())['connections.count'], 1)
  assert.equal(JSON.parse(metrics.payload.toString())['messages.dropped.offline'], 0)
  await broker.stop()
})
