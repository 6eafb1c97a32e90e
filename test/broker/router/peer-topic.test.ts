import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { anonymous } from '../../../src/broker/access/anonymous.ts'
import { Broker } from '../../../src/broker/broker.ts'
import { readPeerTopic } from '../../../src/broker/router/peer-topic.ts'
import { RawClient } from '../raw-client.ts'

test('a topic names its receiver before the rest or behind it', () => {
  assert.deepEqual(readPeerTopic('p2p/bob/a/b', 'prefix'), { clientId: 'bob', topic: 'a/b' })
  assert.deepEqual(readPeerTopic('a/b/p2p/bob', 'suffix'), { clientId: 'bob', topic: 'a/b' })
  assert.deepEqual(readPeerTopic('p2p/bob/p2p/eve', 'both'), { clientId: 'bob', topic: 'p2p/eve' })
  for (const topic of ['p2p/bob', 'p2p/bob/', 'p2p//a', 'x/p2p/bob/a', 'p2p/bob/$SYS/a']) {
    assert.equal(readPeerTopic(topic, 'prefix'), null, topic)
  }
  for (const topic of ['p2p/bob', 'a/p2p/', 'p2p/bob/a', '$SYS/p2p/bob'])
    assert.equal(readPeerTopic(topic, 'suffix'), null, topic)
  assert.equal(readPeerTopic('p2p/bob/a', 'off'), null)
})

test('C2 C3: a message to one client reaches it without a subscription, nobody else, and access sees the whole topic', async () => {
  const access = { ...anonymous, mayPublish: (_: unknown, topic: string) => !topic.startsWith('p2p/boss/') }
  const broker = new Broker({ peerToPeer: 'both', access })
  const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
  const bob = await RawClient.connect(port, 4, { clientId: 'bob' })
  const boss = await RawClient.connect(port, 4, { clientId: 'boss' })
  const eve = await RawClient.connect(port, 5, { clientId: 'eve' })
  await eve.subscribe('#', 2)
  const device = await RawClient.connect(port, 5)
  for (const [qos, topic] of [
    [0, 'p2p/bob/x/y'],
    [1, 'x/y/p2p/bob'],
    [2, '$delayed/10ms/p2p/bob/x/y'],
  ] as const) {
    device.publish({ topic, qos, packetId: qos, retain: true })
    if (qos === 1) assert.equal((await device.next('puback')).reason, 0)
    const got = await bob.next('publish')
    assert.deepEqual([got.topic, got.qos, got.retain], ['x/y', qos, false])
  }
  device.publish({ topic: 'p2p/boss/x', qos: 1, packetId: 1 })
  assert.equal((await device.next('puback')).reason, 0x87)
  device.publish({ topic: 'p2p/nobody/x', qos: 1, packetId: 1 })
  assert.equal((await device.next('puback')).reason, 0x10)
  for (const client of [eve, boss]) assert.deepEqual(await client.settle(), [])
  await broker.stop()
})

test('a message to a client that is away waits in its session', async () => {
  const broker = new Broker({ peerToPeer: 'prefix' })
  const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
  const wish = { clientId: 'bob', cleanStart: false, properties: { sessionExpirySeconds: 100 } }
  const bob = await RawClient.connect(port, 5, wish)
  bob.kill()
  while (broker.report().connections > 0) await sleep(1)
  const device = await RawClient.connect(port, 5)
  device.publish({ topic: 'p2p/bob/hello', qos: 1, packetId: 1 })
  await device.next('puback')
  const back = await RawClient.connect(port, 5, wish)
  assert.equal((await back.next('publish')).topic, 'hello')
  await broker.stop()
})

test('a publish that nobody subscribes to is answered with 0x10, in MQTT 5 alone', async () => {
  const broker = new Broker()
  const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
  const five = await RawClient.connect(port, 5)
  five.publish({ topic: 't', qos: 1, packetId: 1 })
  assert.equal((await five.next('puback')).reason, 0x10)
  for (let time = 0; time < 2; time++) {
    five.publish({ topic: 't', qos: 2, packetId: 2, dup: time > 0 })
    assert.equal((await five.next('pubrec')).reason, time === 0 ? 0x10 : 0)
  }
  five.send({ type: 'pubrel', packetId: 2, reason: 0, properties: null })
  assert.equal((await five.next('pubcomp')).reason, 0)
  const four = await RawClient.connect(port, 4)
  four.publish({ topic: 't', qos: 1, packetId: 1 })
  assert.equal((await four.next('puback')).packetId, 1)
  await four.subscribe('$share/g/t')
  five.publish({ topic: 't', qos: 1, packetId: 1 })
  assert.equal((await five.next('puback')).reason, 0)
  await broker.stop()
})
