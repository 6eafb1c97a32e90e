import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { hopsProperty, type Message } from 'trestle/contract'
import { pulsarOptions } from '../../../connectors/pulsar/options.ts'
import { PulsarSink } from '../../../connectors/pulsar/sink.ts'
import { need, type PulsarServer, startPulsar, waitFor } from '../../services/index.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { openSource } from './source-bench.ts'

const skip = await need('pulsar')

const nowMs = Date.now()
const rich: Partial<Message> = {
  topic: 'plants/oslo/ø 1/+plus',
  client: 'device “7”',
  qos: 2,
  retain: true,
  timeMs: nowMs,
  properties: {
    payloadFormat: 1,
    expirySeconds: 3600,
    contentType: 'application/json; charset=utf-8',
    responseTopic: 'answers/ø/1',
    correlationData: Uint8Array.of(0, 255, 1, 254, 13, 10),
    user: [
      ['plant', 'oslo'],
      ['plant', 'bergen'],
      ['', ''],
      ['odd name: *%', 'värde ✓ "quoted", \\ and\nmore'],
      ['mqtt-topic', 'not the topic'],
      ['content-type', 'not the content type'],
      ['trestle-id', 'mine'],
      ['plant', 'oslo'],
      [hopsProperty, 'hub-before'],
    ],
  },
}
const plain: Partial<Message> = { qos: 0, retain: false, properties: null, timeMs: nowMs }

describe('A message that goes to Pulsar and comes back', { skip }, () => {
  let server: PulsarServer
  before(async () => {
    server = await startPulsar()
  })
  after(() => server?.stop())

  const ways = [
    { batching: 'default', compression: 'none' },
    { batching: 'none', compression: 'zstd' },
    { batching: 'key', compression: 'lz4' },
  ]
  for (const [at, way] of ways.entries()) {
    test(`A11: is the same but for the hop list: batching ${way.batching}, compression ${way.compression}`, async () => {
      const topic = `round-${at}`
      const folder = await mkdtemp(join(tmpdir(), 'trestle-pulsar-round-'))
      const sink = new PulsarSink(pulsarOptions({ servers: [server.url], topic, ...way }), connectorContext(folder))
      await sink.open()
      const make = deliveries('hub')
      const payload = Uint8Array.from({ length: 256 }, (_, n) => n)
      const given = [rich, plain, { ...rich, qos: 1 as const }].map((message) =>
        make({ message, payload, key: 'a key ø' }),
      )
      const receipts = await sink.deliver(given)
      assert.deepEqual(
        receipts.map(({ outcome }) => outcome),
        ['delivered', 'delivered', 'delivered'],
      )
      await sink.close()
      const reader = await openSource(server, { topics: [topic], publish: '${mqtt.topic}' })
      await waitFor('all', 15_000, () => reader.intake.taken.length === 3)
      for (const [n, message] of reader.intake.taken.entries()) assertSame(message, given[n]!.message, payload)
      await reader.close()
    })
  }
})

function assertSame(message: Message, before: Message, payload: Uint8Array): void {
  const { topic, client, qos, retain, timeMs } = before
  assert.deepEqual(
    [message.topic, message.client, message.qos, message.retain, message.timeMs],
    [topic, client, qos, retain, timeMs],
  )
  assert.deepEqual(Buffer.from(message.payload), Buffer.from(payload))
  const hops = (of: Message): string => of.properties?.user?.find(([name]) => name === hopsProperty)?.[1] ?? ''
  assert.equal(hops(message), `${hops(before)} hub`.trim())
  const rest = ({ properties }: Message) => ({
    ...properties,
    user: (properties?.user ?? []).filter(([name]) => name !== hopsProperty),
    correlationData: Buffer.from(properties?.correlationData ?? []).toString('hex'),
    expirySeconds: undefined,
  })
  assert.deepEqual(rest(message), rest(before))
  const [left, given] = [message.properties?.expirySeconds ?? 0, before.properties?.expirySeconds ?? 0]
  assert.ok(left <= given && left > given - 60, `${left} of ${given} s are left`)
}
