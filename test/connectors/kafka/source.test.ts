import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { open, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import kafkajsModule, { type AclResourceTypes, CompressionTypes, type Kafka, type Producer } from 'kafkajs'
import { type Delivery, type Message, type Source, TrestleError } from 'trestle/contract'
import { type KafkaOptions, kafkaOptions } from '../../../connectors/kafka/options.ts'
import { KafkaSink } from '../../../connectors/kafka/sink.ts'
import { KafkaSource } from '../../../connectors/kafka/source.ts'
import { kafkaSourceOptions } from '../../../connectors/kafka/source-options.ts'
import { type KafkaServer, need, startKafka } from '../../services/index.ts'
import { until } from '../../support/bridge-rig.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { HeldIntake } from '../../support/held-intake.ts'
import { createTopics } from '../../support/kafka-reader.ts'
import { kafkajs, lagOf, produce, small, sourceOf } from './source-rig.ts'

// They are named exports in its types only.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes: acl, ResourcePatternTypes } = kafkajsModule

describe('the source of Kafka', { skip: await need('kafka') }, () => {
  let server: KafkaServer
  let kafka: Kafka
  let producer: Producer
  const opened: Source[] = []

  before(async () => {
    server = await startKafka({
      users: { limited: 'secret' },
      properties: {
        ...small,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
      },
    })
    kafka = kafkajs(server.brokers)
    producer = kafka.producer()
    await producer.connect()
  })
  after(async () => {
    await Promise.all(opened.map((source) => source.close()))
    await producer?.disconnect()
    await server?.stop()
  })

  const topicOf = async (partitions = 1, name = `t-${randomUUID()}`): Promise<string> => {
    await createTopics(server.brokers, { [name]: partitions })
    return name
  }
  const numbers = (from: number, to: number): { value: string }[] =>
    Array.from({ length: to - from + 1 }, (_, at) => ({ value: String(from + at) }))
  const opens = async (
    topics: readonly string[],
    options: Record<string, unknown> = {},
    intake = new HeldIntake(),
  ): Promise<{ intake: HeldIntake; close(): Promise<void>; lines: { event: string; facts: unknown }[] }> => {
    const context = connectorContext(`/none/${topics[0]}`)
    const source = sourceOf(server.brokers, { topics, group: `g-${topics[0]}`, ...options }, context.folder, context)
    opened.push(source)
    await source.open(intake)
    const close = (): Promise<void> => {
      intake.end()
      return source.close()
    }
    return { intake, close, lines: context.lines }
  }
  /** What comes of a topic with the values 1 to 10 in one partition. */
  const startedAt = async (options: Record<string, unknown>, count: number): Promise<string[]> => {
    const topic = await topicOf()
    await produce(producer, topic, numbers(1, 10))
    const { intake, close } = await opens([topic], options)
    await produce(producer, topic, numbers(11, 12))
    await until(() => intake.taken.length >= count, `${count} have come`, 10_000)
    await close()
    return intake.values
  }

  test('begins where it is told when the group has stored nothing', async () => {
    const from = (first: number): string[] => numbers(first, 12).map(({ value }) => value)
    assert.deepEqual(await startedAt({ start: 'beginning' }, 12), from(1))
    assert.deepEqual(await startedAt({ start: 'end' }, 2), from(11))
    assert.deepEqual(await startedAt({ start: '4' }, 8), from(5))
    assert.deepEqual(await startedAt({ start: '+3' }, 9), from(4))
    assert.deepEqual(await startedAt({ start: '-2' }, 4), from(9))
    assert.deepEqual(await startedAt({ start: '-99' }, 12), from(1))
    assert.deepEqual(await startedAt({ start: '2020-01-01T00:00:00Z' }, 12), from(1))
    assert.deepEqual(await startedAt({ start: '2120-01-01' }, 2), from(11))
    await assert.rejects(startedAt({ start: 'stored' }, 1), { code: 'E604', message: /has stored no offset/ })
  })

  test('goes on where the group stopped, unless it is told to begin anew', async () => {
    const topic = await topicOf()
    await produce(producer, topic, numbers(1, 3))
    const first = await opens([topic])
    await until(() => first.intake.taken.length === 3, 'three have come')
    await first.close()
    await produce(producer, topic, numbers(4, 5))
    const second = await opens([topic], { start: 'beginning' })
    await until(() => second.intake.taken.length === 2, 'two have come')
    await second.close()
    assert.deepEqual(second.intake.values, ['4', '5'])
    // Another hub: nothing was begun in its process yet.
    const third = sourceOf(server.brokers, { topics: [topic], group: `g-${topic}`, resume: false }, '/none/other')
    const intake = new HeldIntake()
    await third.open(intake)
    await until(() => intake.taken.length === 5, 'all have come')
    await third.close()
  })

  test('an end that was found is kept: what comes between two starts is not passed over', async () => {
    const topic = await topicOf()
    await produce(producer, topic, numbers(1, 3))
    await (await opens([topic], { start: 'end' })).close()
    await produce(producer, topic, numbers(4, 5))
    const { intake, close } = await opens([topic], { start: 'end' })
    await until(() => intake.taken.length === 2, 'two have come')
    await close()
    assert.deepEqual(intake.values, ['4', '5'])
  })

  test('reads the partitions it is told by hand, and stores their offsets in the group', async () => {
    const topic = await topicOf(4)
    const records = [0, 1, 2, 3].map((partition) => ({ value: `p${partition}`, partition }))
    await produce(producer, topic, records)
    const { intake, close } = await opens([topic], { start_partition: 1, stop_partition: 2 })
    await until(() => intake.taken.length === 2, 'two have come')
    await until(async () => (await lagOf(kafka, `g-${topic}`, topic)) === 2, 'two are stored')
    await close()
    assert.deepEqual(intake.values.toSorted(), ['p1', 'p2'])
    const again = await opens([topic], { start_partition: 1 })
    await produce(producer, topic, records)
    await until(() => again.intake.taken.length === 4, 'the others have come')
    await again.close()
    assert.deepEqual(again.intake.values.toSorted(), ['p1', 'p2', 'p3', 'p3'])
  })

  test('takes a topic that fits its pattern when it comes, from its beginning', async () => {
    const name = randomUUID()
    const plant = await topicOf(1, `plant.${name}.1`)
    await topicOf(1, `other.${name}`)
    const { intake, close } = await opens([`plant.${name}.*`], { start: 'end', topics_refresh_ms: 300 })
    await produce(producer, plant, [{ value: 'first' }])
    const late = await topicOf(2, `plant.${name}.2`)
    await produce(producer, late, [{ value: 'late', partition: 1 }])
    await produce(producer, `other.${name}`, [{ value: 'not this' }])
    await until(() => intake.taken.length === 2, 'both have come', 15_000)
    await close()
    assert.deepEqual(
      intake.taken.map(({ topic }) => topic),
      [`in/${plant}`, `in/${late}`],
    )
  })

  test('sees nothing of a transaction that was aborted or is open, unless it is told to', async () => {
    const topic = await topicOf()
    const own = kafka.producer({ transactionalId: randomUUID(), maxInFlightRequests: 1, idempotent: true })
    await own.connect()
    const within = async (value: string): ReturnType<Producer['transaction']> => {
      const transaction = await own.transaction()
      await transaction.send({ topic, messages: [{ value }, { value: `${value} too` }] })
      return transaction
    }
    await (await within('aborted')).abort()
    await (await within('committed')).commit()
    await produce(producer, topic, [{ value: 'plain' }])
    await (await within('aborted again')).abort()
    const all = await opens([topic], { isolation: 'read_uncommitted', group: 'all' })
    const committed = await opens([topic])
    await until(() => all.intake.taken.length === 7 && committed.intake.taken.length === 3, 'what was committed came')
    const open = await within('open')
    await produce(producer, topic, [{ value: 'behind it' }])
    await until(() => all.intake.taken.length === 10, 'the uncommitted ones came')
    assert.deepEqual(committed.intake.values, ['committed', 'committed too', 'plain'])
    await open.commit()
    await until(() => committed.intake.taken.length === 6, 'the others came')
    assert.deepEqual(committed.intake.values.slice(3), ['open', 'open too', 'behind it'])
    // Markers and aborted records count as done: nothing is left behind.
    await until(async () => (await lagOf(kafka, `g-${topic}`, topic)) === 0, 'all is stored')
    await Promise.all([all.close(), committed.close(), own.disconnect()])
  })

  test('hands in keys, times, empty values and headers as the record has them', async () => {
    const topic = await topicOf()
    await producer.send({
      topic,
      messages: [
        { key: 'schlüssel', value: 'a', timestamp: '1700000000123', headers: { plant: 'Oslo', ort: 'Bodø' } },
        { key: Buffer.from([0xff, 0xfe]), value: null, headers: { bytes: Buffer.from([0xff]) } },
        { key: null, value: 'c', headers: { twice: ['1', '2'] } },
      ],
    })
    const { intake, close } = await opens([topic], { publish: 'in/${key}', on_refused: 'dead-letter' })
    await until(() => intake.taken.length === 3, 'all have come')
    await close()
    const [text, bytes, none] = intake.taken as [Message, Message, Message]
    assert.equal(text.topic, 'in/schlüssel')
    assert.equal(text.timeMs, 1_700_000_000_123)
    assert.deepEqual(text.properties?.user, [
      ['plant', 'Oslo'],
      ['ort', 'Bodø'],
    ])
    assert.equal(bytes.topic, `in/${Buffer.from([0xff, 0xfe]).toString('base64')}`, 'a key of bytes is its base64')
    assert.equal(bytes.payload.length, 0, 'a tombstone is empty')
    assert.deepEqual(bytes.properties?.user, [['bytes', '/w==']])
    assert.deepEqual(none.properties?.user, [
      ['twice', '1'],
      ['twice', '2'],
    ])
    assert.equal(intake.batches.flatMap(({ faults }) => [...faults.values()])[0]?.code, 'E405', 'it has no key')
  })

  test('reads what our sink writes in every codec', async () => {
    const topic = await topicOf()
    const make = deliveries()
    const payload = 'x'.repeat(2000)
    const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
    for (const compression of codecs) {
      const options = { brokers: [server.brokers], topic, compression } as unknown as KafkaOptions
      const sink = new KafkaSink(kafkaOptions(options), connectorContext(`/none/${topic}/${compression}`))
      await sink.open()
      const batch = Array.from({ length: 200 }, () => make({ payload: `${compression}${payload}` }))
      const receipts = await sink.deliver(batch)
      assert.ok(receipts.every(({ outcome }) => outcome === 'delivered'))
      await sink.close()
    }
    await producer.send({ topic, compression: CompressionTypes.GZIP, messages: [{ value: 'kafkajs' }] })
    const { intake, close } = await opens([topic])
    await until(() => intake.taken.length === 1001, 'all have come', 15_000)
    await close()
    const expected = codecs.flatMap((codec) => Array.from({ length: 200 }, () => `${codec}${payload}`))
    assert.deepEqual(intake.values, [...expected, 'kafkajs'])
  })

  test('A11: what goes from MQTT through Kafka to MQTT comes with everything it had', async () => {
    const topic = await topicOf()
    const now = Date.now()
    const message: Partial<Message> = {
      topic: 'plants/Bodø/1',
      client: 'Gerät-7',
      qos: 2,
      retain: true,
      timeMs: now - 1000,
      properties: {
        payloadFormat: 1,
        expirySeconds: 3600,
        contentType: 'application/json',
        responseTopic: 'answers/ä/1',
        correlationData: new Uint8Array([0, 255, 65]),
        user: [
          ['plant', 'Oslo'],
          ['plant', 'Bodø'],
          ['mqtt-qos', 'a name of ours'],
          ['trestle-id', 'forged'],
          ['odd name *', '100 % ☃'],
          ['', 'no name'],
        ],
      },
    }
    const delivery: Delivery = deliveries()({ payload: '{"n":1}', message })
    const options = { brokers: [server.brokers], topic } as unknown as KafkaOptions
    const sink = new KafkaSink(kafkaOptions(options), connectorContext(`/none/${topic}/sink`))
    await sink.open()
    await sink.deliver([delivery])
    await sink.close()
    const { intake, close } = await opens([topic], { publish: '${mqtt.topic}' })
    await until(() => intake.taken.length === 1, 'it has come')
    await close()
    const [back] = intake.taken as [Message]
    const { user, expirySeconds, ...properties } = back.properties!
    const { user: before, expirySeconds: _, ...expected } = message.properties!
    assert.deepEqual(
      { ...properties, correlationData: [...properties.correlationData!] },
      {
        ...expected,
        correlationData: [...expected.correlationData!],
      },
    )
    assert.deepEqual(user, [['trestle-hops', 'hub'], ...before!], 'only the hop list is new')
    assert.ok(expirySeconds! > 3590 && expirySeconds! <= 3600, `it expires in ${expirySeconds} s`)
    const { topic: name, client, qos, retain, timeMs, payload } = back
    assert.deepEqual(
      { name, client, qos, retain, timeMs, payload: Buffer.from(payload).toString() },
      { name: message.topic, client: message.client, qos: 2, retain: true, timeMs: now - 1000, payload: '{"n":1}' },
    )
  })

  test('tells of records that retention has deleted, and goes on or stops as it is told', async () => {
    const topic = await topicOf()
    await produce(producer, topic, numbers(1, 10))
    const first = await opens([topic])
    await until(() => first.intake.taken.length === 10, 'all have come')
    await first.close()
    await produce(producer, topic, numbers(11, 20))
    const admin = kafka.admin()
    await admin.connect()
    // It deletes of topics only that it has met.
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '15' }] })
    await admin.disconnect()
    const failing = sourceOf(
      server.brokers,
      { topics: [topic], group: `g-${topic}`, on_out_of_range: 'fail' },
      '/none/failing',
    )
    const refused = new HeldIntake()
    await failing.open(refused)
    await until(() => refused.losses.length > 0, 'it is told')
    await failing.close()
    assert.equal(refused.losses[0]!.code, 'E604')
    assert.match(String(refused.losses[0]!.detail.advice), /on_out_of_range/)
    const { intake, close, lines } = await opens([topic])
    await until(() => intake.taken.length === 5, 'the others have come')
    await close()
    assert.deepEqual(intake.values, ['16', '17', '18', '19', '20'])
    assert.deepEqual(lines.find(({ event }) => event === 'kafka.out-of-range')?.facts, {
      partition: `${topic}-0`,
      offset: 10,
      now: 15,
      skipped: 5,
    })
  })

  test('stops before a batch that is damaged on the disk, or passes it by where it is told', async () => {
    const topic = await topicOf()
    for (const value of ['before', 'damaged', 'behind']) await produce(producer, topic, [{ value }])
    await damage(topic, 'damaged')
    const intake = new HeldIntake()
    const stopping = sourceOf(server.brokers, { topics: [topic], group: `g-${topic}` }, `/none/${topic}`)
    // It may meet it before it counts as open.
    await stopping.open(intake).catch((thrown: TrestleError) => intake.lost(thrown))
    await until(() => intake.losses.length > 0, 'it is told')
    await stopping.close()
    const [loss] = intake.losses
    assert.equal(loss!.code, 'E606')
    assert.match(loss!.message, /-0@1: cannot read the checksum of the batch at 1/)
    assert.match(String(loss!.detail.advice), /on_corrupt: skip/)
    assert.deepEqual(intake.values, ['before'])
    const passing = await opens([topic], { on_corrupt: 'skip' })
    await until(() => passing.intake.taken.length === 1, 'the other has come')
    await passing.close()
    assert.deepEqual(passing.intake.values, ['behind'])
    assert.ok(passing.lines.some(({ event }) => event === 'kafka.skipped-corrupt'))
  })

  /** Changes one letter of a record in the broker's own file. */
  async function damage(topic: string, text: string): Promise<void> {
    for (const folder of await readdir(tmpdir())) {
      if (!folder.startsWith('trestle-kafka-')) continue
      const path = join(tmpdir(), folder, 'logs', `${topic}-0`, '00000000000000000000.log')
      const file = await open(path, 'r+').catch(() => null)
      if (file === null) continue
      const bytes = await file.readFile()
      await file.write(Buffer.from('X'), 0, 1, bytes.indexOf(text))
      await file.close()
    }
  }

  test('says which topic is missing and what to do', async () => {
    await assert.rejects(opens(['absent']), ({ code, message, detail }) => {
      assert.equal(code, 'E604')
      assert.match(message, /absent/)
      assert.match(detail.advice, /create the topic/)
      return true
    })
  })

  test('says which right is missing, in words of Kafka, and reads once it is given', async () => {
    const topic = await topicOf()
    await produce(producer, topic, numbers(1, 3))
    const options = { topics: [topic], group: 'rights', publish: 'in', start: 'beginning' }
    const opening = async (password = 'secret'): Promise<{ source: Source; intake: HeldIntake }> => {
      const login = { brokers: [server.sasl], sasl: { mechanism: 'scram-sha-256', username: 'limited', password } }
      const given = kafkaOptions(login as unknown as KafkaOptions)
      const source = new KafkaSource(given, kafkaSourceOptions(options), connectorContext(`/none/${topic}`))
      opened.push(source)
      const intake = new HeldIntake()
      await source.open(intake)
      return { source, intake }
    }
    const admin = kafka.admin()
    await admin.connect()
    const allow = async (resourceType: AclResourceTypes, resourceName: string): Promise<unknown> =>
      admin.createAcls({
        acl: [
          {
            resourceType,
            resourceName,
            resourcePatternType: ResourcePatternTypes.LITERAL,
            principal: 'User:limited',
            host: '*',
            operation: AclOperationTypes.READ,
            permissionType: AclPermissionTypes.ALLOW,
          },
        ],
      })
    await assert.rejects(opening('wrong'), { code: 'E602' })
    await assert.rejects(opening(), { code: 'E603', message: /TOPIC_AUTHORIZATION_FAILED/ })
    await allow(acl.TOPIC, topic)
    // A right takes a moment to be known.
    await until(async () => {
      const thrown = await opening().catch((error: TrestleError) => error)
      assert.ok(thrown instanceof TrestleError && thrown.code === 'E603')
      return thrown.message.includes('GROUP_AUTHORIZATION_FAILED')
    }, 'the topic may be read and the group not')
    await allow(acl.GROUP, 'rights')
    await admin.disconnect()
    let intake = new HeldIntake()
    await until(async () => {
      const reading = await opening().catch(() => null)
      intake = reading?.intake ?? intake
      return reading !== null
    }, 'both may be read')
    await until(() => intake.taken.length === 3, 'all have come')
  })

  test('holds no more than it may while the hub answers nothing, and takes a record that is larger', async () => {
    const topic = await topicOf(2)
    const value = 'x'.repeat(10_000)
    for (let at = 0; at < 4; at++) {
      await produce(
        producer,
        topic,
        Array.from({ length: 50 }, () => ({ value })),
      )
    }
    await produce(producer, topic, [{ value: 'y'.repeat(400_000) }])
    const bounds = { max_unsettled: 100_000, max_unsettled_bytes: 200_000, fetch_bytes: 50_000 }
    const { intake, close } = await opens([topic], bounds, new HeldIntake(null))
    await until(() => intake.unanswered >= 19, 'it is full')
    await new Promise((done) => setTimeout(done, 300))
    assert.ok(intake.unanswered <= 21, `${intake.unanswered} are open`)
    intake.answerAll()
    await until(() => intake.taken.length === 201, 'all have come')
    await close()
  })
})
