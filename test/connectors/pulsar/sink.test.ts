import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Delivery, type Receipt, readHeaders, type Sink, textHeadersOf } from 'trestle/contract'
import { pulsarOptions } from '../../../connectors/pulsar/options.ts'
import { probePulsar } from '../../../connectors/pulsar/probe.ts'
import { PulsarSink } from '../../../connectors/pulsar/sink.ts'
import { need, type PulsarServer, startPulsar } from '../../services/index.ts'
import { sinkSuite } from '../../suites/sink.ts'
import { connectorContext } from '../../support/delivery.ts'
import { deliveryAt } from './delivery-at.ts'
import { sendWithJava } from './java-producer.ts'
import { readWithJava } from './java-reader.ts'

const skip = await need('pulsar')
const folder = await mkdtemp(join(tmpdir(), 'trestle-pulsar-sink-'))
const context = connectorContext(folder)
let plain: PulsarServer
let topics = 0
after(() => rm(folder, { recursive: true, force: true }))

/** Delivers with a sink of its own. */
async function deliverWith(options: object, deliveries: readonly Delivery[]): Promise<readonly Receipt[]> {
  const sink = new PulsarSink(pulsarOptions({ servers: [plain.url], ...options }), context)
  try {
    await sink.open()
    return await sink.deliver(deliveries)
  } finally {
    await sink.close()
  }
}
const outcomes = (receipts: readonly Receipt[]): string[] =>
  receipts.map(({ outcome, error }) => (error === null ? outcome : `${outcome} ${error.code} ${error.retry}`))
const range = (count: number, first = 1): number[] => Array.from({ length: count }, (_, at) => first + at)
const api = (topic: string, path = ''): string => `/persistent/public/default/${topic}${path}`

before(async () => {
  if (skip === false)
    plain = await startPulsar({
      webSocket: true,
      maxMessageBytes: 100_000,
      properties: { backlogQuotaCheckIntervalInSeconds: 1 },
    })
})
after(() => plain?.stop())

sinkSuite('Pulsar', {
  skip,
  async make() {
    const topic = `suite-${++topics}`
    await plain.admin(api(topic, '/partitions'), 'PUT', 3)
    const own = await mkdtemp(join(folder, 'suite-'))
    const again = (): Sink => new PulsarSink(pulsarOptions({ servers: [plain.url], topic }), connectorContext(own))
    return {
      sink: again(),
      again,
      async readBack() {
        const read = await readWithJava(plain, topic)
        return read.map(({ key, payload, properties }) => ({ id: properties['trestle-id']!, key, value: payload }))
      },
      stop: async () => {},
    }
  },
})

