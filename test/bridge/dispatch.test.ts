import assert from 'node:assert/strict'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { inProcessBody } from '../../src/bridge/body.ts'
import type { ConnectorSettings } from '../../src/bridge/boundary.ts'
import type { BridgeOptions } from '../../src/bridge/supervisor.ts'
import { JournalReader, type JournalReaderOptions } from '../../src/journal/reader.ts'
import { CursorFile } from '../../src/outbox/cursor.ts'
import type { OwedReader } from '../../src/outbox/window.ts'
import { BridgeRig, connectorOf, pause, until } from '../support/bridge-rig.ts'
import {
  type Arrived,
  type FarSide,
  failsLater,
  failsNever,
  farSideOf,
  farSides,
  losesConnection,
} from '../support/memory-connector.ts'

let rig: BridgeRig
let lake: FarSide
beforeEach(() => {
  farSides.clear()
  lake = farSideOf('lake')
})
afterEach(() => rig.stop())

const start = async (
  options: Partial<BridgeOptions> = {},
  connectors: ConnectorSettings[] = [connectorOf('lake')],
): Promise<BridgeRig> => {
  // Small jitter keeps back-offs short.
  rig = new BridgeRig({ connectors, makeBody: () => inProcessBody({ random: () => 0.05 }), ...options })
  return await rig.start()
}

const arrivals = (far: FarSide, count: number): Promise<void> =>
  until(() => new Set(far.arrived.map(({ id }) => id)).size >= count, `${count} have arrived`)

/** Each order key's values ascend; a repeat must have been there before. */
const assertOrder = (arrived: readonly Arrived[], total = false): void => {
  const last = new Map<string, number>()
  const seen = new Set<string>()
  for (const { id, orderKey, value } of arrived) {
    if (seen.has(id)) continue
    seen.add(id)
    const key = total ? '' : orderKey
    assert.ok(Number(value) > (last.get(key) ?? 0), `${value} came late in ${orderKey}`)
    last.set(key, Number(value))
  }
}

const balanced = async (settled: number): Promise<void> => {
  const { sink } = await rig.link('lake')
  assert.equal(sink!.unaccounted, 0)
  assert.equal(sink!.settled, settled)
  assert.equal(sink!.held, 0)
}

describe('delivering', () => {
  test('all that is owed arrives, in order, once', async () => {
    await start()
    rig.appendMany(500, 7)
    await arrivals(lake, 500)
    assertOrder(lake.arrived)
    assert.equal(lake.arrived.length, 500)
    await until(async () => (await rig.link('lake')).sink!.settled === 500, 'all is settled')
    await balanced(500)
  })

  test('what was owed before the start arrives too', async () => {
    let open = false
    lake.onOpen = async () => {
      if (!open) throw losesConnection()
    }
    await start()
    rig.appendMany(50)
    await until(async () => (await rig.link('lake')).state === 'retrying', 'it retries')
    const { why, lastError, sink } = await rig.link('lake')
    assert.equal(why, 'connection reset')
    assert.equal(lastError?.code, 'E601')
    // While it tries there is no next try to tell of.
    await until(async () => typeof (await rig.link('lake')).lastError?.nextTryMs === 'number', 'the next try is told')
    await until(async () => (await rig.link('lake')).sink!.oldestMs === 1_700_000_000_000, 'the oldest is known')
    assert.equal(sink?.unaccounted, 0)
    open = true
    await arrivals(lake, 50)
    assert.equal((await rig.link('lake')).state, 'connected')
  })

  test('the first after a pause goes at once, then batches gather for the linger', async () => {
    lake.limits = { count: 100, bytes: 1e6, lingerMs: 60 }
    await start()
    await until(async () => (await rig.link('lake')).state === 'connected', 'it is connected')
    const beganMs = performance.now()
    rig.append()
    await arrivals(lake, 1)
    assert.ok(performance.now() - beganMs < 50)
    for (let n = 0; n < 20; n++) {
      rig.append()
      await pause(1)
    }
    await arrivals(lake, 21)
    assert.ok(lake.batches.length <= 4, `batches of ${lake.batches}`)
  })

  test('an idle sink polls nothing: no opening, no claim, no timer of its own', async () => {
    await start()
    rig.append()
    await arrivals(lake, 1)
    await pause(150)
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    // What is left is the sampler's second and the test's own.
    assert.ok(before <= 3, `${before} timers`)
  })
})

