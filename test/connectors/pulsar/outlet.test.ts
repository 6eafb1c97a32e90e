import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { Receipt } from 'trestle/contract'
import { pulsarOptions } from '../../../connectors/pulsar/options.ts'
import { readEntry } from '../../../connectors/pulsar/protocol/wire/entry.ts'
import { readSingleMessages } from '../../../connectors/pulsar/protocol/wire/single-message.ts'
import { PulsarSink } from '../../../connectors/pulsar/sink.ts'
import { connectorContext } from '../../support/delivery.ts'
import { deliveryAt } from './delivery-at.ts'
import { FakeBroker, type Peer } from './protocol/fake-broker.ts'

/** What the broker is to do with an entry. */
type Fate = 'take' | 'take and cut' | 'cut' | 'close producer' | { error: number; message: string }

/** A broker that deduplicates, as far as producers can tell, and can be told to fail. */
class DedupBroker {
  readonly topics = new Map<string, { highest: number; payloads: string[] }>()
  readonly numbers: [number, number][] = []
  fateOf: (topic: string, payloads: readonly string[]) => Fate = () => 'take'
  broker!: FakeBroker

  async start(): Promise<void> {
    const producers = new Map<Peer, Map<number, string>>()
    this.broker = await FakeBroker.start((command, peer, _broker, frame, entryAt) => {
      const own = producers.get(peer) ?? new Map<number, string>()
      producers.set(peer, own)
      if (command.name === 'producer') {
        const { producerId, requestId, topic } = command.body
        own.set(producerId, topic)
        const { highest } = this.topicOf(topic)
        peer.send('producerSuccess', { requestId, producerName: 'p', lastSequenceId: highest, ready: true })
        return true
      }
      if (command.name !== 'send') return false
      const { producerId, sequenceId, highestSequenceId } = command.body
      const name = own.get(producerId)!
      const { payload, metadata } = readEntry(frame, entryAt)
      const { messageCount } = metadata
      const singles = messageCount === undefined ? [{ payload }] : readSingleMessages(payload, messageCount)
      const payloads = singles.map((one) => one.payload.toString())
      const fate = this.fateOf(name, payloads)
      this.numbers.push([sequenceId, highestSequenceId])
      if (typeof fate === 'object')
        peer.send('sendError', { producerId, sequenceId: highestSequenceId, ...fate, error: fate.error })
      else if (fate === 'close producer') peer.send('closeProducer', { producerId, requestId: 1 })
      else if (fate === 'cut') peer.socket.destroy()
      else {
        const topic = this.topicOf(name)
        const isNew = sequenceId > topic.highest
        if (isNew) {
          topic.highest = highestSequenceId
          topic.payloads.push(...payloads)
        }
        const place = isNew ? { ledgerId: 1n, entryId: 1n } : { ledgerId: -1n, entryId: -1n }
        if (fate === 'take and cut') peer.socket.destroy()
        else {
          const messageId = { ...place, partition: -1, batchIndex: -1, ackSet: [] }
          peer.send('sendReceipt', { producerId, sequenceId, highestSequenceId, messageId })
        }
      }
      return true
    })
  }

  topicOf(name: string): { highest: number; payloads: string[] } {
    const topic = this.topics.get(name) ?? { highest: -1, payloads: [] }
    this.topics.set(name, topic)
    return topic
  }

  there(topic: string): string[] {
    return this.topicOf(`persistent://public/default/${topic}`).payloads
  }
}

const outcomes = (receipts: readonly Receipt[]): string[] =>
  receipts.map(({ outcome, error }) => (error === null ? outcome : `${outcome} ${error.code} ${error.retry}`))

