import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt from 'mqtt'
import { Broker } from '../../../src/broker/broker.ts'
import { Counters } from '../../../src/broker/counters.ts'
import { defaultLimits } from '../../../src/broker/limits.ts'
import { Share } from '../../../src/broker/router/share.ts'
import { type ShareStrategy, shareStrategies } from '../../../src/broker/router/share-strategy.ts'
import type { Peer } from '../../../src/broker/session/peer.ts'
import { Session } from '../../../src/broker/session/session.ts'
import { plainName } from '../../../src/broker/session/subscription-name.ts'
import { TimingWheel } from '../../../src/broker/timing-wheel.ts'
import { RawClient } from '../raw-client.ts'

const opened: Broker[] = []
after(() => Promise.all(opened.map((broker) => broker.stop())))

type Client = Awaited<ReturnType<typeof RawClient.connect>>

async function open(strategy: ShareStrategy, groups = new Map<string, ShareStrategy>()) {
  const broker = new Broker({ subscriptions: { shared: strategy, groups } })
  opened.push(broker)
  const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
  return { broker, port }
}

/** What each got since it was last asked: topic and payload. */
async function got(...clients: Client[]): Promise<string[][]> {
  const each: string[][] = []
  for (const client of clients) {
    const packets = await client.settle()
    each.push(packets.flatMap((packet) => (packet.type === 'publish' ? [`${packet.topic} ${packet.payload}`] : [])))
  }
  return each
}

const counts = (each: string[][]): number[] => each.map(({ length }) => length)

const persistent = { cleanStart: false, properties: { sessionExpirySeconds: 1000 } }

/** Publishes and waits for the answer, so that all that is routed is written. */
async function publish(client: Client, topic: string, payload: string, qos: 0 | 1 | 2 = 1): Promise<void> {
  client.publish({ topic, payload: Buffer.from(payload), qos, packetId: qos === 0 ? 0 : 9 })
  if (qos === 1) await client.next('puback')
  if (qos === 2) {
    await client.next('pubrec')
    client.send({ type: 'pubrel', packetId: 9, reason: 0, properties: null })
    await client.next('pubcomp')
  }
  if (qos === 0) await client.settle()
}

for (const strategy of shareStrategies) {
  describe(`a group that shares by ${strategy}`, () => {
    test('C2: each message reaches exactly one member, and never one that is away while another is there', async () => {
      const { broker, port } = await open(strategy)
      const [one, two, away] = await Promise.all([
        RawClient.connect(port, 5),
        RawClient.connect(port, 4),
        RawClient.connect(port, 5, { ...persistent, clientId: `away-${strategy}` }),
      ])
      const publishers = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(port, 5)))
      for (const client of [one, two, away]) assert.equal(await client.subscribe('$share/g/s/#', 1), 1)
      away.kill()
      while (broker.report().connections === 11) await sleep(1)
      for (let n = 0; n < 64; n++) await publish(publishers[n % 8]!, `s/${n % 16}`, String(n), (n % 3) as 0 | 1 | 2)
      const each = await got(one, two)
      assert.equal(each.flat().length, 64)
      assert.equal(new Set(each.flat()).size, 64)
      const back = await RawClient.connect(port, 5, { ...persistent, clientId: `away-${strategy}` })
      assert.deepEqual(await got(back), [[]])
      await broker.stop()
    })
  })
}

