import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import type { ProbeStep, Receipt } from 'trestle/contract'
import kafka from '../../../connectors/kafka/index.ts'
import { type KafkaOptions, kafkaOptions } from '../../../connectors/kafka/options.ts'
import { KafkaSink } from '../../../connectors/kafka/sink.ts'
import { type KafkaServer, need, startKafka } from '../../services/index.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { createTopics, readTopic } from '../../support/kafka-reader.ts'

const users = { alice: 'secret', limited: 'secret' }
let server: KafkaServer
let folders = 0

/** An open sink of its own; `given` are options as a user writes them. */
async function openSink(given: Record<string, unknown> = {}): Promise<KafkaSink> {
  const sink = makeSink(given)
  await sink.open()
  return sink
}

function makeSink(given: Record<string, unknown> = {}): KafkaSink {
  const options = kafkaOptions({ brokers: [server.brokers], ...given } as unknown as KafkaOptions)
  return new KafkaSink(options, connectorContext(`/none/${folders++}`))
}

const outcomes = (receipts: readonly Receipt[]): string[] =>
  receipts.map(({ outcome, error }) => error?.code ?? outcome)

describe('the Kafka sink on a real broker', { skip: await need('kafka') }, () => {
  before(async () => {
    server = await startKafka({
      tls: true,
      users,
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'allow.everyone.if.no.acl.found': true,
        'super.users': 'User:ANONYMOUS;User:alice',
      },
    })
  })
  after(() => server.stop())

  test('A11: writes value, key, headers and the arrival time as given, and says where', async () => {
    await createTopics(server.brokers, { 'as-given': 1 })
    const make = deliveries()
    const sink = await openSink({ topic: 'as-given' })
    const properties = {
      contentType: 'text/plain',
      user: [
        ['a', 'b'],
        ['trestle-id', 'forged'],
      ] as const,
    }
    const batch = [
      make({
        payload: 'one',
        key: 'k',
        headers: [
          ['line', '3'],
          ['raw', Buffer.from('x')],
        ],
      }),
      make({ payload: Buffer.alloc(0), message: { properties } }),
      make({ payload: 'ø'.repeat(9000), key: 'nøkkel', message: { topic: 't/ø' } }),
    ]
    const receipts = await sink.deliver(batch)
    assert.deepEqual(outcomes(receipts), ['delivered', 'delivered', 'delivered'])
    assert.deepEqual(
      receipts.map(({ place }) => place),
      ['as-given-0@0', 'as-given-0@1', 'as-given-0@2'],
    )
    const [one, two, three] = await readTopic(server.brokers, 'as-given')
    const always = (position: number): Record<string, string> => ({
      'trestle-id': `hub-${position}-0`,
      'trestle-hops': 'hub',
      'mqtt-topic': 'plants/oslo/1',
      'mqtt-client': 'device-1',
      'mqtt-time': String(batch[position - 1]!.message.timeMs),
      'mqtt-qos': '1',
    })
    assert.deepEqual(
      [one!.key, one!.value.toString(), one!.headers, one!.timestampMs],
      ['k', 'one', { ...always(1), line: '3', raw: 'x' }, batch[0]!.message.timeMs],
    )
    assert.deepEqual([two!.key, two!.value.length], [null, 0])
    assert.deepEqual(two!.headers, {
      ...always(2),
      'content-type': 'text/plain',
      a: 'b',
      'mqtt-user-trestle-id': 'forged',
    })
    assert.deepEqual([three!.key, three!.value.toString().length], ['nøkkel', 9000])
    assert.equal(three!.headers['mqtt-topic'], 't/ø')
    await sink.close()
  })

  test('puts a key into the partition where other clients put it', async () => {
    await createTopics(server.brokers, { mine: 7, theirs: 7 })
    const make = deliveries()
    const keys = Array.from({ length: 200 }, (_, at) => `key-${at}${'x'.repeat(at % 7)}${at % 3 ? '' : 'é'}`)
    const sink = await openSink({ topic: 'mine' })
    await sink.deliver(keys.map((key) => make({ key })))
    await sink.close()
    const client = new kafkajs.Kafka({ brokers: [server.brokers], logLevel: kafkajs.logLevel.NOTHING })
    const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
    await producer.connect()
    await producer.send({ topic: 'theirs', messages: keys.map((key) => ({ key, value: '' })) })
    await producer.disconnect()
    const places = (records: { key: string | null; partition: number }[]): Record<string, number> =>
      Object.fromEntries(records.map(({ key, partition }) => [key, partition]))
    assert.deepEqual(places(await readTopic(server.brokers, 'mine')), places(await readTopic(server.brokers, 'theirs')))
  })

  test('keeps the order of an order key without a key, over many batches, topics and partitions', async () => {
    await createTopics(server.brokers, { 'order-a': 5, 'order-b': 3 })
    const make = deliveries()
    const sink = await openSink()
    for (let round = 0; round < 20; round++) {
      const batch = Array.from({ length: 200 }, (_, at) =>
        make({ target: at % 2 ? 'order-a' : 'order-b', orderKey: `device-${at % 13}` }),
      )
      assert.ok(outcomes(await sink.deliver(batch)).every((outcome) => outcome === 'delivered'))
    }
    await sink.close()
    let count = 0
    for (const topic of ['order-a', 'order-b']) {
      const last = new Map<number, number>()
      for (const { partition, headers } of await readTopic(server.brokers, topic)) {
        const position = Number(headers['trestle-id']!.split('-')[1])
        assert.ok(position > (last.get(partition) ?? 0), `${topic} is out of order in partition ${partition}`)
        last.set(partition, position)
        count++
      }
      assert.ok(last.size > 1, 'several partitions are used')
    }
    assert.equal(count, 4000)
  })

  test('writes every codec so that Java and kafkajs read it', async () => {
    const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
    await createTopics(server.brokers, Object.fromEntries(names.map((name) => [`codec-${name}`, 1])))
    for (const compression of names) {
      const make = deliveries()
      const sink = await openSink({ topic: `codec-${compression}`, compression })
      for (const _ of [1, 2]) {
        const batch = Array.from({ length: 300 }, (_, at) =>
          make({ key: `k${at}`, payload: `value ${at} ${'abc'.repeat(40)}` }),
        )
        assert.ok(
          outcomes(await sink.deliver(batch)).every((outcome) => outcome === 'delivered'),
          compression,
        )
      }
      await sink.close()
      const log = await server.dumpLog(`codec-${compression}`)
      assert.equal(log.match(/isvalid: true/g)?.length, 2, `${compression}: the checksums hold`)
      assert.equal(log.match(/payload: value /g)?.length, 600, `${compression}: Java reads every record`)
      assert.match(log, new RegExp(`compresscodec: ${compression}`, 'i'))
    }
    for (const topic of ['codec-none', 'codec-gzip']) assert.equal((await readTopic(server.brokers, topic)).length, 600)
  })

  test('logs in over TLS and without, by PLAIN and both SCRAMs', async () => {
    await createTopics(server.brokers, { logins: 1 })
    const tls = { ca: server.certificate!.cert }
    const make = deliveries()
    const ways: Record<string, unknown>[] = [{ brokers: [server.tls], tls }]
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512']) {
      const sasl = { mechanism, username: 'alice', password: users.alice }
      ways.push(
        { brokers: [server.sasl], sasl },
        { brokers: [server.saslTls], sasl, tls: { ca: server.certificate!.certFile } },
      )
    }
    for (const way of ways) {
      const sink = await openSink({ topic: 'logins', ...way })
      assert.deepEqual(outcomes(await sink.deliver([make()])), ['delivered'])
      await sink.close()
    }
    assert.equal((await readTopic(server.brokers, 'logins')).length, ways.length)
  })

  test('says E602 for a wrong password, and E601 for a certificate nobody vouches for', async () => {
    const refused = async (given: Record<string, unknown>): Promise<[string, string]> => {
      const sink = makeSink(given)
      const error = await sink.open().then(
        () => assert.fail('it opened'),
        (thrown) => thrown,
      )
      await sink.close()
      return [error.code, `${error.message} ${error.detail.advice}`]
    }
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512']) {
      const sasl = { mechanism, username: 'alice', password: 'wrong' }
      const [code, words] = await refused({ brokers: [server.sasl], sasl })
      assert.equal(code, 'E602')
      assert.doesNotMatch(words, /wrong/)
    }
    const [code, words] = await refused({ brokers: [server.tls], tls: {} })
    assert.equal(code, 'E601')
    assert.match(words, /self-signed certificate.*tls\.ca/)
  })

  test('a topic that is not there fails with E604 for its deliveries alone, and takes them once it is', async () => {
    await createTopics(server.brokers, { there: 1 })
    const make = deliveries()
    const sink = await openSink()
    const batch = [make({ target: 'there' }), make({ target: 'not-there' }), make({ target: 'there' })]
    const receipts = await sink.deliver(batch)
    assert.deepEqual(outcomes(receipts), ['delivered', 'E604', 'delivered'])
    assert.equal(receipts[1]!.error!.retry, 'later')
    await createTopics(server.brokers, { 'not-there': 1 })
    await new Promise((done) => setTimeout(done, 600))
    assert.deepEqual(outcomes(await sink.deliver([batch[1]!])), ['delivered'])
    await sink.close()
  })

  test('creates topics when told to', async () => {
    const make = deliveries()
    const sink = await openSink({ create_topics: true })
    let left = [make({ target: 'made-a' }), make({ target: 'made-b' })]
    for (const deadlineMs = Date.now() + 20_000; left.length > 0; ) {
      const codes = outcomes(await sink.deliver(left))
      // A leader just elected may not know of it yet: then the hub tries again.
      assert.deepEqual(
        codes.filter((code) => code !== 'delivered' && code !== 'E607'),
        [],
      )
      left = left.filter((_, at) => codes[at] !== 'delivered')
      assert.ok(Date.now() < deadlineMs, 'the topics never took anything')
    }
    await sink.close()
    assert.equal((await readTopic(server.brokers, 'made-a')).length, 1)
    assert.equal((await readTopic(server.brokers, 'made-b')).length, 1)
  })

  test('refuses names, partitions and targets that cannot be, with E606 for ever', async () => {
    await createTopics(server.brokers, { fixed: 3 })
    const make = deliveries()
    const sink = await openSink()
    const receipts = await sink.deliver([
      make(),
      make({ target: 'no/such name' }),
      make({ target: 'fixed', options: { partition: 9 } }),
      make({ target: 'fixed', options: { partition: 2 } }),
    ])
    assert.deepEqual(outcomes(receipts), ['E606', 'E606', 'E606', 'delivered'])
    assert.equal(receipts[0]!.outcome, 'refused')
    assert.equal(receipts[3]!.place, 'fixed-2@0')
    await sink.close()
  })

  test('refuses only the record that is too large, whether it or the broker finds it', async () => {
    await createTopics(server.brokers, { small: 1 }, { 'max.message.bytes': '2000' })
    const make = deliveries()
    const sizes = [100, 100, 3000, 100, 2500, 100, 100]
    for (const given of [{}, { max_message_bytes: 2000 }]) {
      const sink = await openSink({ topic: 'small', ...given })
      const receipts = await sink.deliver(sizes.map((size) => make({ payload: Buffer.alloc(size) })))
      assert.deepEqual(outcomes(receipts), [
        'delivered',
        'delivered',
        'E605',
        'delivered',
        'E605',
        'delivered',
        'delivered',
      ])
      assert.equal(receipts[2]!.outcome, 'refused')
      await sink.close()
    }
    const positions = (await readTopic(server.brokers, 'small')).map(
      ({ headers }) => headers['trestle-id']!.split('-')[1],
    )
    assert.deepEqual(positions, ['1', '2', '4', '6', '7', '8', '9', '11', '13', '14'])
  })

  test('refuses only the records a compacted topic cannot take', async () => {
    await createTopics(server.brokers, { compacted: 1 }, { 'cleanup.policy': 'compact' })
    const make = deliveries()
    const sink = await openSink({ topic: 'compacted' })
    const receipts = await sink.deliver([make({ key: 'a' }), make(), make({ key: 'b' })])
    assert.deepEqual(outcomes(receipts), ['delivered', 'E606', 'delivered'])
    await sink.close()
  })

  test('waits where the user may not write', async () => {
    await createTopics(server.brokers, { secret: 1, open: 1 })
    const admin = new kafkajs.Kafka({ brokers: [server.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.createAcls({
      acl: [
        {
          resourceType: kafkajs.AclResourceTypes.TOPIC,
          resourceName: 'secret',
          resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
          principal: 'User:limited',
          host: '*',
          operation: kafkajs.AclOperationTypes.WRITE,
          permissionType: kafkajs.AclPermissionTypes.DENY,
        },
      ],
    })
    await admin.disconnect()
    const sink = await openSink({
      brokers: [server.sasl],
      sasl: { mechanism: 'plain', username: 'limited', password: 'secret' },
    })
    const make = deliveries()
    const receipts = await sink.deliver([make({ target: 'secret' }), make({ target: 'open' })])
    assert.deepEqual(outcomes(receipts), ['E603', 'delivered'])
    assert.equal(receipts[0]!.error!.retry, 'later')
    await sink.close()
  })

  test('D6: the probe walks the path and stops where it ends', async () => {
    await createTopics(server.brokers, { probed: 2 })
    const probe = (given: object): Promise<readonly ProbeStep[]> =>
      kafka.probe!({ brokers: [server.brokers], ...given } as unknown as never, connectorContext('/none/probe'))
    const good = await probe({ topic: 'probed' })
    assert.deepEqual(
      good.map(({ step, ok }) => [step, ok]),
      [
        ['name', true],
        ['port', true],
        ['login', true],
        ['metadata', true],
        ['produce', true],
      ],
    )
    assert.match(good[4]!.detail, /written to probed-[01]@0/)
    const bad = await probe({ brokers: [server.sasl], sasl: { mechanism: 'plain', username: 'alice', password: 'no' } })
    assert.deepEqual(
      bad.map(({ step, ok }) => [step, ok]),
      [
        ['name', true],
        ['port', true],
        ['login', false],
      ],
    )
    assert.match(bad[2]!.detail, /^E602 /)
  })

  test('a broker that is away at open is E601, to be tried again with a new sink', async () => {
    const sink = makeSink({ brokers: ['127.0.0.1:1', '127.0.0.1:2'] })
    await assert.rejects(sink.open(), { code: 'E601', retry: 'reconnect' })
    await sink.close()
  })
})
