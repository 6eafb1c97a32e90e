import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { headers as newHeaders } from '@nats-io/transport-node'
import { type Delivery, type Message, type MessageProperties, TrestleError } from 'trestle/contract'
import { natsOptions } from '../../../connectors/nats/options.ts'
import { NatsSink } from '../../../connectors/nats/sink.ts'
import { NatsSource } from '../../../connectors/nats/source.ts'
import { natsSourceOptions } from '../../../connectors/nats/source-options.ts'
import { type NatsServer, need, startNats } from '../../services/index.ts'
import { until } from '../../support/bridge-rig.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { HeldIntake, textOf } from '../../support/held-intake.ts'
import { connectTo, makeStream } from './nats-reader.ts'

let server: NatsServer
let connection: NatsConnection

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

const make = (source: object, options: object = {}, context = connectorContext(`/none/${randomUUID()}`)): NatsSource =>
  new NatsSource(
    natsOptions({ servers: [server.address], request_timeout_ms: 3000, ...options }),
    natsSourceOptions({ publish: '${topic}', ...source }),
    context,
  )

async function opened(
  source: object,
  work: (intake: HeldIntake, source: NatsSource) => Promise<void>,
  options: object = {},
  outcome: HeldIntake['outcome'] = 'stored',
): Promise<void> {
  const made = make(source, options)
  const intake = new HeldIntake(outcome)
  await made.open(intake)
  try {
    await work(intake, made)
  } finally {
    for (const batch of intake.batches) batch.answer('failed')
    await made.close()
  }
}

const errorOf = async (source: NatsSource): Promise<TrestleError> => {
  const thrown = await source.open(new HeldIntake()).then(
    () => null,
    (error: unknown) => error,
  )
  await source.close()
  assert.ok(thrown instanceof TrestleError, `it should have failed: ${String(thrown)}`)
  return thrown
}

const put = async (subject: string, ...values: string[]): Promise<void> => {
  for (const value of values) await jetstream(connection).publish(subject, value)
}

async function stateOf(stream: string): Promise<{ open: number; redelivered: number; left: number; name: string }> {
  const manager = await jetstreamManager(connection)
  for await (const { name, num_ack_pending, num_redelivered, num_pending } of manager.consumers.list(stream)) {
    return { name, open: num_ack_pending, redelivered: num_redelivered, left: num_pending }
  }
  throw new Error(`${stream} has no consumer`)
}

