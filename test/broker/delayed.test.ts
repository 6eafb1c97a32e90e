import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { anonymous } from '../../src/broker/access/anonymous.ts'
import { Broker } from '../../src/broker/broker.ts'
import { Counters } from '../../src/broker/counters.ts'
import { Delayed, readDelayed } from '../../src/broker/delayed.ts'
import { type PublishFlow, Verdict } from '../../src/broker/port.ts'
import { TrestleError } from '../../src/contract/error.ts'
import type { Message } from '../../src/contract/message.ts'
import { RawClient } from './raw-client.ts'

const taken: string[] = []
let busy = 0
const flow: PublishFlow = {
  version: 1,
  error: new TrestleError('E504', 'not now'),
  lookup: (topic) => (topic.startsWith('ruled/') ? {} : null),
  take: ({ topic }) => {
    taken.push(topic)
    return busy-- > 0 ? Verdict.Busy : Verdict.Accepted
  },
}
const access = { ...anonymous, mayPublish: (_: unknown, topic: string) => topic !== 'd/forbidden' }
const broker = new Broker({ flow, access, delayed: { maxMessages: 5, maxBytes: 10_000, whenFull: 'refuse' } })
const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
after(() => broker.stop())

describe('a message to $delayed/', () => {
  test('C2: comes when its time has come, with its QoS and properties, and is acknowledged at once', async () => {
    const reader = await RawClient.connect(port, 5)
    await reader.subscribe('d/#', 2)
    const device = await RawClient.connect(port, 5)
    const start = Date.now()
    device.publish({
      topic: '$delayed/1/d/late',
      qos: 1,
      packetId: 1,
      properties: { contentType: 'a/b', expirySeconds: 9 },
    })
    device.publish({ topic: '$delayed/300ms/d/soon', qos: 2, packetId: 2, payload: Buffer.from('s') })
    assert.equal((await device.next('puback')).reason, 0)
    assert.equal((await device.next('pubrec')).reason, 0)
    assert.ok(Date.now() - start < 250)
    device.send({ type: 'pubrel', packetId: 2, reason: 0, properties: null })
    await device.next('pubcomp')
    device.kill()
    const soon = await reader.next('publish')
    assert.deepEqual([soon.topic, soon.qos, soon.payload.toString()], ['d/soon', 2, 's'])
    assert.ok(Date.now() - start >= 299)
    const late = await reader.next('publish')
    assert.ok(Date.now() - start >= 999 && Date.now() - start < 2000)
    assert.deepEqual([late.topic, late.qos, late.properties?.contentType], ['d/late', 1, 'a/b'])
    assert.equal(late.properties?.expirySeconds, 8, 'what is left of it')
    reader.kill()
  })

  test('C3: is judged by the topic it is for, when it is published', async () => {
    const device = await RawClient.connect(port, 5)
    device.publish({ topic: '$delayed/0/d/forbidden', qos: 1, packetId: 1 })
    assert.equal((await device.next('puback')).reason, 0x87)
    device.kill()
  })

  test('with a delay that is none gets 0x90, and nothing is kept of it', async () => {
    const device = await RawClient.connect(port, 5)
    for (const topic of [
      '$delayed/x/a',
      '$delayed/-1/a',
      '$delayed/1',
      '$delayed/1/',
      '$delayed/42949670/a',
      '$delayed/1/$delayed/1/a',
    ]) {
      device.publish({ topic, qos: 1, packetId: 1 })
      assert.equal((await device.next('puback')).reason, 0x90, topic)
      device.publish({ topic, qos: 2, packetId: 2 })
      assert.equal((await device.next('pubrec')).reason, 0x90, topic)
    }
    device.kill()
  })

  test('is seen by rules, retained and told to its own publisher only when its time has come', async () => {
    taken.length = 0
    busy = 1
    const device = await RawClient.connect(port, 5)
    await device.subscribe('ruled/#', 0, { noLocal: true })
    await device.subscribe('ruled/+', 0)
    device.publish({ topic: '$delayed/50ms/ruled/a', qos: 1, retain: true, packetId: 1 })
    await device.next('puback')
    assert.deepEqual(taken, [])
    const late = await RawClient.connect(port, 5)
    await late.subscribe('ruled/a')
    assert.deepEqual(await late.settle(), [])
    const got = await device.next('publish', 3000)
    assert.deepEqual([got.topic, taken], ['ruled/a', ['ruled/a', 'ruled/a']], 'what was busy is tried again')
    assert.equal((await late.next('publish')).topic, 'ruled/a')
    for (const client of [device, late]) client.kill()
  })

  test('A7: is refused with 0x97 when too many wait, or published at once where the hub is told so', async () => {
    const device = await RawClient.connect(port, 5)
    for (let n = 0; n < 5; n++) device.publish({ topic: '$delayed/100/d/x' })
    device.publish({ topic: '$delayed/100/d/x', qos: 1, packetId: 1 })
    assert.equal((await device.next('puback')).reason, 0x97)
    const other = new Broker({ delayed: { maxMessages: 0, maxBytes: 0, whenFull: 'publish_now' } })
    const client = await RawClient.connect(await other.listen({ type: 'tcp', host: '127.0.0.1', port: 0 }), 5)
    await client.subscribe('a')
    client.publish({ topic: '$delayed/100/a', qos: 1, packetId: 1 })
    assert.equal((await client.next('publish')).topic, 'a')
    for (const one of [client, device]) one.kill()
    await other.stop()
  })

  test('is an ordinary one where the hub holds nothing back', async () => {
    const other = new Broker({ delayed: null })
    const client = await RawClient.connect(await other.listen({ type: 'tcp', host: '127.0.0.1', port: 0 }), 5)
    await client.subscribe('$delayed/#')
    client.publish({ topic: '$delayed/1/a' })
    assert.equal((await client.next('publish')).topic, '$delayed/1/a')
    client.kill()
    await other.stop()
  })

  test('may be a will', async () => {
    const other = new Broker()
    const otherPort = await other.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
    const reader = await RawClient.connect(otherPort, 5)
    await reader.subscribe('gone')
    const will = {
      topic: '$delayed/100ms/gone',
      payload: Buffer.from('w'),
      qos: 1 as const,
      retain: false,
      properties: null,
    }
    const device = await RawClient.connect(otherPort, 5, { will })
    const start = Date.now()
    device.kill()
    assert.equal((await reader.next('publish')).topic, 'gone')
    assert.ok(Date.now() - start >= 99)
    reader.kill()
    await other.stop()
  })
})

