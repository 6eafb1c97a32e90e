import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Producer } from 'kafkajs'
import type { Intake, Receipt, Source, TrestleError } from 'trestle/contract'
import { type KafkaServer, need, startKafka } from '../../services/index.ts'
import { until } from '../../support/bridge-rig.ts'
import { createTopics } from '../../support/kafka-reader.ts'
import { kafkajs, lagOf, produce, small, sourceOf } from './source-rig.ts'

const stored: Receipt = { outcome: 'stored', error: null, place: null }

/** Stands for the hub: keeps a source open, makes a new one when one is lost, answers each batch after `delayMs`. */
class Keeper {
  readonly values: string[] = []
  readonly losses: TrestleError[] = []
  delayMs: number
  readonly #make: () => Source
  #source: Source | null = null
  #stopped = false
  #running: Promise<void>

  constructor(make: () => Source, delayMs = 0) {
    this.#make = make
    this.delayMs = delayMs
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#end()
    await this.#running
  }

  #end = (): void => {}

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const lost = new Promise<void>((done) => (this.#end = done))
      const source = this.#make()
      this.#source = source
      const intake: Intake = {
        take: async (messages) => {
          assert.equal(this.#source, source, 'an earlier source hands in nothing')
          for (const { payload } of messages) this.values.push(Buffer.from(payload).toString())
          await new Promise((done) => setTimeout(done, this.delayMs))
          return messages.map(() => stored)
        },
        lost: (error) => {
          this.losses.push(error)
          this.#end()
        },
      }
      try {
        await source.open(intake)
        if (!this.#stopped) await lost
      } catch (thrown) {
        this.losses.push(thrown as TrestleError)
      }
      this.#source = null
      await source.close()
      await new Promise((done) => setTimeout(done, 100))
    }
  }
}

describe('the source of Kafka over outages', { skip: await need('kafka') }, () => {
  let server: KafkaServer
  let producer: Producer
  before(async () => {
    server = await startKafka({ properties: small })
    producer = kafkajs(server.brokers).producer()
    await producer.connect()
  })
  const keepers: Keeper[] = []
  const keep = (make: () => Source, delayMs: number): Keeper => {
    const keeper = new Keeper(make, delayMs)
    keepers.push(keeper)
    return keeper
  }
  after(async () => {
    await Promise.all(keepers.map((keeper) => keeper.stop()))
    await producer?.disconnect()
    await server?.stop()
  })

  /** Values `key:n`; nothing missing, each key's first comings in order; answers how many came twice. */
  function judge(values: readonly string[], keys: number, each: number): number {
    const last = new Map<string, number>()
    const seen = new Set<string>()
    for (const value of values) {
      if (seen.has(value)) continue
      seen.add(value)
      const [key, n] = value.split(':') as [string, string]
      assert.equal(Number(n), (last.get(key) ?? 0) + 1, `${key} is out of order`)
      last.set(key, Number(n))
    }
    assert.equal(seen.size, keys * each, 'nothing is lost')
    return values.length - seen.size
  }

  async function feed(topic: string, keys: number, each: number, restMs: number): Promise<void> {
    for (let n = 1; n <= each; n++) {
      const records = Array.from({ length: keys }, (_, key) => ({ key: `k${key}`, value: `k${key}:${n}` }))
      // The client gives up a broker that is away for long; what it had sent already is then twice in the log.
      for (let isIn = false; !isIn; ) {
        isIn = await produce(producer, topic, records).then(
          () => true,
          () => new Promise((done) => setTimeout(() => done(false), 200)),
        )
      }
      if (restMs > 0) await new Promise((done) => setTimeout(done, restMs))
    }
  }

  test('A3 A4 A9: kill -9 of the broker loses nothing, keeps the order and brings nothing twice', async () => {
    const topic = 'killed'
    await createTopics(server.brokers, { [topic]: 4 })
    const options = { topics: [topic], group: 'killed', commit_interval_ms: 200 }
    const keeper = keep(() => sourceOf(server.brokers, options, '/none/killed'), 30)
    const feeding = feed(topic, 20, 100, 20)
    await until(() => keeper.values.length > 300, 'it flows')
    await server.kill()
    await until(() => keeper.losses.length > 0, 'it is told')
    await server.restart()
    await feeding
    await until(() => new Set(keeper.values).size === 2000, 'all has come', 40_000)
    await until(async () => (await lagOf(kafkajs(server.brokers), 'killed', topic)) === 0, 'all is stored', 10_000)
    await keeper.stop()
    assert.ok(keeper.losses.every(({ retry }) => retry !== 'never'))
    // The producer of the test may write a record twice over the outage, in another batch: count what the log has.
    const twice = judge(keeper.values, 20, 100)
    const inLog = (await offsetsOf(topic)) - 2000
    assert.equal(twice, inLog, `${twice} came twice, ${inLog} are twice in the log`)
  })

  test('A9: a source that is made anew in the middle goes on without losing, and without those that are answered', async () => {
    const topic = 'again'
    await createTopics(server.brokers, { [topic]: 3 })
    const options = { topics: [topic], group: 'again', commit_interval_ms: 20 }
    const make = (): Source => sourceOf(server.brokers, options, '/none/again')
    const values: string[] = []
    const feeding = feed(topic, 10, 50, 5)
    for (let round = 0; round < 4; round++) {
      const keeper = keep(make, 40)
      const wanted = round === 3 ? 500 : 100 * (round + 1)
      await until(() => new Set([...values, ...keeper.values]).size >= wanted, `round ${round}`, 20_000)
      await keeper.stop()
      values.push(...keeper.values)
    }
    await feeding
    assert.equal(judge(values, 10, 50), 0, 'an orderly close waits for what was handed in')
  })

  async function offsetsOf(topic: string): Promise<number> {
    const admin = kafkajs(server.brokers).admin()
    await admin.connect()
    const ends = await admin.fetchTopicOffsets(topic)
    await admin.disconnect()
    return ends.reduce((sum, { high }) => sum + Number(high), 0)
  }
})
