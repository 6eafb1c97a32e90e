/**
 * Claim: what a bridge costs the whole hub (all threads, system time included), per message of 200 bytes in batches
 * under load. Out: a backlog in the journal drains into the real far side. In: a backlog at the far side comes through
 * the source to the broker, where no rule takes it.
 */
import type { HubReport } from '../src/telemetry/report.ts'
import { type FarSystem, payloadOf, type RunningSystem } from '../test/faults/far-system.ts'
import { HubProcess } from '../test/support/hub-process.ts'
import type { FedRecord } from '../test/support/stubborn-feeder.ts'
import { runLoad } from './load.ts'
import { cpuUsOf, rssMbOf } from './process-cost.ts'

export interface BridgeCost {
  system: string
  side: 'sink' | 'source'
  messages: number
  cpuUs: number
  perS: number
  rssMb: number
}

/** *Unit*: µs of CPU a message. */
export const bridgeTargets: Readonly<Record<string, number>> = {
  'kafka sink': 2,
  'kafka source': 5,
  'pulsar sink': 6,
  'nats sink': 8,
  'reductstore sink': 60,
}

/** How many messages a side is measured with; the first of each part warms up. */
export interface BridgeLoad {
  sinkSeconds: number
  sourceRecords: number
}

export async function benchBridge(system: FarSystem, load: BridgeLoad): Promise<BridgeCost[]> {
  const running = await system.start()
  try {
    const out = running.entry(null)
    const into = running.entry({ address: 'inward', publish: 'in/bench' })
    return [
      ...(out === null ? [] : [await benchSink(system, running, load)]),
      ...(into === null ? [] : [await benchSource(system, running, load)]),
    ]
  } finally {
    await running.dispose()
  }
}

async function benchSink(system: FarSystem, running: RunningSystem, load: BridgeLoad): Promise<BridgeCost> {
  const hub = await HubProcess.create({
    connectors: { out: running.entry(null) },
    rules: { out: `from: bench/{device}/state\nto:\n  - { sink: out, ${running.target('outward')} }\n` },
  })
  try {
    await hub.start()
    // The first part is there so that all that is compiled while running has been.
    await fillAndDrain(hub, Math.max(2, load.sinkSeconds / 2))
    const drained = await fillAndDrain(hub, load.sinkSeconds)
    return { system: system.name, side: 'sink', ...drained }
  } finally {
    await hub.dispose()
  }
}

type Drained = Omit<BridgeCost, 'system' | 'side'>

/** What comes in while the connector is paused waits in the journal; then it goes out, and that is measured. */
async function fillAndDrain(hub: HubProcess, seconds: number): Promise<Drained> {
  await post(hub, 'connectors/out/pause')
  await runLoad(
    hub.mqttPort,
    hub.pid,
    '--mode pair --pubs 20 --subs 0 --qos 1 --rate 1000 --size 200 --json 1',
    seconds,
    0.5,
  )
  const { ledger } = await settled(hub)
  const before = { cpuUs: cpuUsOf(hub.pid), ms: performance.now(), delivered: ledger.delivered }
  await post(hub, 'connectors/out/resume')
  const after = await hub.until((report) => report.ledger.pending === 0, 180_000)
  return measured(hub, before, after.ledger.delivered - before.delivered)
}

async function benchSource(system: FarSystem, running: RunningSystem, load: BridgeLoad): Promise<BridgeCost> {
  const hub = await HubProcess.create({
    connectors: { in: running.entry({ address: 'inward', publish: 'in/bench' }) },
    rules: {},
  })
  try {
    await hub.start()
    await take(hub, running, Math.ceil(load.sourceRecords / 4))
    return { system: system.name, side: 'source', ...(await take(hub, running, load.sourceRecords)) }
  } finally {
    await hub.dispose()
  }
}

let fed = 0

async function take(hub: HubProcess, running: RunningSystem, count: number): Promise<Drained> {
  await post(hub, 'connectors/in/pause')
  const taken = (await hub.status()).broker.received
  for (let left = count; left > 0; left -= 500) {
    const records: FedRecord[] = Array.from({ length: Math.min(500, left) }, () => {
      const n = fed++
      const key = `bench-${n % 20}`
      return { key, n, value: payloadOf(key, n) }
    })
    await running.put(records)
  }
  const before = { cpuUs: cpuUsOf(hub.pid), ms: performance.now() }
  await post(hub, 'connectors/in/resume')
  await hub.until((report) => report.broker.received - taken >= count, 180_000)
  return measured(hub, before, count)
}

function measured(hub: HubProcess, before: { cpuUs: number; ms: number }, messages: number): Drained {
  return {
    messages,
    cpuUs: (cpuUsOf(hub.pid) - before.cpuUs) / messages,
    perS: Math.round(messages / ((performance.now() - before.ms) / 1000)),
    rssMb: rssMbOf(hub.pid),
  }
}

/** The report when nothing comes in any more. */
async function settled(hub: HubProcess): Promise<HubReport> {
  let received = -1
  return hub.until(({ ledger }) => {
    const isStill = ledger.received === received
    received = ledger.received
    return isStill
  }, 30_000)
}

async function post(hub: HubProcess, path: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${hub.apiPort}/api/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
}
