import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { inProcessBody } from '../../src/bridge/body.ts'
import type { IntakeItem } from '../../src/bridge/supervisor.ts'
import { TrestleError } from '../../src/contract/error.ts'
import { notDelivered, type Receipt } from '../../src/contract/receipt.ts'
import { deadLetterSink } from '../../src/journal/port.ts'
import { BridgeRig, connectorOf, until } from '../support/bridge-rig.ts'
import { type FarSide, failsNever, farSideOf, farSides } from '../support/memory-connector.ts'

let rig: BridgeRig
let lake: FarSide
beforeEach(async () => {
  farSides.clear()
  lake = farSideOf('lake')
  rig = new BridgeRig({ connectors: [connectorOf('lake'), connectorOf('other')], makeBody: () => inProcessBody() })
  await rig.start()
})
afterEach(() => rig.stop())

const stored: Receipt = { outcome: 'stored', error: null, place: null }
const kept = async (count: number): Promise<void> =>
  until(async () => (await rig.bridge.deadLetters.count())['lake'] === count, `${count} are kept`)

/** As the hub does it: what comes back goes into the journal. */
const takeIn = (batches: (readonly IntakeItem[])[]): void =>
  rig.bridge.onReplay(async (items) => {
    batches.push(items)
    for (const { message, owed } of items) if (owed !== null) rig.append([owed], message)
    return items.map(() => stored)
  })

