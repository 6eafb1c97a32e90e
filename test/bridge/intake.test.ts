import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { inProcessBody } from '../../src/bridge/body.ts'
import { decodeBatch, encodeBatch } from '../../src/bridge/intake-batch.ts'
import type { IntakeBatch } from '../../src/bridge/supervisor.ts'
import { TrestleError } from '../../src/contract/error.ts'
import type { Message, MessageProperties } from '../../src/contract/message.ts'
import { notDelivered, type Receipt } from '../../src/contract/receipt.ts'
import { BridgeRig, connectorOf, until } from '../support/bridge-rig.ts'
import { type FarSide, farSideOf, farSides, losesConnection } from '../support/memory-connector.ts'
import { messageOf } from '../support/owed.ts'

const bytes = fc.uint8Array({ maxLength: 40 })
const propertiesOf = fc.record(
  {
    payloadFormat: fc.constantFrom(0 as const, 1 as const),
    expirySeconds: fc.nat(),
    contentType: fc.string(),
    responseTopic: fc.string(),
    correlationData: bytes,
    user: fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 3 }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<MessageProperties>
const messages = fc.array(
  fc.record({
    topic: fc.string({ unit: 'grapheme' }),
    client: fc.string(),
    payload: bytes,
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    retain: fc.boolean(),
    username: fc.option(fc.string()),
    source: fc.option(fc.string()),
    properties: fc.option(propertiesOf),
    timeMs: fc.nat(),
  }),
  { maxLength: 5 },
) as fc.Arbitrary<Message[]>

test('a batch comes out of its buffer as it went in', () => {
  const plain = (batch: readonly Message[]): unknown =>
    batch.map((message) => ({
      ...message,
      payload: [...message.payload],
      properties: plainProperties(message.properties),
    }))
  const plainProperties = (given: MessageProperties | null): unknown =>
    given === null || given.correlationData === undefined
      ? JSON.parse(JSON.stringify(given))
      : { ...JSON.parse(JSON.stringify(given)), correlationData: [...given.correlationData] }
  fc.assert(fc.property(messages, (batch) => assert.deepEqual(plain(decodeBatch(encodeBatch(batch))), plain(batch))))
})

describe('a source', () => {
  let rig: BridgeRig
  let orders: FarSide
  beforeEach(async () => {
    farSides.clear()
    orders = farSideOf('orders')
    rig = new BridgeRig({
      connectors: [connectorOf('orders', { sink: false, sources: [{ topic: 'orders' }] })],
      makeBody: () => inProcessBody({ random: () => 0.05 }),
    })
  })
  afterEach(() => rig.stop())

  test('A9: hands its messages to main and gets a receipt for each, in order', async () => {
    await rig.start()
    const batches: IntakeBatch[] = []
    rig.bridge.onIntake(async (batch) => {
      batches.push(batch)
      return batch.items.map(({ message }): Receipt => {
        const refused = message.topic === 'bad'
        return refused
          ? notDelivered(new TrestleError('E401', 'no'))
          : { outcome: 'stored', error: null, place: message.topic }
      })
    })
    await until(() => orders.intake !== null, 'it is open')
    const take = (topic: string): Promise<readonly Receipt[]> =>
      orders.intake!.take([messageOf({ topic, source: 'orders' })])
    const [one, two, three] = await Promise.all([take('one'), take('bad'), take('three')])
    assert.equal(one![0]!.place, 'one')
    assert.equal(two![0]!.outcome, 'refused')
    assert.equal(two![0]!.error!.code, 'E401')
    assert.equal(three![0]!.place, 'three')
    assert.equal(batches.length, 1, 'one turn, one batch')
    assert.deepEqual(batches[0]!.source, 'orders')
    assert.equal(batches[0]!.items[0]!.message.source, 'orders')
    assert.deepEqual(await orders.intake!.take([]), [])
  })

  test('hears that a message was not taken when main throws', async () => {
    await rig.start()
    rig.bridge.onIntake(() => Promise.reject(new Error('unforeseen')))
    await until(() => orders.intake !== null, 'it is open')
    const [receipt] = await orders.intake!.take([messageOf()])
    assert.equal(receipt!.outcome, 'failed')
    assert.equal(receipt!.error!.message, 'unforeseen')
  })

  test('is opened again after a failure, held and let go, and closed at the end', async () => {
    let tries = 0
    orders.onOpen = async () => {
      if (++tries < 3) throw losesConnection()
    }
    await rig.start()
    await until(() => orders.flowing, 'it flows')
    assert.equal((await rig.link('orders')).state, 'connected')
    assert.equal((await rig.link('orders')).retries, 2)
    assert.equal((await rig.link('orders')).sink, null)
    await rig.bridge.pause('orders')
    assert.equal(orders.flowing, false)
    assert.equal((await rig.link('orders')).state, 'paused')
    await rig.bridge.resume('orders')
    assert.equal(orders.flowing, true)
    assert.equal((await rig.link('orders')).state, 'connected')
    await rig.bridge.stop()
    assert.equal(orders.flowing, false)
  })
})
