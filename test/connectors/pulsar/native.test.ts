import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  loadLibrary,
  type NativeLibrary,
  type NativeMessage,
  type NativeOutgoing,
} from '../../../connectors/pulsar/native/library.ts'
import { NativePulsarSink } from '../../../connectors/pulsar/native/sink.ts'
import { NativePulsarSource } from '../../../connectors/pulsar/native/source.ts'
import { pulsarOptions } from '../../../connectors/pulsar/options.ts'
import { pulsarSourceOptions } from '../../../connectors/pulsar/source-options.ts'
import { waitFor } from '../../services/index.ts'
import { deliveries as deliveriesOf } from '../../support/delivery.ts'
import { HeldIntake } from '../../support/held-intake.ts'
import { contextFor } from './source-bench.ts'

/** The library with a topic in memory: what is sent is received, what is not acknowledged is kept. */
class FakeLibrary {
  readonly made: object[] = []
  readonly sent: (NativeOutgoing & { topic: string })[] = []
  readonly acknowledged: string[] = []
  readonly returned: string[] = []
  waiting: NativeMessage[] = []
  failing: ((message: NativeOutgoing) => Error | null) | null = null
  readonly library: NativeLibrary

  constructor() {
    const fake = this
    const named = (kind: string) =>
      class {
        constructor(options: object) {
          fake.made.push({ kind, ...options })
        }
      }
    class Client extends named('Client') {
      async createProducer(options: { topic: string }) {
        fake.made.push({ kind: 'Producer', ...options })
        return {
          async send(message: NativeOutgoing) {
            const error = fake.failing?.(message) ?? null
            if (error !== null) throw error
            fake.sent.push({ topic: options.topic, ...message })
            return { toString: () => `(1,${fake.sent.length},-1,0)` }
          },
          isConnected: () => true,
          close: async () => null,
        }
      }
      async subscribe(options: object) {
        fake.made.push({ kind: 'Consumer', ...options })
        return {
          async batchReceive() {
            await new Promise((done) => setTimeout(done, 5))
            return fake.waiting.splice(0, 10)
          },
          acknowledge: async (message: NativeMessage) => fake.acknowledged.push(message.getData().toString()),
          negativeAcknowledge: (message: NativeMessage) => fake.returned.push(message.getData().toString()),
          seekTimestamp: async () => null,
          isConnected: () => true,
          close: async () => null,
        }
      }
      async close() {
        return null
      }
    }
    this.library = {
      Client,
      AuthenticationToken: named('Token'),
      AuthenticationBasic: named('Basic'),
      AuthenticationTls: named('Tls'),
      AuthenticationOauth2: named('Oauth2'),
    }
  }

  readonly load = (): Promise<NativeLibrary> => Promise.resolve(this.library)

  put(values: readonly string[]): void {
    for (const value of values) {
      this.waiting.push({
        getData: () => Buffer.from(value),
        getTopicName: () => 'persistent://public/default/orders-partition-1',
        getMessageId: () => ({ toString: () => value }),
        getProperties: () => ({ a: 'b' }),
        getEventTimestamp: () => 0,
        getPublishTimestamp: () => 77,
        getPartitionKey: () => 'k',
        getRedeliveryCount: () => 0,
      })
    }
  }
}

const options = (extra: object = {}) =>
  pulsarOptions({ servers: ['pulsar://a:1', 'pulsar://b:2'], driver: 'native', ...extra })

