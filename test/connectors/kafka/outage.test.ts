import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Delivery, type Receipt, type Sink, TrestleError } from 'trestle/contract'
import { KafkaClient } from '../../../connectors/kafka/client.ts'
import { type KafkaOptions, kafkaOptions } from '../../../connectors/kafka/options.ts'
import type { ProduceAnswer, ProduceRequest } from '../../../connectors/kafka/produce.ts'
import { KafkaSink } from '../../../connectors/kafka/sink.ts'
import { type KafkaServer, need, startKafka } from '../../services/index.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { createTopics, deleteTopic, type KafkaRecord, readTopic } from '../../support/kafka-reader.ts'

let server: KafkaServer
const newFolder = (): string => mkdtempSync(join(tmpdir(), 'trestle-claims-'))

/**
 * Stands for the hub's outbox: hands over the oldest waiting deliveries, `take(n)` of them at a time, keeps what was not
 * delivered in front, and makes a new sink after `reconnect`.
 */
async function drain(
  waiting: Delivery[],
  options: { topic: string; take: () => number; until: () => boolean },
): Promise<{ reconnects: number; lines: string[] }> {
  const context = connectorContext(newFolder())
  const given = { brokers: [server.brokers], topic: options.topic, connect_timeout_ms: 1000, request_timeout_ms: 3000 }
  const make = (): Sink => new KafkaSink(kafkaOptions(given as unknown as KafkaOptions), context)
  let sink: Sink | null = null
  let reconnects = 0
  while (waiting.length > 0 || !options.until()) {
    if (waiting.length === 0) {
      await new Promise((done) => setTimeout(done, 5))
      continue
    }
    const batch = waiting.slice(0, options.take())
    let receipts: readonly Receipt[] | null = null
    try {
      if (sink === null) {
        sink = make()
        await sink.open()
      }
      receipts = await sink.deliver(batch)
    } catch (thrown) {
      assert.equal((thrown as { retry?: string }).retry, 'reconnect', String(thrown))
    }
    const left = batch.filter((_, at) => receipts?.[at]?.outcome !== 'delivered')
    waiting.splice(0, batch.length, ...left)
    if (left.length === 0) continue
    for (const { error } of receipts ?? []) assert.notEqual(error?.retry, 'never')
    if (receipts === null || receipts.some(({ error }) => error?.retry === 'reconnect')) {
      await sink?.close()
      sink = null
      reconnects++
    }
    await new Promise((done) => setTimeout(done, 50))
  }
  await sink?.close()
  return { reconnects, lines: context.lines.map(({ event, facts }) => `${event} ${JSON.stringify(facts)}`) }
}

/** Looks at what the far side has: nothing lost, order per key by first occurrence; answers how many are there twice. */
function judge(records: readonly KafkaRecord[], sent: number): number {
  const seen = new Set<string>()
  const lastOfKey = new Map<string, number>()
  for (const { key, headers } of records) {
    const id = headers['trestle-id']!
    if (seen.has(id)) continue
    seen.add(id)
    const position = Number(id.split('-')[1])
    assert.ok(position > (lastOfKey.get(key!) ?? 0), `${key} is out of order`)
    lastOfKey.set(key!, position)
  }
  assert.equal(seen.size, sent, 'nothing is lost')
  return records.length - seen.size
}

/** Deliveries come at 4,000 a second while the broker is killed and started again. */
async function underLoad(
  topic: string,
  kills: number,
  take: () => number,
): Promise<{ twice: number; reconnects: number; lines: string[] }> {
  await createTopics(server.brokers, { [topic]: 4 })
  const make = deliveries()
  const waiting: Delivery[] = []
  let sent = 0
  let finished = false
  const feed = setInterval(() => {
    for (let count = 0; count < 40; count++) {
      // A broker that recovers forgets the numbers of records that are older than a day: these must be new.
      waiting.push(make({ key: `device-${sent++ % 17}`, payload: 'x'.repeat(200), message: { timeMs: Date.now() } }))
    }
  }, 10)
  const drained = drain(waiting, { topic, take, until: () => finished })
  for (let kill = 0; kill < kills; kill++) {
    await new Promise((done) => setTimeout(done, 500 + Math.random() * 100))
    await server.kill()
    await new Promise((done) => setTimeout(done, 300))
    await server.restart()
  }
  await new Promise((done) => setTimeout(done, 500))
  clearInterval(feed)
  finished = true
  const { reconnects, lines } = await drained
  return { twice: judge(await readTopic(server.brokers, topic), sent), reconnects, lines }
}

/** The broker gets and writes everything, and its answer is lost as long as `deaf`. */
class DeafClient extends KafkaClient {
  deaf = false

  override async produce(node: number, request: ProduceRequest): Promise<ProduceAnswer[]> {
    const answers = await super.produce(node, request)
    if (this.deaf) throw new TrestleError('E601', 'the answer was lost')
    return answers
  }
}