describe('failing', () => {
  test('A4 A5: random faults of all classes lose nothing and overtake nothing', async () => {
    let turn = 0
    lake.limits = { count: 20, bytes: 1e6, lingerMs: 0 }
    lake.fault = ({ attempt }) => {
      turn = (turn * 1103515245 + 12345) & 0x7fffffff
      if (attempt > 3) return null
      const roll = (turn >> 8) % 40
      return roll === 0 ? failsLater() : roll === 1 ? losesConnection() : null
    }
    lake.onDeliver = async () => {
      turn = (turn * 1103515245 + 12345) & 0x7fffffff
      if ((turn >> 8) % 25 === 0) throw new Error('thrown in the middle')
    }
    await start()
    rig.appendMany(400, 5)
    await arrivals(lake, 400)
    assertOrder(lake.arrived)
    await until(async () => (await rig.link('lake')).sink!.settled === 400, 'all is settled')
    await balanced(400)
  })

  test('a sink of total order keeps it through failures', async () => {
    lake.ordering = 'total'
    lake.limits = { count: 10, bytes: 1e6, lingerMs: 0 }
    lake.fault = ({ position, attempt }) => (position % 17 === 0 && attempt < 3 ? failsLater() : null)
    await start()
    rig.appendMany(120, 5)
    await arrivals(lake, 120)
    assertOrder(lake.arrived, true)
  })

  test('a key that fails again and again does not hold the others, and says why it waits', async () => {
    lake.fault = ({ orderKey }) => (orderKey === 'key-0' ? failsLater('no such topic') : null)
    await start()
    rig.appendMany(90, 3)
    await arrivals(lake, 60)
    const { state, why, lastError, retries } = await rig.link('lake')
    assert.equal(state, 'connected')
    assert.equal(why, '1 order keys wait to be sent again: no such topic')
    assert.equal(lastError?.code, 'E607')
    assert.ok(retries > 0)
    lake.fault = () => null
    await arrivals(lake, 90)
    assertOrder(lake.arrived)
  })

  test('A5: a message that makes the sink throw does not hold the others for ever', async () => {
    lake.onDeliver = async (batch) => {
      if (batch.some(({ orderKey }) => orderKey === 'key-1')) throw new Error('poison')
    }
    await start()
    rig.appendMany(1, 1000, 1)
    rig.appendMany(40, 1000, 2)
    await arrivals(lake, 40)
    assert.ok(lake.arrived.every(({ orderKey }) => orderKey !== 'key-1'))
  })

  test('a sink that hangs is given up after its time, closed and opened anew, and its late answer is not heard', async () => {
    let hang = true
    lake.onDeliver = async () => {
      if (!hang) return
      hang = false
      await pause(150)
    }
    await start({ timing: { deliverTimeoutMs: 60 } })
    rig.appendMany(10)
    await arrivals(lake, 10)
    await pause(120)
    assert.equal(lake.opens, 2)
    assert.equal(lake.closes, 1)
    assertOrder(lake.arrived)
    assert.deepEqual(new Set(lake.arrived.map(({ id }) => id)).size, 10)
    await balanced(10)
  })

  test('a sink that never opens is tried again after its time', async () => {
    let hang = true
    lake.onOpen = async () => {
      if (hang) await new Promise(() => {})
    }
    await start({ timing: { openTimeoutMs: 40 } })
    rig.append()
    await until(async () => (await rig.link('lake')).state === 'retrying', 'it retries')
    assert.match((await rig.link('lake')).why!, /did not open within 40 ms/)
    hang = false
    await arrivals(lake, 1)
  })

  test('a sink that cannot be closed is left behind', async () => {
    lake.onClose = () => new Promise(() => {})
    let fail = true
    lake.fault = () => (fail ? losesConnection() : null)
    await start({ timing: { closeTimeoutMs: 30 } })
    rig.append()
    await until(() => lake.closes > 0, 'it is closed')
    fail = false
    await arrivals(lake, 1)
    assert.ok(rig.lines.some(({ event }) => event === 'connector.close-failed'))
  })

  test('a connector whose code is missing fails with the reason, and harms no other', async () => {
    await start({}, [
      connectorOf('lake'),
      connectorOf('other', { type: 'broken' }),
      connectorOf('odd', { type: 'odd' }),
    ])
    rig.append([{}, { sink: 'other' }, { sink: 'odd' }])
    await arrivals(lake, 1)
    await until(async () => (await rig.link('other')).state === 'failing', 'it fails')
    assert.match((await rig.link('other')).why!, /its client library is missing/)
    assert.match((await rig.link('odd')).why!, /no connector of type odd/)
    assert.ok(rig.events.includes('connector.failing'))
  })
})

describe('D6: pausing', () => {
  test('a paused sink is closed and sends nothing; resumed, it goes on where it was', async () => {
    await start()
    rig.append()
    await arrivals(lake, 1)
    await rig.bridge.pause('lake')
    await until(() => lake.closes === 1, 'it is closed')
    assert.equal((await rig.link('lake')).state, 'paused')
    rig.append()
    await pause(50)
    assert.equal(lake.arrived.length, 1)
    await rig.bridge.resume('lake')
    await arrivals(lake, 2)
    assert.equal((await rig.link('lake')).state, 'connected')
    await assert.rejects(rig.bridge.pause('nobody'), { code: 'E702' })
  })

  test('a probe is the connector’s own', async () => {
    await start()
    assert.deepEqual(await rig.bridge.probe('lake'), [{ step: 'remember', ok: true, detail: 'still here', tookMs: 0 }])
    await assert.rejects(rig.bridge.probe('nobody'), { code: 'E702' })
  })
})

