import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Delivery } from 'trestle/contract'
import { type KafkaServer, need, startKafka } from '../../services/index.ts'
import { deliveries } from '../../support/delivery.ts'
import { createTopics } from '../../support/kafka-reader.ts'
import { isDelivered, killed, type Life, live, maker, mustHave, mustTake, newFolder } from './kafka-life.ts'

let server: KafkaServer
const liveOnce = (topic: string, folder: string): Promise<Life> =>
  live(server.brokers, topic, folder, { mode: 'exactly-once' })
/** kafkajs reads committed records only. */
const mustHaveOnce = (topic: string, all: readonly Delivery[]): Promise<void> =>
  mustHave(server.brokers, topic, all, 800)

describe('the Kafka sink in exactly-once mode', { skip: await need('kafka') }, () => {
  before(async () => {
    server = await startKafka()
  })
  after(() => server.stop())

  test('A3: each batch is a transaction over all its partitions', async () => {
    await createTopics(server.brokers, { plain: 3 })
    const all = maker()(200)
    const life = await liveOnce('plain', newFolder())
    for (let from = 0; from < 200; from += 40) await mustTake(life, all.slice(from, from + 40))
    await life.sink.close()
    await mustHaveOnce('plain', all)
    const log = await server.dumpLog('plain')
    assert.match(log, /isTransactional: true/)
    assert.equal(log.match(/endTxnMarker: COMMIT/g)?.length, 15)
  })

  test('A3: one record that is refused does not take the others with it, and none is seen twice', async () => {
    await createTopics(server.brokers, { small: 2 }, { 'max.message.bytes': '3000' })
    const make = deliveries()
    const sizes = [100, 100, 4000, 100, 3500, 100, 100]
    const all = sizes.map((size, at) => make({ key: `k${at % 3}`, payload: Buffer.alloc(size) }))
    const life = await liveOnce('small', newFolder())
    const receipts = await life.sink.deliver(all)
    assert.deepEqual(
      receipts.map(({ outcome, error }) => error?.code ?? outcome),
      sizes.map((size) => (size > 3000 ? 'E605' : 'delivered')),
    )
    await life.sink.close()
    await mustHaveOnce(
      'small',
      all.filter((_, at) => sizes[at]! < 3000),
    )
  })

  test('A3: a topic that is not there fails its deliveries alone', async () => {
    await createTopics(server.brokers, { 'there-once': 1 })
    const make = deliveries()
    const life = await liveOnce('there-once', newFolder())
    const all = [make({ key: 'k' }), make({ target: 'nowhere' }), make({ key: 'k' })]
    const receipts = await life.sink.deliver(all)
    assert.deepEqual(
      receipts.map(({ outcome, error }) => error?.code ?? outcome),
      ['delivered', 'E604', 'delivered'],
    )
    await life.sink.close()
    await mustHaveOnce('there-once', [all[0]!, all[2]!])
  })

  test('A3: over many lives, each cut off anywhere, each record is seen exactly once and in order', async () => {
    await createTopics(server.brokers, { lives: 3 })
    const make = maker()
    const all: Delivery[] = []
    let folder = newFolder()
    let cursor = 0
    for (let life = 0; life < 9; life++) {
      const now = await liveOnce('lives', folder)
      let done = cursor
      for (let round = 0; round < 5; round++) {
        all.push(...make(Math.floor(Math.random() * 80)))
        const batch = all.slice(done, done + 1 + Math.floor(Math.random() * 100))
        now.client.fate = round < 4 ? 'answered' : (['answered', 'deaf', 'mute'] as const)[life % 3]!
        if (!(await now.sink.deliver(batch)).every(isDelivered)) break
        done += batch.length
      }
      cursor = Math.max(cursor, done - Math.floor(Math.random() * 150))
      folder = await killed(now)
    }
    const last = await liveOnce('lives', folder)
    await mustTake(last, all.slice(cursor))
    await last.sink.close()
    await mustHaveOnce('lives', all)
  })

  test('A3: the same when the connector’s folder is lost, by reading the partitions back', async () => {
    await createTopics(server.brokers, { folderless: 2 })
    const all = maker()(120)
    const first = await liveOnce('folderless', newFolder())
    await mustTake(first, all.slice(0, 50))
    first.client.fate = 'deaf'
    await first.sink.deliver(all.slice(50, 80))
    rmSync(first.folder, { recursive: true })
    const second = await liveOnce('folderless', newFolder())
    await mustTake(second, all.slice(10, 90))
    await mustTake(second, all.slice(90))
    await second.sink.close()
    await first.sink.close()
    await mustHaveOnce('folderless', all)
  })

  test('A3: a connector that changes its mode over kill -9 doubles nothing and loses nothing', async () => {
    await createTopics(server.brokers, { changed: 2 })
    const all = maker()(150)
    const modes = ['idempotent', 'exactly-once', 'idempotent', 'exactly-once'] as const
    let folder = newFolder()
    for (const [at, mode] of modes.entries()) {
      const life = await live(server.brokers, 'changed', folder, { mode })
      await mustTake(life, all.slice(Math.max(0, at * 30 - 25), at * 30 + 20))
      life.client.fate = at % 2 === 0 ? 'deaf' : 'mute'
      await life.sink.deliver(all.slice(at * 30 + 20, at * 30 + 35))
      folder = await killed(life)
    }
    const last = await liveOnce('changed', folder)
    await mustTake(last, all.slice(100))
    await last.sink.close()
    await mustHaveOnce('changed', all)
  })

  test('A3: the same when the broker is killed under it again and again', async () => {
    await createTopics(server.brokers, { killed: 3 })
    const make = maker()
    const all: Delivery[] = []
    let life = await liveOnce('killed', newFolder())
    for (let kill = 0; kill < 2; kill++) {
      const killing = new Promise((done) => setTimeout(done, 300 + Math.random() * 100)).then(() => server.kill())
      for (let isUp = true; isUp; ) {
        const batch = make(30)
        all.push(...batch)
        const done = await life.sink.deliver(batch).then(
          (receipts) => receipts.every(isDelivered),
          () => false,
        )
        if (done) continue
        isUp = false
        await killing
        await server.restart()
        // As the hub: a sink that lost its far side is closed, and a new one takes what was not answered.
        await life.sink.close()
        life = await liveOnce('killed', life.folder)
        await mustTake(life, batch)
      }
    }
    await life.sink.close()
    await mustHaveOnce('killed', all)
  })

  test('fences a second hub of the same identity, which then says so', async () => {
    await createTopics(server.brokers, { fenced: 1 })
    const make = maker()
    const first = await liveOnce('fenced', newFolder())
    await mustTake(first, make(5))
    const second = await liveOnce('fenced', newFolder())
    const receipts = await first.sink.deliver(make(5))
    assert.equal(receipts[0]?.error?.retry, 'later')
    assert.match(receipts[0]!.error!.message, /PRODUCER_FENCED|INVALID_PRODUCER_EPOCH/)
    await second.sink.close()
    await first.sink.close()
  })
})
