import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readBatch } from '../../../connectors/reductstore/batch-reader.ts'
import { matchesEntry } from '../../../connectors/reductstore/entries.ts'
import { reductOptions, reductSourceOptions } from '../../../connectors/reductstore/options.ts'
import { ReductSink } from '../../../connectors/reductstore/sink.ts'
import { ReductSource } from '../../../connectors/reductstore/source.ts'
import { need, type ReductServer, startReductStore } from '../../services/index.ts'
import { until } from '../../support/bridge-rig.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { HeldIntake } from '../../support/held-intake.ts'
import { ask, writeRecord } from './eyes.ts'

const minute = 60_000_000
const noon = 1_700_000_000_000_000

describe('ReductStore as a source, on the real server', { skip: await need('reductstore') }, () => {
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

  const newBucket = async (settings = ''): Promise<string> => {
    const bucket = `s-${randomUUID()}`
    await ask(server, 'POST', `/b/${bucket}`, settings)
    return bucket
  }
  const put = (
    bucket: string,
    entry: string,
    timestamp: number,
    payload: string,
    labels: Record<string, string> = {},
  ) => writeRecord(server, bucket, { entry, timestamp, payload, labels })
  /** Runs a source while `work` runs. */
  const reading = async (
    bucket: string,
    more: object,
    work: (intake: HeldIntake, source: ReductSource) => Promise<void>,
    context = connectorContext(join(folder, bucket)),
  ): Promise<void> => {
    const { url, token } = server
    const source = new ReductSource(
      reductOptions({ url, token, bucket }),
      reductSourceOptions({ publish: 'in/${topic}', poll_ms: 30, ...more }),
      context,
    )
    const intake = new HeldIntake()
    try {
      await source.open(intake)
      await work(intake, source)
    } finally {
      await source.close()
    }
  }
  const has = (intake: HeldIntake, values: readonly string[]): Promise<void> =>
    until(
      () => values.every((value) => intake.values.includes(value)),
      `${values} came, not only ${intake.values}`,
      15_000,
    )
  const quiet = (): Promise<void> => new Promise((done) => setTimeout(done, 300))

  test('reads entries by name and pattern, finds new ones, and leaves out what is excluded', async () => {
    const bucket = await newBucket()
    await put(bucket, 'sensors/a', noon, 'a1')
    await put(bucket, 'sensors/test', noon, 'no')
    await put(bucket, 'other', noon, 'no')
    await reading(bucket, { entries: ['sensors/*', 'named', '!sensors/test'] }, async (intake) => {
      await has(intake, ['a1'])
      await put(bucket, 'sensors/new', noon - minute, 'n1')
      await put(bucket, 'named', noon, 'x1')
      await put(bucket, 'sensors/deep/er', noon, 'no')
      await has(intake, ['n1', 'x1'])
      await quiet()
      assert.deepEqual(intake.values.toSorted(), ['a1', 'n1', 'x1'])
      assert.deepEqual(intake.taken.map(({ topic }) => topic).toSorted(), [
        'in/named',
        'in/sensors/a',
        'in/sensors/new',
      ])
      assert.equal(intake.taken[0]?.timeMs, noon / 1000)
    })
  })

  test('begins at the end, at a moment, or at a timestamp, and reads new entries from their beginning', async () => {
    const bucket = await newBucket()
    for (const at of [0, 1, 2]) await put(bucket, 'e', noon + at * minute, `r${at}`)
    await reading(bucket, { start: 'end', position: 'one' }, async (intake) => {
      await quiet()
      await put(bucket, 'e', noon + 3 * minute, 'r3')
      await put(bucket, 'late', noon - minute, 'l0')
      await has(intake, ['r3', 'l0'])
      assert.deepEqual(intake.values.toSorted(), ['l0', 'r3'])
    })
    await reading(bucket, { start: 'end', position: 'one' }, async (intake) => {
      await quiet()
      assert.deepEqual(intake.values, [], 'what was read is not the end again')
    })
    const moment = new Date(noon / 1000 + 60_000).toISOString()
    await reading(bucket, { start: moment, position: 'two' }, (intake) => has(intake, ['r1', 'r2', 'r3']))
    await reading(bucket, { start: noon + 2 * minute, position: 'three' }, async (intake) => {
      await has(intake, ['r2', 'r3'])
      await quiet()
      assert.deepEqual(intake.values.toSorted(), ['r2', 'r3'])
    })
    await assert.rejects(reading(bucket, { start: '2026-99-99', position: 'four' }, quiet), { code: 'E104' })
  })

  test('sees only what fits its condition, and says what is wrong with one', async () => {
    const bucket = await newBucket()
    await put(bucket, 'e', noon, 'bad', { quality: 'bad' })
    await put(bucket, 'e', noon + 1, 'good', { quality: 'good' })
    const when = { '&quality': { $eq: 'good' } }
    await reading(bucket, { when }, async (intake) => {
      await has(intake, ['good'])
      await put(bucket, 'e', noon + 2, 'worse', { quality: 'bad' })
      await put(bucket, 'e', noon + 3, 'better', { quality: 'good' })
      await has(intake, ['better'])
      assert.deepEqual(intake.values, ['good', 'better'])
    })
    const wrong = reading(bucket, { when: { $nonsense: 1 } }, quiet)
    await assert.rejects(wrong, ({ code, message }: never) => code === 'E104' && /nonsense/.test(message))
  })

  test('sees a record that is written late, within its look back and once, also across a restart', async () => {
    const bucket = await newBucket()
    const options = { look_back_ms: 60_000 }
    await put(bucket, 'e', noon, 'n0')
    await reading(bucket, options, async (intake) => {
      await has(intake, ['n0'])
      await put(bucket, 'e', noon + minute, 'n1')
      await has(intake, ['n1'])
      await put(bucket, 'e', noon + minute / 2, 'late')
      await has(intake, ['late'])
      await put(bucket, 'e', noon - 5 * minute, 'too late')
      await put(bucket, 'e', noon + 2 * minute, 'n2')
      await has(intake, ['n2'])
      await quiet()
      assert.deepEqual(intake.values, ['n0', 'n1', 'late', 'n2'])
    })
    await put(bucket, 'e', noon + 1.5 * minute, 'late meanwhile')
    await reading(bucket, options, async (intake) => {
      await has(intake, ['late meanwhile'])
      await quiet()
      assert.deepEqual(intake.values, ['late meanwhile'])
    })
  })

  test('waits a moment for a record that is still being written, so that a newer one does not pass it', async () => {
    const bucket = await newBucket()
    await put(bucket, 'e', noon, 'r0')
    const writeSlowly = async (timestamp: number, ms: number): Promise<void> => {
      const headers = { authorization: `Bearer ${server.token}`, 'content-length': 4 }
      const slow = request(`${server.url}/api/v1/b/${bucket}/e?ts=${timestamp}`, { method: 'POST', headers })
      slow.write('sl')
      await new Promise((done) => setTimeout(done, ms))
      slow.end('ow')
      await once(slow, 'response')
    }
    await reading(bucket, { look_back_ms: 4000 }, async (intake) => {
      await has(intake, ['r0'])
      const writing = writeSlowly(noon + 1, 400)
      await new Promise((done) => setTimeout(done, 100))
      assert.deepEqual(intake.values, ['r0'])
      await writing
      await has(intake, ['slow'])
      await put(bucket, 'e', noon + 2, 'r2')
      await has(intake, ['r2'])
      assert.deepEqual(intake.values, ['r0', 'slow', 'r2'])
      // For longer than that nothing waits: what is newer passes, and the look back finds it.
      const long = writeSlowly(noon + 3, 2000)
      await new Promise((done) => setTimeout(done, 1300))
      await put(bucket, 'e', noon + 4, 'r4')
      await has(intake, ['r4'])
      assert.ok(!intake.values.includes('slow', 2))
      await long
      await until(() => intake.values.length === 5, 'the slow one came', 15_000)
      assert.equal(intake.values.at(-1), 'slow')
    })
  })

  test('A9: keeps how far it was for each record: what was not answered comes again, and only that', async () => {
    const bucket = await newBucket()
    for (let at = 0; at < 200; at++) await put(bucket, at % 2 === 0 ? 'even' : 'odd', noon + at * 1000, `${at}`)
    const answered = new Set<string>()
    await reading(bucket, {}, async (intake) => {
      intake.outcome = null
      await until(() => intake.values.length === 200, 'all came', 15_000)
      for (const batch of intake.batches.filter((_, at) => at !== 1)) {
        batch.answer('stored')
        for (const { payload } of batch.messages) answered.add(Buffer.from(payload).toString())
      }
      await quiet()
    })
    assert.ok(answered.size > 0 && answered.size < 200)
    await reading(bucket, {}, async (intake) => {
      await until(() => intake.values.length >= 200 - answered.size, 'the others came', 15_000)
      await quiet()
      assert.equal(intake.values.length, 200 - answered.size)
      assert.ok(intake.values.every((value) => !answered.has(value)))
    })
  })

  test('a source whose bucket is deleted is lost with advice, and begins anew when it is there again', async () => {
    const bucket = await newBucket()
    await put(bucket, 'e', noon, 'r0')
    await reading(bucket, {}, async (intake) => {
      await has(intake, ['r0'])
      await ask(server, 'DELETE', `/b/${bucket}`)
      await until(() => intake.losses.length > 0, 'it is lost', 15_000)
      assert.ok(['E604', 'E607'].includes(intake.losses[0]!.code), String(intake.losses[0]))
    })
    await until(
      async () => (await reading(bucket, {}, quiet).catch(({ code }) => code)) === 'E604',
      'it is gone',
      15_000,
    )
    await ask(server, 'POST', `/b/${bucket}`)
    await put(bucket, 'e', noon + 1, 'r1')
    await reading(bucket, {}, (intake) => has(intake, ['r1']))
  })

  test('an entry that is deleted is forgotten: another of its name is read from its beginning', async () => {
    const bucket = await newBucket()
    await put(bucket, 'e', noon, 'r0')
    await put(bucket, 'other', noon, 'o0')
    await reading(bucket, { look_back_ms: 1000 }, async (intake) => {
      await has(intake, ['r0', 'o0'])
      await ask(server, 'DELETE', `/b/${bucket}/e`)
      await quiet()
      await until(
        () =>
          put(bucket, 'e', noon - 10 * minute, 'older').then(
            () => true,
            () => false,
          ),
        'it can be made anew',
        15_000,
      )
      await has(intake, ['older'])
    })
  })

  test('says that a quota may have removed records before they were read', async () => {
    const bucket = await newBucket(JSON.stringify({ quota_type: 'FIFO', quota_size: 30_000, max_block_records: 2 }))
    const context = connectorContext(join(folder, bucket))
    await put(bucket, 'e', noon, 'first')
    await reading(bucket, {}, (intake) => has(intake, ['first']), context)
    for (let at = 1; at < 20; at++) await put(bucket, 'e', noon + at * 1000, 'x'.repeat(5000))
    await put(bucket, 'e', noon + minute, 'last')
    await reading(bucket, {}, (intake) => has(intake, ['last']), context)
    assert.ok(context.lines.some(({ event }) => event === 'reductstore.maybe-evicted-unread'))
  })

  test('A11: a message of MQTT that went into ReductStore and back differs only in its hops', async () => {
    const bucket = await newBucket()
    const { url, token } = server
    const sink = new ReductSink(reductOptions({ url, token, bucket }), connectorContext(join(folder, `${bucket}-sink`)))
    const bare = deliveries()({ target: 'bare', payload: 'plain' })
    const full = deliveries()({
      target: 'full',
      payload: Uint8Array.from([0, 255, 10, 13]),
      message: {
        topic: 'plants/ø/1',
        client: 'gerät 7',
        qos: 2,
        retain: true,
        timeMs: 1_712_345_678_901,
        properties: {
          payloadFormat: 0,
          contentType: 'text/plain; charset="utf-8", odd',
          responseTopic: 'answers/1',
          correlationData: Uint8Array.from([0, 200, 34, 44]),
          user: [
            ['a', 'two,  three'],
            ['a', ''],
            ['content-type', 'mine'],
            ['trestle-id', 'forged'],
            ['', 'no name'],
            ['Key*', '%41'],
          ],
        },
      },
    })
    await sink.open()
    for (const { outcome } of await sink.deliver([bare, full])) assert.equal(outcome, 'delivered')
    await sink.close()
    await reading(bucket, { publish: '${mqtt.topic}' }, async (intake) => {
      await until(() => intake.taken.length === 2, 'both came back', 15_000)
      for (const { message, payload, target } of [bare, full]) {
        const back = intake.taken.find((one) => one.topic === message.topic)!
        assert.deepEqual(Buffer.from(back.payload), Buffer.from(payload), String(target))
        const { qos, retain, client, timeMs } = back
        assert.deepEqual(
          { qos, retain, client, timeMs },
          {
            qos: message.qos,
            retain: message.retain,
            client: message.client,
            timeMs: message.timeMs,
          },
        )
        const user = [['trestle-hops', 'hub'], ...(message.properties?.user ?? [])]
        assert.deepEqual(plain(back.properties), plain({ ...message.properties, user: user as [string, string][] }))
      }
    })
  })

  test('reads what the server writes into its headers, odd labels of strangers included', async () => {
    const bucket = await newBucket()
    const labels = { a: 'x,y', b: 'q="r"', c: '1=2,3=4', d: '"quoted"' }
    await put(bucket, 'e', noon, 'one', labels)
    await put(bucket, 'e', noon + 1, 'two', { a: 'x,y' })
    await reading(bucket, {}, async (intake) => {
      await has(intake, ['one', 'two'])
      const [one, two] = intake.taken
      const user = new Map(one!.properties!.user!)
      for (const [name, value] of Object.entries(labels)) assert.equal(user.get(name), value, name)
      assert.deepEqual(two!.properties!.user, [['a', 'x,y']])
    })
  })
})

