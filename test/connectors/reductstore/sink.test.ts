import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Delivery, type Receipt, readHeaders } from 'trestle/contract'
import { reductOptions } from '../../../connectors/reductstore/options.ts'
import { probeReduct } from '../../../connectors/reductstore/probe.ts'
import { ReductSink } from '../../../connectors/reductstore/sink.ts'
import { Timeline } from '../../../connectors/reductstore/timeline.ts'
import { makeCertificate, need, type ReductServer, startReductStore } from '../../services/index.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { ask, entriesOf, recordsOf, writeRecord } from './eyes.ts'

const same = { timeMs: 1_700_000_000_000 }

describe('ReductStore as a sink, on the real server', { skip: await need('reductstore') }, () => {
  let server: ReductServer
  let folder: string
  before(async () => {
    server = await startReductStore()
    folder = await mkdtemp(join(tmpdir(), 'trestle-reduct-'))
  })
  after(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const newBucket = (): string => `b-${randomUUID()}`
  const makeSink = (bucket: string, more: object = {}, hub = 'hub'): ReductSink => {
    const { url, token } = server
    const context = { ...connectorContext(join(folder, bucket, hub)), hub }
    return new ReductSink(reductOptions({ url, token, bucket, entry: 'all', ...more }), context)
  }
  /** Delivers over a new sink, as after a restart of the hub. */
  const deliver = async (
    bucket: string,
    batch: readonly Delivery[],
    more: object = {},
    hub = 'hub',
  ): Promise<readonly Receipt[]> => {
    const sink = makeSink(bucket, more, hub)
    await sink.open()
    return sink.deliver(batch).finally(() => sink.close())
  }
  const idsOf = async (bucket: string, entry = 'all'): Promise<string[]> =>
    (await recordsOf(server, bucket, entry)).map(({ labels }) => labels['trestle-id']!)

  test('A3: what is sent again after a restart is there once, though all of it came in one millisecond', async () => {
    const bucket = newBucket()
    const make = deliveries()
    const batch = Array.from({ length: 700 }, () => make({ message: same }))
    assertDelivered(await deliver(bucket, batch))
    assertDelivered(await deliver(bucket, batch.slice(200, 500)))
    assertDelivered(await deliver(bucket, batch.toReversed()))
    assert.deepEqual(
      await idsOf(bucket),
      batch.map(({ id }) => id),
    )
  })

  test('A3: several deliveries of one message to one entry are all there, and there once', async () => {
    const bucket = newBucket()
    const first = deliveries()()
    const batch = Array.from({ length: 6 }, (_, index) => ({
      ...first,
      index,
      id: `hub-1-${index}`,
      orderKey: `${index}`,
    }))
    assertDelivered(await deliver(bucket, batch))
    for (const one of batch) assertDelivered(await deliver(bucket, [one]))
    assert.deepEqual(
      (await idsOf(bucket)).sort(),
      batch.map(({ id }) => id),
    )
  })

  test("A3: another's record in the same microsecond is not taken for the hub's own", async () => {
    const bucket = newBucket()
    const one = deliveries()({ payload: 'mine' })
    const timestamp = new Timeline(join(folder, 'elsewhere'), 'hub').timestampOf(one, 0)
    await ask(server, 'POST', `/b/${bucket}`)
    await writeRecord(server, bucket, { entry: 'all', timestamp, payload: 'theirs' })
    for (let time = 0; time < 3; time++) assertDelivered(await deliver(bucket, [one]))
    const payloads = (await recordsOf(server, bucket, 'all')).map(({ payload }) => payload.toString())
    assert.deepEqual(payloads.sort(), ['mine', 'theirs'])
  })

  test('A3: two hubs with the same positions and times write into one entry, each its own, each once', async () => {
    const bucket = newBucket()
    // Both begin in the same lane: the worst case.
    const hubs = ['hub-a', 'hub-c']
    const batches = hubs.map((hub) => {
      const make = deliveries(hub)
      return Array.from({ length: 150 }, () => make({ message: same }))
    })
    // In turn: at the same time, the server's own locks may stand still for a minute (README).
    for (const at of [0, 1, 0, 1]) {
      for (const part of [batches[at]!.slice(0, 70), batches[at]!.slice(70)]) {
        assertDelivered(await deliver(bucket, part, {}, hubs[at]!))
      }
    }
    const ids = await idsOf(bucket)
    assert.equal(ids.length, 300)
    for (const [at, hub] of hubs.entries()) {
      assert.deepEqual(
        ids.filter((id) => id.startsWith(`${hub}-`)),
        batches[at]!.map(({ id }) => id),
      )
    }
  })

  test('takes each delivery to its entry, many small ones together and large ones in several requests', async () => {
    const bucket = newBucket()
    const make = deliveries()
    const batch = [
      ...Array.from({ length: 60 }, (_, at) => make({ target: `small/${at}`, payload: `${at}` })),
      ...Array.from({ length: 200 }, (_, at) => make({ target: 'large', payload: `${at}` })),
      make({ payload: 'x', message: { topic: 'plants/Ø 1//a' }, target: null }),
    ]
    assertDelivered(await deliver(bucket, batch, { entry: '${topic}' }))
    assert.equal((await entriesOf(server, bucket)).length, 62)
    assert.deepEqual(
      await idsOf(bucket, 'large'),
      batch.slice(60, 260).map(({ id }) => id),
    )
    const [seen] = await recordsOf(server, bucket, 'plants/__1/_/a')
    assert.equal(seen?.payload.toString(), 'x')
  })

  test('refuses only the members that cannot be records', async () => {
    const bucket = newBucket()
    const make = deliveries()
    const batch = [
      make({ payload: 'good' }),
      make({ target: 'not an entry' }),
      make({ options: { labels: { 'Ünusual name': 'x' } } }),
      make({ message: { timeMs: Number.NaN } }),
      make({ payload: 'good too' }),
    ]
    const receipts = await deliver(bucket, batch)
    assert.deepEqual(
      receipts.map(({ outcome, error }) => error?.code ?? outcome),
      ['delivered', 'E606', 'E606', 'E606', 'delivered'],
    )
    assert.match(String(receipts[1]?.error?.detail.advice), /letters, digits/)
    assert.equal((await idsOf(bucket)).length, 2)
    assert.match(receipts[0]!.place!, new RegExp(`^${bucket}/all@\\d{16}$`))
  })

  test('labels carry what the rule says, whatever is in it, and the content type what is known', async () => {
    const bucket = newBucket()
    const make = deliveries()
    const labels = { line: '3', list: 'a, b', said: 'she "x"', odd: 'Grüße', empty: '', number: 4.5, yes: true }
    const payload = Buffer.from('{}')
    assertDelivered(
      await deliver(bucket, [
        make({ options: { labels }, payload: '{"a":1}', message: { payload } }),
        make({ options: { content_type: 'image/png' }, payload, message: { payload } }),
        make({ payload, message: { payload, properties: { contentType: 'text/csv; header=present' } } }),
        make({ payload, message: { payload } }),
      ]),
    )
    const seen = await recordsOf(server, bucket, 'all')
    const { line, list, 'said*': said, 'odd*': odd, number, yes } = seen[0]!.labels
    assert.deepEqual({ line, list, number, yes }, { line: '3', list: 'a, b', number: '4.5', yes: 'true' })
    assert.equal(decodeURIComponent(said!), 'she "x"')
    assert.equal(decodeURIComponent(odd!), 'Grüße')
    assert.ok(!('empty' in seen[0]!.labels))
    assert.ok(!('line' in seen[1]!.labels), 'a label of the record before does not stay')
    assert.deepEqual(
      seen.map(({ contentType }) => contentType),
      ['application/json', 'image/png', 'text/csv; header=present', 'application/octet-stream'],
    )
  })

  test('without mqtt_labels there are the identity, the hops and the labels of the rule', async () => {
    const bucket = newBucket()
    const one = deliveries()({ options: { labels: { line: '3' } }, headers: [['plant', 'oslo']] })
    assertDelivered(await deliver(bucket, [one], { mqtt_labels: false }))
    const [seen] = await recordsOf(server, bucket, 'all')
    assert.deepEqual(seen?.labels, { 'trestle-id': one.id, 'trestle-hops': 'hub', line: '3', plant: 'oslo' })
  })

  test('A11: the properties of MQTT can be read back from the labels another program sees', async () => {
    const bucket = newBucket()
    const properties = {
      payloadFormat: 1 as const,
      contentType: 'application/json',
      responseTopic: 'answers/ø',
      correlationData: Uint8Array.from([0, 1, 254, 255]),
      user: [
        ['a', '1'],
        ['a', '2'],
        ['mqtt-topic', 'odd'],
        ['naïve name', 'Grüße, "quoted"'],
      ] as [string, string][],
    }
    const message = { qos: 2 as const, retain: true, properties, topic: 'plants/ø/1', client: 'gerät 7' }
    assertDelivered(await deliver(bucket, [deliveries()({ message })]))
    const [seen] = await recordsOf(server, bucket, 'all')
    const read = readHeaders(Object.entries(seen!.labels), Date.now())
    const { user = [], ...others } = read.properties!
    assert.deepEqual([read.topic, read.client, read.qos, read.retain], ['plants/ø/1', 'gerät 7', 2, true])
    assert.deepEqual(user, [['trestle-hops', 'hub'], ...properties.user])
    const { user: _, ...expected } = properties
    assert.deepEqual({ ...others, correlationData: Uint8Array.from(others.correlationData!) }, expected)
  })

  test('keeps to the bounds of the server: a record of 20 MB, many of 1 MB, and labels of 600 kB together', async () => {
    const bucket = newBucket()
    const make = deliveries()
    const long = 'x'.repeat(10_000)
    const batch = [
      make({ payload: Buffer.alloc(20_000_000, 1) }),
      ...Array.from({ length: 12 }, () => make({ payload: Buffer.alloc(1_000_000, 2) })),
      ...Array.from({ length: 60 }, (_, at) => make({ options: { labels: { long: `${long}${at}` } } })),
    ]
    assertDelivered(await deliver(bucket, batch))
    const seen = await recordsOf(server, bucket, 'all')
    assert.deepEqual(
      seen.map(({ payload }) => payload.length),
      batch.map(({ payload }) => payload.length),
    )
    assert.equal(seen.at(-1)?.labels['long'], `${long}59`)
  })

  test('a record whose labels the server refuses is found among the others and refused alone', async () => {
    const bucket = newBucket()
    const make = deliveries()
    const batch = Array.from({ length: 9 }, () => make())
    batch[4] = make({ options: { labels: { long: 'x'.repeat(600_000) } } })
    const receipts = await deliver(bucket, batch, { max_header_bytes: 2_000_000 })
    assert.deepEqual(
      receipts.map(({ outcome }) => outcome),
      batch.map((_, at) => (at === 4 ? 'refused' : 'delivered')),
    )
    assert.equal(receipts[4]?.error?.code, 'E606')
  })

  test('creates the bucket with its quota, and not where it may not', async () => {
    const bucket = newBucket()
    await assert.rejects(deliver(bucket, [], { create_bucket: false }), { code: 'E604' })
    assertDelivered(
      await deliver(bucket, [deliveries()()], { quota_type: 'fifo', quota_size: 50_000_000, exist_ok: false }),
    )
    const { settings } = (await (await ask(server, 'GET', `/b/${bucket}`)).json()) as {
      settings: Record<string, unknown>
    }
    assert.equal(settings['quota_type'], 'FIFO')
    assert.equal(settings['quota_size'], 50_000_000)
    // The hub's own bucket after a restart, and a stranger's.
    assertDelivered(await deliver(bucket, [deliveries()()], { exist_ok: false }))
    const theirs = newBucket()
    await ask(server, 'POST', `/b/${theirs}`)
    await assert.rejects(deliver(theirs, [], { exist_ok: false }), { code: 'E109', message: /there already/ })
  })

  test('a bucket that is deleted under way is created again by the next sink', async () => {
    const bucket = newBucket()
    const make = deliveries()
    const sink = makeSink(bucket)
    await sink.open()
    assertDelivered(await sink.deliver([make()]))
    await ask(server, 'DELETE', `/b/${bucket}`)
    const lost = make()
    const [receipt] = await sink.deliver([lost])
    assert.ok(receipt?.error?.code === 'E604' || receipt?.error?.code === 'E607', receipt?.error?.message)
    await sink.close()
    for (let tries = 0; tries < 50; tries++) {
      const again = await deliver(bucket, [lost]).catch(() => null)
      if (again?.[0]?.outcome === 'delivered') break
      await new Promise((done) => setTimeout(done, 100))
    }
    assert.deepEqual(await idsOf(bucket), [lost.id])
  })

  test('A4: where one delivery fails for now, later ones of its order do too, and come back as done', async () => {
    const bucket = newBucket()
    const make = deliveries()
    await deliver(bucket, [], { quota_type: 'hard', quota_size: 100_000 })
    const batch = [
      make({ orderKey: 'a', payload: 'x', target: 'one' }),
      make({ orderKey: 'a', payload: Buffer.alloc(200_000), target: 'two' }),
      make({ orderKey: 'a', payload: 'y', target: 'one' }),
      make({ orderKey: 'b', payload: 'z', target: 'one' }),
    ]
    const receipts = await deliver(bucket, batch)
    assert.deepEqual(
      receipts.map(({ outcome }) => outcome),
      ['delivered', 'failed', 'failed', 'delivered'],
    )
    assert.equal(receipts[1]?.error?.code, 'E607')
    assert.match(receipts[1]!.error!.message, /Quota of .* exceeded/)
    assert.match(String(receipts[1]?.error?.detail.advice), /quota/)
    assertDelivered(await deliver(bucket, [batch[2]!]))
    assert.equal((await idsOf(bucket, 'one')).length, 3)
  })

  test('A3: records that the server confirmed and lost are written again, by the next sink and by one that lived on', async () => {
    const bucket = newBucket()
    const make = deliveries()
    const first = Array.from({ length: 30 }, () => make({ target: 'x/y', options: { labels: { n: '1' } } }))
    assertDelivered(await deliver(bucket, first))
    const lose = async (): Promise<void> => {
      for (const { timestamp } of (await recordsOf(server, bucket, 'x/y')).slice(3, 20)) {
        await ask(server, 'DELETE', `/b/${bucket}/x/y?ts=${timestamp}`)
      }
    }
    await lose()
    const sink = makeSink(bucket)
    await sink.open()
    const expected = first.map(({ id }) => id)
    assert.deepEqual(await idsOf(bucket, 'x/y'), expected)
    await lose()
    await server.kill()
    await server.restart()
    const next = make({ target: 'x/y' })
    assertDelivered(await sink.deliver([next]))
    await sink.close()
    assert.deepEqual(await idsOf(bucket, 'x/y'), [...expected, next.id])
    const [, , , fourth] = await recordsOf(server, bucket, 'x/y')
    assert.equal(fourth?.labels['n'], '1')
  })

  test('a token that may only write is enough to write, also after a lost connection', async () => {
    const bucket = newBucket()
    await ask(server, 'POST', `/b/${bucket}`)
    const permissions = JSON.stringify({ full_access: false, read: [], write: [bucket] })
    const { value } = (await (await ask(server, 'POST', '/tokens/writer', permissions)).json()) as { value: string }
    const make = deliveries()
    for (let time = 0; time < 2; time++) assertDelivered(await deliver(bucket, [make()], { token: value }))
    assert.equal((await idsOf(bucket)).length, 2)
  })

  test('A5: says in the words of the server what is wrong with the token, and what to do', async () => {
    const bucket = newBucket()
    await ask(server, 'POST', `/b/${bucket}`)
    await assert.rejects(deliver(bucket, [], { token: 'not-this-one' }), ({ code, message, detail }: never) => {
      assert.deepEqual([code, (detail as { advice: string }).advice], ['E602', 'check `token`'])
      assert.match(message, /Invalid token/)
      assert.ok(!String(message).includes('not-this-one'))
      return true
    })
    const permissions = JSON.stringify({ full_access: false, read: [bucket], write: [] })
    const { value } = (await (await ask(server, 'POST', '/tokens/reader', permissions)).json()) as { value: string }
    const [receipt] = await deliver(bucket, [deliveries()()], { token: value })
    assert.equal(receipt?.error?.code, 'E603')
    assert.equal(receipt?.error?.retry, 'later')
  })

  test('A5: a server that is away, silent or something else is told apart', async () => {
    await assert.rejects(deliver('b', [], { url: 'http://127.0.0.1:1' }), { code: 'E601', retry: 'reconnect' })
    await assert.rejects(deliver('b', [], { url: 'http://no-such-host.invalid' }), { code: 'E601' })
    const other = createServer((request, response) => {
      if (request.url?.startsWith('/silent')) return
      response.setHeader('x-reduct-api', request.url?.startsWith('/old') ? '1.17' : '')
      if (!request.url?.startsWith('/old')) response.removeHeader('x-reduct-api')
      response.end('hello')
    })
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    await assert.rejects(deliver('b', [], { url }), { code: 'E611', message: /is no ReductStore/ })
    await assert.rejects(deliver('b', [], { url: `${url}/old` }), { code: 'E611', message: /version 1.17/ })
    await assert.rejects(deliver('b', [], { url: `${url}/silent`, timeout_ms: 200 }), {
      code: 'E601',
      message: /200 ms/,
    })
    other.closeAllConnections()
    await new Promise((done) => other.close(done))
  })

  test('speaks TLS with an authority of its own, under the path of a proxy', async () => {
    const { certFile, keyFile } = await makeCertificate(folder)
    const secure = await startReductStore({
      RS_CERT_PATH: certFile,
      RS_CERT_KEY_PATH: keyFile,
      RS_API_BASE_PATH: '/reduct',
    })
    try {
      const url = `${secure.url}/reduct/`
      const bucket = newBucket()
      assertDelivered(await deliver(bucket, [deliveries()()], { url, tls: { ca: certFile } }))
      await assert.rejects(deliver(bucket, [], { url }), { code: 'E601', message: /self-signed certificate/ })
      const plain = url.replace('https', 'http')
      await assert.rejects(deliver(bucket, [], { url: plain, timeout_ms: 2000 }), { code: 'E601' })
    } finally {
      await secure.stop()
    }
  })

  test('a probe writes, reads and deletes a real record, and stops where it fails', async () => {
    const bucket = newBucket()
    const context = connectorContext(join(folder, 'probe'))
    const probe = (more: object) =>
      probeReduct(reductOptions({ url: server.url, token: server.token, bucket, ...more }), context)
    const good = await probe({})
    assert.deepEqual(
      good.map(({ step, ok }) => [step, ok]),
      ['name', 'port', 'login', 'bucket', 'write', 'read', 'delete'].map((step) => [step, true]),
    )
    assert.deepEqual(await entriesOf(server, bucket), [])
    const bad = await probe({ token: 'wrong' })
    assert.deepEqual([bad.length, bad.at(-1)?.step, bad.at(-1)?.ok], [3, 'login', false])
    assert.match(bad.at(-1)!.detail, /E602 .*Invalid token \(check `token`\)/)
  })
})

const assertDelivered = (receipts: readonly Receipt[]): void => {
  const others = receipts.filter(({ outcome }) => outcome !== 'delivered')
  assert.deepEqual(
    others.map(({ error }) => error?.message),
    [],
  )
}