describe('of the strategies', () => {
  test('round robin gives to each in turn', async () => {
    const { broker, port } = await open('round_robin')
    const members = await Promise.all([1, 2, 3].map(() => RawClient.connect(port, 4)))
    for (const member of members) await member.subscribe('$share/g/t')
    const publisher = await RawClient.connect(port, 4)
    for (let n = 0; n < 9; n++) await publish(publisher, 't', String(n), 0)
    assert.deepEqual(await got(...members), [
      ['t 0', 't 3', 't 6'],
      ['t 1', 't 4', 't 7'],
      ['t 2', 't 5', 't 8'],
    ])
    await broker.stop()
  })

  test('random reaches all', async () => {
    const { broker, port } = await open('random')
    const members = await Promise.all([1, 2, 3].map(() => RawClient.connect(port, 4)))
    for (const member of members) await member.subscribe('$share/g/t')
    const publisher = await RawClient.connect(port, 4)
    for (let n = 0; n < 200; n++) publisher.publish({ topic: 't' })
    await publisher.settle()
    assert.ok(counts(await got(...members)).every((count) => count > 20))
    await broker.stop()
  })

  test('hash by client and sticky keep a publisher with one member, hash by topic keeps a topic', async () => {
    for (const strategy of ['hash_client', 'sticky', 'hash_topic'] as const) {
      const { broker, port } = await open(strategy)
      const members = await Promise.all([1, 2, 3].map(() => RawClient.connect(port, 4)))
      for (const member of members) await member.subscribe('$share/g/t/#')
      const ids = Array.from({ length: 12 }, (_, n) => `publisher-${n}`)
      const publishers = await Promise.all(ids.map((clientId) => RawClient.connect(port, 4, { clientId })))
      for (let n = 0; n < 5; n++) {
        for (const [at, publisher] of publishers.entries()) {
          await publish(publisher, strategy === 'hash_topic' ? `t/${(at + n) % 12}` : `t/${n}`, ids[at]!, 0)
        }
      }
      const each = await got(...members)
      const keys = each.map((list) => new Set(list.map((text) => text.split(' ')[strategy === 'hash_topic' ? 0 : 1]!)))
      assert.equal(each.flat().length, 60)
      assert.equal(
        keys.reduce((sum, { size }) => sum + size, 0),
        12,
        `${strategy} gives each key to one member`,
      )
      assert.ok(
        keys.every(({ size }) => size > 0),
        `${strategy} uses all members`,
      )
      await broker.stop()
    }
  })

  test('least inflight gives to who has least unacknowledged', async () => {
    const { broker, port } = await open('least_inflight')
    const slow = await RawClient.connect(port, 5)
    const fast = await RawClient.connect(port, 5)
    for (const member of [slow, fast]) await member.subscribe('$share/g/t', 1)
    const publisher = await RawClient.connect(port, 5)
    for (let n = 0; n < 10; n++) {
      await publish(publisher, 't', String(n))
      for (const packet of await fast.settle()) {
        if (packet.type === 'publish')
          fast.send({ type: 'puback', packetId: packet.packetId, reason: 0, properties: null })
      }
      await fast.settle()
    }
    assert.equal(counts(await got(slow))[0], 1)
    await broker.stop()
  })

  test('a group may have its own', async () => {
    const { broker, port } = await open('round_robin', new Map([['by-topic', 'hash_topic']]))
    const members = await Promise.all([1, 2].map(() => RawClient.connect(port, 4)))
    for (const member of members) await member.subscribe('$share/by-topic/t')
    const publisher = await RawClient.connect(port, 4)
    for (let n = 0; n < 6; n++) await publish(publisher, 't', String(n), 0)
    assert.deepEqual(counts(await got(...members)).toSorted(), [0, 6])
    await broker.stop()
  })
})

