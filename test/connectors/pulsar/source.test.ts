import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { TrestleError } from 'trestle/contract'
import { need, type PulsarServer, startPulsar, waitFor } from '../../services/index.ts'
import { sendWithJava } from './java-producer.ts'
import { logged, makeTopic, type OpenSource, openSource, statsOf } from './source-bench.ts'

const skip = await need('pulsar')

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => ({ payload: `m${from + n}`, key: `k${(from + n) % 5}` }))
const names = (from: number, to: number): string[] => numbered(from, to).map(({ payload }) => payload)
const quiet = (ms = 300) => new Promise((done) => setTimeout(done, ms))
const count = (sources: readonly OpenSource[], wanted: number): Promise<void> =>
  waitFor(`${wanted} messages`, 15_000, () => all(sources).length >= wanted)
const all = (sources: readonly OpenSource[]): string[] => sources.flatMap(({ intake }) => intake.values)

describe('A source of Pulsar', { skip }, () => {
  let server: PulsarServer
  before(async () => {
    server = await startPulsar({ webSocket: true, batchIndexAck: true })
  })
  after(() => server?.stop())

  for (const compression of ['NONE', 'LZ4', 'ZLIB', 'ZSTD', 'SNAPPY'] as const) {
    test(`reads batches of Java's client, compressed: ${compression}`, async () => {
      const topic = `compressed-${compression}`
      const given = Array.from({ length: 100 }, (_, n) => ({
        payload: `{"n":${n},"text":"${'ä'.repeat(40)}"}`,
        key: `key ${n}`,
        properties: { 'a name': `värde ${n}` },
        eventTimeMs: 1_790_000_000_000 + n,
      }))
      const one = await openSource(server, { topics: [topic] })
      await sendWithJava(server, topic, given, { batch: 50, compression })
      await count([one], 100)
      assert.deepEqual(
        one.intake.values,
        given.map(({ payload }) => payload),
      )
      const [first] = one.intake.taken
      assert.equal(first!.topic, `from/${topic}`)
      assert.equal(first!.timeMs, 1_790_000_000_000)
      assert.deepEqual(first!.properties?.user, [['a name', 'värde 0']])
      await one.close()
    })
  }

  test('`shared`: two sources divide the messages; what one had and did not acknowledge goes to the other', async () => {
    const topic = 'shared'
    const fields = { topics: [topic], subscription_type: 'shared', max_unsettled: 20 }
    const [one, two] = [await openSource(server, fields, null), await openSource(server, fields, null)]
    await sendWithJava(server, topic, numbered(0, 40))
    await count([one, two], 40)
    assert.ok(one.intake.values.length > 0 && two.intake.values.length > 0)
    assert.deepEqual(all([one, two]).toSorted(), names(0, 40).toSorted())
    const left = one.intake.values
    two.intake.answerAll('stored')
    await one.close()
    await waitFor('the rest', 15_000, () => left.every((value) => two.intake.values.includes(value)))
    assert.equal(two.intake.values.length, 40)
    await two.close()
    assert.equal((await statsOf(server, topic))?.msgBacklog, 0)
  })

  test('`key_shared`: each key goes to one source, in its order', async () => {
    const topic = 'key-shared'
    const fields = { topics: [topic], subscription_type: 'key_shared' }
    const [one, two] = [await openSource(server, fields), await openSource(server, fields)]
    const given = Array.from({ length: 100 }, (_, n) => ({ payload: `k${n % 20}:${n}`, key: `k${n % 20}` }))
    await sendWithJava(server, topic, given)
    await count([one, two], 100)
    const keys = ({ intake }: OpenSource): Set<string> => new Set(intake.values.map((value) => value.split(':')[0]!))
    assert.ok(keys(one).size > 0 && keys(two).size > 0)
    assert.deepEqual(
      [...keys(one)].filter((key) => keys(two).has(key)),
      [],
    )
    for (const { intake } of [one, two]) {
      for (const key of new Set(intake.values.map((value) => value.split(':')[0]!))) {
        const numbers = intake.values
          .filter((value) => value.startsWith(`${key}:`))
          .map((value) => Number(value.split(':')[1]))
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
        )
      }
    }
    await Promise.all([one.close(), two.close()])
  })

  test('`failover`: one reads, the other stands by and takes over where it was', async () => {
    const topic = 'failover'
    const both = [await openSource(server, { topics: [topic] }), await openSource(server, { topics: [topic] })]
    await quiet(500)
    await sendWithJava(server, topic, numbered(0, 10))
    await count(both, 10)
    const [active, standby] = both[0]!.intake.values.length > 0 ? [both[0]!, both[1]!] : [both[1]!, both[0]!]
    assert.deepEqual(active.intake.values, names(0, 10))
    assert.deepEqual(standby.intake.values, [])
    const saidTo = (event: string): boolean =>
      logged.some((line) => line.event === event && String(line.facts?.['topic']).endsWith(`/${topic}`))
    assert.ok(saidTo('pulsar active') && saidTo('pulsar standing by'))
    await active.close()
    await sendWithJava(server, topic, numbered(10, 20))
    await count([standby], 10)
    assert.deepEqual(standby.intake.values, names(10, 20))
    await standby.close()
  })

  test('`exclusive`: a second source is told that the subscription is taken', async () => {
    const fields = { topics: ['exclusive'], subscription_type: 'exclusive' }
    const one = await openSource(server, fields)
    await assert.rejects(openSource(server, fields), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'E607')
      assert.match(error.message, /already connected|ConsumerBusy/)
      return true
    })
    await one.close()
  })

  test('A9: half a batch that is settled does not come again when the broker knows the places in a batch', async () => {
    const topic = 'half'
    await makeTopic(server, topic)
    await server.admin(`/persistent/public/default/${topic}/subscription/s`, 'PUT')
    await sendWithJava(server, topic, numbered(0, 70), { batch: 70 })
    const one = await openSource(server, { topics: [topic], batch_size: 10 }, null)
    await count([one], 70)
    one.intake.batches[0]!.answer('stored')
    one.intake.batches[6]!.answer('stored')
    await quiet(100)
    await one.close()
    const two = await openSource(server, { topics: [topic] })
    await count([two], 50)
    await quiet()
    assert.deepEqual(two.intake.values, names(10, 60))
    await two.close()
    assert.equal((await statsOf(server, topic))?.msgBacklog, 0)
  })

  test('without that a batch that is settled in part comes again as a whole', async () => {
    const topic = 'whole'
    await makeTopic(server, topic)
    await server.admin(`/persistent/public/default/${topic}/subscription/s`, 'PUT')
    await sendWithJava(server, topic, numbered(0, 20), { batch: 20 })
    const one = await openSource(server, { topics: [topic], batch_size: 10, batch_index_ack: false }, null)
    await count([one], 20)
    one.intake.batches[0]!.answer('stored')
    await quiet(100)
    await one.close()
    const two = await openSource(server, { topics: [topic] })
    await count([two], 20)
    assert.deepEqual(two.intake.values, names(0, 20))
    await two.close()
  })

  test('a pattern finds topics that come later, and reads them from their beginning', async () => {
    await makeTopic(server, 'plant-1')
    await makeTopic(server, 'plan')
    const fields = { topic_regex: 'plant-\\d+', topic_refresh_interval_ms: 200, initial_position: 'latest' }
    const one = await openSource(server, fields)
    await sendWithJava(server, 'plant-1', numbered(0, 3))
    await sendWithJava(server, 'plan', numbered(50, 53))
    await sendWithJava(server, 'plant-2', numbered(3, 6))
    await makeTopic(server, 'plant-3', 2)
    await sendWithJava(server, 'plant-3', numbered(6, 9))
    await count([one], 9)
    await quiet()
    assert.deepEqual(all([one]).toSorted(), names(0, 9).toSorted())
    assert.deepEqual(
      new Set(one.intake.taken.map(({ topic }) => topic)),
      new Set(['from/plant-1', 'from/plant-2', 'from/plant-3']),
    )
    await one.close()
  })

  test('all partitions of a topic are read, and those that are added later', async () => {
    const topic = 'parts'
    await makeTopic(server, topic, 3)
    const one = await openSource(server, { topics: [topic], topic_refresh_interval_ms: 200, topic_names: 'full' })
    await Promise.all([0, 1, 2].map((n) => sendWithJava(server, `${topic}-partition-${n}`, numbered(n * 5, n * 5 + 5))))
    await count([one], 15)
    await server.admin(`/persistent/public/default/${topic}/partitions`, 'POST', 4)
    await sendWithJava(server, `${topic}-partition-3`, numbered(15, 20))
    await count([one], 20)
    assert.deepEqual(all([one]).toSorted(), names(0, 20).toSorted())
    assert.equal(one.intake.taken[0]!.topic, `from/persistent://public/default/${topic}`)
    await one.close()
  })

  test('A9: a topic that the broker lets go (unload) is read on, and what it holds is not handed in twice', async () => {
    const topic = 'unloaded'
    const one = await openSource(server, { topics: [topic] }, null)
    await sendWithJava(server, topic, numbered(0, 5))
    await count([one], 5)
    one.intake.answerAll('stored', false)
    await waitFor('the acknowledgement', 10_000, async () => (await statsOf(server, topic))?.msgBacklog === 0)
    // The broker writes down a little later what it has confirmed.
    await quiet(500)
    await sendWithJava(server, topic, numbered(5, 10))
    await count([one], 10)
    await server.admin(`/persistent/public/default/${topic}/unload`, 'PUT')
    await quiet(500)
    one.intake.answerAll('stored')
    await sendWithJava(server, topic, numbered(10, 20))
    await count([one], 20)
    await quiet()
    assert.deepEqual(one.intake.values, names(0, 20))
    assert.deepEqual(one.intake.losses, [])
    await waitFor('all to be acknowledged', 10_000, async () => (await statsOf(server, topic))?.msgBacklog === 0)
    await one.close()
  })

  test('`seek` puts the subscription elsewhere, once for each value', async () => {
    const topic = 'sought'
    const folder = await mkdtemp(join(tmpdir(), 'trestle-pulsar-seek-'))
    const open = async (seek: object) => openSource(server, { topics: [topic], ...seek }, 'stored', { folder })
    const first = await open({})
    const ids = await sendWithJava(server, topic, numbered(0, 3))
    await quiet(50)
    const betweenMs = Date.now()
    await quiet(50)
    await sendWithJava(server, topic, numbered(3, 6))
    await count([first], 6)
    await first.close()
    const again = async (seek: string, expected: string[]): Promise<void> => {
      const one = await open({ seek })
      await count([one], expected.length)
      await quiet()
      assert.deepEqual(one.intake.values, expected, seek)
      await one.close()
    }
    await again('earliest', names(0, 6))
    await again('earliest', [])
    await again(new Date(betweenMs).toISOString(), names(3, 6))
    await again(messageId(ids[1]!), names(1, 6))
    await again('latest', [])
  })

  test('A9: what failed in a shared subscription comes again after its delay, counted, and too often is a dead letter', async () => {
    const topic = 'again'
    const policy = { dead_letter_policy: { max_redeliver_count: 2 }, negative_ack_delay_ms: 100 }
    const one = await openSource(server, { topics: [topic], subscription_type: 'shared', ...policy }, null)
    await sendWithJava(server, topic, numbered(0, 1))
    for (let time = 1; time <= 3; time++) {
      await waitFor(`time ${time}`, 10_000, () => one.intake.batches.length === time)
      assert.equal(one.intake.batches[time - 1]!.faults.size, 0)
      one.intake.batches[time - 1]!.answer('failed')
    }
    await waitFor('time 4', 10_000, () => one.intake.batches.length === 4)
    assert.equal(one.intake.batches[3]!.faults.get(0)?.code, 'E610')
    one.intake.batches[3]!.answer('refused')
    await waitFor('its acknowledgement', 10_000, async () => (await statsOf(server, topic))?.msgBacklog === 0)
    await one.close()
  })

  test('what came too often goes to the dead letter topic with all it has, and is acknowledged then', async () => {
    const topic = 'spent'
    const policy = { dead_letter_policy: { max_redeliver_count: 0, dead_letter_topic: 'graves' } }
    const fields = { topics: [topic], subscription_type: 'key_shared', negative_ack_delay_ms: 50, ...policy }
    const one = await openSource(server, fields, 'failed')
    const graves = await openSource(server, { topics: ['graves'] })
    await sendWithJava(server, topic, [
      { payload: 'bad', key: 'k', properties: { a: 'b' }, eventTimeMs: 1_790_000_000_000 },
    ])
    await count([graves], 1)
    const [message] = graves.intake.taken
    assert.equal(graves.intake.values[0], 'bad')
    assert.equal(message!.timeMs, 1_790_000_000_000)
    const user = new Map(message!.properties?.user)
    assert.equal(user.get('a'), 'b')
    assert.equal(user.get('REAL_TOPIC'), `persistent://public/default/${topic}`)
    assert.match(user.get('ORIGIN_MESSAGE_ID')!, /^\d+:\d+$/)
    await waitFor('its acknowledgement', 10_000, async () => (await statsOf(server, topic))?.msgBacklog === 0)
    await Promise.all([one.close(), graves.close()])
  })

  test('what is not answered in time goes to another source of a shared subscription', async () => {
    const topic = 'slow'
    const fields = { topics: [topic], subscription_type: 'shared' }
    const slow = await openSource(server, { ...fields, unacked_message_resend_delay_ms: 300 }, null)
    await sendWithJava(server, topic, numbered(0, 5))
    await count([slow], 5)
    const quick = await openSource(server, fields)
    await count([quick], 1)
    assert.ok(logged.some(({ event }) => event === 'pulsar resent'))
    await Promise.all([slow.close(), quick.close()])
  })

  test('a message in chunks is put together, and acknowledged with all its chunks', async () => {
    const topic = 'chunked'
    await makeTopic(server, topic)
    const one = await openSource(server, { topics: [topic] })
    const file = join(await mkdtemp(join(tmpdir(), 'trestle-pulsar-chunks-')), 'big')
    const bytes = Buffer.alloc(12 * 1024 * 1024, '0123456789abcde')
    await writeFile(file, bytes)
    await server.cli(['produce', topic, '--chunking', '-f', file])
    await count([one], 1)
    assert.ok(bytes.equals(one.intake.taken[0]!.payload))
    const stats = (await server.admin(`/persistent/public/default/${topic}/internalStats`)) as {
      numberOfEntries: number
    }
    assert.equal(stats.numberOfEntries, 3)
    await waitFor('its acknowledgement', 10_000, async () => (await statsOf(server, topic))?.msgBacklog === 0)
    await one.close()
  })

  test('a compacted topic gives the last message of each key', async () => {
    const topic = 'compacted'
    await makeTopic(server, topic)
    await sendWithJava(server, topic, numbered(0, 20), { batch: 10 })
    await server.admin(`/persistent/public/default/${topic}/compaction`, 'PUT')
    await waitFor('the compaction', 20_000, async () => {
      const { status } = (await server.admin(`/persistent/public/default/${topic}/compaction`)) as { status: string }
      return status === 'SUCCESS'
    })
    const one = await openSource(server, { topics: [topic], read_compacted: true, subscription: 'compact' })
    await count([one], 5)
    await quiet()
    assert.deepEqual(one.intake.values, names(15, 20))
    await one.close()
  })

  test('the broker shows the consumer by its name, with the properties it was given', async () => {
    const topic = 'named'
    const names_ = { consumer_name: 'oslo', metadata: { site: 'Oslo' }, subscription_properties: { owner: 'hub' } }
    const one = await openSource(server, { topics: [topic], ...names_ })
    const stats = await statsOf(server, topic)
    assert.equal(stats?.consumers[0]?.consumerName, 'oslo')
    assert.deepEqual(stats?.consumers[0]?.metadata, { site: 'Oslo' })
    assert.deepEqual(stats?.subscriptionProperties, { owner: 'hub' })
    await one.close()
    const fleeting = await openSource(server, { topics: [topic], durable: false, subscription: 'fleeting' })
    await fleeting.close()
    await waitFor('its end', 5000, async () => (await statsOf(server, topic, 'fleeting')) === null)
  })

  test('A9: a server that is killed loses the source once; a new one has everything that was not acknowledged', async () => {
    const topic = 'killed'
    const one = await openSource(server, { topics: [topic] }, null)
    await sendWithJava(server, topic, numbered(0, 30), { batch: 10 })
    await count([one], 30)
    await server.kill()
    await waitFor('the loss', 10_000, () => one.intake.losses.length > 0)
    assert.deepEqual(
      one.intake.losses.map(({ code, retry }) => [code, retry]),
      [['E601', 'reconnect']],
    )
    await one.close()
    await assert.rejects(openSource(server, { topics: [topic] }), { code: 'E601' })
    await server.restart()
    const two = await openedInTime(server, topic)
    await count([two], 30)
    assert.deepEqual(two.intake.values, names(0, 30))
    await server.shutdown()
    await waitFor('the loss', 10_000, () => two.intake.losses.length > 0)
    assert.equal(two.intake.losses[0]!.retry, 'reconnect')
    await two.close()
  })
})

/** A broker that has just come back may refuse for a moment, with an error of class `later`: tried again, as the hub does. */
async function openedInTime(server: PulsarServer, topic: string): Promise<OpenSource> {
  for (const untilMs = Date.now() + 30_000; ; await quiet(500)) {
    try {
      return await openSource(server, { topics: [topic] })
    } catch (error) {
      if ((error as TrestleError).retry !== 'later' || Date.now() > untilMs) throw error
    }
  }
}

/** ledger:entry of a message id as the WebSocket service gives it: a protobuf in base64. */
function messageId(base64: string): string {
  const bytes = Buffer.from(base64, 'base64')
  const numbers: number[] = []
  for (let at = 0; at < bytes.length; ) {
    at++
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++]!
      value += (byte & 127) * shift
      if (byte < 128) break
    }
    numbers.push(value)
  }
  return `${numbers[0]}:${numbers[1] ?? 0}`
}
