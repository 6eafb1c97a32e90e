import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { Kafka, Producer } from 'kafkajs'
import type { Source } from 'trestle/contract'
import { type KafkaServer, need, startKafka } from '../../services/index.ts'
import { until } from '../../support/bridge-rig.ts'
import { connectorContext } from '../../support/delivery.ts'
import { HeldIntake } from '../../support/held-intake.ts'
import { createTopics } from '../../support/kafka-reader.ts'
import { intakeOf, kafkajs, lagOf, produce, small, sourceOf } from './source-rig.ts'

describe('the source of Kafka in a group', { skip: await need('kafka') }, () => {
  let server: KafkaServer
  let kafka: Kafka
  let producer: Producer
  before(async () => {
    server = await startKafka({ properties: { ...small, 'group.min.session.timeout.ms': 500 } })
    kafka = kafkajs(server.brokers)
    producer = kafka.producer()
    await producer.connect()
  })
  after(async () => {
    await producer?.disconnect()
    await server?.stop()
  })

  interface Member {
    readonly values: string[]
    readonly source: Source
    readonly lines: { event: string; facts: unknown }[]
  }

  /** A member of its own hub. Each batch is answered after `delayMs`. */
  async function member(options: Record<string, unknown>, delayMs = 0): Promise<Member> {
    const values: string[] = []
    const context = connectorContext(`/none/${randomUUID()}`)
    const source = sourceOf(server.brokers, options, context.folder, context)
    const intake = intakeOf((value) => values.push(value))
    const opening = source.open({
      ...intake,
      take: async (messages) => {
        const receipts = intake.take(messages)
        await new Promise((done) => setTimeout(done, delayMs))
        return receipts
      },
    })
    await opening.catch(async (thrown: unknown) => {
      await source.close()
      throw thrown
    })
    return { values, source, lines: context.lines }
  }

  const assignedTo = ({ lines }: Member): number => {
    const facts = lines.findLast(({ event }) => event === 'kafka.assigned')?.facts
    return (facts as { assigned: number } | undefined)?.assigned ?? 0
  }

  /** Twelve keys count up every 10 ms until it is stopped; answers how far. */
  function feeding(topic: string): { stop(): Promise<number> } {
    let stopped = false
    let n = 0
    const running = (async () => {
      while (!stopped) {
        n++
        await produce(
          producer,
          topic,
          Array.from({ length: 12 }, (_, key) => ({ key: `k${key}`, value: `k${key}:${n}` })),
        )
        await new Promise((done) => setTimeout(done, 10))
      }
      return n
    })()
    return {
      stop() {
        stopped = true
        return running
      },
    }
  }

  function judge(all: readonly (readonly string[])[], each: number): void {
    const values = all.flat()
    const twice = values.length - new Set(values).size
    assert.equal(new Set(values).size, 12 * each, 'nothing is lost')
    assert.equal(twice, 0, 'nothing comes twice')
    for (const one of all) {
      const last = new Map<string, number>()
      for (const value of one) {
        const [key, n] = value.split(':') as [string, string]
        assert.ok(Number(n) > (last.get(key) ?? 0), `${value} is out of order`)
        last.set(key, Number(n))
      }
    }
  }

  for (const assignor of ['cooperative-sticky', 'range']) {
    test(`A4 A9: members come and go under load (${assignor}): nothing is lost, nothing comes twice`, async () => {
      const topic = `group-${assignor}`
      await createTopics(server.brokers, { [topic]: 6 })
      const options = { topics: [topic], group: topic, assignor, session_timeout_ms: 1500 }
      const first = await member(options, 20)
      const feed = feeding(topic)
      await until(() => first.values.length > 50, 'the first reads')
      const second = await member(options, 20)
      await until(() => assignedTo(first) === 3 && assignedTo(second) === 3, 'two share', 10_000)
      const third = await member(options, 20)
      await until(() => [first, second, third].every((one) => assignedTo(one) === 2), 'three share', 10_000)
      await until(() => third.values.length > 50, 'the third reads')
      await first.source.close()
      await until(() => assignedTo(second) === 3 && assignedTo(third) === 3, 'two are left', 10_000)
      await second.source.close()
      await until(() => assignedTo(third) === 6, 'one is left', 10_000)
      const each = await feed.stop()
      await until(async () => (await lagOf(kafka, topic, topic)) === 0, 'all is stored', 10_000)
      await third.source.close()
      judge([first.values, second.values, third.values], each)
    })
  }

  test('shares its partitions with a member that is kafkajs, whoever leads', async () => {
    const topic = 'with-kafkajs'
    await createTopics(server.brokers, { [topic]: 6 })
    const group = 'with-kafkajs'
    const theirs: string[] = []
    const other = kafka.consumer({ groupId: group, heartbeatInterval: 300, sessionTimeout: 6000 })
    const joins: number[] = []
    other.on(other.events.GROUP_JOIN, ({ payload }) => joins.push(payload.memberAssignment[topic]?.length ?? 0))
    await other.connect()
    await other.subscribe({ topic, fromBeginning: true })
    await other.run({
      autoCommitInterval: 100,
      eachMessage: async ({ message }) => {
        theirs.push(message.value!.toString())
      },
    })
    await until(() => joins.at(-1) === 6, 'kafkajs has all', 15_000)
    const options = { topics: [topic], group, assignor: 'roundrobin', session_timeout_ms: 3000 }
    // kafkajs leads; then it goes and comes back, and ours leads.
    const ours = await member(options)
    await until(() => joins.at(-1) === 3 && assignedTo(ours) === 3, 'they share', 15_000)
    const feed = feeding(topic)
    await until(() => theirs.length > 30 && ours.values.length > 30, 'both read', 15_000)
    await other.disconnect()
    await until(() => assignedTo(ours) === 6, 'ours has all', 15_000)
    const again = kafka.consumer({ groupId: group, heartbeatInterval: 300, sessionTimeout: 6000 })
    again.on(again.events.GROUP_JOIN, ({ payload }) => joins.push(payload.memberAssignment[topic]?.length ?? 0))
    await again.connect()
    await again.subscribe({ topic, fromBeginning: true })
    const before = joins.length
    await again.run({ eachMessage: async ({ message }) => void theirs.push(message.value!.toString()) })
    await until(() => joins.length > before && joins.at(-1) === 3 && assignedTo(ours) === 3, 'they share again', 15_000)
    const each = await feed.stop()
    await until(() => new Set([...theirs, ...ours.values]).size === 12 * each, 'all was read', 15_000)
    await again.disconnect()
    await ours.source.close()
  })

  test('a static member comes back to its partitions without a rebalance', async () => {
    const topic = 'static'
    await createTopics(server.brokers, { [topic]: 4 })
    const options = { topics: [topic], group: topic, session_timeout_ms: 1500 }
    const stays = await member({ ...options, instance_id: 'one' })
    const goes = await member({ ...options, instance_id: 'two' })
    await until(() => assignedTo(stays) === 2 && assignedTo(goes) === 2, 'they share', 10_000)
    const before = stays.lines.length
    await goes.source.close()
    const back = await member({ ...options, instance_id: 'two' })
    assert.equal(assignedTo(back), 2)
    await new Promise((done) => setTimeout(done, 500))
    assert.equal(stays.lines.length, before, 'the other heard nothing of it')
    await produce(
      producer,
      topic,
      [0, 1, 2, 3].map((partition) => ({ value: `p${partition}`, partition })),
    )
    await until(() => stays.values.length + back.values.length === 4, 'all is read')
    await Promise.all([stays.source.close(), back.source.close()])
  })

  test('stays a member while the hub answers nothing for longer than a session', async () => {
    const topic = 'held'
    await createTopics(server.brokers, { [topic]: 1 })
    await produce(producer, topic, [{ value: 'a' }, { value: 'b' }])
    const context = connectorContext('/none/held')
    const options = { topics: [topic], group: topic, session_timeout_ms: 1500, watchdog_ms: 1000, max_unsettled: 1 }
    const source = sourceOf(server.brokers, options, context.folder, context)
    const intake = new HeldIntake(null)
    await source.open(intake)
    await until(() => intake.taken.length === 1, 'one is handed in')
    await new Promise((done) => setTimeout(done, 2500))
    assert.deepEqual(intake.losses, [])
    intake.answerAll()
    await until(() => intake.taken.length === 2, 'the other comes')
    await until(async () => (await lagOf(kafka, topic, topic)) === 0, 'both are stored')
    await source.close()
    assert.equal(context.lines.filter(({ event }) => event === 'kafka.assigned').length, 1)
  })

  test('says what to do when the members of the group share in different ways', async () => {
    const topic = 'mixed'
    await createTopics(server.brokers, { [topic]: 1 })
    const one = await member({ topics: [topic], group: topic, assignor: 'range' })
    await assert.rejects(
      member({ topics: [topic], group: topic, assignor: 'roundrobin' }),
      ({ code, message, detail }) => {
        assert.equal(code, 'E607')
        assert.match(message, /INCONSISTENT_GROUP_PROTOCOL/)
        assert.match(detail.advice, /assignor/)
        return true
      },
    )
    await one.source.close()
  })
})
