import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { anonymous } from '../../src/broker/access/anonymous.ts'
import { Broker } from '../../src/broker/broker.ts'
import { RawClient } from './raw-client.ts'

test('C2 C3: a client is subscribed and unsubscribed on its behalf, with its own rights, limits and names', async () => {
  const broker = new Broker({
    access: { ...anonymous, maySubscribe: (who, filter) => filter !== 'secret' || who.username === 'admin' },
    rewrite: [{ action: 'subscribe', from: 'mine/#', find: null, to: 'of/%c/$1' }],
  })
  const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
  const wish = { clientId: 'd1', cleanStart: false, properties: { sessionExpirySeconds: 100 } }
  const device = await RawClient.connect(port, 5, wish)
  device.publish({ topic: 'kept', retain: true })
  await device.settle()
  assert.deepEqual(broker.clients.subscribe('d1', ['kept', 'secret', 'mine/a', '$exclusive/e', 'a/#/b'], 1), [
    { filter: 'kept', done: true, reason: 'success' },
    { filter: 'secret', done: false, reason: 'not authorized' },
    { filter: 'mine/a', done: true, reason: 'success' },
    { filter: '$exclusive/e', done: true, reason: 'success' },
    { filter: 'a/#/b', done: false, reason: 'topic filter invalid' },
  ])
  assert.equal((await device.next('publish')).topic, 'kept')
  assert.deepEqual(
    broker.clients.subscriptions('d1')?.map(({ filter, qos }) => [filter, qos]),
    [
      ['kept', 1],
      ['of/d1/a', 1],
      ['$exclusive/e', 1],
    ],
  )
  device.kill()
  while (broker.report().connections > 0) await sleep(1)
  assert.deepEqual(broker.clients.unsubscribe('d1', ['kept', 'mine/a', 'never']), [
    { filter: 'kept', done: true, reason: 'success' },
    { filter: 'mine/a', done: true, reason: 'success' },
    { filter: 'never', done: false, reason: 'no subscription existed' },
  ])
  assert.equal(broker.clients.subscriptions('d1')?.length, 1)
  assert.deepEqual([broker.clients.subscriptions('x'), broker.clients.subscribe('x', ['a'], 0)], [null, null])
  await broker.stop()
})