describe('NATS as a source', { skip: await need('nats') }, () => {
  before(async () => {
    server = await startNats({ settings: 'max_payload: 2MB' })
    connection = await connectTo(server.address)
  })
  after(async () => {
    await connection.close()
    await server.stop()
  })

  async function stream(): Promise<string> {
    const name = randomUUID()
    await makeStream(server.address, { name, subjects: [`${name}.>`] })
    return name
  }

  test('A11: a message goes out into a stream and comes back as it was, but for the hops', async () => {
    const name = await stream()
    const user: [string, string][] = [
      ['a', '1'],
      ['a', '2'],
      ['Name with space', 'ä "quoted", \\ and\nnew line'],
      ['mqtt-topic', 'mine'],
      ['Nats-Rollup', 'all'],
      ['', ''],
    ]
    const properties: MessageProperties = {
      payloadFormat: 1,
      expirySeconds: 3600,
      contentType: 'text/plänе',
      responseTopic: 'antwort/ö 1',
      correlationData: Uint8Array.from([0, 255, 10, 13]),
      user,
    }
    const shapes: Partial<Message>[] = [
      { topic: 'räume/1.5/ x*>/', qos: 2, retain: true, client: 'gerät 1', properties, timeMs: Date.now() - 1 },
      { topic: '$SYS/x', qos: 1, client: 'c', properties: null, timeMs: Date.now() - 2 },
      { topic: '/a//b/', qos: 0, client: '', properties: { user: [['plain', 'x']] }, timeMs: Date.now() },
    ]
    const next = deliveries('hub-a')
    const batch: Delivery[] = shapes.map((message) => next({ message, payload: Buffer.from([1, 0, 13, 10, 255]) }))
    const options = natsOptions({ servers: [server.address], subject_prefix: name })
    const sink = new NatsSink(options, { ...connectorContext('/none'), hub: 'hub-a' })
    await sink.open()
    for (const { error } of await sink.deliver(batch)) assert.equal(error, null)
    await sink.close()
    await opened(
      { stream: name },
      async (intake) => {
        await until(() => intake.taken.length === 3, 'all is back')
        for (const [at, message] of intake.taken.entries()) {
          const { message: sent } = batch[at]!
          const { user: back = [], ...others } = message.properties ?? {}
          assert.deepEqual(back[0], ['trestle-hops', 'hub-a'])
          const { user: before = [], ...same } = sent.properties ?? {}
          assert.deepEqual(back.slice(1), before)
          assert.deepEqual(
            { ...others, correlationData: [...(others.correlationData ?? [])] },
            {
              ...same,
              correlationData: [...(same.correlationData ?? [])],
            },
          )
          const { topic, qos, retain, client, timeMs } = message
          assert.deepEqual(
            { topic, qos, retain, client, timeMs },
            { topic: sent.topic, qos: sent.qos, retain: sent.retain, client: sent.client, timeMs: sent.timeMs },
          )
          assert.deepEqual([...message.payload], [1, 0, 13, 10, 255])
        }
      },
      { subject_prefix: name },
    )
  })

  test('reads the subjects it is told of, from where it is told to begin', async () => {
    const name = await stream()
    await put(`${name}.a`, 'a1', 'a2')
    await put(`${name}.b`, 'b1')
    await put(`${name}.c`, 'c1', 'c2')
    const cases: [source: object, values: string[]][] = [
      [{}, ['a1', 'a2', 'b1', 'c1', 'c2']],
      [{ subjects: [`${name}.a`] }, ['a1', 'a2']],
      [{ subjects: [`${name}.a`, `${name}.c`] }, ['a1', 'a2', 'c1', 'c2']],
      [{ deliver: 'last' }, ['c2']],
      [{ deliver: 'last_per_subject' }, ['a2', 'b1', 'c2']],
      [{ deliver: 'by_start_sequence', start_sequence: 4 }, ['c1', 'c2']],
      [{ deliver: 'by_start_time', start_time: '2020-01-01T00:00:00Z' }, ['a1', 'a2', 'b1', 'c1', 'c2']],
    ]
    for (const [source, values] of cases) {
      const isOld = /^2\.[0-9]\./.test(connection.info!.version)
      if (isOld && (source as { subjects?: string[] }).subjects?.length === 2) {
        assert.equal((await errorOf(make({ stream: name, ...source }))).code, 'E611')
        continue
      }
      await opened({ stream: name, durable: randomUUID(), ...source }, async (intake) => {
        await until(() => intake.values.length >= values.length, `${JSON.stringify(source)} arrives`)
        assert.deepEqual(intake.values, values, JSON.stringify(source))
      })
    }
    await opened({ stream: name, deliver: 'new', durable: 'new' }, async (intake) => {
      await put(`${name}.a`, 'later')
      await until(() => intake.values.length > 0, 'the new one arrives')
      assert.deepEqual(intake.values, ['later'])
      assert.deepEqual(intake.taken[0]!.topic, `${name}/a`)
    })
  })

  test('A9: tells the server in time that it still has a message, and it is not sent again', async () => {
    const name = await stream()
    await put(`${name}.a`, '1', '2', '3')
    await opened(
      { stream: name, ack_wait_ms: 600 },
      async (intake) => {
        await until(() => intake.taken.length === 3, 'all arrives')
        await pause(2500)
        assert.equal(intake.taken.length, 3)
        assert.deepEqual(await stateOf(name), { ...(await stateOf(name)), open: 3, redelivered: 0 })
        for (const batch of intake.batches) batch.answer('stored')
        await until(async () => (await stateOf(name)).open === 0, 'all is acknowledged')
      },
      {},
      null,
    )
  })

  test('a message that cannot be one of MQTT is a fault of its own place, and its end is told upstream', async () => {
    const name = await stream()
    const terminated: string[] = []
    const advisory = '$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>'
    const listening = connection.subscribe(advisory, { callback: (_, { subject }) => void terminated.push(subject) })
    await put(`${name}.a`, '{"line":7}', 'no JSON', '{"line":8}')
    const source = { stream: name, publish: 'lines/${payload.line}' }
    await opened(
      source,
      async (intake) => {
        await until(() => intake.taken.length === 3, 'all arrives')
        const faults = intake.batches.flatMap(({ faults: found }) => [...found])
        assert.deepEqual(
          faults.map(([at, { code }]) => [at, code]),
          [[1, 'E405']],
        )
        assert.equal(intake.taken[2]!.topic, 'lines/8')
        for (const batch of intake.batches) batch.answer('stored', (at) => (at === 1 ? 'refused' : 'stored'))
        await until(async () => (await stateOf(name)).open === 0, 'all is dealt with')
        await until(() => terminated.length === 1, 'one is terminated')
      },
      {},
      null,
    )
    listening.unsubscribe()
  })

  test('a message larger than what may be held comes alone', async () => {
    const name = await stream()
    const large = 'x'.repeat(300_000)
    await put(`${name}.a`, '1', large, '2', large, '3')
    await opened({ stream: name, max_unsettled_bytes: 100_000 }, async (intake) => {
      await until(() => intake.taken.length === 5, 'all arrives')
      assert.deepEqual(
        intake.values.map(({ length }) => length),
        [1, 300_000, 1, 300_000, 1],
      )
    })
  })

  test('says what is missing or cannot be used', async () => {
    const name = await stream()
    const missing = await errorOf(make({ stream: 'absent' }))
    assert.equal(missing.code, 'E604')
    assert.match(missing.message, /stream absent does not exist/)
    assert.equal((await errorOf(make({}))).code, 'E105')
    assert.equal((await errorOf(make({ mode: 'core' }))).code, 'E105')
    assert.equal((await errorOf(make({ stream: name, publish: '${nothing}' }))).code, 'E206')
    const manager = await jetstreamManager(connection)
    await manager.consumers.add(name, { durable_name: 'none', ack_policy: AckPolicy.None })
    const unusable = await errorOf(make({ stream: name, durable: 'none' }))
    assert.equal(unusable.code, 'E604')
    assert.match(unusable.message, /acknowledged as `none`/)
    const past = await errorOf(make({ stream: name, deliver: 'by_start_time', start_time: 'soon' }))
    assert.equal(past.code, 'E104')
  })

  test('takes a consumer that is there as it is, says where that is not what was asked, and keeps its limits', async () => {
    const name = await stream()
    const manager = await jetstreamManager(connection)
    const config = { durable_name: 'd', ack_policy: AckPolicy.Explicit, filter_subject: `${name}.a`, max_batch: 3 }
    await manager.consumers.add(name, config)
    await put(`${name}.a`, ...Array.from({ length: 10 }, (_, n) => `a${n}`))
    await put(`${name}.b`, 'b')
    const context = connectorContext(`/none/${randomUUID()}`)
    const source = make({ stream: name, durable: 'd', subjects: [`${name}.b`] }, {}, context)
    const intake = new HeldIntake()
    await source.open(intake)
    await until(() => intake.taken.length === 10, 'all of the one subject arrives')
    assert.deepEqual(intake.losses, [])
    assert.ok(context.lines.some(({ event }) => event === 'nats.consumer-differs'))
    await source.close()
  })

  test('a consumer that is deleted under it is a loss, and the next source makes it anew', async () => {
    const name = await stream()
    await opened({ stream: name }, async (intake) => {
      await put(`${name}.a`, '1')
      await until(() => intake.taken.length === 1, 'it arrives')
      const manager = await jetstreamManager(connection)
      await manager.consumers.delete(name, (await stateOf(name)).name)
      await until(() => intake.losses.length > 0, 'it is told')
      assert.equal(intake.losses[0]!.code, 'E604')
      assert.equal(intake.losses[0]!.retry, 'reconnect')
    })
  })

  test('a bucket gives the present value of each key, then what changes', async () => {
    const bucket = randomUUID()
    const options = natsOptions({ servers: [server.address], mode: 'kv', bucket: { name: bucket, create: true } })
    const sink = new NatsSink(options, connectorContext('/none'))
    await sink.open()
    const next = deliveries()
    const twin = (topic: string, payload: string): Delivery => next({ payload, message: { topic } })
    await sink.deliver([twin('räume/1.5', 'old'), twin('b', 'only')])
    await sink.deliver([twin('räume/1.5', 'new')])
    await opened({ mode: 'kv', bucket }, async (intake) => {
      await until(() => intake.taken.length === 2, 'the present values arrive')
      await sink.deliver([twin('b', 'changed')])
      await until(() => intake.taken.length === 3, 'the change arrives')
      assert.deepEqual(
        intake.taken.map(({ topic, payload }) => [topic, textOf(payload)]),
        [
          ['b', 'only'],
          ['räume/1.5', 'new'],
          ['b', 'changed'],
        ],
      )
    })
    await sink.close()
  })
})

