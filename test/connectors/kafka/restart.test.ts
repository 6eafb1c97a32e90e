import assert from 'node:assert/strict'
import { cpSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Delivery, type Receipt, TrestleError } from 'trestle/contract'
import { ClaimLog, type Entry } from '../../../connectors/kafka/claim-log.ts'
import { KafkaClient } from '../../../connectors/kafka/client.ts'
import { type KafkaOptions, kafkaOptions } from '../../../connectors/kafka/options.ts'
import type { ProduceAnswer, ProduceRequest } from '../../../connectors/kafka/produce.ts'
import { KafkaSink } from '../../../connectors/kafka/sink.ts'
import { type KafkaServer, need, startKafka } from '../../services/index.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { createTopics, readTopic } from '../../support/kafka-reader.ts'

let server: KafkaServer
const newFolder = (): string => mkdtempSync(join(tmpdir(), 'trestle-claims-'))

/** What becomes of the next requests: nothing special, the answer is lost, or the request is lost. */
type Fate = 'answered' | 'deaf' | 'mute'

class FatefulClient extends KafkaClient {
  fate: Fate = 'answered'

  override async produce(node: number, request: ProduceRequest): Promise<ProduceAnswer[]> {
    if (this.fate === 'mute') throw new TrestleError('E601', 'the request was lost')
    const answers = await super.produce(node, request)
    if (this.fate === 'deaf') throw new TrestleError('E601', 'the answer was lost')
    return answers
  }
}

interface Life {
  folder: string
  context: ReturnType<typeof connectorContext>
  client: FatefulClient
  sink: KafkaSink
}

async function live(topic: string, folder: string, given: object = {}): Promise<Life> {
  const options = kafkaOptions({ brokers: [server.brokers], topic, ...given } as unknown as KafkaOptions)
  const context = connectorContext(folder)
  const client = new FatefulClient(options)
  const sink = new KafkaSink(options, context, client)
  await sink.open()
  return { folder, context, client, sink }
}

/** `kill -9`: the next life has what is in the folder, and nothing of the memory. */
async function killed(life: Life): Promise<string> {
  const folder = newFolder()
  cpSync(life.folder, folder, { recursive: true })
  await life.sink.close()
  return folder
}

const isDelivered = ({ outcome }: Receipt): boolean => outcome === 'delivered'

/** As the hub does: what may pass (a broker that was just started) is handed over again, in order. */
async function mustTake(life: Life, batch: readonly Delivery[]): Promise<void> {
  let left = batch
  for (const deadlineMs = Date.now() + 30_000; left.length > 0; ) {
    const receipts = await life.sink.deliver(left)
    const failed = receipts.find((receipt) => !isDelivered(receipt))
    left = left.filter((_, at) => !isDelivered(receipts[at]!))
    if (failed === undefined) return
    assert.equal(failed.error?.retry, 'later', failed.error?.message)
    assert.ok(Date.now() < deadlineMs, failed.error?.message)
    await new Promise((done) => setTimeout(done, 100))
  }
}

/** Each exactly once, and each key in order. */
async function mustHave(topic: string, all: readonly Delivery[]): Promise<void> {
  const records = await readTopic(server.brokers, topic)
  const ids = records.map(({ headers }) => headers['trestle-id']!)
  assert.equal(new Set(ids).size, ids.length, 'nothing is there twice')
  assert.deepEqual(new Set(ids), new Set(all.map(({ id }) => id)), 'nothing is missing')
  const last = new Map<string, number>()
  for (const { key, headers } of records) {
    const position = Number(headers['trestle-id']!.split('-')[1])
    assert.ok(position > (last.get(key!) ?? 0), `${key} is out of order`)
    last.set(key!, position)
  }
}

/** Deliveries of a few keys, as they come from devices now. */
function maker(timeMs = Date.now()): (count: number) => Delivery[] {
  const make = deliveries()
  let made = 0
  return (count) =>
    Array.from({ length: count }, () => make({ key: `k${made++ % 7}`, message: { timeMs: timeMs + made } }))
}