describe('What goes to a topic of Pulsar', () => {
  let far: DedupBroker
  let folder: string
  const sinks: PulsarSink[] = []
  beforeEach(async () => {
    far = new DedupBroker()
    await far.start()
    folder = await mkdtemp(join(tmpdir(), 'trestle-pulsar-outlet-'))
  })
  afterEach(async () => {
    for (const sink of sinks.splice(0)) await sink.close()
    await far.broker.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const newSink = async (more: object = {}): Promise<PulsarSink> => {
    for (const sink of sinks.splice(0)) await sink.close()
    const options = { servers: [far.broker.url], topic: 'a', request_timeout_ms: 2000, ...more }
    const sink = new PulsarSink(pulsarOptions(options), connectorContext(folder))
    sinks.push(sink)
    await sink.open()
    return sink
  }
  const at = (n: number, target: string | null = null) => deliveryAt(n, { payload: `${n}`, target })

  test('A3: was written although its receipt was lost: it goes again under its numbers, and is there once', async () => {
    let sink = await newSink()
    far.fateOf = () => 'take and cut'
    assert.deepEqual(outcomes(await sink.deliver([at(1), at(2)])), ['failed E601 reconnect', 'failed E601 reconnect'])
    far.fateOf = () => 'take'
    sink = await newSink()
    const receipts = await sink.deliver([at(2), at(1), at(3)])
    assert.deepEqual(outcomes(receipts), ['delivered', 'delivered', 'delivered'])
    assert.deepEqual([receipts[0]!.place, receipts[2]!.place], [null, 'persistent://public/default/a@1:1'])
    assert.deepEqual(far.there('a'), ['1', '2', '3'])
    assert.deepEqual(far.numbers, [
      [0, 1],
      [0, 1],
      [2, 2],
    ])
  })

  test('A3: was never written: it gets new numbers, also after later ones were', async () => {
    let sink = await newSink()
    far.fateOf = () => 'cut'
    await sink.deliver([at(1), at(2)])
    far.fateOf = () => 'take'
    sink = await newSink()
    assert.deepEqual(outcomes(await sink.deliver([at(7)])), ['delivered'])
    sink = await newSink()
    assert.deepEqual(outcomes(await sink.deliver([at(1), at(2)])), ['delivered', 'delivered'])
    assert.deepEqual(far.there('a'), ['7', '1', '2'])
  })

  test('A3: was refused: later ones do not make it look written, not even after a restart', async () => {
    let sink = await newSink()
    far.fateOf = (_topic, [payload]) => (payload === '1' ? { error: 2, message: 'no bookies' } : 'take')
    assert.deepEqual(outcomes(await sink.deliver([at(1)])), ['failed E607 later'])
    assert.deepEqual(outcomes(await sink.deliver([at(2)])), ['delivered'])
    far.fateOf = () => 'take'
    sink = await newSink()
    assert.deepEqual(outcomes(await sink.deliver([at(1), at(2)])), ['delivered', 'delivered'])
    assert.deepEqual(far.there('a').toSorted(), ['1', '2'])
  })

  test('A4: fails together behind the first that failed, and other topics go on', async () => {
    const sink = await newSink({ batching: 'none' })
    let refusals = 1
    const keyed = (n: number, target: string) => deliveryAt(n, { payload: `${n}`, target, orderKey: 'one' })
    far.fateOf = (topic) => (topic.endsWith('/a') && refusals-- > 0 ? { error: 2, message: 'no bookies' } : 'take')
    const batch = [keyed(1, 'a'), keyed(2, 'a'), keyed(3, 'b'), keyed(4, 'a')]
    assert.deepEqual(outcomes(await sink.deliver(batch)), [
      'failed E607 later',
      'failed E607 later',
      'delivered',
      'failed E607 later',
    ])
    assert.deepEqual(outcomes(await sink.deliver([batch[0]!, batch[1]!, batch[3]!])), [
      'delivered',
      'delivered',
      'delivered',
    ])
    assert.equal(far.topicOf('persistent://public/default/a').highest >= 3, true)
  })

  test('goes on over a producer that the broker closed, as it was, in the same batch', async () => {
    const sink = await newSink()
    let closings = 2
    far.fateOf = () => (closings-- > 0 ? 'close producer' : 'take')
    assert.deepEqual(outcomes(await sink.deliver([at(1), at(2)])), ['delivered', 'delivered'])
    assert.deepEqual(far.numbers, [
      [0, 1],
      [0, 1],
      [0, 1],
    ])
    far.fateOf = () => 'close producer'
    assert.deepEqual(outcomes(await sink.deliver([at(3)])), ['failed E607 reconnect'])
  })

  test('is not said to be there while the broker does not know whether it is safe', async () => {
    let sink = await newSink()
    far.fateOf = () => 'take and cut'
    await sink.deliver([at(1)])
    far.fateOf = () => ({ error: 0, message: 'Cannot determine whether the message is a duplicate at this time' })
    sink = await newSink()
    assert.deepEqual(outcomes(await sink.deliver([at(1)])), ['failed E607 reconnect'])
    far.fateOf = () => 'take'
    sink = await newSink()
    assert.deepEqual(outcomes(await sink.deliver([at(1)])), ['delivered'])
    assert.deepEqual(far.there('a'), ['1'])
  })

  test('is halved until the culprit is found, and the order of the others holds', async () => {
    const sink = await newSink()
    far.fateOf = (_topic, payloads) =>
      payloads.includes('5') ? { error: 22, message: 'Exceed maximum message size' } : 'take'
    const receipts = await sink.deliver(
      [1, 2, 3, 4, 5, 6, 7].map((n) => deliveryAt(n, { payload: `${n}`, orderKey: 'one' })),
    )
    assert.deepEqual(
      outcomes(receipts),
      [1, 2, 3, 4, 5, 6, 7].map((n) => (n === 5 ? 'refused E605 never' : 'delivered')),
    )
    assert.deepEqual(far.there('a'), ['1', '2', '3', '4', '6', '7'])
  })
})