/** In an order of its own, correlation data as plain bytes. */
const plain = (properties: unknown): unknown =>
  JSON.parse(
    JSON.stringify(properties, (_, value) => (value instanceof Uint8Array ? [...value] : value)),
    (_, value) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)))
        : value,
  )

describe('the batch protocol of ReductStore', () => {
  test('refuses an answer whose body is shorter than its headers say', () => {
    const rawHeaders = ['x-reduct-entries', 'e', 'x-reduct-start-ts', '5', 'x-reduct-0-0', '10,text/plain']
    assert.throws(() => readBatch({ status: 200, rawHeaders, body: Buffer.from('short'), said: null }), {
      code: 'E608',
    })
  })

  test('knows the patterns of the server', () => {
    const cases: [string, string, boolean][] = [
      ['acc-a', 'acc-*', true],
      ['acc-a/sub', 'acc-*', true],
      ['a/x/b', '/a/*/b', true],
      ['a/x/d/b', 'a/*/b', false],
      ['a/x/d/b', 'a/**/b', true],
      ['a/b', 'a/**', true],
      ['s-alpha-temp', 's-*temp', true],
      ['a/s-alpha-temp/b', 'a/*alpha*/b', true],
      ['a/s-alpha-temp/b', 'a/*beta*/b', false],
      ['aba', 'ab*ba', false],
      ['e/$meta', '*', false],
      ['trestle-probe', '*', false],
    ]
    for (const [entry, pattern, expected] of cases) {
      assert.equal(matchesEntry(entry, [pattern]), expected, `${entry} ${pattern}`)
    }
    assert.equal(matchesEntry('a/b', ['*', '!a/**']), false)
  })
})
