import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Broker } from '../../../src/broker/broker.ts'
import { RawClient } from '../raw-client.ts'

const mebibyte = 1024 * 1024
const limits = { maxOutputBytes: mebibyte, maxQueuedBytes: 4 * mebibyte, maxPublisherPauseMs: 600_000, maxInflight: 50 }
const broker = new Broker({ limits })
const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
after(() => broker.stop())

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is still held after a collection. */
const memory = () => {
  collect()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return Math.max(external, arrayBuffers) + heapUsed
}

test('A7: a subscriber that reads nothing loses QoS 0, is counted, costs bounded memory, and others lose nothing', async () => {
  const slow = await RawClient.connect(port, 4)
  await slow.subscribe('flood')
  slow.socket.pause()
  let heard = 0
  const end = broker.subscribe('flood', () => heard++)
  const publisher = await RawClient.connect(port, 4)
  const payload = Buffer.alloc(10_000, 'f')
  const before = memory()
  for (let i = 0; i < 3000; i++) {
    publisher.publish({ topic: 'flood', payload })
    if (i % 50 === 0) await publisher.settle()
  }
  await publisher.settle()
  assert.equal(heard, 3000)
  const dropped = broker.report().dropped['slow-subscriber'] ?? 0
  assert.ok(dropped > 1000, `${dropped} dropped`)
  let grown = memory() - before
  // What was collected is given back in the background.
  for (let i = 0; i < 50 && grown > 6 * mebibyte; i++) {
    await sleep(10)
    grown = memory() - before
  }
  assert.ok(grown < 6 * mebibyte, `grew by ${grown / mebibyte} MiB of 30`)
  slow.socket.resume()
  await sleep(100)
  const got = (await slow.settle()).length
  assert.equal(got + dropped, 3000, 'what was not dropped arrives')
  end()
  slow.kill()
  publisher.kill()
})

test('A7: a publisher of QoS 1 is not read while its subscriber is slow, and nothing is lost', async () => {
  const slow = await RawClient.connect(port, 4)
  await slow.subscribe('steady', 1)
  const publisher = await RawClient.connect(port, 4)
  let answered = 0
  const total = 1000
  const payload = Buffer.alloc(10_000, 's')
  for (let i = 1; i <= total; i++) publisher.publish({ topic: 'steady', qos: 1, packetId: i, payload })
  await sleep(300)
  answered = publisher.packets.filter(({ type }) => type === 'puback').length
  assert.ok(answered < 600, `${answered} were taken though the subscriber acknowledges nothing`)
  assert.equal(broker.report().dropped['queue-full'], undefined)
  let got = 0
  while (got < total) {
    const { packetId } = await slow.next('publish')
    slow.send({ type: 'puback', packetId, reason: 0, properties: null })
    got++
  }
  await sleep(50)
  answered = publisher.packets.filter(({ type }) => type === 'puback').length
  assert.equal(answered, total)
  assert.equal(broker.report().dropped['queue-full'], undefined)
  slow.kill()
  publisher.kill()
})

test('a publisher goes on when the slow subscriber leaves', async () => {
  const slow = await RawClient.connect(port, 4)
  await slow.subscribe('leaving', 1)
  const publisher = await RawClient.connect(port, 4)
  const payload = Buffer.alloc(10_000, 's')
  for (let i = 1; i <= 1000; i++) publisher.publish({ topic: 'leaving', qos: 1, packetId: i, payload })
  await sleep(200)
  assert.ok(publisher.packets.length < 1000)
  slow.kill()
  for (let i = 0; i < 100 && publisher.packets.length < 1000; i++) await sleep(20)
  assert.equal(publisher.packets.length, 1000)
  publisher.kill()
})