describe('A2: cursors', () => {
  test('another bridge over the same folder goes on where the last one stopped', async () => {
    await start()
    rig.appendMany(30)
    await arrivals(lake, 30)
    await rig.bridge.stop()
    rig.appendMany(30, 1, 31)
    rig.bridge = rig.openBridge({ connectors: [connectorOf('lake')] })
    await rig.bridge.start()
    await arrivals(lake, 60)
    assert.equal(lake.arrived.length, 60)
    assertOrder(lake.arrived)
    await until(async () => (await rig.link('lake')).sink!.settled === 60, 'all is settled')
    await balanced(60)
  })

  test('the low-water mark is told when the slowest sink’s cursor is on disk, and not before', async () => {
    const slow = farSideOf('slow')
    let hold = true
    slow.fault = () => (hold ? failsLater() : null)
    await start({}, [connectorOf('lake'), connectorOf('slow')])
    const last = rig.append([{}, { sink: 'slow' }])
    await arrivals(lake, 1)
    await pause(150)
    assert.equal(rig.lowWater, 0)
    hold = false
    await arrivals(slow, 1)
    await until(() => rig.lowWater === last, 'the mark has moved')
  })

  test('a sink that the configuration no longer names keeps what it is owed, and lets go what it is not', async () => {
    await start({}, [connectorOf('lake'), connectorOf('gone', { type: null })])
    const first = rig.append()
    await arrivals(lake, 1)
    await until(() => rig.lowWater === first, 'the mark has moved')
    rig.append([{}, { sink: 'gone' }])
    rig.append()
    await arrivals(lake, 3)
    await pause(150)
    assert.equal(rig.lowWater, first)
    const { state, sink, why } = await rig.link('gone')
    assert.equal(state, 'not-configured')
    assert.match(why!, /what it is owed is kept/)
    assert.equal(sink!.unaccounted, 0)
  })
})

describe('A1: awaited records', () => {
  test('get a receipt from each sink: when it has delivered, or when it never will', async () => {
    const other = farSideOf('other')
    other.fault = () => failsNever()
    await start({}, [connectorOf('lake'), connectorOf('other')])
    const position = rig.append([{}, { sink: 'other' }], {}, true)
    rig.append()
    await until(() => rig.receipts.length === 2, 'both have answered')
    assert.deepEqual(
      rig.receipts.sort((one, other) => one[2].localeCompare(other[2])),
      [
        [position, null, 'lake'],
        [position, 'E606', 'other'],
      ],
    )
  })
})

describe('A8: the ledger', () => {
  test('shows in the report what a faulty reader passed over', async () => {
    const makeReader = (wanted: JournalReaderOptions): OwedReader => {
      const reader = new JournalReader(wanted)
      return {
        startOrdinal: reader.startOrdinal,
        get position() {
          return reader.position
        },
        read: (count, bytes) => reader.read(count, bytes).filter(({ position }) => position !== 3),
        close: () => reader.close(),
      }
    }
    await start({ makeBody: () => inProcessBody({ makeReader }) })
    rig.appendMany(5)
    await arrivals(lake, 4)
    await until(async () => (await rig.link('lake')).sink!.settled === 4, 'all else is settled')
    const { sink, why } = await rig.link('lake')
    assert.equal(sink!.unaccounted, 1)
    assert.equal(why, '1 deliveries are not accounted for')
  })

  test('a cursor of another hub is refused: nothing is sent, nothing is let go, others run', async () => {
    const other = farSideOf('other')
    await start({}, [connectorOf('lake'), connectorOf('other')])
    rig.append([{}, { sink: 'other' }])
    await arrivals(lake, 1)
    await rig.bridge.stop()
    const file = new CursorFile(join(rig.folder, 'cursors', 'lake.cursor'))
    file.write({ ...file.found!, hub: 'somebody-else' })
    await file.close()
    const last = rig.append([{}, { sink: 'other' }])
    rig.lowWater = 0
    rig.bridge = rig.openBridge({ connectors: [connectorOf('lake'), connectorOf('other')] })
    await rig.bridge.start()
    await arrivals(other, 2)
    await pause(100)
    assert.equal(lake.arrived.length, 1)
    assert.ok(rig.lowWater < last)
    const { state, why, lastError } = await rig.link('lake')
    assert.equal(state, 'failing')
    assert.match(why!, /does not belong to this journal/)
    assert.equal(lastError?.code, 'E503')
  })
})