test('what waits leaves in the order of its time, those of one time in the order in which they came', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 60 }), (delays) => {
      let now = 0
      const out: string[] = []
      const counters = new Counters()
      const bounds = { maxMessages: 1000, maxBytes: 1e6, whenFull: 'refuse' as const }
      const delayed = new Delayed(
        bounds,
        counters,
        () => now,
        ({ payload }) => out.push(Buffer.from(payload).toString()),
      )
      const message = {
        topic: 't',
        qos: 0,
        retain: false,
        properties: null,
        client: 'c',
        username: null,
        source: null,
        timeMs: 0,
      }
      for (const [at, delay] of delays.entries()) {
        assert.ok(delayed.hold({ ...message, payload: Buffer.from(`${delay} ${at}`) } as Message, delay))
      }
      for (now = 0; now <= 20; now++) delayed.release()
      const wanted = delays.map((delay, at) => ({ delay, at })).sort((a, b) => a.delay - b.delay || a.at - b.at)
      assert.deepEqual(
        out,
        wanted.map(({ delay, at }) => `${delay} ${at}`),
      )
      assert.deepEqual([delayed.count, delayed.bytes], [0, 0])
      delayed.close()
    }),
  )
})

test('a message that expires before its time is dropped and counted', async () => {
  let now = 0
  const counters = new Counters()
  const delayed = new Delayed(
    { maxMessages: 9, maxBytes: 1e6, whenFull: 'refuse' },
    counters,
    () => now,
    () => assert.fail(),
  )
  const properties = { expirySeconds: 1 }
  delayed.hold(
    {
      topic: 't',
      payload: Buffer.from('x'),
      qos: 1,
      retain: false,
      properties,
      client: 'c',
      username: null,
      source: null,
      timeMs: 0,
    },
    2000,
  )
  now = 2000
  delayed.release()
  assert.equal(counters.dropped.expired, 1)
  delayed.close()
  await sleep(0)
})

test('topics are taken apart exactly', () => {
  assert.deepEqual(readDelayed('$delayed/15//a/b'), { delayMs: 15_000, topic: '/a/b' })
  assert.deepEqual(readDelayed('$delayed/15/$x/b'), { delayMs: 15_000, topic: '$x/b' })
  assert.deepEqual(readDelayed('$delayed/1500ms/a'), { delayMs: 1500, topic: 'a' })
  assert.equal(readDelayed('a/$delayed/1/a'), null)
  assert.equal(readDelayed('$delayed/1s/a'), undefined)
})
