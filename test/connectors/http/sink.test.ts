import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Delivery, Receipt } from 'trestle/contract'
import { parseRetryAfter } from '../../../connectors/http/client.ts'
import { httpOptions } from '../../../connectors/http/options.ts'
import { probeHttp } from '../../../connectors/http/probe.ts'
import { HttpSink } from '../../../connectors/http/sink.ts'
import { makeCertificate } from '../../services/index.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { type Received, Receiver, type Reply } from './receiver.ts'

const context = connectorContext('/none')

/** Runs a receiver and a sink to it. */
async function sending(
  reply: (request: Received, count: number) => Reply | Promise<Reply>,
  options: object,
  work: (sink: HttpSink, receiver: Receiver) => Promise<void>,
): Promise<void> {
  const receiver = await Receiver.start(reply)
  const sink = new HttpSink(httpOptions({ url: `${receiver.url}/hook`, ...options }), context)
  try {
    await sink.open()
    await work(sink, receiver)
  } finally {
    await sink.close()
    await receiver.close()
  }
}

const codesOf = (receipts: readonly Receipt[]): string[] => receipts.map(({ error, outcome }) => error?.code ?? outcome)
const someDeliveries = (count: number, keys = count): Delivery[] => {
  const make = deliveries()
  return Array.from({ length: count }, (_, n) => make({ payload: `{"n":${n}}`, orderKey: `key-${n % keys}` }))
}

