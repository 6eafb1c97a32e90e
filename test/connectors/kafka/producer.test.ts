import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Receipt, TrestleError } from 'trestle/contract'
import { meanings } from '../../../connectors/kafka/errors.ts'
import { kafkaOptions } from '../../../connectors/kafka/options.ts'
import { KafkaSink } from '../../../connectors/kafka/sink.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { FakeClient } from './fake-client.ts'

/** With a clock at which the numbers of the deliveries still hold. */
const contextHere = () => ({
  ...connectorContext(mkdtempSync(join(tmpdir(), 'trestle-claims-'))),
  now: () => 1_700_000_000_000,
})

async function openSink(client: FakeClient, given: object = {}, context = contextHere()): Promise<KafkaSink> {
  const sink = new KafkaSink(kafkaOptions({ brokers: ['fake:1'], topic: 'a', ...given }), context, client)
  await sink.open()
  return sink
}

const codesOf = (receipts: readonly Receipt[]): string[] =>
  receipts.map(({ outcome, error }) => (error === null ? outcome : `${error.code} ${error.retry}`))
const inPartition = (partition: number) => ({ options: { partition } })

describe('the producer', () => {
  test('sends one request to each leader and numbers each partition by itself', async () => {
    const client = new FakeClient({ a: [1, 2, 1] })
    const sink = await openSink(client)
    const make = deliveries()
    for (let round = 0; round < 2; round++) {
      const receipts = await sink.deliver([0, 1, 2, 0, 0].map((partition) => make(inPartition(partition))))
      assert.deepEqual(
        receipts.map(({ place }) => place),
        ['a-0@100', 'a-1@100', 'a-2@100', 'a-0@101', 'a-0@102'],
      )
    }
    assert.deepEqual(
      client.arrived.map(({ node, partition, sequence, count }) => [node, partition, sequence, count]),
      [
        [1, 0, 0, 3],
        [1, 2, 0, 1],
        [2, 1, 0, 1],
        [1, 0, 3, 3],
        [1, 2, 1, 1],
        [2, 1, 1, 1],
      ],
    )
  })

  test('a leader that does not answer fails its partitions alone, and gets the very same batch again', async () => {
    const client = new FakeClient({ a: [1, 2] })
    const sink = await openSink(client)
    const make = deliveries()
    const batch = [0, 1, 0, 1].map((partition) => make(inPartition(partition)))
    client.answer = ({ node }) => (node === 2 ? new TrestleError('E601', 'silence') : {})
    const receipts = await sink.deliver(batch)
    assert.deepEqual(codesOf(receipts), ['delivered', 'E601 reconnect', 'delivered', 'E601 reconnect'])
    client.answer = () => ({})
    client.arrived.length = 0
    // More waits behind by now: the unanswered two go first, as they were, and the new one after them.
    assert.deepEqual(codesOf(await sink.deliver([batch[1]!, batch[3]!, make(inPartition(1))])), [
      'delivered',
      'delivered',
      'delivered',
    ])
    assert.deepEqual(
      client.arrived.map(({ sequence, count }) => [sequence, count]),
      [
        [0, 2],
        [2, 1],
      ],
    )
  })

  test('the next sink of the connector takes over what was not answered, in the same cluster only', async () => {
    for (const [clusterId, producerId] of [
      ['cluster', 1n],
      ['another', 2n],
    ] as const) {
      const client = new FakeClient({ a: [1] })
      const context = contextHere()
      const first = await openSink(client, {}, context)
      const make = deliveries()
      const batch = [make(), make()]
      client.answer = () => new TrestleError('E601', 'silence')
      await first.deliver(batch)
      await first.close()
      client.answer = () => ({})
      client.clusterId = clusterId
      const second = await openSink(client, {}, context)
      assert.deepEqual(codesOf(await second.deliver([...batch, make()])), ['delivered', 'delivered', 'delivered'])
      const last = client.arrived.at(-1)!
      assert.deepEqual([last.producerId, last.sequence + last.count], [producerId, 3])
    }
  })

  test('an unanswered batch goes again as it was, whatever comes back of it, and the rest of it is answered when it comes', async () => {
    const client = new FakeClient({ a: [1] })
    const context = contextHere()
    const sink = await openSink(client, {}, context)
    const make = deliveries()
    const batch = [make(), make(), make()]
    client.answer = () => new TrestleError('E601', 'silence')
    await sink.deliver(batch)
    client.answer = () => ({})
    const receipts = await sink.deliver([...batch.slice(1), make()])
    assert.deepEqual(
      receipts.map(({ place }) => place),
      ['a-0@101', 'a-0@102', 'a-0@100'],
    )
    assert.deepEqual(
      client.arrived.map(({ producerId, sequence, count }) => [producerId, sequence, count]),
      [
        [1n, 0, 3],
        [1n, 0, 3],
        [1n, 3, 1],
      ],
    )
    assert.deepEqual(codesOf(await sink.deliver(batch.slice(0, 1))), ['delivered'])
    assert.equal(client.arrived.length, 3)
    assert.deepEqual(context.lines, [])
  })

  test('goes on under a new identity when the broker does not know the old one', async () => {
    for (const errorCode of [45, 47, 49, 59, 90]) {
      const client = new FakeClient({ a: [1] })
      const sink = await openSink(client)
      const make = deliveries()
      await sink.deliver([make()])
      client.answer = ({ producerId }) => ({ errorCode: producerId === 1n ? errorCode : 0 })
      assert.deepEqual(codesOf(await sink.deliver([make(), make()])), ['delivered', 'delivered'])
      assert.deepEqual(
        client.arrived.slice(-2).map(({ sequence }) => sequence),
        [1, 0],
      )
    }
  })

  test('follows a partition to its new leader', async () => {
    const client = new FakeClient({ a: [1] })
    const sink = await openSink(client)
    const make = deliveries()
    client.leaders['a'] = [2]
    client.answer = ({ node }) => ({ errorCode: node === 1 ? 6 : 0 })
    assert.deepEqual(codesOf(await sink.deliver([make()])), ['delivered'])
    assert.deepEqual(
      client.arrived.map(({ node }) => node),
      [1, 2],
    )
  })

  test('gives every code of Kafka its class, and lets nothing hang', async () => {
    for (const [code, { retry }] of Object.entries(meanings)) {
      const client = new FakeClient({ a: [1, 1] })
      const sink = await openSink(client)
      const make = deliveries()
      client.answer = ({ partition }) => ({ errorCode: partition === 0 ? Number(code) : 0 })
      const receipts = await sink.deliver([make(inPartition(0)), make(inPartition(1)), make(inPartition(0))])
      assert.equal(receipts[1]!.outcome, 'delivered', `code ${code} of one partition is none of another's`)
      assert.deepEqual([receipts[0]!.error?.retry, receipts[2]!.error?.retry], [retry, retry], `code ${code}`)
      await sink.close()
    }
  })

  test('an error that is not in the table is told with its number', async () => {
    const client = new FakeClient({ a: [1] })
    const sink = await openSink(client)
    client.answer = () => ({ errorCode: 4711 })
    const [receipt] = await sink.deliver([deliveries()()])
    assert.deepEqual(codesOf([receipt!]), ['E608 reconnect'])
    assert.match(receipt!.error!.message, /error 4711/)
  })

  test('what the broker has already counts as delivered', async () => {
    const client = new FakeClient({ a: [1] })
    const sink = await openSink(client)
    client.answer = () => ({ errorCode: 46 })
    const [receipt] = await sink.deliver([deliveries()()])
    assert.deepEqual([receipt!.outcome, receipt!.place], ['delivered', null])
  })

  test('finds the one record that is too large by halves, and sends the others', async () => {
    const client = new FakeClient({ a: [1] })
    const sink = await openSink(client)
    const make = deliveries()
    let poisoned = 5
    client.answer = ({ sequence, count }) => {
      // The culprit is the sixth that is not yet written; refusing it moves it out of the way.
      const has = poisoned >= sequence && poisoned < sequence + count
      if (has && count === 1) poisoned = -1
      return { errorCode: has ? 10 : 0 }
    }
    const receipts = await sink.deliver(Array.from({ length: 16 }, () => make()))
    assert.deepEqual(
      codesOf(receipts)
        .map((code, at) => (code === 'delivered' ? '' : `${at}: ${code}`))
        .filter(Boolean),
      ['5: E605 never'],
    )
  })

  test('without idempotence it numbers nothing and asks for no identity', async () => {
    const client = new FakeClient({ a: [1] })
    const sink = await openSink(client, { idempotent: false })
    await sink.deliver([deliveries()()])
    assert.deepEqual([client.arrived[0]!.producerId, client.arrived[0]!.sequence], [-1n, -1])
  })

  test('asks about a missing topic at most twice a second', async () => {
    const client = new FakeClient({ a: [1] })
    const sink = await openSink(client)
    const make = deliveries()
    const before = client.asked
    for (let round = 0; round < 10; round++) {
      assert.deepEqual(codesOf(await sink.deliver([make({ target: 'none' })])), ['E604 later'])
    }
    assert.equal(client.asked, before + 1)
  })
})