describe('what a member has not acknowledged', () => {
  for (const [how, wish] of [
    ['ends', {}],
    ['is away', persistent],
  ] as const) {
    test(`C2: of QoS 1 goes to another when its session ${how}, in order; a QoS 2 exchange that has begun does not`, async () => {
      const { broker, port } = await open('sticky')
      const leaving = await RawClient.connect(port, 5, { clientId: 'leaving', ...wish })
      await leaving.subscribe('$share/g/t', 2)
      const publisher = await RawClient.connect(port, 5)
      await publish(publisher, 't', 'acknowledged')
      const first = await leaving.next('publish')
      leaving.send({ type: 'puback', packetId: first.packetId, reason: 0, properties: null })
      await leaving.settle()
      for (const payload of ['1', '2', '3']) await publish(publisher, 't', payload)
      await publish(publisher, 't', 'exactly once', 2)
      await leaving.settle()
      const staying = await RawClient.connect(port, 5)
      await staying.subscribe('$share/g/t', 1, {}, 5)
      leaving.kill()
      const handed = [await staying.next('publish'), await staying.next('publish'), await staying.next('publish')]
      assert.deepEqual(
        handed.map(({ payload, qos, dup, properties }) => [payload.toString(), qos, dup, properties?.subscriptionIds]),
        ['1', '2', '3'].map((payload) => [payload, 1, false, [5]]),
      )
      assert.deepEqual(await got(staying), [[]])
      const back = await RawClient.connect(port, 5, { clientId: 'leaving', ...persistent })
      assert.deepEqual(await got(back), [how === 'ends' ? [] : ['t exactly once']])
      await broker.stop()
    })
  }

  test('what waited for room in one that unsubscribes goes to another, what is under way to it does not', async () => {
    const { broker, port } = await open('sticky')
    const leaving = await RawClient.connect(port, 5, { properties: { receiveMaximum: 2 } })
    await leaving.subscribe('$share/g/t', 1)
    const publisher = await RawClient.connect(port, 5)
    for (let n = 0; n < 5; n++) await publish(publisher, 't', String(n))
    const staying = await RawClient.connect(port, 5)
    await staying.subscribe('$share/g/t', 1)
    leaving.send({ type: 'unsubscribe', packetId: 1, filters: ['$share/g/t'], properties: null })
    const before = await leaving.settle()
    assert.equal(before.filter(({ type }) => type === 'publish').length, 2)
    assert.deepEqual(await got(staying), [['t 2', 't 3', 't 4']])
    await broker.stop()
  })

  test('of a last member whose session is kept waits for its client; QoS 0 is dropped and counted', async () => {
    const { broker, port } = await open('round_robin')
    const only = await RawClient.connect(port, 5, { clientId: 'only', ...persistent })
    await only.subscribe('$share/g/t', 1)
    const publisher = await RawClient.connect(port, 5)
    await publish(publisher, 't', 'under way')
    await only.settle()
    only.kill()
    while (broker.report().connections === 2) await sleep(1)
    await publish(publisher, 't', 'waits')
    await publish(publisher, 't', 'is lost', 0)
    assert.equal(broker.report().dropped['offline'], 1)
    const back = await RawClient.connect(port, 5, { clientId: 'only', ...persistent })
    assert.deepEqual(await got(back), [['t under way', 't waits']])
    await broker.stop()
  })
})