describe('A6: dead letters', () => {
  test('keep everything that belongs to the message, and can be listed by sink and rule, page by page', async () => {
    lake.fault = () => failsNever('schema is unknown there')
    const properties = {
      contentType: 'text/plain',
      correlationData: new Uint8Array([1, 2]),
      user: [['a', 'b']] as const,
    }
    rig.append(
      [{ key: 'k', headers: [['h', new Uint8Array([3])]], options: { partition: 2 }, payload: Buffer.from('shaped') }],
      {
        payload: Buffer.from('as published'),
        username: 'u',
        properties,
      },
    )
    rig.append([{ rule: 'second' }])
    await kept(2)
    const [first, second] = await rig.bridge.deadLetters.list()
    assert.equal(first!.id, '1-0')
    assert.deepEqual(first!.error, { code: 'E606', message: 'schema is unknown there' })
    assert.equal(first!.attempts, 1)
    assert.equal(first!.sizeBytes, 12)
    assert.deepEqual(await rig.bridge.deadLetters.list({ rule: 'second' }), [second])
    assert.deepEqual(await rig.bridge.deadLetters.list({ after: '1-0' }), [second])
    assert.deepEqual(await rig.bridge.deadLetters.list({ sink: 'other' }), [])
    const shown = (await rig.bridge.deadLetters.show('1-0'))!
    assert.equal(Buffer.from(shown.message.payload).toString(), 'as published')
    assert.equal(Buffer.from(shown.owed.payload).toString(), 'shaped')
    assert.deepEqual(shown.message.properties, { ...properties, user: [['a', 'b']] })
    assert.deepEqual(shown.owed.headers, [['h', new Uint8Array([3])]])
    assert.deepEqual(shown.owed.options, { partition: 2 })
    assert.equal(shown.owed.orderKey, 'device-1/plants')
    assert.equal(await rig.bridge.deadLetters.show('99-0'), null)
    await assert.rejects(rig.bridge.deadLetters.show('nonsense'), { code: 'E703' })
    assert.equal((await rig.link('lake')).deadLetters, 2)
    assert.equal(rig.events.filter((name) => name === 'dead-letter.kept').length, 2)
  })

  test('go again in order, are delivered as they were shaped, and are then kept no more', async () => {
    lake.fault = () => failsNever()
    rig.appendMany(450, 3)
    await kept(450)
    lake.fault = () => null
    const batches: (readonly IntakeItem[])[] = []
    takeIn(batches)
    assert.deepEqual(await rig.bridge.deadLetters.replay({}), { replayed: 450, error: null })
    await until(() => lake.arrived.length === 450, 'all have arrived')
    assert.deepEqual(
      lake.arrived.map(({ value }) => Number(value)),
      Array.from({ length: 450 }, (_, at) => at + 1),
    )
    assert.deepEqual(await rig.bridge.deadLetters.count(), {})
    await until(async () => (await rig.link('lake')).sink!.settled === 900, 'all is settled')
    assert.equal((await rig.link('lake')).sink!.unaccounted, 0)
  })

  test('that fail once more are dead letters once more, and are not sent in circles', async () => {
    lake.fault = () => failsNever()
    rig.appendMany(5)
    await kept(5)
    takeIn([])
    assert.deepEqual(await rig.bridge.deadLetters.replay({ sink: 'lake' }), { replayed: 5, error: null })
    await until(async () => (await rig.bridge.deadLetters.list())[0]?.id === '6-0', 'they are kept anew')
    await kept(5)
  })

  test('of which the hub takes none are still kept, and the reason comes back', async () => {
    lake.fault = () => failsNever()
    rig.appendMany(3)
    await kept(3)
    rig.bridge.onReplay(async (items) =>
      items.map((_, at) => (at === 0 ? stored : notDelivered(new TrestleError('E505', 'journal is full')))),
    )
    const { replayed, error } = await rig.bridge.deadLetters.replay({})
    assert.equal(replayed, 1)
    assert.equal(error?.code, 'E505')
    assert.deepEqual(
      (await rig.bridge.deadLetters.list()).map(({ id }) => id),
      ['2-0', '3-0'],
    )
  })

  test('that are refused once more stay, and those behind them go all the same', async () => {
    lake.fault = () => failsNever()
    rig.appendMany(3)
    await kept(3)
    rig.bridge.onReplay(async (items) =>
      items.map(({ owed }) =>
        Buffer.from(owed!.payload).toString() === '1'
          ? notDelivered(new TrestleError('E405', 'the topic is empty'))
          : stored,
      ),
    )
    const { replayed, error } = await rig.bridge.deadLetters.replay({})
    assert.deepEqual([replayed, error?.code], [2, 'E405'])
    assert.deepEqual(
      (await rig.bridge.deadLetters.list()).map(({ id }) => id),
      ['1-0'],
    )
  })

  test('can be chosen by id and by number, and discarded', async () => {
    lake.fault = () => failsNever()
    rig.appendMany(6)
    await kept(6)
    takeIn([])
    lake.fault = () => null
    assert.equal((await rig.bridge.deadLetters.replay({ ids: ['3-0', '2-0'] })).replayed, 2)
    assert.equal((await rig.bridge.deadLetters.replay({ limit: 1 })).replayed, 1)
    await until(() => lake.arrived.length === 3, 'they have arrived')
    assert.deepEqual(
      lake.arrived.map(({ value }) => value),
      ['2', '3', '1'],
    )
    assert.equal(await rig.bridge.deadLetters.discard({ ids: ['5-0'] }), 1)
    assert.equal(await rig.bridge.deadLetters.discard({}), 2)
    assert.deepEqual(await rig.bridge.deadLetters.list(), [])
  })

  test('what the rules refused comes from the journal with its error, and goes through the rules again', async () => {
    const message = { payload: Buffer.from('{"celsius":"hot"}') }
    rig.append(
      [{ sink: deadLetterSink, orderKey: '', options: { code: 'E401', message: '/celsius must be number' } }],
      message,
    )
    await until(async () => (await rig.bridge.deadLetters.list()).length === 1, 'it is kept')
    const [letter] = await rig.bridge.deadLetters.list()
    assert.equal(letter!.sink, deadLetterSink)
    assert.equal(letter!.rule, 'telemetry')
    assert.deepEqual(letter!.error, { code: 'E401', message: '/celsius must be number' })
    const batches: (readonly IntakeItem[])[] = []
    takeIn(batches)
    assert.equal((await rig.bridge.deadLetters.replay({})).replayed, 1)
    assert.equal(batches[0]![0]!.owed, null)
    assert.equal(Buffer.from(batches[0]![0]!.message.payload).toString(), '{"celsius":"hot"}')
    const { sink } = await rig.link(deadLetterSink)
    assert.deepEqual(sink!.byRule['telemetry'], { delivered: 0, deadLettered: 1, dropped: 0, expired: 0 })
    assert.equal(sink!.unaccounted, 0)
  })
})