describe('The sink of Pulsar', { skip }, () => {
  const newTopic = async (partitions = 0): Promise<string> => {
    const topic = `sink-${++topics}`
    if (partitions > 0) await plain.admin(api(topic, '/partitions'), 'PUT', partitions)
    else await plain.admin(api(topic), 'PUT')
    return topic
  }

  for (const compression of ['none', 'lz4', 'zlib', 'zstd', 'snappy'] as const) {
    for (const batching of ['default', 'none'] as const) {
      test(`writes what Java reads: ${compression}, batching ${batching}`, async () => {
        const topic = await newTopic()
        const deliveries = range(20).map((n) => deliveryAt(n, { payload: `${n} `.repeat(100) }))
        const receipts = await deliverWith({ topic, compression, batching }, deliveries)
        assert.deepEqual([...new Set(outcomes(receipts))], ['delivered'])
        assert.match(receipts[0]!.place ?? '', /^persistent:\/\/public\/default\/sink-\d+@\d+:\d+/)
        const read = await readWithJava(plain, topic)
        assert.deepEqual(
          read.map(({ key, payload, eventTimeMs }) => ({ key, payload, eventTimeMs })),
          deliveries.map(({ key, payload, message }) => ({
            key,
            payload: Buffer.from(payload).toString(),
            eventTimeMs: message.timeMs,
          })),
        )
        assert.deepEqual(read[7]!.properties, Object.fromEntries(textHeadersOf(deliveries[7]!, 'hub')))
      })
    }
  }

  test('carries all that a message has, as the table of properties says', async () => {
    const topic = await newTopic()
    const delivery = deliveryAt(1, {
      key: 'ключ',
      headers: [['line', 'A 1']],
      message: {
        topic: 'plants/Østfold/1',
        client: 'dévice',
        qos: 2,
        retain: true,
        properties: {
          payloadFormat: 1,
          expirySeconds: 60,
          contentType: 'application/json',
          responseTopic: 'answers/1',
          correlationData: Buffer.from([0, 255, 1]),
          user: [
            ['unit', '°C'],
            ['mqtt-topic', 'mine'],
            ['trestle-hops', 'other'],
            ['long', 'x'.repeat(500)],
          ],
        },
      },
    })
    await deliverWith({ topic }, [delivery])
    const [read] = await readWithJava(plain, topic)
    assert.equal(read!.key, 'ключ')
    assert.deepEqual(read!.properties, Object.fromEntries(textHeadersOf(delivery, 'hub')))
    const carried = readHeaders(Object.entries(read!.properties), delivery.message.timeMs)
    assert.equal(carried.topic, 'plants/Østfold/1')
    assert.deepEqual(Buffer.from(carried.properties!.correlationData!), Buffer.from([0, 255, 1]))
    assert.ok(carried.properties!.user!.some(([name, value]) => name === 'trestle-hops' && value === 'other hub'))
  })

  test('puts a key where the clients of Java put it', async () => {
    const topic = await newTopic(5)
    const keys = range(40).map((n) => `key-é${n}`)
    await sendWithJava(
      plain,
      topic,
      keys.map((key) => ({ key, payload: 'java' })),
    )
    await deliverWith(
      { topic },
      keys.map((key, at) => deliveryAt(at + 1, { key, orderKey: 'one', payload: 'ours' })),
    )
    for (let partition = 0; partition < 5; partition++) {
      const read = await readWithJava(plain, `${topic}-partition-${partition}`)
      const keysOf = (payload: string): (string | null)[] =>
        read
          .filter((one) => one.payload === payload)
          .map(({ key }) => key)
          .sort()
      assert.deepEqual(keysOf('ours'), keysOf('java'))
    }
  })

  test('keeps an order without keys on one partition, and obeys a partition that is named', async () => {
    const topic = await newTopic(3)
    await deliverWith(
      { topic },
      range(30).map((n) => deliveryAt(n, { key: null, orderKey: `order-${n % 4}` })),
    )
    const ids = (await readWithJava(plain, topic)).map(({ properties }) =>
      Number(properties['trestle-id']!.split('-')[1]),
    )
    for (let order = 0; order < 4; order++) {
      const ofOrder = ids.filter((n) => n % 4 === order)
      assert.deepEqual(
        ofOrder,
        ofOrder.toSorted((one, other) => one - other),
      )
      assert.ok(ofOrder.length >= 7)
    }
    const named = deliveryAt(100, { options: { partition: '2' } })
    const refused = [3, '', 'x', -1].map((partition, at) => deliveryAt(101 + at, { options: { partition } }))
    assert.deepEqual(outcomes(await deliverWith({ topic }, [named, ...refused])), [
      'delivered',
      ...refused.map(() => 'refused E606 never'),
    ])
    const second = await readWithJava(plain, `${topic}-partition-2`)
    assert.ok(second.some(({ properties }) => properties['trestle-id'] === 'hub-100-0'))
  })

  test('goes to the topic a rule names, in any namespace', async () => {
    await plain.admin('/namespaces/public/other', 'PUT').catch(() => null)
    const fallback = await newTopic()
    const receipts = await deliverWith({ topic: fallback }, [
      deliveryAt(1),
      deliveryAt(2, { target: 'public/other/there' }),
      deliveryAt(3, { target: 'no/name' }),
      deliveryAt(4, { target: 'nowhere/at-all/x' }),
    ])
    assert.deepEqual(outcomes(receipts).slice(0, 3), ['delivered', 'delivered', 'refused E606 never'])
    assert.match(outcomes(receipts)[3]!, /^failed E60[34] later/)
    assert.match(receipts[1]!.place!, /^persistent:\/\/public\/other\/there@/)
    assert.deepEqual(outcomes(await deliverWith({}, [deliveryAt(5)])), ['refused E606 never'])
  })

  test('delivers later where a rule says so, and refuses what is no time', async () => {
    const topic = await newTopic()
    const subscribed = `${api(topic)}/subscription/late`
    await plain.admin(subscribed, 'PUT')
    const timeMs = Date.now()
    const receipts = await deliverWith({ topic }, [
      deliveryAt(1, { message: { timeMs }, options: { deliver_after_ms: 2500 } }),
      deliveryAt(2, { message: { timeMs } }),
      deliveryAt(3, { message: { timeMs }, options: { deliver_at: new Date(timeMs + 2500).toISOString() } }),
      deliveryAt(4, { options: { deliver_at: 'soon' } }),
    ])
    assert.deepEqual(outcomes(receipts), ['delivered', 'delivered', 'delivered', 'refused E606 never'])
    const url = `${plain.webUrl.replace('http', 'ws')}/ws/v2/consumer/persistent/public/default/${topic}/late`
    const socket = new WebSocket(`${url}?subscriptionType=Shared`)
    const arrivals: [id: string, afterMs: number][] = []
    await new Promise<void>((settle, fail) => {
      const timer = setTimeout(() => fail(new Error(JSON.stringify(arrivals))), 15_000)
      socket.onmessage = ({ data }) => {
        const { properties } = JSON.parse(String(data)) as { properties: Record<string, string> }
        arrivals.push([properties['trestle-id']!, Date.now() - timeMs])
        if (arrivals.length < 3) return
        clearTimeout(timer)
        settle()
      }
    })
    socket.close()
    assert.equal(arrivals[0]![0], 'hub-2-0')
    for (const [, afterMs] of arrivals.slice(1)) assert.ok(afterMs >= 2400, `${afterMs} ms`)
  })

  test('with `batching: key` keeps each entry to one key, so that key_shared readers divide them', async () => {
    const topic = await newTopic()
    await deliverWith(
      { topic, batching: 'key' },
      range(60).map((n) => deliveryAt(n)),
    )
    const stats = (await plain.admin(`${api(topic)}/internalStats`)) as { entriesAddedCounter: number }
    assert.equal(stats.entriesAddedCounter, 10)
    const read = await readWithJava(plain, topic)
    assert.equal(read.length, 60)
    assert.equal(new Set(read.slice(0, 6).map(({ key }) => key)).size, 1)
  })

  test('splits what is larger than the broker takes, and refuses only the message that is too large itself', async () => {
    const topic = await newTopic()
    const sizes = [40_000, 40_000, 40_000, 120_000, 1000]
    const receipts = await deliverWith(
      { topic },
      sizes.map((size, at) => deliveryAt(at + 1, { payload: 'x'.repeat(size) })),
    )
    assert.deepEqual(outcomes(receipts), ['delivered', 'delivered', 'delivered', 'refused E605 never', 'delivered'])
    assert.match(receipts[3]!.error!.detail.advice ?? '', /maxMessageSize/)
    const read = await readWithJava(plain, topic)
    assert.deepEqual(
      read.map(({ payload }) => payload.length),
      [40_000, 40_000, 40_000, 1000],
    )
  })

  test('finds the one message that a topic’s own limit refuses', async () => {
    const topic = await newTopic()
    await deliverWith({ topic }, [deliveryAt(1)])
    await plain.admin(api(topic, '/maxMessageSize'), 'POST', 5000)
    await new Promise((done) => setTimeout(done, 500))
    const sizes = [1000, 1000, 9000, 1000]
    const receipts = await deliverWith(
      { topic },
      sizes.map((size, at) => deliveryAt(at + 2, { payload: 'x'.repeat(size) })),
    )
    assert.deepEqual(outcomes(receipts), ['delivered', 'delivered', 'refused E605 never', 'delivered'])
    assert.equal((await readWithJava(plain, topic)).length, 4)
  })

  test('says that a topic was terminated, and holds the messages', async () => {
    const topic = await newTopic()
    await deliverWith({ topic }, [deliveryAt(1)])
    await plain.admin(api(topic, '/terminate'), 'POST')
    const [receipt] = await deliverWith({ topic }, [deliveryAt(2)])
    assert.deepEqual(outcomes([receipt!]), ['failed E604 later'])
    assert.match(receipt!.error!.message, /terminated/i)
    assert.match(receipt!.error!.detail.advice ?? '', /terminated/)
  })

  test('says that the backlog is over its quota, and goes on when it is not', async () => {
    await plain.admin('/namespaces/public/quota', 'PUT')
    const quota = { limitSize: 2000, limit: 2000, policy: 'producer_exception' }
    await plain.admin('/namespaces/public/quota/backlogQuota?backlogQuotaType=destination_storage', 'POST', quota)
    const topic = 'public/quota/full'
    const sink = new PulsarSink(pulsarOptions({ servers: [plain.url], topic }), context)
    await sink.open()
    const subscription = '/persistent/public/quota/full/subscription/slow'
    let receipt = (await sink.deliver([deliveryAt(1)]))[0]!
    await plain.admin(subscription, 'PUT')
    const until = Date.now() + 20_000
    for (let n = 2; receipt.error === null && Date.now() < until; n++) {
      receipt = (await sink.deliver([deliveryAt(n, { payload: 'x'.repeat(1000) })]))[0]!
      await new Promise((done) => setTimeout(done, 200))
    }
    assert.deepEqual(outcomes([receipt]), ['failed E607 later'], receipt.error?.message)
    assert.match(receipt.error!.detail.advice ?? '', /backlog quota/)
    await plain.admin(`${subscription}/skip_all`, 'POST')
    let last = ''
    for (let attempt = 0; attempt < 50 && last !== 'delivered'; attempt++) {
      last = outcomes(await sink.deliver([deliveryAt(1000)]))[0]!
      await new Promise((done) => setTimeout(done, 200))
    }
    await sink.close()
    assert.equal(last, 'delivered')
  })

  test('has a topic for itself alone where that is asked for', async () => {
    const topic = await newTopic()
    const first = new PulsarSink(pulsarOptions({ servers: [plain.url], topic, access_mode: 'exclusive' }), context)
    await first.open()
    assert.deepEqual(outcomes(await first.deliver([deliveryAt(1)])), ['delivered'])
    const [refused] = await deliverWith({ topic, producer_name_prefix: 'other', access_mode: 'exclusive' }, [
      deliveryAt(2),
    ])
    assert.match(outcomes([refused!])[0]!, /^failed E607 later/)
    const waits = { topic, producer_name_prefix: 'third', access_mode: 'wait_for_exclusive', request_timeout_ms: 1500 }
    const waiting = new PulsarSink(pulsarOptions({ servers: [plain.url], ...waits }), context)
    await waiting.open()
    assert.deepEqual(outcomes(await waiting.deliver([deliveryAt(3)])), ['failed E607 later'])
    await first.close()
    let last: string[] = []
    for (let attempt = 0; attempt < 20 && last[0] !== 'delivered'; attempt++) {
      last = outcomes(await waiting.deliver([deliveryAt(3)]))
    }
    assert.deepEqual(last, ['delivered'])
    const fencing = { topic, producer_name_prefix: 'fourth', access_mode: 'exclusive_with_fencing' }
    assert.deepEqual(outcomes(await deliverWith(fencing, [deliveryAt(4)])), ['delivered'])
    const [fenced] = await waiting.deliver([deliveryAt(5)])
    // The broker ends the connection of who is put out.
    assert.match(outcomes([fenced!])[0]!, /^failed E60[17] reconnect/, fenced?.error?.message)
    await waiting.close()
  })

  test('opens no more producers than it may, and forgets none of its messages for that', async () => {
    const topic = await newTopic()
    const sink = new PulsarSink(pulsarOptions({ servers: [plain.url], max_producers: 2 }), context)
    await sink.open()
    for (let n = 1; n <= 12; n++) {
      const target = `${topic}-${n % 4}`
      assert.deepEqual(outcomes(await sink.deliver([deliveryAt(n, { target })])), ['delivered'])
    }
    await sink.close()
    const counts = []
    for (let at = 0; at < 4; at++) counts.push((await readWithJava(plain, `${topic}-${at}`)).length)
    assert.deepEqual(counts, [3, 3, 3, 3])
  })

  test('is called by its hub, connector and topic, and shows what it was given', async () => {
    const topic = await newTopic()
    const sink = new PulsarSink(pulsarOptions({ servers: [plain.url], topic, metadata: { site: 'oslo' } }), context)
    await sink.open()
    await sink.deliver([deliveryAt(1)])
    const { publishers } = (await plain.admin(api(topic, '/stats'))) as {
      publishers: { producerName: string; metadata: object }[]
    }
    await sink.close()
    assert.equal(publishers[0]!.producerName, `trestle-hub-lake-persistent://public/default/${topic}`)
    assert.deepEqual(publishers[0]!.metadata, { site: 'oslo' })
  })

  test('is probed step by step, with a message that is really written', async () => {
    const topic = await newTopic()
    const steps = await probePulsar(pulsarOptions({ servers: [plain.url], topic }), context)
    assert.deepEqual(
      steps.map(({ step, ok }) => `${step} ${ok}`),
      ['name true', 'port true', 'login true', 'topic true', 'produce true'],
      JSON.stringify(steps),
    )
    assert.equal((await readWithJava(plain, topic))[0]!.properties['trestle-id'], 'probe')
    const closed = await probePulsar(pulsarOptions({ servers: ['pulsar://127.0.0.1:1'], topic }), context)
    assert.deepEqual(
      closed.map(({ step, ok }) => `${step} ${ok}`),
      ['name true', 'port false'],
    )
    assert.match(closed[1]!.detail, /E601 .*ECONNREFUSED.*\(start the broker, or check the port\)/)
  })
})