describe('the Kafka sink while its broker is killed with kill -9', { skip: await need('kafka') }, () => {
  before(async () => {
    server = await startKafka()
  })
  after(() => server.stop())

  test('A3 A4: loses nothing, keeps the order per key and writes nothing twice when batches come back as they were', async (t) => {
    // What waits first comes first, in full batches: each lost one is formed again and recognised by the broker.
    const { twice, reconnects, lines } = await underLoad('steady', 2, () => 200)
    t.diagnostic(`${reconnects} reconnects, ${twice} records twice ${lines.join('\n')}`)
    assert.ok(reconnects > 0)
    assert.equal(twice, 0)
  })

  test('A3 A4: the same when batches come back otherwise', async (t) => {
    const { twice, reconnects, lines } = await underLoad('ragged', 1, () => 1 + Math.floor(Math.random() * 300))
    t.diagnostic(`${reconnects} reconnects, ${twice} records twice ${lines.join('\n')}`)
    assert.equal(twice, 0)
  })

  test('A3: a batch whose answer was lost is not written again, in the same sink nor in the next', async () => {
    await createTopics(server.brokers, { unanswered: 2 })
    const options = kafkaOptions({ brokers: [server.brokers], topic: 'unanswered' })
    const make = deliveries()
    const context = connectorContext(newFolder())
    const waiting: Delivery[] = []
    const places: (string | null)[] = []
    for (let life = 0; life < 3; life++) {
      const client = new DeafClient(options)
      const sink = new KafkaSink(options, context, client)
      await sink.open()
      // What the sink before heard no answer of, with more behind it.
      waiting.push(...[0, 1, 0, 1, 0].map((key) => make({ key: `k${key}`, message: { timeMs: Date.now() } })))
      client.deaf = false
      places.push(...(await sink.deliver(waiting.splice(0))).map(({ place }) => place))
      waiting.push(...[0, 1, 0].map((key) => make({ key: `k${key}`, message: { timeMs: Date.now() } })))
      client.deaf = true
      for (let again = 0; again < 2; again++) {
        for (const { error } of await sink.deliver(waiting)) assert.equal(error?.code, 'E601')
      }
      await sink.close()
    }
    const records = await readTopic(server.brokers, 'unanswered')
    assert.equal(judge(records, 24), 0, 'nothing is there twice')
    const at = new Set(records.map(({ partition, offset }) => `unanswered-${partition}@${offset}`))
    assert.equal(new Set(places).size, places.length)
    for (const place of places) assert.ok(at.has(place!), `${place} is where it says`)
    assert.deepEqual(context.lines, [])
  })

  test('A3: an unanswered batch that comes back otherwise is not written again', async () => {
    await createTopics(server.brokers, { otherwise: 1 })
    const options = kafkaOptions({ brokers: [server.brokers], topic: 'otherwise' })
    const make = deliveries()
    const client = new DeafClient(options)
    const sink = new KafkaSink(options, connectorContext(newFolder()), client)
    await sink.open()
    const batch = [make({ key: 'k' }), make({ key: 'k' }), make({ key: 'k' })]
    client.deaf = true
    await sink.deliver(batch)
    client.deaf = false
    const receipts = [...(await sink.deliver(batch.slice(0, 2))), ...(await sink.deliver(batch.slice(2)))]
    assert.ok(receipts.every(({ outcome }) => outcome === 'delivered'))
    await sink.close()
    assert.equal(judge(await readTopic(server.brokers, 'otherwise'), 3), 0)
  })

  test('a topic that is deleted and created anew is written on', async () => {
    const options = kafkaOptions({ brokers: [server.brokers], topic: 'anew', create_topics: true })
    const make = deliveries()
    const sink = new KafkaSink(options, connectorContext(newFolder()))
    await sink.open()
    await sink.deliver([make({ key: 'k' }), make({ key: 'k' })])
    await deleteTopic(server.brokers, 'anew')
    const waiting = [make({ key: 'k' }), make({ key: 'k' })]
    for (let round = 0; waiting.length > 0 && round < 50; round++) {
      const receipts = await sink.deliver(waiting)
      const left = waiting.filter((_, at) => receipts[at]!.outcome !== 'delivered')
      waiting.splice(0, waiting.length, ...left)
      await new Promise((done) => setTimeout(done, 100))
    }
    await sink.close()
    assert.equal(judge(await readTopic(server.brokers, 'anew'), 2), 0)
  })

  test('closes at once while a delivery waits for a broker that does not answer, and that delivery ends', async () => {
    await createTopics(server.brokers, { stalled: 1 })
    const options = kafkaOptions({ brokers: [server.brokers], topic: 'stalled' })
    const sink = new KafkaSink(options, connectorContext(newFolder()))
    await sink.open()
    process.kill(server.pid, 'SIGSTOP')
    try {
      const delivering = sink.deliver([deliveries()()])
      await new Promise((done) => setTimeout(done, 100))
      const startMs = Date.now()
      await sink.close()
      assert.ok(Date.now() - startMs < 500)
      assert.equal((await delivering)[0]?.error?.code, 'E601')
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
  })
})
