/**
 * The fault matrix: one far system at a time, one hub, both directions at once. Devices publish through a rule into
 * the connector's sink; records that a foreign client puts into the far side come by the connector's source through
 * another rule into a file. In the middle of it the fault happens, is over, and everything is looked for.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HubProcess } from '../support/hub-process.ts'
import { type Judgement, judge, type Seen, type Teller } from '../support/judge.ts'
import { StubbornFeeder } from '../support/stubborn-feeder.ts'
import { StubbornPublisher } from '../support/stubborn-publisher.ts'
import { type FarSystem, type Fault, faults, payloadOf, type RunningSystem, seenIn } from './far-system.ts'

export interface FaultPlan {
  /** Messages per second, in each direction. */
  rate: number
  beforeMs: number
  awayMs: number
  afterMs: number
  /** How long the rest may take to get through afterwards. */
  drainMs: number
  faults?: readonly Fault[]
  log?: (line: string) => void
}

export interface Cell {
  system: string
  fault: Fault
  /** null where the system has no such side. */
  sink: Judgement | null
  source: Judgement | null
}

export interface MatrixResult {
  cells: Cell[]
  unaccounted: number
}

const devices = 8

export async function runFaults(system: FarSystem, plan: FaultPlan): Promise<MatrixResult> {
  const log = plan.log ?? (() => {})
  const running = await system.start({ isJudged: true })
  const out = running.entry(null)
  const into = running.entry({ address: 'inward', publish: 'in/${payload.name}' })
  const hub = await HubProcess.create({
    connectors: {
      ...(out === null ? {} : { out }),
      ...(into === null ? {} : { in: into }),
      records: { type: 'file', path: '../out' },
    },
    rules: {
      ...(out === null
        ? {}
        : { outward: `from: out/{device}\nto:\n  - { sink: out, ${running.target('outward')} }\n` }),
      inward: 'from: in/{device}\nto:\n  - { sink: records, file: inward }\n',
    },
  })
  try {
    await hub.start()
    // A server keeps nothing for a subscription that it has not heard of yet.
    await hub.until(({ connectors }) => connectors.every(({ state }) => state === 'connected'), plan.drainMs)
    const loads: Load[] = []
    for (const fault of plan.faults ?? faults) {
      if (system.without?.[fault] !== undefined) continue
      log(`${system.name}: ${fault}`)
      loads.push(await runCell(fault, { running, hub, out: out !== null, into: into !== null }, plan))
    }
    const { ledger } = await hub.until((report) => report.ledger.pending === 0, plan.drainMs)
    const there = await running.readAll()
    const records = readRecords(join(hub.folder, 'out'))
    const cells = loads.map(({ fault, outward, inward }) => ({
      system: system.name,
      fault,
      sink: outward.length === 0 ? null : judge(outward, there),
      source: inward.length === 0 ? null : judge(inward, records),
    }))
    return { cells, unaccounted: ledger.unaccounted }
  } finally {
    await hub.dispose()
    await running.dispose()
  }
}

interface Load {
  fault: Fault
  outward: readonly Teller[]
  inward: readonly Teller[]
}

interface Stage {
  running: RunningSystem
  hub: HubProcess
  /** Which sides there are. */
  out: boolean
  into: boolean
}

async function runCell(fault: Fault, { running, hub, out, into }: Stage, plan: FaultPlan): Promise<Load> {
  const names = Array.from({ length: devices }, (_, at) => `${fault.replaceAll(' ', '-')}-${at}`)
  const publishers = out ? names.map((name, at) => publisher(hub.mqttPort, name, at, plan)) : []
  const feeder = into ? feederOf(running, names, plan) : null
  try {
    for (const one of publishers) one.start()
    feeder?.start()
    await sleep(plan.beforeMs)
    await happen(fault, running, hub, plan.awayMs)
    await sleep(plan.afterMs)
    await Promise.all([...publishers.map((one) => one.finish(plan.drainMs)), feeder?.finish(plan.drainMs)])
    if (feeder !== null) await arrived(feeder, hub, plan.drainMs)
  } finally {
    for (const one of publishers) one.abandon()
  }
  return { fault, outward: publishers.map((one, at) => tellerOf(one, names[at]!)), inward: feeder?.tellers ?? [] }
}

const feederOf = (running: RunningSystem, names: readonly string[], { rate }: FaultPlan): StubbornFeeder =>
  new StubbornFeeder({ names, rate, value: payloadOf, put: (records) => running.put(records) })

async function happen(fault: Fault, running: RunningSystem, hub: HubProcess, awayMs: number): Promise<void> {
  if (fault === 'hub killed') {
    await hub.kill()
    await hub.start()
    return
  }
  if (fault === 'half-open') {
    running.drop()
    await sleep(awayMs)
    running.heal()
    return
  }
  await (fault === 'server killed' ? running.kill() : running.stopCleanly())
  await sleep(awayMs)
  await running.restart()
}

/** Waits until what was fed has come through the hub; what has not by then is found lost by the judge. */
async function arrived(feeder: StubbornFeeder, hub: HubProcess, drainMs: number): Promise<void> {
  const untilMs = Date.now() + drainMs
  while (Date.now() < untilMs) {
    const { lost } = judge(feeder.tellers, readRecords(join(hub.folder, 'out')))
    if (lost.length === 0) return
    await sleep(500)
  }
}

function publisher(port: number, name: string, at: number, plan: FaultPlan): StubbornPublisher {
  return new StubbornPublisher({
    port,
    client: name,
    topic: `out/${name}`,
    qos: at % 2 === 0 ? 1 : 2,
    version: at % 4 < 2 ? 4 : 5,
    rate: plan.rate / devices,
    maxInFlight: 200,
    payload: (n) => payloadOf(name, n),
  })
}

const tellerOf = ({ made, sends, acknowledged }: StubbornPublisher, name: string): Teller => ({
  name,
  made,
  sends,
  acknowledged,
})

function readRecords(folder: string): Seen[] {
  const files = readdirSync(folder, { recursive: false }).map(String)
  return files
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .filter((line) => line.endsWith('}'))
    .map((line) => {
      const { id, payload } = JSON.parse(line) as { id: string; payload: unknown }
      return seenIn(JSON.stringify(payload), id)
    })
}