describe('A broker that wants TLS and tokens', { skip }, () => {
  let server: PulsarServer
  before(async () => {
    const providers = ['Token', 'Basic', 'Tls'].map(
      (name) => `org.apache.pulsar.broker.authentication.AuthenticationProvider${name}`,
    )
    // Credentials that ran out are asked for again after a second.
    const properties = { authenticationProviders: providers.join(), authenticationRefreshCheckSeconds: 1 }
    server = await startPulsar({ tls: true, tokens: true, users: { admin: 'pass-word' }, properties })
  })
  after(() => server?.stop())
  const tls = (): object => ({ ca: server.certificate!.certFile })
  const probe = async (options: object): Promise<string> => {
    const steps = await probePulsar(pulsarOptions({ topic: 'secure', ...options }), context)
    const last = steps.at(-1)!
    return `${last.step} ${last.ok} ${last.detail}`
  }

  test('takes what comes by TLS with its token', async () => {
    const auth = { type: 'token', token: server.token('admin') }
    assert.match(await probe({ servers: [server.tlsUrl], tls: tls(), auth }), /^produce true/)
  })

  test('is told from one that cannot be verified, in words that help and hold no secret', async () => {
    const auth = { type: 'token', token: server.token('admin') }
    const distrusted = await probe({ servers: [server.tlsUrl], auth })
    assert.match(distrusted, /^login false E601 .*self-signed certificate.*\(name the certificate in tls.ca\)/)
    assert.match(
      await probe({ servers: [server.url.replace('pulsar:', 'pulsar+ssl:')], tls: tls(), auth }),
      /^login false E601/,
    )
    const wrong = await probe({ servers: [server.tlsUrl], tls: tls(), auth: { type: 'token', token: 'secret-word' } })
    assert.match(wrong, /^login false E602 .*AuthenticationError.*\(check what stands under auth\)/)
    assert.doesNotMatch(wrong, /secret-word/)
  })

  test('refuses a role without the right to produce, in its own words', async () => {
    const auth = { type: 'token', token: server.token('nobody') }
    assert.match(await probe({ servers: [server.tlsUrl], tls: tls(), auth }), /^topic false E603 .*AuthorizationError/)
  })

  test('says that a token has expired', async () => {
    const auth = { type: 'token', token: server.token('admin', -10) }
    assert.match(await probe({ servers: [server.tlsUrl], tls: tls(), auth }), /^login false E602/)
  })

  test('takes a user with a password, and a client certificate', async () => {
    const basic = { type: 'basic', username: 'admin', password: 'pass-word' }
    assert.match(await probe({ servers: [server.url], auth: basic }), /^produce true/)
    const wrong = await probe({ servers: [server.url], auth: { ...basic, password: 'guessed' } })
    assert.match(wrong, /^login false E602/)
    assert.doesNotMatch(wrong, /guessed/)
    const { certFile, keyFile } = server.certificate!
    const shown = { ...tls(), cert: certFile, key: keyFile }
    // The certificate is taken; the name in it may do nothing.
    assert.match(await probe({ servers: [server.tlsUrl], tls: shown, auth: { type: 'tls' } }), /^topic false E603/)
    assert.match(await probe({ servers: [server.tlsUrl], tls: tls(), auth: { type: 'tls' } }), /^login false E602/)
  })

  test('keeps its connection over the end of a token, because a new one is there when it asks', async () => {
    const tokenFile = join(folder, 'token')
    await writeFile(tokenFile, server.token('admin', 2))
    let asked = 0
    const issuer = createServer((request, response) => {
      const base = `http://${request.headers.host}`
      const isToken = request.url === '/token'
      const token = { access_token: server.token('admin', 2), expires_in: 2 }
      if (isToken) asked++
      response.end(JSON.stringify(isToken ? token : { token_endpoint: `${base}/token` }))
    })
    await new Promise<void>((done) => issuer.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(issuer.address() as { port: number }).port}`
    const logins = [
      { type: 'token', token_file: tokenFile },
      { type: 'oauth2', issuer_url: url, client_id: 'hub', client_secret: 'hush' },
    ]
    try {
      await Promise.all(
        logins.map(async (auth, at) => {
          const own = connectorContext(await mkdtemp(join(folder, 'login-')))
          const sink = new PulsarSink(pulsarOptions({ servers: [server.url], topic: `login-${at}`, auth }), own)
          await sink.open()
          for (let n = 1; n <= 4; n++) {
            assert.deepEqual(outcomes(await sink.deliver([deliveryAt(n)])), ['delivered'])
            await writeFile(tokenFile, server.token('admin', 2))
            await new Promise((done) => setTimeout(done, 1000))
          }
          await sink.close()
        }),
      )
      assert.ok(asked >= 2, `asked ${asked} times`)
    } finally {
      issuer.close()
      issuer.closeAllConnections()
    }
  })
})
