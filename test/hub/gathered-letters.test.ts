import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Broker } from '../../src/broker/broker.ts'
import { WindowCloser } from '../../src/flow/window-closer.ts'
import { Flow } from '../../src/flow.ts'
import { InnerDoors } from '../../src/hub/intake.ts'
import { LoopGuard } from '../../src/hub/loop-guard.ts'
import { load, message } from '../engine/rules.ts'
import { BridgeRig, connectorOf, until } from '../support/bridge-rig.ts'
import { farSideOf, farSides } from '../support/memory-connector.ts'

const startMs = Date.UTC(2026, 0, 2)
const ruleOf = (half: string): string =>
  `from: a/{x}\nwindow: { every: 1m, values: { n: count(), mean: mean(payload.v) } }\nset: { half: "${half}", mean: null }\nto: [{ sink: lake, topic: "\${x}" }]\n`

describe('the result of a window that its rule has refused', () => {
  let rig: BridgeRig
  let flow: Flow
  let broker: Broker
  beforeEach(async () => {
    farSides.clear()
    rig = new BridgeRig({ connectors: [connectorOf('lake')] })
    await rig.start()
    const rules = load({ r: ruleOf('payload.mean / 2') })
    flow = new Flow(rules, rig.journal)
    broker = new Broker({ flow })
    const doors = new InnerDoors(broker, flow, rig.journal, new LoopGuard(rig.journal.hub, { emit: () => {} }))
    rig.bridge.onReplay((items) => doors.replay(items))
    const closer = new WindowCloser({ emitter: flow, now: () => startMs + 60_000, setTimer: null })
    closer.use(rules.rules)
    flow.take(message({ v: null }, { topic: 'a/1', timeMs: startMs }), flow.lookup('a/1')!, null, 0)
    assert.ok(closer.closeDue())
    await until(async () => (await letters()).length === 1, 'it is a dead letter')
  })
  afterEach(async () => {
    await broker.stop()
    await rig.stop()
  })
  const letters = () => rig.bridge.deadLetters.list()

  test('A6: goes on where it was stopped when it is sent again and the rule is mended, and is not taken for a message', async () => {
    const [letter] = await letters()
    assert.deepEqual([letter!.rule, letter!.key, letter!.error.code], ['r', 'a/1', 'E403'])
    flow.replaceRules(load({ r: ruleOf('payload.mean == null ? 0 : 1') }))
    assert.deepEqual(await rig.bridge.deadLetters.replay({}), { replayed: 1, error: null })
    const lake = farSideOf('lake')
    await until(() => lake.arrived.length === 1, 'it has arrived')
    const arrived = JSON.parse(lake.arrived[0]!.value)
    assert.deepEqual([arrived.half, arrived.n, arrived.key], [0, 1, 'a/1'])
    assert.deepEqual(await letters(), [])
    assert.equal(flow.lookup('a/1')!.rules[0]!.rule.state!.gather!.table.keys, 0)
  })

  test('is a newer dead letter when the rule fails again, and stays when nothing gathers any more', async () => {
    const [first] = await letters()
    assert.equal((await rig.bridge.deadLetters.replay({})).replayed, 1)
    // In between there is none: the older has had its turn.
    await until(async () => (await letters()).some(({ id }) => id !== first!.id), 'it is refused again')
    flow.replaceRules(load({ other: 'from: a/{x}\nto: [{ sink: lake, topic: t }]\n' }))
    const { replayed, error } = await rig.bridge.deadLetters.replay({})
    assert.deepEqual([replayed, error?.code], [0, 'E403'])
    assert.equal((await letters()).length, 1)
  })
})