describe('core NATS as a source', { skip: await need('nats') }, () => {
  before(async () => {
    server = await startNats()
    connection = await connectTo(server.address)
  })
  after(async () => {
    await connection.close()
    await server.stop()
  })

  test('hands in what is published, with its headers, and shares it in a queue group', async () => {
    await opened({ mode: 'core', subjects: ['q.>'], queue: 'workers' }, (one) =>
      opened({ mode: 'core', subjects: ['q.>'], queue: 'workers' }, async (other) => {
        const headers = newHeaders()
        headers.append('plant', 'oslo')
        for (let n = 0; n < 100; n++) connection.publish(`q.${n}`, String(n), { headers })
        await until(() => one.taken.length + other.taken.length === 100, 'all arrives once')
        await pause(100)
        assert.equal(one.taken.length + other.taken.length, 100)
        assert.ok(one.taken.length > 0 && other.taken.length > 0)
        const [message] = one.taken
        assert.match(message!.topic, /^q\/\d+$/)
        assert.deepEqual(message!.properties?.user, [['plant', 'oslo']])
      }),
    )
  })

  test('does not listen while it is paused or holds as much as it may, and listens again', async () => {
    await opened(
      { mode: 'core', subjects: ['p.>'], max_unsettled: 10 },
      async (intake, source) => {
        const send = async (count: number): Promise<void> => {
          for (let n = 0; n < count; n++) connection.publish('p.x', String(n))
          await connection.flush()
          await pause(150)
        }
        await send(4)
        source.pause()
        await send(5)
        assert.equal(intake.taken.length, 4)
        source.resume()
        await pause(100)
        await send(30)
        assert.equal(intake.taken.length, 10, 'no more than it may hold')
        for (const batch of intake.batches) batch.answer()
        await pause(100)
        await send(3)
        assert.equal(intake.taken.length, 13)
      },
      {},
      null,
    )
  })

  test('a request of NATS is answered by MQTT, and a request of MQTT by NATS', async () => {
    const options = { mode: 'core', replies: { topic: 'nats/reply', subject: 'mqtt.reply' } }
    const sink = new NatsSink(natsOptions({ servers: [server.address], ...options }), connectorContext('/none'))
    await sink.open()
    const next = deliveries()
    await opened(
      { mode: 'core', subjects: ['ask.>', 'mqtt.reply.>'] },
      async (intake) => {
        // NATS asks, a device answers to the response topic it was given.
        const asked = connection.request('ask.time', 'when?', { timeout: 5000 })
        await until(() => intake.taken.length === 1, 'the question is in MQTT')
        const { responseTopic } = intake.taken[0]!.properties!
        assert.match(responseTopic!, /^nats\/reply\/_INBOX\//)
        const answer = next({ message: { topic: responseTopic! }, payload: 'now' })
        assert.equal((await sink.deliver([answer]))[0]!.error, null)
        assert.equal((await asked).string(), 'now')
        // A device asks, a service of NATS answers.
        connection.subscribe('serve.it', { callback: (_, message) => void message.respond('served') })
        await connection.flush()
        const properties = { responseTopic: 'räume/1.5/answer', correlationData: Uint8Array.from([0, 7, 255]) }
        await sink.deliver([next({ message: { topic: 'serve/it', properties } })])
        await until(() => intake.taken.length === 2, 'the answer is in MQTT')
        const answered = intake.taken[1]!
        assert.equal(answered.topic, 'räume/1.5/answer')
        assert.deepEqual([...answered.properties!.correlationData!], [0, 7, 255])
        assert.equal(textOf(answered.payload), 'served')
      },
      options,
    )
    await sink.close()
  })
})
