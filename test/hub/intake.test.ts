import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Broker } from '../../src/broker/broker.ts'
import { Flow } from '../../src/flow.ts'
import { InnerDoors } from '../../src/hub/intake.ts'
import { LoopGuard } from '../../src/hub/loop-guard.ts'
import { load } from '../engine/rules.ts'
import { BridgeRig, connectorOf, until } from '../support/bridge-rig.ts'
import { type Log, logOf, logs } from '../support/log-connector.ts'
import { farSideOf, farSides } from '../support/memory-connector.ts'

const rules = {
  bad: 'from: in/bad\nwhere: payload.v > 1\nto: [{ sink: lake, topic: t }]\n',
  lake: 'from: in/{x}\nto: [{ sink: lake, topic: t }]\n',
}

/** A source, the hub's inner doors with real rules and a real journal, and a sink: everything but the ports. */
describe('what a source brings into the hub', () => {
  let rig: BridgeRig
  let log: Log
  let broker: Broker
  let seen: string[]
  beforeEach(() => begin({}))
  afterEach(async () => {
    await broker?.stop()
    await rig.stop()
  })

  const begin = (source: Record<string, unknown>): void => {
    farSides.clear()
    logs.clear()
    log = logOf('orders')
    rig = new BridgeRig({
      connectors: [
        connectorOf('lake'),
        connectorOf('orders', { type: 'log', sink: false, sources: [{ publish: '${topic}', ...source }] }),
      ],
      timing: { holdMs: 20 },
    })
  }
  const beginWith = (source: Record<string, unknown>): void => {
    rmSync(rig.folder, { recursive: true })
    begin(source)
  }
  const start = async (): Promise<void> => {
    await rig.start()
    const flow = new Flow(load(rules), rig.journal)
    broker = new Broker({ flow })
    flow.route = (message) => broker.publish(message)
    seen = []
    broker.subscribe('#', ({ topic, payload }) => seen.push(`${topic} ${Buffer.from(payload).toString()}`))
    const guard = new LoopGuard(rig.journal.hub, { emit: (name) => rig.events.push(name) })
    const doors = new InnerDoors(broker, flow, rig.journal, guard)
    rig.bridge.onIntake((order, sheet) => doors.takeIn(order, sheet))
    rig.bridge.onReplay((items) => doors.replay(items))
  }
  const put = (address: string, payload: string | Uint8Array = '{"v":2}'): void =>
    log.put({ address, payload: typeof payload === 'string' ? Buffer.from(payload) : payload })
  const letters = () => rig.bridge.deadLetters.list()

  test('A9: goes to rules, sinks and subscribers, and is acknowledged upstream', async () => {
    await start()
    put('in/1')
    put('out/1')
    await until(() => log.position === 2, 'both are acknowledged')
    await until(() => farSideOf('lake').arrived.length === 1, 'the rule took one')
    assert.deepEqual(seen, ['in/1 {"v":2}', 'out/1 {"v":2}'])
  })

  test('A9: is acknowledged upstream when a rule refused it, since it is a dead letter now', async () => {
    await start()
    put('in/bad', '{"v":"text"}')
    await until(() => log.position === 1, 'it is acknowledged')
    await until(async () => (await letters()).length === 1, 'it is kept')
    assert.deepEqual(seen, [])
  })

  const unfit: Record<string, string> = {
    'a wildcard': 'in/+/x',
    'no topic at all': '',
    'a NUL': 'in/\0/x',
    'half of a surrogate pair': 'in/\ud800',
    'a topic that is too long': `in/${'x'.repeat(70_000)}`,
  }
  for (const [what, address] of Object.entries(unfit)) {
    test(`A6 A9: of a record with ${what} everything is kept as a dead letter, and it is acknowledged`, async () => {
      await start()
      const payload = new Uint8Array([0, 255, 1])
      log.put({ address, payload, headers: [['plant', 'oslo']] })
      put('in/behind')
      await until(() => log.position === 2, 'both are acknowledged')
      await until(async () => (await letters()).length === 1, 'one is kept')
      const [{ id, error, rule }] = (await letters()) as [Awaited<ReturnType<typeof letters>>[0]]
      assert.equal(error.code, 'E405')
      assert.equal(rule, '$source:orders')
      const { message } = (await rig.bridge.deadLetters.show(id))!
      assert.deepEqual(new Uint8Array(message.payload), payload)
      assert.deepEqual(message.properties, { user: [['plant', 'oslo']] })
      assert.equal(message.topic, address.toWellFormed())
      assert.deepEqual(seen, ['in/behind {"v":2}'])
      if (!address.isWellFormed()) return
      // It is no better the next time, and stays.
      assert.equal((await rig.bridge.deadLetters.replay({})).error?.code, 'E405')
      assert.equal((await letters()).length, 1)
    })
  }

  test('A9: a record its source cannot name a topic for is kept under the address it was read at', async () => {
    beginWith({ publish: 'plants/${key}' })
    await start()
    put('orders-4')
    await until(async () => (await letters()).length === 1, 'it is kept')
    const [letter] = await letters()
    assert.equal(letter!.topic, 'orders-4')
    assert.match(letter!.error.message, /\$\{key\}/)
    assert.equal(log.position, 1)
  })

  test('A9: a source may drop what MQTT cannot carry; it is counted', async () => {
    beginWith({ on_refused: 'drop' })
    await start()
    put('in/+')
    put('in/1')
    await until(() => log.position === 2, 'both are acknowledged')
    assert.deepEqual(broker.report().dropped, { invalid: 1 })
    assert.deepEqual(await letters(), [])
  })

  test('A9: a source may be held by it: nothing behind it comes in until it is gone upstream', async () => {
    beginWith({ on_refused: 'hold' })
    await start()
    put('in/1')
    put('in/+')
    put('in/2')
    await until(async () => (await rig.link('orders')).state === 'failing', 'it stands')
    assert.match((await rig.link('orders')).why!, /wildcard/)
    await until(() => log.position === 1, 'what stood before it is acknowledged')
    assert.deepEqual(
      seen.map((line) => line.split(' ')[0]),
      ['in/1'],
    )
    log.ack(1)
    await until(() => log.position === 3, 'it goes on')
    assert.deepEqual(await letters(), [])
  })

  test('A10: is dropped when it was in this hub before, or in too many, and acknowledged: it is not to come again', async () => {
    await start()
    const hops = (list: string): void =>
      log.put({ address: 'in/1', headers: [['trestle-hops', list]], payload: Buffer.from('{"v":2}') })
    const { hub } = rig.journal
    hops(`origin ${hub} last`)
    hops(hub)
    hops(Array.from({ length: 16 }, (_, at) => `hub-${at}`).join(' '))
    hops('origin last')
    hops(`${hub}x`)
    await until(() => log.position === 5, 'all are acknowledged')
    await until(() => farSideOf('lake').arrived.length === 2, 'two go their way')
    assert.equal(seen.length, 2)
    assert.deepEqual(broker.report().dropped, { loop: 3 })
    assert.deepEqual(rig.events.filter((name) => name === 'message.looped').length, 1, 'one line a minute')
  })

  test('A5 A9: waits while the journal is full, in order, and loses nothing', async () => {
    await start()
    const { journal } = rig
    const take = journal.append.bind(journal)
    let full = true
    journal.append = (...given) => (full ? -1 : take(...given))
    for (let n = 1; n <= 60; n++) put('in/1', `{"n":${n}}`)
    await until(async () => (await rig.link('orders')).why?.startsWith('held') === true, 'the link says why')
    assert.equal(log.position, 0)
    full = false
    await until(() => log.position === 60, 'all is acknowledged')
    await until(() => farSideOf('lake').arrived.length === 60, 'all has arrived')
    assert.deepEqual(
      farSideOf('lake').arrived.map(({ value }) => JSON.parse(value).n),
      Array.from({ length: 60 }, (_, at) => at + 1),
    )
  })
})
