import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { DiscardPolicy, jetstreamManager } from '@nats-io/jetstream'
import { type Delivery, type Receipt, type Sink, TrestleError } from 'trestle/contract'
import { natsOptions } from '../../../connectors/nats/options.ts'
import { NatsSink } from '../../../connectors/nats/sink.ts'
import { type NatsServer, need, startNats } from '../../services/index.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { connectTo, makeStream, readStream } from './nats-reader.ts'

let server: NatsServer

const make = (options: object, context = connectorContext('/none')): Sink =>
  new NatsSink(natsOptions({ servers: [server.address], request_timeout_ms: 3000, ...options }), context)

async function opened<T>(options: object, work: (sink: Sink) => Promise<T>): Promise<T> {
  const sink = make(options)
  await sink.open()
  return work(sink).finally(() => sink.close())
}

const errorOf = async (working: Promise<unknown>): Promise<TrestleError> => {
  const thrown = await working.then(
    () => null,
    (error: unknown) => error,
  )
  assert.ok(thrown instanceof TrestleError, `it should have failed: ${String(thrown)}`)
  return thrown
}

const words = (receipts: readonly Receipt[]): string[] =>
  receipts.map(({ outcome, error }) => (error === null ? outcome : `${outcome} ${error.code}`))

describe('NATS as a sink', { skip: await need('nats') }, () => {
  before(async () => {
    server = await startNats({ settings: 'max_payload: 64KB' })
  })
  after(() => server.stop())

  test('makes the stream it is told of, and says where each message is', async () => {
    const name = randomUUID()
    const stream = { name, create: true, max_age_s: 60, max_bytes: 1_000_000, duplicate_window_s: 300 }
    const next = deliveries()
    const receipts = await opened({ subject_prefix: name, stream }, (sink) =>
      sink.deliver([next(), next({ message: { topic: 'a b/$x.y//z' } })]),
    )
    assert.deepEqual(
      receipts.map(({ place }) => place),
      [`${name}@1`, `${name}@2`],
    )
    const read = await readStream(server.address, name)
    assert.deepEqual(
      read.map(({ subject }) => subject),
      [`${name}.plants.oslo.1`, `${name}.a%20b.$x//y./.z`],
    )
    const seen = await server.read(`/jsz?streams=true&config=true`)
    assert.match(JSON.stringify(seen), new RegExp(`"${name}".*"max_age":60000000000`))
    // One that is there is left as it is.
    await opened({ subject_prefix: 'other', stream: { ...stream, max_age_s: 5 } }, async () => {})
  })

  test('says which stream is missing, and goes on when it is there', async () => {
    const name = randomUUID()
    const error = await errorOf(make({ stream: { name } }).open())
    assert.equal(error.code, 'E604')
    assert.match(error.message, new RegExp(name))
    assert.match(String(error.detail.advice), /create/)
    const next = deliveries()
    const [one, two, other] = [
      next({ target: `${name}.a` }),
      next({ target: `${name}.a` }),
      next({ target: `${name}.b` }),
    ]
    await opened({}, async (sink) => {
      const receipts = await sink.deliver([one!, two!, other!])
      assert.deepEqual(words(receipts), ['failed E604', 'failed E604', 'failed E604'])
      assert.equal(receipts[0]!.error!.retry, 'later')
      assert.match(String(receipts[0]!.error!.detail.advice), /create a stream/)
      await makeStream(server.address, { name, subjects: [`${name}.>`] })
      assert.deepEqual(words(await sink.deliver([one!, two!, other!])), ['delivered', 'delivered', 'delivered'])
    })
  })

  test('a subject nobody may publish to is refused alone', async () => {
    const name = randomUUID()
    await makeStream(server.address, { name, subjects: [`${name}.>`] })
    const next = deliveries()
    const targets = [`${name}.a`, `${name}.*`, '$JS.API.STREAM.DELETE.x', `${name}..b`, `${name}.c d`, `${name}.z`]
    const receipts = await opened({}, (sink) => sink.deliver(targets.map((target) => next({ target }))))
    assert.deepEqual(words(receipts), [
      'delivered',
      'refused E606',
      'refused E606',
      'refused E606',
      'refused E606',
      'delivered',
    ])
  })

  test('a message that is too large for the server, or for the stream, is refused alone and the order holds', async () => {
    const name = randomUUID()
    await makeStream(server.address, { name, subjects: [`${name}.>`], max_msg_size: 10_000 })
    const next = deliveries()
    const sizes = [10, 70_000, 20, 20_000, 30, 40]
    const batch = sizes.map((size) => next({ payload: Buffer.alloc(size), target: `${name}.a`, orderKey: 'one' }))
    const receipts = await opened({}, (sink) => sink.deliver(batch))
    assert.deepEqual(words(receipts), [
      'delivered',
      'refused E605',
      'delivered',
      'refused E605',
      'delivered',
      'delivered',
    ])
    assert.match(receipts[1]!.error!.message, /max_payload of the server \(65536\)/)
    assert.match(receipts[3]!.error!.message, /message size exceeds maximum allowed/)
    const read = await readStream(server.address, name)
    assert.deepEqual(
      read.map(({ data }) => data.length),
      [10, 20, 30, 40],
    )
  })

  test('a full stream that lets nothing go keeps messages waiting, and nothing of a key gets in before them', async () => {
    const name = randomUUID()
    const full = { name, subjects: [`${name}.>`], max_bytes: 3000, discard: DiscardPolicy.New }
    await makeStream(server.address, full)
    const next = deliveries()
    const sizes = [100, 2500, 50, 60]
    const batch = sizes.map((size) => next({ payload: Buffer.alloc(size), target: `${name}.a`, orderKey: 'one' }))
    await opened({}, async (sink) => {
      const receipts = await sink.deliver(batch)
      assert.deepEqual(words(receipts), ['delivered', 'failed E607', 'failed E607', 'failed E607'])
      assert.equal(receipts[1]!.error!.retry, 'later')
      assert.equal((await readStream(server.address, name)).length, 1, 'the small ones did not overtake')
      const connection = await connectTo(server.address)
      await (await jetstreamManager(connection)).streams.update(name, { ...full, max_bytes: 100_000 })
      await connection.close()
      assert.deepEqual(words(await sink.deliver(batch.slice(1))), ['delivered', 'delivered', 'delivered'])
    })
    const read = await readStream(server.address, name)
    assert.deepEqual(
      read.map(({ data }) => data.length),
      sizes,
    )
  })

  test('A4: the order of a key holds while others write into the same stream', async () => {
    const name = randomUUID()
    await makeStream(server.address, { name, subjects: [`${name}.>`] })
    const foreign = await connectTo(server.address)
    let writing = true
    const noise = (async () => {
      for (let n = 0; writing; n++) {
        foreign.publish(`${name}.noise`, String(n))
        if (n % 5 === 0) await new Promise((done) => setImmediate(done))
      }
    })()
    const next = deliveries()
    const all: Delivery[] = []
    await opened({ subject_prefix: name }, async (sink) => {
      for (let round = 0; round < 5; round++) {
        const batch = Array.from({ length: 200 }, (_, n) => next({ orderKey: `key-${n % 2}` }))
        all.push(...batch)
        assert.ok(words(await sink.deliver(batch)).every((word) => word === 'delivered'))
      }
    })
    writing = false
    await noise
    await foreign.close()
    const ids = (await readStream(server.address, name)).flatMap(({ headers }) => headers['trestle-id'] ?? [])
    assert.equal(ids.length, all.length)
    for (const key of ['key-0', 'key-1']) {
      const mine = new Set(all.filter(({ orderKey }) => orderKey === key).map(({ id }) => id))
      assert.deepEqual(
        ids.filter((id) => mine.has(id)),
        [...mine],
      )
    }
  })

  test('A3: what is sent twice is there once, also after the server has forgotten its id', async () => {
    const name = randomUUID()
    await makeStream(server.address, { name, subjects: [`${name}.>`], duplicate_window: 200_000_000 })
    const next = deliveries()
    const batch = Array.from({ length: 20 }, (_, n) => next({ orderKey: `key-${n % 4}` }))
    const options = { subject_prefix: name, stream: { name } }
    await opened(options, async (sink) => {
      await sink.deliver(batch.slice(0, 15))
      const again = await sink.deliver(batch.slice(0, 15))
      assert.equal(again[0]!.place, `${name}@1`, 'the server says where it is')
    })
    await new Promise((done) => setTimeout(done, 500))
    await opened(options, async (sink) => {
      const receipts = await sink.deliver(batch)
      assert.ok(words(receipts).every((word) => word === 'delivered'))
      assert.match(receipts[0]!.place!, new RegExp(`^${name}@\\d+$`))
    })
    const read = await readStream(server.address, name)
    assert.equal(read.length, 20)
    assert.equal(new Set(read.map(({ headers }) => headers['trestle-id'])).size, 20)
    // An identity that was given again, to another message, is another message.
    const other = { ...batch[0]!, message: { ...batch[0]!.message, timeMs: 1 } }
    await new Promise((done) => setTimeout(done, 300))
    await opened(options, (sink) => sink.deliver([other]))
    assert.equal((await readStream(server.address, name)).length, 21)
  })

  test('a rule may ask for a last sequence, a device may ask for nothing', async () => {
    const name = randomUUID()
    await makeStream(server.address, { name, subjects: [`${name}.>`], allow_rollup_hdrs: true })
    const next = deliveries()
    const expecting = (sequence: string): Delivery => {
      const headers = [['Nats-Expected-Last-Subject-Sequence', sequence]] as const
      return next({ target: `${name}.a`, headers })
    }
    const user = [
      ['Nats-Rollup', 'all'],
      ['Nats-Expected-Last-Sequence', '77'],
      ['Nats-Msg-Id', 'the same'],
    ] as const
    const device = (): Delivery => next({ target: `${name}.a`, message: { properties: { user } } })
    const receipts = await opened({}, (sink) => sink.deliver([expecting('0'), expecting('7'), device(), device()]))
    assert.deepEqual(words(receipts), ['delivered', 'refused E606', 'delivered', 'delivered'])
    assert.match(receipts[1]!.error!.message, /wrong last sequence/)
    assert.equal((await readStream(server.address, name)).length, 3, 'nothing was rolled up')
  })

  test('KV: the key is the one named, else the topic; what is no key is refused', async () => {
    const bucket = { name: randomUUID(), create: true, history: 5 }
    const next = deliveries()
    const receipts = await opened({ mode: 'kv', bucket }, (sink) =>
      sink.deliver([
        next(),
        next({ key: 'twin' }),
        next({ target: 'a/b' }),
        next({ key: 'no key' }),
        next({ target: '_kv' }),
      ]),
    )
    assert.deepEqual(words(receipts), ['delivered', 'delivered', 'delivered', 'refused E606', 'refused E606'])
    const read = await readStream(server.address, `KV_${bucket.name}`)
    assert.deepEqual(
      read.map(({ subject }) => subject.slice(`$KV.${bucket.name}.`.length)),
      ['plants.oslo.1', 'twin', 'a/b'],
    )
    const error = await errorOf(make({ mode: 'kv', bucket: { name: 'absent' } }).open())
    assert.equal(error.code, 'E604')
    assert.equal((await errorOf(make({ mode: 'object' }).open())).code, 'E105')
  })

  test('fails with the class `reconnect` when the connection is lost while a batch is under way', async () => {
    const name = randomUUID()
    const own = await startNats()
    try {
      await makeStream(own.address, { name, subjects: [`${name}.>`] })
      const sink = make({ servers: [own.address], subject_prefix: name })
      await sink.open()
      const next = deliveries()
      await sink.deliver([next()])
      // Stopped, it takes what comes and answers nothing.
      process.kill(own.pid, 'SIGSTOP')
      await new Promise((done) => setTimeout(done, 100))
      const delivering = sink.deliver(Array.from({ length: 50 }, () => next()))
      await new Promise((done) => setTimeout(done, 100))
      await own.kill()
      const receipts = await delivering
      assert.ok(receipts.every(({ outcome, error }) => outcome === 'failed' && error!.retry === 'reconnect'))
      assert.equal((await errorOf(sink.deliver([next()]))).retry, 'reconnect')
      await sink.close()
    } finally {
      await own.stop()
    }
  })

  test('gives a server up that does not answer', async () => {
    const own = await startNats()
    try {
      await makeStream(own.address, { name: 'S', subjects: ['s.>'] })
      const sink = make({ servers: [own.address], subject_prefix: 's', request_timeout_ms: 500 })
      await sink.open()
      process.kill(own.pid, 'SIGSTOP')
      await new Promise((done) => setTimeout(done, 100))
      const [receipt] = await sink.deliver([deliveries()()])
      assert.equal(receipt!.error!.code, 'E601')
      assert.match(receipt!.error!.message, /did not answer within 500 ms/)
      await sink.close()
      const error = await errorOf(make({ servers: [own.address], connect_timeout_ms: 500 }).open())
      assert.equal(error.code, 'E601')
    } finally {
      process.kill(own.pid, 'SIGCONT')
      await own.stop()
    }
  })
})
