import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { inProcessBody } from '../../src/bridge/body.ts'
import { decodeBatch, encodeBatch } from '../../src/bridge/intake-batch.ts'
import type { AnswerSheet, IntakeOrder } from '../../src/bridge/supervisor.ts'
import type { Intake } from '../../src/contract/connector.ts'
import { TrestleError } from '../../src/contract/error.ts'
import type { Message, MessageProperties } from '../../src/contract/message.ts'
import { notDelivered, type Receipt } from '../../src/contract/receipt.ts'
import { BridgeRig, connectorOf, pause, until } from '../support/bridge-rig.ts'
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

const stored: Receipt = { outcome: 'stored', error: null, place: null }
const full = notDelivered(new TrestleError('E505', 'journal is full'))

describe('a source', () => {
  let rig: BridgeRig
  let orders: FarSide
  beforeEach(() => begin({ topic: 'orders' }))
  afterEach(() => rig.stop())

  const begin = (source: Record<string, unknown>): void => {
    farSides.clear()
    orders = farSideOf('orders')
    rig = new BridgeRig({
      connectors: [connectorOf('orders', { sink: false, sources: [source] })],
      makeBody: () => inProcessBody({ random: () => 0.05 }),
      timing: { holdMs: 30 },
    })
  }
  const open = async (): Promise<Intake> => {
    await until(() => orders.intake !== null && orders.flowing, 'it is open')
    return orders.intake!
  }
  const batch = (...topics: string[]): Message[] => topics.map((topic) => messageOf({ topic, source: 'orders' }))
  /** Main, as told: answers each topic; what came is in `seen`. */
  const main = (answer: (topic: string) => Receipt | null): { seen: string[]; sheets: [AnswerSheet, number][] } => {
    const told = { seen: [] as string[], sheets: [] as [AnswerSheet, number][] }
    rig.bridge.onIntake(({ messages }, sheet) => {
      for (const [at, { topic }] of messages.entries()) {
        const receipt = sheet.failure ?? answer(topic)
        if (sheet.failure === null) told.seen.push(topic)
        if (receipt !== null) sheet.answer(at, receipt)
        else told.sheets.push([sheet, at])
      }
    })
    return told
  }

  test('A9: hands its messages to main and gets a receipt for each, in order', async () => {
    await rig.start()
    const orders: IntakeOrder[] = []
    rig.bridge.onIntake((order, sheet) => {
      orders.push(order)
      for (const [at, { topic }] of order.messages.entries()) {
        if (topic === 'bad') sheet.answer(at, notDelivered(new TrestleError('E401', 'no')))
        else sheet.answer(at, { ...stored, place: topic })
      }
    })
    const intake = await open()
    const [one, two, three] = await Promise.all(['one', 'bad', 'three'].map((topic) => intake.take(batch(topic))))
    assert.equal(one![0]!.place, 'one')
    assert.equal(two![0]!.outcome, 'refused')
    assert.equal(two![0]!.error!.code, 'E401')
    assert.equal(three![0]!.place, 'three')
    assert.equal(orders.length, 1, 'one turn, one batch')
    assert.deepEqual(orders[0]!.source, 'orders')
    assert.equal(orders[0]!.messages[0]!.source, 'orders')
    assert.deepEqual(await intake.take([]), [])
  })

  test('A5 A9: what cannot be taken now goes again, in order, until it is taken, and nothing passes it', async () => {
    await rig.start()
    let fullUntil = 3
    const told = main((topic) => (topic === 'c' && fullUntil-- > 0 ? full : stored))
    const intake = await open()
    const first = intake.take(batch('a', 'b', 'c', 'd'))
    await new Promise(setImmediate)
    const second = intake.take(batch('e', 'f'))
    await until(async () => (await rig.link('orders')).why?.includes('journal is full') === true, 'the link says so')
    assert.equal((await rig.link('orders')).state, 'connected')
    const receipts = [...(await first), ...(await second)]
    assert.deepEqual(told.seen, ['a', 'b', 'c', 'c', 'c', 'c', 'd', 'e', 'f'])
    assert.ok(receipts.every(({ outcome }) => outcome === 'stored'))
    await until(async () => (await rig.link('orders')).why === null, 'it flows again')
  })

  test('A9: a write that failed later goes again before what was handed in behind it', async () => {
    await rig.start()
    let failing = true
    const told = main((topic) => (topic === 'a' && failing ? null : stored))
    const intake = await open()
    const first = intake.take(batch('a', 'b'))
    await until(() => told.sheets.length === 1, 'main has it')
    failing = false
    const [sheet, at] = told.sheets[0]!
    sheet.settle(at, new TrestleError('E504', 'disk is gone'))
    const second = intake.take(batch('c'))
    await Promise.all([first, second])
    assert.deepEqual(told.seen, ['a', 'b', 'a', 'c'])
  })

  test('A9: is answered for each message as soon as its own receipt is there', async () => {
    await rig.start()
    const told = main((topic) => (topic === 'slow' ? null : stored))
    const intake = await open()
    const slow = intake.take(batch('slow'))
    await intake.take(batch('quick'))
    const [sheet, at] = told.sheets[0]!
    sheet.settle(at, null)
    assert.equal((await slow)[0]!.outcome, 'stored')
  })

  test('A9: what is not settled when the source is closed has failed', async () => {
    await rig.start()
    main((topic) => (topic === 'full' ? full : stored))
    const intake = await open()
    const taken = intake.take(batch('taken', 'full', 'behind'))
    await until(async () => (await rig.link('orders')).why !== null, 'it is held')
    const late = intake.take(batch('late'))
    intake.lost(losesConnection())
    assert.deepEqual(
      (await taken).map(({ outcome }) => outcome),
      ['stored', 'failed', 'failed'],
    )
    assert.equal((await late)[0]!.outcome, 'failed')
    assert.equal((await intake.take(batch('too late')))[0]!.error!.code, 'E902')
    await until(() => orders.opens === 2, 'another one is opened')
  })

  test('tells main what cannot be an MQTT message, and why', async () => {
    await rig.start()
    const seen: [number, string][] = []
    rig.bridge.onIntake(({ faults, messages }, sheet) => {
      for (const [at, error] of faults ?? []) seen.push([at, error.message])
      for (const at of messages.keys()) sheet.answer(at, stored)
    })
    const intake = await open()
    const one = intake.take(batch('a', 'b'))
    await Promise.all([one, intake.take(batch('c', 'd'), new Map([[1, new TrestleError('E405', 'needs ${key}')]]))])
    assert.deepEqual(seen, [[3, 'needs ${key}']])
  })

  test('A9: a record that may not be dropped holds it, closed, with the reason, and it looks again', async () => {
    rmSync(rig.folder, { recursive: true })
    begin({ topic: 'orders', on_refused: 'hold' })
    await rig.start()
    rig.bridge.onIntake(({ messages, onRefused }, sheet) => {
      assert.equal(onRefused, 'hold')
      for (const [at, { topic }] of messages.entries()) {
        const fault = new TrestleError('E405', 'topic contains a wildcard')
        sheet.answer(at, sheet.failure ?? (topic === 'a/#' ? { outcome: 'failed', error: fault, place: null } : stored))
      }
    })
    const receipts = await (await open()).take(batch('a', 'a/#', 'b'))
    assert.deepEqual(
      receipts.map(({ outcome }) => outcome),
      ['stored', 'failed', 'failed'],
    )
    const { state, why } = await rig.link('orders')
    assert.deepEqual([state, why], ['failing', 'topic contains a wildcard'])
    await until(() => orders.opens === 2 && orders.flowing, 'it looks again')
    assert.equal((await orders.intake!.take(batch('b')))[0]!.outcome, 'stored')
  })

  test('hears of what main was still to look at when it threw, and hands that in again', async () => {
    await rig.start()
    let throws = true
    rig.bridge.onIntake(({ messages }, sheet) => {
      for (const [at, { topic }] of messages.entries()) {
        sheet.inHand = at
        if (topic === 'b' && throws) {
          throws = false
          throw new Error('unforeseen')
        }
        sheet.answer(at, sheet.failure ?? { ...stored, place: topic })
      }
    })
    const receipts = await (await open()).take(batch('a', 'b', 'c'))
    assert.deepEqual(
      receipts.map(({ place }) => place),
      ['a', 'b', 'c'],
    )
    assert.match((await rig.link('orders')).lastError!.message, /unforeseen/)
  })

  test('hears nothing of a main that has no room yet, and is answered when it has', async () => {
    await rig.start()
    const early = (await open()).take(batch('a'))
    await until(async () => (await rig.link('orders')).retries > 0, 'it was tried')
    main(() => stored)
    assert.equal((await early)[0]!.outcome, 'stored')
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

  test('A5: that loses its far side while it opens, or again and again behind it, is opened ever more seldom', async () => {
    const openedMs: number[] = []
    orders.onOpen = async () => {
      openedMs.push(performance.now())
      const loses = openedMs.length
      setTimeout(() => orders.intake?.lost(losesConnection(`loss ${loses}`)), loses % 2)
    }
    await rig.start()
    await until(() => openedMs.length === 7, 'it was opened seven times')
    // Random is 0.05 throughout: the pauses are 5, 10, 20, … ms.
    assert.ok(openedMs[6]! - openedMs[5]! > 100, `${openedMs[6]! - openedMs[5]!} ms`)
  })

  test('of an error that will not pass is shown as failing, and tried on', async () => {
    orders.onOpen = async () => {
      if (orders.opens === 1) throw new TrestleError('E611', 'server is too old')
    }
    await rig.start()
    await until(() => orders.flowing, 'it flows')
    assert.ok(rig.events.includes('connector.failing'))
  })

  test('that was paused while it was lost stays closed until it is let go', async () => {
    await rig.start()
    const intake = await open()
    await rig.bridge.pause('orders')
    intake.lost(losesConnection())
    await until(() => orders.closes === 1, 'it is closed')
    await pause(50)
    assert.equal(orders.opens, 1)
    await rig.bridge.resume('orders')
    await until(() => orders.flowing, 'it flows')
    assert.equal((await rig.link('orders')).state, 'connected')
  })
})

test('D1: a connector with a sink and several sources tells how each of them stands', async () => {
  farSides.clear()
  const far = farSideOf('lake')
  const rig = new BridgeRig({ connectors: [connectorOf('lake', { sources: [{ topic: 'a' }, { topic: 'b' }] })] })
  far.onOpen = async () => {
    if (far.opens === 3) throw new TrestleError('E604', 'there is no such topic')
  }
  await rig.start()
  try {
    await until(() => far.opens >= 3, 'all were opened')
    await until(async () => (await rig.link('lake')).ways.some(({ lastError }) => lastError !== null), 'one has failed')
    const { retries, ways } = await rig.link('lake')
    assert.deepEqual(
      ways.map(({ kind, name }) => [kind, name]),
      [
        ['sink', 'sink'],
        ['source', 'source 1'],
        ['source', 'source 2'],
      ],
    )
    assert.equal(ways.filter(({ lastError }) => lastError?.code === 'E604').length, 1)
    assert.equal(
      retries,
      ways.reduce((sum, way) => sum + way.retries, 0),
    )
  } finally {
    await rig.stop()
  }
})