describe('a shared subscription', () => {
  test('takes no part in the others of its client, and gets no retained messages', async () => {
    const { broker, port } = await open('round_robin')
    const client = await RawClient.connect(port, 5)
    await publish(client, 'r/1', 'old')
    client.publish({ topic: 'r/1', retain: true, payload: Buffer.from('kept') })
    await client.subscribe('$share/g/r/#', 1, {}, 3)
    assert.deepEqual(await got(client), [[]])
    await client.subscribe('$share/h/r/+', 1, { retainAsPublished: true })
    await client.subscribe('r/1', 0)
    assert.deepEqual(await got(client), [['r/1 kept']])
    client.publish({ topic: 'r/1', retain: true, payload: Buffer.from('new') })
    const packets = (await client.settle()).filter((packet) => packet.type === 'publish')
    assert.equal(packets.length, 3)
    assert.deepEqual(packets.map(({ retain }) => retain).toSorted(), [false, false, true])
    assert.deepEqual(
      packets.flatMap(({ properties }) => properties?.subscriptionIds ?? []),
      [3],
    )
    await broker.stop()
  })

  test('$queue/ is one group for all, apart from those of $share', async () => {
    const { broker, port } = await open('round_robin')
    const members = await Promise.all([1, 2].map(() => RawClient.connect(port, 4)))
    for (const member of members) assert.equal(await member.subscribe('$queue/q/+'), 0)
    const other = await RawClient.connect(port, 4)
    await other.subscribe('$share/g/q/+')
    const publisher = await RawClient.connect(port, 4)
    for (let n = 0; n < 4; n++) await publish(publisher, 'q/a', String(n), 0)
    assert.deepEqual(counts(await got(...members, other)), [2, 2, 4])
    assert.equal(broker.report().subscriptions, 3)
    members[0]!.send({ type: 'unsubscribe', packetId: 1, filters: ['$queue/q/+'], properties: null })
    await members[0]!.settle()
    for (let n = 0; n < 4; n++) await publish(publisher, 'q/a', String(n), 0)
    assert.deepEqual(counts(await got(...members)), [0, 4])
    await broker.stop()
  })

  test('may be subscribed to again with another QoS, without a second place', async () => {
    const { broker, port } = await open('round_robin')
    const [one, two] = await Promise.all([RawClient.connect(port, 5), RawClient.connect(port, 5)])
    await one.subscribe('$share/g/t', 0)
    await two.subscribe('$share/g/t', 0)
    await one.subscribe('$share/g/t', 1)
    const publisher = await RawClient.connect(port, 5)
    for (let n = 0; n < 4; n++) await publish(publisher, 't', String(n))
    const packets = (await one.settle()).filter((packet) => packet.type === 'publish')
    assert.deepEqual(
      packets.map(({ qos }) => qos),
      [1, 1],
    )
    assert.equal(broker.report().subscriptions, 2)
    await broker.stop()
  })

  test('is refused with 0x9E where the hub has none, and CONNACK says so', async () => {
    const broker = new Broker({ subscriptions: { shared: null } })
    const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
    const client = await RawClient.connect(port, 5)
    assert.equal(await client.subscribe('$share/g/t'), 0x9e)
    assert.equal(await client.subscribe('$queue/t'), 0x9e)
    const four = await RawClient.connect(port, 4)
    assert.equal(await four.subscribe('$share/g/t'), 0x80)
    await broker.stop()
  })

  test('the names of groups and filters are held to the standard [MQTT-4.8.2-1, -2]', async () => {
    const { broker, port } = await open('round_robin')
    const client = await RawClient.connect(port, 5)
    for (const name of [
      '$share/g',
      '$share//t',
      '$share/+/t',
      '$share/g/',
      '$share/g/a/#/b',
      '$queue/',
      '$share/g/$queue/t',
    ]) {
      assert.equal(await client.subscribe(name), 0x8f, name)
    }
    await broker.stop()
  })

  test('works for MQTT.js clients that come and go under load, and every message reaches somebody', async () => {
    const { broker, port } = await open('least_inflight')
    const url = `mqtt://127.0.0.1:${port}`
    const seen = new Set<string>()
    const member = async (n: number) => {
      const options = { protocolVersion: 5 as const, clientId: `m${n}`, clean: false, reconnectPeriod: 0 }
      const client = mqtt.connect(url, { ...options, properties: { sessionExpiryInterval: 100 } })
      client.on('message', (_, payload) => seen.add(payload.toString()))
      await new Promise((resolve) => client.once('connect', resolve))
      await client.subscribeAsync('$share/g/load', { qos: 1 })
      return client
    }
    const members = await Promise.all([0, 1, 2].map(member))
    const publisher = await mqtt.connectAsync(url, { protocolVersion: 5 })
    for (let n = 0; n < 3000; n += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, k) => publisher.publishAsync('load', String(n + k), { qos: 1 })),
      )
      const at = (n / 100) % 3
      if (n % 300 === 0) {
        await members[at]!.endAsync(true)
        members[at] = await member(at)
      }
    }
    for (let wait = 0; wait < 100 && seen.size < 3000; wait++) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(seen.size, 3000)
    for (const client of [...members, publisher]) await client.endAsync(true)
    await broker.stop()
  })
})

test('A7: a group of thousands costs a message little, whatever the strategy', async () => {
  const world = { limits: defaultLimits, counters: new Counters(), wheel: new TimingWheel(0, 250), now: () => 0 }
  const peer = { hasRoom: true, maxInflight: 10 } as unknown as Peer
  for (const strategy of shareStrategies) {
    const share = new Share('$share/g/t', 't', strategy, Math.random)
    const wish = {
      name: plainName('t'),
      callback: null,
      qos: 1,
      noLocal: false,
      retainAsPublished: false,
      id: 0,
      weight: 0,
    } as const
    for (let n = 0; n < 20_000; n++) {
      const session = new Session(`s${n}`, world)
      if (n % 2 === 0) session.peer = peer
      share.join(session, { ...wish, session })
    }
    const start = performance.now()
    for (let n = 0; n < 2000; n++) assert.ok(share.choose(`p${n % 100}`, `t${n}`)?.session.peer === peer)
    assert.ok(performance.now() - start < 500, `${strategy} took ${performance.now() - start} ms`)
  }
})
