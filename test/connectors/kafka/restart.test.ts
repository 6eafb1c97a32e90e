import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Delivery } from 'trestle/contract'
import { ClaimLog, type Entry } from '../../../connectors/kafka/claim-log.ts'
import { KafkaClient } from '../../../connectors/kafka/client.ts'
import { type KafkaOptions, kafkaOptions } from '../../../connectors/kafka/options.ts'
import { type KafkaServer, need, startKafka } from '../../services/index.ts'
import { createTopics } from '../../support/kafka-reader.ts'
import { isDelivered, killed, live, maker, mustHave, mustTake, newFolder } from './kafka-life.ts'

let server: KafkaServer

describe('the Kafka sink over kill -9 of its process', { skip: await need('kafka') }, () => {
  before(async () => {
    server = await startKafka()
  })
  after(() => server.stop())

  test('A3: what was not answered goes again as it was, whatever part of it comes and with what company', async () => {
    await createTopics(server.brokers, { ragged: 3 })
    const make = maker()
    const all = make(300)
    const first = await live(server.brokers, 'ragged', newFolder())
    await mustTake(first, all.slice(0, 100))
    first.client.fate = 'deaf'
    for (const receipt of await first.sink.deliver(all.slice(100, 200))) assert.equal(receipt.error?.code, 'E601')
    const second = await live(server.brokers, 'ragged', await killed(first))
    // The hub's cursor lags: deliveries come again that were answered long ago, in batches of other sizes.
    for (let from = 40; from < 300; from += 65) await mustTake(second, all.slice(from, from + 65))
    await second.sink.close()
    await mustHave(server.brokers, 'ragged', all)
    assert.equal(second.sink.maybeTwice, 0)
  })

  test('A3: what never arrived is sent, by the batch that was kept', async () => {
    await createTopics(server.brokers, { unsent: 2 })
    const all = maker()(60)
    const first = await live(server.brokers, 'unsent', newFolder())
    first.client.fate = 'mute'
    await first.sink.deliver(all.slice(0, 50))
    const second = await live(server.brokers, 'unsent', await killed(first))
    await mustTake(second, all.slice(0, 30))
    await mustTake(second, all.slice(30))
    await second.sink.close()
    await mustHave(server.brokers, 'unsent', all)
  })

  test('A3: the same when the broker is killed too', async () => {
    await createTopics(server.brokers, { both: 3 })
    const all = maker()(200)
    const first = await live(server.brokers, 'both', newFolder())
    for (let from = 0; from < 80; from += 20) await mustTake(first, all.slice(from, from + 20))
    first.client.fate = 'deaf'
    await first.sink.deliver(all.slice(80, 140))
    await server.kill()
    const folder = await killed(first)
    await server.restart()
    const second = await live(server.brokers, 'both', folder)
    await mustTake(second, all.slice(10, 100))
    await mustTake(second, all.slice(100))
    await second.sink.close()
    await mustHave(server.brokers, 'both', all)
  })

  test('A3: the same for messages so old that a restarted broker has forgotten the numbers', async () => {
    await createTopics(server.brokers, { old: 2 })
    const all = maker(Date.now() - 30 * 3_600_000)(120)
    const first = await live(server.brokers, 'old', newFolder())
    await mustTake(first, all.slice(0, 40))
    first.client.fate = 'deaf'
    await first.sink.deliver(all.slice(40, 80))
    await server.kill()
    const folder = await killed(first)
    await server.restart()
    const second = await live(server.brokers, 'old', folder)
    await mustTake(second, all.slice(20, 60))
    await mustTake(second, all.slice(60))
    await second.sink.close()
    await mustHave(server.brokers, 'old', all)
    const looked = second.context.lines.filter(({ event }) => event === 'kafka.looked')
    assert.ok(looked.length > 0, 'it has looked into the partitions')
  })

  test('A3: over many lives, each cut off anywhere, nothing is lost, doubled or out of order', async () => {
    await createTopics(server.brokers, { lives: 3 })
    const make = maker()
    const all: Delivery[] = []
    let folder = newFolder()
    let cursor = 0
    for (let life = 0; life < 12; life++) {
      const compression = life % 2 ? 'gzip' : 'none'
      const now = await live(server.brokers, 'lives', folder, { compression })
      let done = cursor
      for (let round = 0; round < 6; round++) {
        all.push(...make(Math.floor(Math.random() * 80)))
        const batch = all.slice(done, done + 1 + Math.floor(Math.random() * 100))
        now.client.fate = round < 5 ? 'answered' : (['answered', 'deaf', 'mute'] as const)[life % 3]!
        const receipts = await now.sink.deliver(batch)
        if (!receipts.every(isDelivered)) break
        done += batch.length
      }
      // What is on disk of the hub's cursor lies anywhere behind.
      cursor = Math.max(cursor, done - Math.floor(Math.random() * 150))
      folder = await killed(now)
    }
    const last = await live(server.brokers, 'lives', folder)
    await mustTake(last, all.slice(cursor))
    await last.sink.close()
    await mustHave(server.brokers, 'lives', all)
  })

  test('A3: after a loss of power the partitions are read back for what the claim log may have lost', async () => {
    await createTopics(server.brokers, { power: 2 })
    const all = maker()(90)
    const first = await live(server.brokers, 'power', newFolder())
    await mustTake(first, all.slice(0, 60))
    await first.sink.close()
    // A folder as the disk has it: of another boot, and with nothing of the last writes.
    const folder = newFolder()
    const log = new ClaimLog(folder)
    log.read()
    const asking = new KafkaClient(options('power'))
    const clusterId = (await asking.metadata([])).clusterId ?? ''
    await asking.close()
    const origin: Entry = { kind: 'origin', topic: clusterId, topicId: 'boot', partition: 0, offset: 0, batch: null }
    log.append([{ ...origin, kind: 'written', topic: 'power' }], 0, origin, () => [])
    log.close()
    const second = await live(server.brokers, 'power', folder)
    await mustTake(second, all.slice(20, 70))
    await mustTake(second, all.slice(70))
    await second.sink.close()
    await mustHave(server.brokers, 'power', all)
  })

  test('the claim log goes on where a folder cannot be written, and says so once', async () => {
    await createTopics(server.brokers, { unwritable: 1 })
    const life = await live(server.brokers, 'unwritable', '/proc/none')
    const all = maker()(20)
    await mustTake(life, all.slice(0, 10))
    await mustTake(life, all.slice(10))
    await life.sink.close()
    await mustHave(server.brokers, 'unwritable', all)
    assert.deepEqual(
      life.context.lines.map(({ event }) => event),
      ['kafka.claims-not-kept'],
    )
  })
})

const options = (topic: string): KafkaOptions => kafkaOptions({ brokers: [server.brokers], topic })