describe('HTTP as a sink', () => {
  test('sends the payload with its identity, hops and properties over connections that stay open', () =>
    sending(
      () => 204,
      { max_requests: 2 },
      async (sink, receiver) => {
        const one = deliveries()({
          payload: 'x',
          headers: [
            ['x-line', '3'],
            ['x-odd', 'ü'],
          ],
          message: {
            topic: 'plants/ø',
            properties: {
              contentType: 'text/csv',
              user: [
                ['authorization', 'Bearer forged'],
                ['a', '1'],
              ],
            },
          },
        })
        for (let time = 0; time < 5; time++) assert.deepEqual(codesOf(await sink.deliver([one])), ['delivered'])
        const { body, headers, method, path } = receiver.received[0]!
        assert.deepEqual([method, path, body.toString()], ['POST', '/hook', 'x'])
        assert.equal(headers['idempotency-key'], one.id)
        assert.equal(headers['trestle-hops'], 'hub')
        assert.equal(headers['mqtt-topic*'], 'plants%2F%C3%B8')
        assert.equal(headers['content-type'], 'text/csv')
        assert.deepEqual([headers['x-line'], headers['x-odd*']], ['3', '%C3%BC'])
        assert.equal(headers.authorization, undefined, 'a device sets no header of its own')
        const users = JSON.parse(decodeURIComponent(String(headers['mqtt-user*'])))
        assert.deepEqual(users, [
          ['authorization', 'Bearer forged'],
          ['a', '1'],
        ])
        assert.equal(receiver.connections, 2, 'one to see that it is there, one for all requests')
      },
    ))

  test('the body is what the rule makes of it, or the whole message', () =>
    sending(
      () => 200,
      { body: 'message' },
      async (sink, receiver) => {
        const make = deliveries()
        const properties = { correlationData: Uint8Array.from([1, 255]), user: [['a', 'ü']] as [string, string][] }
        await sink.deliver([make({ options: { body: { device: 'd', n: 4 }, method: 'PUT' } })])
        await sink.deliver([make({ options: { body: 'plain', content_type: 'text/x' } })])
        await sink.deliver([make({ payload: Uint8Array.from([255]), message: { properties }, key: 'k' })])
        await sink.deliver([make({ payload: 'no json' })])
        const [first, second, third, fourth] = receiver.received
        assert.deepEqual(
          [first?.method, first?.body.toString(), first?.headers['content-type']],
          ['PUT', '{"device":"d","n":4}', 'application/json'],
        )
        assert.deepEqual([second?.body.toString(), second?.headers['content-type']], ['plain', 'text/x'])
        const message = JSON.parse(third!.body.toString())
        assert.deepEqual(
          [message.payload_base64, message.correlation_data, message.user_properties, message.key],
          ['/w==', 'Af8=', [['a', 'ü']], 'k'],
        )
        assert.equal(JSON.parse(fourth!.body.toString()).payload, 'no json')
      },
    ))

  test('signs the moment and the body, and brings its credentials', () =>
    sending(
      () => 200,
      { sign: { secret: 'long enough' }, username: 'me', password: 'pass', headers: { 'x-api-key': 'k' } },
      async (sink, receiver) => {
        await sink.deliver(someDeliveries(1))
        const { body, headers } = receiver.received[0]!
        const [, seconds, hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['trestle-signature']))!
        assert.equal(hex, createHmac('sha256', 'long enough').update(`${seconds}.${body}`).digest('hex'))
        assert.ok(Math.abs(Number(seconds) - Date.now() / 1000) < 30)
        assert.equal(headers.authorization, `Basic ${Buffer.from('me:pass').toString('base64')}`)
        assert.equal(headers['x-api-key'], 'k')
      },
    ))

  test('A5: each status has its class, in the words of the receiver', async () => {
    const cases: [number, string, string][] = [
      [400, 'E606', 'never'],
      [401, 'E602', 'reconnect'],
      [403, 'E603', 'later'],
      [404, 'E604', 'later'],
      [408, 'E607', 'later'],
      [410, 'E604', 'later'],
      [413, 'E605', 'never'],
      [415, 'E606', 'never'],
      [425, 'E607', 'later'],
      [429, 'E607', 'later'],
      [500, 'E607', 'later'],
      [503, 'E607', 'later'],
      [302, 'E604', 'later'],
    ]
    for (const [status, code, retry] of cases) {
      await sending(
        () => ({ status, body: 'because\nof this' }),
        { token: 'secret-token' },
        async (sink) => {
          const [receipt] = await sink.deliver(someDeliveries(1))
          assert.deepEqual([receipt?.error?.code, receipt?.error?.retry], [code, retry], String(status))
          assert.match(receipt!.error!.message, status === 302 ? /status 302/ : /because of this/)
          assert.ok(!JSON.stringify(receipt?.error).includes('secret-token'))
        },
      )
    }
  })

  test('A4: messages of a key go one after the other, and wait behind one that failed; other keys do not', () =>
    sending(
      async ({ body }) => {
        await new Promise((done) => setTimeout(done, 5))
        return body.toString() === '{"n":4}' ? 500 : 200
      },
      { max_requests: 4 },
      async (sink, receiver) => {
        const batch = someDeliveries(24, 3)
        const receipts = await sink.deliver(batch)
        assert.deepEqual(
          receipts.map(({ outcome }) => outcome),
          batch.map((_, n) => (n >= 4 && n % 3 === 1 ? 'failed' : 'delivered')),
        )
        const ofKey = receiver.texts.map((text) => JSON.parse(text).n as number).filter((n) => n % 3 === 0)
        assert.deepEqual(
          ofKey,
          ofKey.toSorted((one, other) => one - other),
        )
        assert.ok(!receiver.texts.includes('{"n":7}'), 'nothing of the key is sent behind the failure')
        assert.ok(receiver.atOnce > 1 && receiver.atOnce <= 4, `${receiver.atOnce} at once`)
      },
    ))

  test('leaves a receiver alone for as long as its Retry-After says', () =>
    sending(
      (_, count) =>
        count === 1
          ? { status: 429, headers: { 'retry-after': '1' } }
          : count === 3
            ? { status: 503, headers: { 'retry-after': '120' } }
            : 200,
      { max_requests: 1 },
      async (sink, receiver) => {
        const [first] = someDeliveries(1)
        assert.deepEqual(codesOf(await sink.deliver([first!])), ['E607'])
        const before = Date.now()
        assert.deepEqual(codesOf(await sink.deliver([first!])), ['delivered'])
        assert.ok(Date.now() - before > 700, 'it waited')
        assert.deepEqual(codesOf(await sink.deliver([first!])), ['E607'])
        const [receipt] = await sink.deliver([first!])
        assert.match(receipt!.error!.message, /wants no request for another 1[12]\d{4} ms/)
        assert.equal(receiver.received.length, 3, 'it was not asked')
      },
    ))

  test('a batch is an array or lines; what the receiver blames is found and refused alone', async () => {
    for (const batch of ['array', 'ndjson']) {
      const blame = ({ body }: Received): Reply => (body.includes('"n":5}') ? { status: 422, body: 'bad n' } : 200)
      await sending(blame, { batch, batch_count: 50 }, async (sink, receiver) => {
        const all = someDeliveries(20)
        const receipts = await sink.deliver(all)
        assert.deepEqual(
          codesOf(receipts),
          all.map((_, n) => (n === 5 ? 'E606' : 'delivered')),
        )
        const seen = receiver.received
          .filter((request) => blame(request) === 200)
          .flatMap(({ body }) => {
            const text = body.toString()
            return batch === 'array'
              ? (JSON.parse(text) as object[])
              : text
                  .trimEnd()
                  .split('\n')
                  .map((line) => JSON.parse(line) as object)
          })
        assert.deepEqual(
          seen.map((value) => (value as { n: number }).n),
          Array.from({ length: 20 }, (_, n) => n).filter((n) => n !== 5),
        )
        assert.match(String(receiver.received[0]?.headers['idempotency-key']), /^hub-1-0\.\.hub-20-0$/)
      })
    }
    await sending(
      () => 200,
      { batch: 'ndjson' },
      async (sink, receiver) => {
        const make = deliveries()
        const receipts = await sink.deliver([
          make({ payload: 'no json' }),
          make({ payload: '{\n"a": 1.50\n}' }),
          make({ payload: '1.50' }),
        ])
        assert.deepEqual(codesOf(receipts), ['E606', 'delivered', 'delivered'])
        assert.deepEqual(receiver.texts, ['{"a":1.5}\n1.50\n'])
      },
    )
  })

  test('a rule names a path below the URL of the connector, and no other place', () =>
    sending(
      () => 200,
      {},
      async (sink, receiver) => {
        const make = deliveries()
        const targets = ['/a/b?c=1', 'd', `${receiver.url}/hook/e`, 'http://127.0.0.1:1/hook', '/../up', 'http://']
        const receipts = await sink.deliver(targets.map((target) => make({ target, orderKey: target })))
        assert.deepEqual(codesOf(receipts), ['delivered', 'delivered', 'delivered', 'E606', 'E606', 'E606'])
        assert.deepEqual(receiver.received.map(({ path }) => path).toSorted(), ['/hook/a/b?c=1', '/hook/d', '/hook/e'])
        const free = new HttpSink(httpOptions({}), context)
        await free.open()
        const more = await free.deliver([make({ target: `${receiver.url}/whole` }), make({ target: '/no' }), make()])
        assert.deepEqual(codesOf(more), ['delivered', 'E606', 'E606'])
        await free.close()
      },
    ))

  test('follows no redirect unless told, and never to another server', async () => {
    const redirect = ({ path }: Received): Reply =>
      path === '/hook'
        ? { status: 308, headers: { location: '/hook/new' } }
        : path === '/hook/away'
          ? { status: 307, headers: { location: 'http://127.0.0.1:1/x' } }
          : 200
    await sending(redirect, {}, async (sink) =>
      assert.deepEqual(codesOf(await sink.deliver(someDeliveries(1))), ['E604']),
    )
    await sending(redirect, { follow_redirects: 1 }, async (sink, receiver) => {
      assert.deepEqual(codesOf(await sink.deliver(someDeliveries(1))), ['delivered'])
      assert.deepEqual(receiver.texts, ['{"n":0}', '{"n":0}'])
      assert.deepEqual(codesOf(await sink.deliver([deliveries()({ target: '/away' })])), ['E604'])
    })
  })

  test('A5: a receiver that is away or silent is told apart, and answers to a new sink when it is back', async () => {
    const gone = new HttpSink(httpOptions({ url: 'http://127.0.0.1:1' }), context)
    await assert.rejects(gone.open(), { code: 'E601', retry: 'reconnect' })
    await gone.close()
    await sending(
      (_, count) => (count === 1 ? null : 200),
      { timeout_ms: 150 },
      async (sink) => {
        const [receipt] = await sink.deliver(someDeliveries(1))
        assert.deepEqual([receipt?.error?.code, receipt?.error?.retry], ['E601', 'reconnect'])
        assert.match(receipt!.error!.message, /no answer within 150 ms/)
      },
    )
  })

  test('speaks TLS with an authority of its own', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trestle-http-'))
    const { cert, certFile, key } = await makeCertificate(folder)
    const receiver = await Receiver.start(() => 200, { cert, key })
    try {
      for (const [ca, expected] of [
        [certFile, 'delivered'],
        [undefined, 'E601'],
      ] as const) {
        const sink = new HttpSink(
          httpOptions({ url: receiver.url, ...(ca === undefined ? {} : { tls: { ca } }) }),
          context,
        )
        await sink.open()
        assert.deepEqual(codesOf(await sink.deliver(someDeliveries(1))), [expected])
        await sink.close()
      }
    } finally {
      await receiver.close()
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('a header that cannot be one refuses its message alone', () =>
    sending(
      () => 200,
      {},
      async (sink) => {
        const make = deliveries()
        const bad = ['host', 'Content-Length', 'trestle-id', 'mqtt-topic', 'a b'].map((name) =>
          make({ headers: [[name, 'x']], orderKey: name }),
        )
        assert.deepEqual(codesOf(await sink.deliver([...bad, make({ orderKey: 'good' })])), [
          ...bad.map(() => 'E606'),
          'delivered',
        ])
      },
    ))

  test('a probe sends a real request that says so, and stops where it fails', async () => {
    const receiver = await Receiver.start(({ headers }) => (headers['trestle-probe'] === '1' ? 200 : 500))
    const steps = await probeHttp(httpOptions({ url: receiver.url }), context)
    assert.deepEqual(
      steps.map(({ ok, step }) => [step, ok]),
      [
        ['name', true],
        ['port', true],
        ['request', true],
      ],
    )
    await receiver.close()
    const failed = await probeHttp(httpOptions({ url: receiver.url }), context)
    assert.deepEqual([failed.at(-1)?.step, failed.at(-1)?.ok], ['port', false])
  })

  test('reads Retry-After as seconds and as a date', () => {
    const nowMs = Date.parse('2026-11-20T12:00:00Z')
    assert.equal(parseRetryAfter('7', nowMs), 7000)
    assert.equal(parseRetryAfter('Fri, 20 Nov 2026 12:00:30 GMT', nowMs), 30_000)
    assert.equal(parseRetryAfter('soon', nowMs), null)
  })
})