describe('The native driver', () => {
  test('names the command that adds its library where that is not there', async () => {
    await assert.rejects(loadLibrary('a-package-that-nobody-has'), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'E609')
      assert.match(error.message, /npm install pulsar-client/)
      return true
    })
  })

  test('gives the library the servers, the credentials and the paths, and refuses what it cannot take', async () => {
    const fake = new FakeLibrary()
    const extra = {
      auth: { type: 'token', token: 'secret' },
      tls: { ca: '/ca.pem' },
      topic: 'orders',
      compression: 'lz4',
    }
    const sink = new NativePulsarSink(options(extra), await contextFor('pulsar'), fake.load)
    await sink.open()
    const [token, client, producer] = fake.made as Record<string, unknown>[]
    assert.deepEqual([token!['kind'], token!['token']], ['Token', 'secret'])
    assert.deepEqual([client!['serviceUrl'], client!['tlsTrustCertsFilePath']], ['pulsar://a:1,b:2', '/ca.pem'])
    assert.deepEqual([producer!['topic'], producer!['compressionType']], ['orders', 'LZ4'])
    await sink.close()
    const pem = new NativePulsarSink(options({ tls: { ca: '-----BEGIN X\n' } }), await contextFor('pulsar'), fake.load)
    await assert.rejects(pem.open(), { code: 'E104' })
  })

  test('writes what the built-in one writes, and says what failed; nothing of the same order passes for delivered after it', async () => {
    const fake = new FakeLibrary()
    const sink = new NativePulsarSink(options({ topic: 'orders' }), await contextFor('pulsar'), fake.load)
    await sink.open()
    fake.failing = ({ data }) => (data.toString() === 'bad' ? new Error('Failed to send message: Timeout') : null)
    const makeDelivery = deliveriesOf()
    const deliveries = ['one', 'bad', 'late', 'other'].map((text, n) =>
      makeDelivery({ payload: Buffer.from(text), orderKey: n === 3 ? 'y' : 'x', key: 'k' }),
    )
    const receipts = await sink.deliver(deliveries)
    assert.deepEqual(
      receipts.map(({ outcome }) => outcome),
      ['delivered', 'failed', 'failed', 'delivered'],
    )
    assert.equal(receipts[1]!.error?.code, 'E601')
    assert.match(receipts[0]!.place!, /^orders@\(1,\d,-1,0\)$/)
    const [first] = fake.sent
    assert.deepEqual([first!.data.toString(), first!.partitionKey], ['one', 'k'])
    assert.ok(first!.properties['trestle-id'])
    assert.equal(first!.properties['trestle-hops'], 'hub-under-test')
    await sink.close()
  })

  test('reads, acknowledges on the receipt only, gives back what failed, and stays within its bounds', async () => {
    const fake = new FakeLibrary()
    const fields = { topics: ['orders'], subscription: 's', publish: 'from/${topic}', max_unsettled: 10 }
    const source = new NativePulsarSource(options(), pulsarSourceOptions(fields), await contextFor('pulsar'), fake.load)
    const intake = new HeldIntake(null)
    fake.put(Array.from({ length: 25 }, (_, n) => `m${n}`))
    await source.open(intake)
    await waitFor('the first', 5000, () => intake.taken.length === 10)
    await new Promise((done) => setTimeout(done, 50))
    assert.equal(intake.taken.length, 10)
    assert.deepEqual(fake.acknowledged, [])
    assert.deepEqual([intake.taken[0]!.topic, intake.taken[0]!.timeMs], ['from/orders', 77])
    intake.batches[0]!.answer('stored', (at) => (at === 3 ? 'failed' : 'stored'))
    await waitFor('the next', 5000, () => intake.taken.length === 20)
    assert.deepEqual([fake.acknowledged.length, fake.returned], [9, ['m3']])
    source.pause()
    intake.answerAll('stored')
    await new Promise((done) => setTimeout(done, 50))
    assert.equal(intake.taken.length, 20)
    source.resume()
    await waitFor('the rest', 5000, () => intake.taken.length === 25)
    await source.close()
    assert.equal(fake.acknowledged.length, 24)
    assert.deepEqual(intake.losses, [])
  })

  test('is lost when the library fails, and cannot seek', async () => {
    const fake = new FakeLibrary()
    const fields = { topics: ['orders'], subscription: 's', publish: 'x' }
    const seeking = new NativePulsarSource(
      options(),
      pulsarSourceOptions({ ...fields, seek: 'earliest' }),
      await contextFor('p'),
      fake.load,
    )
    await assert.rejects(seeking.open(new HeldIntake()), { code: 'E104' })
  })
})
