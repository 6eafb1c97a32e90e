import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anonymous } from '../../src/broker/access/anonymous.ts'
import { Broker } from '../../src/broker/broker.ts'
import { RawClient } from './raw-client.ts'

const wish = (filter: string, qos: 0 | 1 | 2, more: { noLocal?: boolean; retainHandling?: 0 | 1 | 2 } = {}) => ({
  filter,
  qos,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0 as const,
  ...more,
})

test('C2: every client is subscribed when it connects, to topics with its own name in them', async () => {
  const broker = new Broker({
    autoSubscriptions: [
      wish('to/%c', 1),
      wish('user/%u', 0),
      wish('all', 2, { retainHandling: 2 }),
      wish('$share/g/work', 0),
    ],
  })
  const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
  const sender = await RawClient.connect(port, 5, { clientId: 's' })
  for (const topic of ['to/a', 'user/anna', 'all']) sender.publish({ topic, retain: true, qos: 1, packetId: 1 })
  await sender.settle()
  const anna = await RawClient.connect(port, 4, { clientId: 'a', username: 'anna' })
  const kept = [await anna.next('publish'), await anna.next('publish')]
  assert.deepEqual(kept.map(({ topic, qos, retain }) => [topic, qos, retain]).toSorted(), [
    ['to/a', 1, true],
    ['user/anna', 0, true],
  ])
  assert.deepEqual(await anna.settle(), [])
  const hostile = await RawClient.connect(port, 5, { clientId: '#', username: '+' })
  const before = broker.report().subscriptions
  assert.equal(before, 3 + 4 + 2, 'names that are wildcards give no subscription')
  for (const topic of ['to/s', 'to/a', 'user/anna']) sender.publish({ topic })
  assert.equal((await sender.next('publish')).topic, 'to/s')
  assert.deepEqual(
    (await anna.settle()).flatMap((packet) => (packet.type === 'publish' ? [packet.topic] : [])),
    ['to/a', 'user/anna'],
  )
  assert.deepEqual(await hostile.settle(), [])
  await broker.stop()
})

test('what a client may not read it is not subscribed to either', async () => {
  const told: unknown[] = []
  const broker = new Broker({
    access: { ...anonymous, maySubscribe: (_, filter) => filter !== 'secret' },
    autoSubscriptions: [wish('secret', 0), wish('open', 0)],
    events: (_, event, facts) => {
      if (event === 'client.auto-subscription-refused') told.push(facts?.['filter'])
    },
  })
  const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
  await RawClient.connect(port, 5)
  assert.deepEqual([told, broker.report().subscriptions], [['secret'], 1])
  await broker.stop()
})
