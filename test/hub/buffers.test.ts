import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { BufferSettings } from '../../src/bridge/boundary.ts'
import { Broker } from '../../src/broker/broker.ts'
import { Verdict } from '../../src/broker/port.ts'
import { Flow } from '../../src/flow.ts'
import { Buffers } from '../../src/hub/buffers.ts'
import { addCounts, connectorReports, hubLedger, ruleReports } from '../../src/hub/ledger.ts'
import { createSettled } from '../../src/outbox/settled-cells.ts'
import { ledgerBalances } from '../../src/telemetry/report.ts'
import { load, message } from '../engine/rules.ts'
import { BridgeRig, connectorOf, until } from '../support/bridge-rig.ts'
import { farSideOf, farSides, losesConnection } from '../support/memory-connector.ts'

const rules = { r: 'from: a/{x}\nto: [{ sink: lake, topic: t }, { sink: records }]\nack: stored\n' }

/** A real journal and bridge with two sinks, of which `lake` has a small buffer and is away. */
describe('A7: the buffer of a sink that is away', () => {
  let rig: BridgeRig
  let flow: Flow
  let broker: Broker
  let buffers: Buffers
  beforeEach(() => farSides.clear())
  afterEach(async () => {
    buffers.close()
    await broker.stop()
    await rig.stop()
  })

  async function start(whenFull: BufferSettings['whenFull']): Promise<void> {
    const buffer = { maxBytes: 1000, whenFull }
    farSideOf('lake').onOpen = async () => {
      throw losesConnection()
    }
    const connectors = [connectorOf('lake', { buffer }), connectorOf('records')]
    // The rig makes the journal first; what the hub wires is wired here.
    const settled = createSettled(new SharedArrayBuffer(1024))
    rig = new BridgeRig({ connectors, settled })
    await rig.start()
    flow = new Flow(load(rules), rig.journal)
    broker = new Broker({ flow })
    buffers = new Buffers(rig.journal.tail, settled, flow)
    buffers.add('lake', 0, buffer)
  }

  /** Publishes one of 100 bytes and waits for the disk; answers what the flow said. */
  async function publish(): Promise<Verdict> {
    const before = rig.journal.durable
    const verdict = broker.accept({ ...message({}, { topic: 'a/1' }), payload: Buffer.alloc(100, 0x20) }, null, 0)
    if (verdict !== Verdict.Busy) await until(() => rig.journal.durable > before, 'it is durable')
    buffers.look()
    return verdict
  }

  async function publishMany(count: number): Promise<Verdict[]> {
    const verdicts: Verdict[] = []
    for (let n = 0; n < count; n++) verdicts.push(await publish())
    return verdicts
  }

  async function report() {
    const bridge = await rig.bridge.status()
    const tally = rig.journal.tally()
    const told = ruleReports([], bridge.connectors, tally, addCounts(rig.journal.lost(), flow.drops.byRule))
    return {
      connectors: connectorReports(bridge, tally, flow.drops.bySink),
      ledger: hubLedger(told, bridge.connectors),
    }
  }

  test('blocks: what comes then is not taken, the reason is told, and it is taken again when there is room', async () => {
    await start('block')
    const verdicts = await publishMany(12)
    assert.deepEqual(
      verdicts.slice(0, 10),
      Array.from({ length: 10 }, () => Verdict.Accepted),
    )
    assert.deepEqual(verdicts.slice(10), [Verdict.Busy, Verdict.Busy])
    assert.equal(flow.error!.code, 'E406')
    assert.equal(flow.error!.retry, 'later')
    assert.match(flow.error!.message, /lake is owed its limit of 1000 bytes/)
    farSideOf('lake').onOpen = async () => {}
    await until(() => farSideOf('lake').arrived.length === 10, 'what was taken arrives')
    await until(() => flow.full === null, 'there is room')
    assert.equal(await publish(), Verdict.Accepted)
    const { ledger } = await report()
    assert.equal(ledger.received, 22)
    assert.ok(ledgerBalances(ledger))
  })

  test('drops the newest: it goes to the others, and is counted with its reason', async () => {
    await start('drop-newest')
    assert.deepEqual(new Set(await publishMany(15)), new Set([Verdict.Accepted]))
    await until(() => farSideOf('records').arrived.length === 15, 'the other sink has all')
    const { connectors, ledger } = await report()
    assert.deepEqual(connectors.find(({ name }) => name === 'lake')!.dropped, { 'drop-newest': 5 })
    assert.deepEqual([ledger.received, ledger.delivered, ledger.dropped, ledger.pending], [30, 15, 5, 10])
    assert.ok(ledgerBalances(ledger))
  })

  test('drops the oldest: what is left is the newest, in its order, and each is counted', async () => {
    await start('drop-oldest')
    assert.deepEqual(new Set(await publishMany(25)), new Set([Verdict.Accepted]))
    await until(async () => (await rig.link('lake')).sink!.drops['drop-oldest'] === 15, 'fifteen are dropped')
    farSideOf('lake').onOpen = async () => {}
    await until(() => farSideOf('lake').arrived.length === 10, 'ten arrive')
    assert.deepEqual(
      farSideOf('lake').arrived.map(({ id }) => Number(id.split('-').at(-2))),
      Array.from({ length: 10 }, (_, at) => 16 + at),
    )
    const { connectors, ledger } = await report()
    assert.deepEqual(connectors.find(({ name }) => name === 'lake')!.dropped, { 'drop-oldest': 15 })
    assert.deepEqual([ledger.dropped, ledger.unaccounted], [15, 0])
    assert.ok(ledgerBalances(ledger))
  })
})
