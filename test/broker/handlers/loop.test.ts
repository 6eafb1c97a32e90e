import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { Broker } from '../../../src/broker/broker.ts'
import { type PublishFlow, Verdict } from '../../../src/broker/port.ts'
import { LoopGuard } from '../../../src/hub/loop-guard.ts'
import { RawClient } from '../raw-client.ts'

const flow: PublishFlow & { taken: string[] } = {
  version: 1,
  error: null,
  taken: [],
  lookup: (topic) => (topic.startsWith('rule/') ? { topic } : null),
  take({ topic }) {
    this.taken.push(topic)
    return Verdict.Accepted
  },
}
const told: object[] = []
let nowMs = 0
const guard = new LoopGuard('here', { emit: (_, facts) => told.push(facts!) }, () => nowMs)
const broker = new Broker({ flow, cameBack: (properties, topic) => guard.cameBack(properties, topic) })
const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
after(() => broker.stop())

const hops = (list: string) => ({ user: [['trestle-hops', list]] as const })
const looped = (): number => broker.report().dropped['loop'] ?? 0

describe('A10: a message that a device brings back to this hub', () => {
  let subscriber: RawClient
  let client: RawClient
  beforeEach(async () => {
    flow.taken = []
    subscriber = await RawClient.connect(port, 5, { clientId: 'sub' })
    await subscriber.subscribe('#', 2)
    client = await RawClient.connect(port, 5, { clientId: 'bridge' })
  })

  for (const topic of ['plain/a', 'rule/a']) {
    test(`is dropped before rules and subscribers, of any QoS, and its sender hears that it is dealt with: ${topic}`, async () => {
      const before = looped()
      client.publish({ topic, properties: hops('origin here') })
      client.publish({ topic, qos: 1, packetId: 1, properties: hops('here') })
      client.publish({ topic, qos: 2, packetId: 2, properties: hops('here next') })
      client.publish({ topic, qos: 1, packetId: 3, properties: hops('there'), payload: Buffer.from('fresh') })
      const first = await client.next('puback')
      assert.deepEqual([first.packetId, first.reason], [1, 0])
      assert.equal((await client.next('pubrec')).reason, 0)
      assert.equal((await client.next('puback')).packetId, 3)
      client.send({ type: 'pubrel', packetId: 2, reason: 0, properties: null })
      await client.next('pubcomp')
      const { payload } = await subscriber.next('publish')
      assert.equal(Buffer.from(payload).toString(), 'fresh')
      assert.equal(looped() - before, 3)
      assert.deepEqual(flow.taken, topic === 'rule/a' ? [topic] : [])
    })
  }

  test('does not take those before and behind it along', async () => {
    for (const text of ['a', 'b']) client.publish({ topic: 'plain/b', payload: Buffer.from(text) })
    client.publish({ topic: 'plain/b', properties: hops('here') })
    client.publish({
      topic: 'plain/b',
      payload: Buffer.from('c'),
      properties: { user: [['a name of some length', 'x']] },
    })
    const seen: string[] = []
    for (let n = 0; n < 3; n++) seen.push(Buffer.from((await subscriber.next('publish')).payload).toString())
    assert.deepEqual(seen, ['a', 'b', 'c'])
  })

  test('is told of once a minute, with how many there were', async () => {
    told.length = 0
    nowMs += 60_000
    for (let n = 0; n < 5; n++) client.publish({ topic: 'plain/c', qos: 1, packetId: 9, properties: hops('here') })
    for (let n = 0; n < 5; n++) await client.next('puback')
    assert.equal(told.length, 1)
    nowMs += 60_000
    client.publish({ topic: 'plain/c', qos: 1, packetId: 9, properties: hops('here') })
    await client.next('puback')
    assert.deepEqual(told[1], { topic: 'plain/c', hops: 'here', why: 'it was in this hub before', messages: 5 })
  })
})