describe('the Kafka sink over kill -9 of its process', { skip: await need('kafka') }, () => {
  before(async () => {
    server = await startKafka()
  })
  after(() => server.stop())

  test('A3: what was not answered goes again as it was, whatever part of it comes and with what company', async () => {
    await createTopics(server.brokers, { ragged: 3 })
    const make = maker()
    const all = make(300)
    const first = await live('ragged', newFolder())
    await mustTake(first, all.slice(0, 100))
    first.client.fate = 'deaf'
    for (const receipt of await first.sink.deliver(all.slice(100, 200))) assert.equal(receipt.error?.code, 'E601')
    const second = await live('ragged', await killed(first))
    // The hub's cursor lags: deliveries come again that were answered long ago, in batches of other sizes.
    for (let from = 40; from < 300; from += 65) await mustTake(second, all.slice(from, from + 65))
    await second.sink.close()
    await mustHave('ragged', all)
    assert.equal(second.sink.maybeTwice, 0)
  })

  test('A3: what never arrived is sent, by the batch that was kept', async () => {
    await createTopics(server.brokers, { unsent: 2 })
    const all = maker()(60)
    const first = await live('unsent', newFolder())
    first.client.fate = 'mute'
    await first.sink.deliver(all.slice(0, 50))
    const second = await live('unsent', await killed(first))
    await mustTake(second, all.slice(0, 30))
    await mustTake(second, all.slice(30))
    await second.sink.close()
    await mustHave('unsent', all)
  })

  test('A3: the same when the broker is killed too', async () => {
    await createTopics(server.brokers, { both: 3 })
    const all = maker()(200)
    const first = await live('both', newFolder())
    for (let from = 0; from < 80; from += 20) await mustTake(first, all.slice(from, from + 20))
    first.client.fate = 'deaf'
    await first.sink.deliver(all.slice(80, 140))
    await server.kill()
    const folder = await killed(first)
    await server.restart()
    const second = await live('both', folder)
    await mustTake(second, all.slice(10, 100))
    await mustTake(second, all.slice(100))
    await second.sink.close()
    await mustHave('both', all)
  })

  test('A3: the same for messages so old that a restarted broker has forgotten the numbers', async () => {
    await createTopics(server.brokers, { old: 2 })
    const all = maker(Date.now() - 30 * 3_600_000)(120)
    const first = await live('old', newFolder())
    await mustTake(first, all.slice(0, 40))
    first.client.fate = 'deaf'
    await first.sink.deliver(all.slice(40, 80))
    await server.kill()
    const folder = await killed(first)
    await server.restart()
    const second = await live('old', folder)
    await mustTake(second, all.slice(20, 60))
    await mustTake(second, all.slice(60))
    await second.sink.close()
    await mustHave('old', all)
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
      const now = await live('lives', folder, { compression })
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
    const last = await live('lives', folder)
    await mustTake(last, all.slice(cursor))
    await last.sink.close()
    await mustHave('lives', all)
  })

  test('A3: after a loss of power the partitions are read back for what the claim log may have lost', async () => {
    await createTopics(server.brokers, { power: 2 })
    const all = maker()(90)
    const first = await live('power', newFolder())
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
    const second = await live('power', folder)
    await mustTake(second, all.slice(20, 70))
    await mustTake(second, all.slice(70))
    await second.sink.close()
    await mustHave('power', all)
  })

  test('the claim log goes on where a folder cannot be written, and says so once', async () => {
    await createTopics(server.brokers, { unwritable: 1 })
    const life = await live('unwritable', '/proc/none')
    const all = maker()(20)
    await mustTake(life, all.slice(0, 10))
    await mustTake(life, all.slice(10))
    await life.sink.close()
    await mustHave('unwritable', all)
    assert.deepEqual(
      life.context.lines.map(({ event }) => event),
      ['kafka.claims-not-kept'],
    )
  })
})

const options = (topic: string): KafkaOptions => kafkaOptions({ brokers: [server.brokers], topic })
