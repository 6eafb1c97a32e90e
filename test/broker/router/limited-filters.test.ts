import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Broker } from '../../../src/broker/broker.ts'
import { RawClient } from '../raw-client.ts'

const broker = new Broker()
const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
after(() => broker.stop())

async function unsubscribe(client: RawClient, filter: string): Promise<number> {
  client.send({ type: 'unsubscribe', packetId: 5, filters: [filter], properties: null })
  return (await client.next('unsuback')).reasons[0]!
}

test('C2: $exclusive/ is for one client: the next gets 0x97 until the first lets go', async () => {
  const [one, two, three] = await Promise.all(([5, 5, 4] as const).map((version) => RawClient.connect(port, version)))
  assert.equal(await one!.subscribe('$exclusive/e/+', 1), 1)
  assert.equal(await two!.subscribe('$exclusive/e/+', 1), 0x97)
  assert.equal(await three!.subscribe('$exclusive/e/+', 1), 0x80)
  assert.equal(await one!.subscribe('$exclusive/e/+', 0), 0, 'its holder may subscribe again')
  assert.equal(await two!.subscribe('e/+', 0), 0, 'an ordinary one is not concerned')
  two!.publish({ topic: 'e/1' })
  assert.equal((await one!.next('publish')).topic, 'e/1')
  assert.equal(await unsubscribe(one!, '$exclusive/e/+'), 0)
  assert.equal(await three!.subscribe('$exclusive/e/+', 1), 1)
  for (const client of [one, two, three]) client!.kill()
})

test('an exclusive filter is held over a lost connection as long as the session is, and no longer', async () => {
  const wish = { clientId: 'holder', cleanStart: false, properties: { sessionExpirySeconds: 100 } }
  const holder = await RawClient.connect(port, 5, wish)
  const other = await RawClient.connect(port, 5)
  await holder.subscribe('$exclusive/held')
  const before = broker.report().connections
  holder.kill()
  while (broker.report().connections === before) await sleep(1)
  assert.equal(await other.subscribe('$exclusive/held'), 0x97)
  const clean = await RawClient.connect(port, 5, { clientId: 'holder' })
  assert.equal(await other.subscribe('$exclusive/held'), 0)
  for (const client of [clean, other]) client.kill()
})

test('C2: $limit/{n}/ is for so many clients, whatever numbers they name', async () => {
  const clients = await Promise.all([1, 2, 3, 4].map(() => RawClient.connect(port, 5)))
  const [one, two, three, four] = clients as [RawClient, RawClient, RawClient, RawClient]
  assert.equal(await one.subscribe('$limit/2/l/#'), 0)
  assert.equal(await two.subscribe('$limit/2/l/#'), 0)
  assert.equal(await three.subscribe('$limit/2/l/#'), 0x97)
  assert.equal(await three.subscribe('$limit/9/l/#'), 0x97, 'those who are there were promised to be two')
  assert.equal(await three.subscribe('$exclusive/l/#'), 0x97)
  assert.equal(await three.subscribe('$limit/1/l/other'), 0, 'another filter is counted apart')
  await unsubscribe(one, '$limit/2/l/#')
  assert.equal(await four.subscribe('$limit/3/l/#'), 0)
  three.publish({ topic: 'l' })
  assert.equal((await four.next('publish')).topic, 'l')
  for (const client of clients) client.kill()
})

test('their retained messages come as to others', async () => {
  const client = await RawClient.connect(port, 5)
  client.publish({ topic: 'kept/1', retain: true })
  await client.subscribe('$limit/1/kept/+')
  assert.equal((await client.next('publish')).retain, true)
  client.kill()
})

test('names that are not well formed get 0x8F', async () => {
  const client = await RawClient.connect(port, 5)
  for (const name of [
    '$limit/0/a',
    '$limit/-1/a',
    '$limit/x/a',
    '$limit/1',
    '$limit/1/',
    '$limit/99999999/a',
    '$exclusive/',
  ]) {
    assert.equal(await client.subscribe(name), 0x8f, name)
  }
  assert.equal(await client.subscribe('$limit/2/$share/g/a'), 0x8f)
  client.kill()
})

test('where the hub has none they are refused with 0x8F', async () => {
  const without = new Broker({ subscriptions: { exclusive: false, limited: false } })
  const client = await RawClient.connect(await without.listen({ type: 'tcp', host: '127.0.0.1', port: 0 }), 5)
  assert.equal(await client.subscribe('$exclusive/a'), 0x8f)
  assert.equal(await client.subscribe('$limit/3/a'), 0x8f)
  client.kill()
  await without.stop()
})
