/** `npm run bench`: runs the claims, prints them against their targets and writes `results/*.md`. See README.md. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release } from 'node:os'
import { parseArgs } from 'node:util'
import { systems } from '../test/faults/systems/index.ts'
import { type BridgeCost, benchBridge, bridgeTargets } from './bridges.ts'
import { type BrokerBench, benchBrokers, targets } from './broker.ts'
import { benchFiveSinks } from './five-sinks.ts'
import { buildLoad, scenarios } from './load.ts'
import { benchPipeline, type PipelineResult, pipelineTargets, warmUpSeconds } from './pipeline.ts'
import { benchBento, benchRules } from './rules.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
  },
})
const [claim, ...wanted] = positionals
const conditions = `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), Linux ${release()}, Node ${process.version}, loopback; shared and noisy machine.`

if (claim !== 'rules') {
  await buildLoad()
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' })
}
if (values.smoke) await smoke()
else {
  if (claim === undefined || claim === 'broker') await broker(wanted)
  if (claim === undefined || claim === 'pipeline') await pipeline()
  if (claim === undefined || claim === 'bridges') await bridges(wanted)
  if (claim === undefined || claim === 'five-sinks') await fiveSinks()
  if (claim === undefined || claim === 'rules') await rules()
}

async function broker(names: readonly string[]): Promise<void> {
  const all = names.length > 0 ? names : Object.keys(scenarios)
  const results = await benchBrokers(all, Number(values.rounds), Number(values.seconds))
  const text = brokerTable(results)
  console.log(`\n${text}`)
  if (names.length === 0) {
    const command = `npm run bench -- broker --rounds ${values.rounds} --seconds ${values.seconds}`
    const head = `# Broker CPU per delivered message\n\n${command}\n\n${conditions} Least CPU of ${values.rounds} interleaved runs of ${values.seconds} s after 1 s of warm-up.\n`
    writeFileSync(new URL('./results/broker.md', import.meta.url), `${head}\n${text}\n`)
  }
}

async function bridges(names: readonly string[]): Promise<void> {
  const costs: BridgeCost[] = []
  for (const system of systems.filter(({ name }) => names.length === 0 || names.includes(name))) {
    for (let round = 0; round < Number(values.rounds); round++) {
      costs.push(...(await benchBridge(system, { sinkSeconds: 8, sourceRecords: 150_000 })))
      console.log(costs.slice(-2))
    }
  }
  const text = bridgeTable(costs)
  console.log(`\n${text}`)
  if (names.length === 0) {
    const head = `# CPU per message of each bridge\n\nnpm run bench -- bridges --rounds ${values.rounds}\n\n${conditions} 200 bytes; least CPU of ${values.rounds} runs, whole hub, all threads. Sink: a backlog in the journal drains into the real server. Source: a backlog at the server comes in to the broker, no rule.\n`
    writeFileSync(new URL('./results/bridges.md', import.meta.url), `${head}\n${text}\n`)
  }
}

async function fiveSinks(): Promise<void> {
  const plan = { ratePerS: 1000, warmUpSeconds: 120, liveSeconds: 60, deadSeconds: 120 }
  const found = await benchFiveSinks(plan)
  const { liveP99Ms: live, deadP99Ms: dead } = found
  const grown = (name: 'nats' | 'mqtt'): string => `${(((dead[name] - live[name]) / live[name]) * 100).toFixed(0)} %`
  const rows = [
    ['seen at NATS, p99 ms: all live → one dead', `${live.nats} → ${dead.nats} (${grown('nats')})`, '+ ≤ 10 %'],
    ['seen at Mosquitto, p99 ms: all live → one dead', `${live.mqtt} → ${dead.mqtt} (${grown('mqtt')})`, '+ ≤ 10 %'],
    [
      'most resident memory, MB: all live → one dead',
      `${found.liveRssMb} → ${found.deadRssMb} (halves: ${found.deadHalvesRssMb.join(', ')})`,
      '± 20',
    ],
    ['journal bytes a message (payload)', `${found.journalBytes} (${found.payloadBytes})`, 'one copy'],
    ['drain, messages/s (live rate)', `${found.drainPerS} (${found.ratePerS})`, '≥ 3 ×'],
    [
      'lost, out of order, twice, unaccounted',
      [found.lost, found.outOfOrder, found.twice, found.unaccounted].join(', '),
      '0',
    ],
  ]
  const text = ['| what | measured | target |', '|---|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`)].join(
    '\n',
  )
  console.log(`\n${text}`)
  const head = `# Five sinks, one of them dead for two minutes\n\nnpm run bench -- five-sinks\n\n${conditions} ${plan.ratePerS} messages/s of 20 devices at QoS 1, one rule into Kafka, Pulsar, NATS JetStream, ReductStore and Mosquitto, all on the same machine; ${plan.warmUpSeconds} s of warm-up, ${plan.liveSeconds} s with all live, then \`kill -9\` of Kafka, back after ${plan.deadSeconds} s.\n`
  writeFileSync(new URL('./results/five-sinks.md', import.meta.url), `${head}\n${text}\n`)
}

async function rules(): Promise<void> {
  const rounds = Number(values.rounds)
  const costs = benchRules(rounds)
  const rows = costs.map(({ what, ns, floor, floorNs, target }) => [
    what,
    ns.toFixed(0),
    `${floor}: ${floorNs.toFixed(0)}`,
    (ns / floorNs).toFixed(2),
    target === null ? '–' : `≤ ${target}`,
  ])
  const head = ['what', 'ns a message', 'against, ns', 'ratio', 'target']
  const text = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
  const bento = await benchBento(rounds)
  const beside =
    bento === null
      ? 'Bento could not be built: no Go.'
      : `Bento 1.5.0, mapping of the same message (parse, filter, transform, print), CPU of the process: ${bento.without} ns; with its check of the JSON Schema ${bento.withSchema} ns. Ours, schema included: ${costs[0]!.ns.toFixed(0)} ns.`
  console.log(`\n${text}\n\n${beside}`)
  const about = `# What rules cost\n\nnpm run bench -- rules --rounds ${rounds}\n\n${conditions} 200 bytes of JSON; CPU of the process, least of ${rounds * 40} short turns, one after the other.\n`
  writeFileSync(new URL('./results/rules.md', import.meta.url), `${about}\n${text}\n\n${beside}\n`)
}

function bridgeTable(costs: readonly BridgeCost[]): string {
  const best = Map.groupBy(costs, ({ system, side }) => `${system} ${side}`)
  const rows = [...best].map(([bridge, runs]) => {
    const { cpuUs, perS, rssMb, messages } = runs.toSorted((a, b) => a.cpuUs - b.cpuUs)[0]!
    return `| ${[bridge, cpuUs.toFixed(2), bridgeTargets[bridge] ?? '–', perS, rssMb, messages].join(' | ')} |`
  })
  return ['| bridge | CPU µs | target | msg/s | RSS MB | messages |', '|---|---|---|---|---|---|', ...rows].join('\n')
}

function brokerTable(results: readonly BrokerBench[]): string {
  const labels = Object.keys(results[0]!.best)
  const peers = labels.filter((label) => label !== 'trestle')
  const rows = results.map(({ scenario, best }) => {
    const ours = best['trestle']!
    const cells = labels.map((label) => `${best[label]!.cpu_us_per_msg.toFixed(2)}`)
    const ratios = peers.map((peer) => (best[peer]!.cpu_us_per_msg / ours.cpu_us_per_msg).toFixed(2))
    const latency = `${ours.lat_us_p50}/${ours.lat_us_p99}`
    return `| ${[scenario, ...cells, ...ratios, targets[scenario] ?? '–', Math.round(ours.msgs_per_s / 1000), latency, ours.undelivered].join(' | ')} |`
  })
  const head = [
    'scenario',
    ...labels.map((label) => `${label}, µs`),
    ...peers.map((peer) => `${peer} ÷ ours`),
    'target',
    'ours, 1,000 msg/s',
    'ours, p50/p99 µs',
    'undelivered',
  ]
  return [`| ${head.join(' | ')} |`, `|${head.map(() => '---').join('|')}|`, ...rows].join('\n')
}

async function pipeline(): Promise<void> {
  const runs = await benchPipeline(Number(values.rounds), 10)
  const text = pipelineTable(runs)
  console.log(`\n${text}`)
  const head = `# Devices → rule with schema → Kafka\n\nnpm run bench -- pipeline --rounds ${values.rounds}\n\n${conditions} 20 devices × 500 messages/s, 200 bytes, QoS 1, JSON Schema, filter, transform, Kafka 4.1.1 acks=all on the same machine; 10 s after ${warmUpSeconds} s of warm-up; CPU of the whole hub process (all threads, user and system).\n`
  writeFileSync(new URL('./results/pipeline.md', import.meta.url), `${head}\n${text}\n`)
}

function pipelineTable(runs: readonly PipelineResult[]): string {
  const head = [
    'run',
    'msg/s',
    'CPU µs',
    'user',
    'system',
    'RSS MB',
    'PUBACK p50/p99 ms',
    'visible in Kafka p50/p99 ms',
    'received',
    'in Kafka',
    'unaccounted',
  ]
  const rows = runs.map((r, index) => [
    index + 1,
    Math.round(r.ratePerS),
    r.cpuUs.toFixed(1),
    r.userUs.toFixed(1),
    r.sysUs.toFixed(1),
    Math.round(r.rssMb),
    `${r.pubackMsP50.toFixed(1)}/${r.pubackMsP99.toFixed(1)}`,
    `${r.visibleMsP50.toFixed(0)}/${r.visibleMsP99.toFixed(0)}`,
    r.acknowledged,
    r.inKafka,
    r.unaccounted,
  ])
  const goal = [
    'target',
    '10,000',
    `≤ ${pipelineTargets.cpuUs}`,
    '',
    '',
    `≤ ${pipelineTargets.rssMb}`,
    `≤ ${pipelineTargets.pubackMsP99} (p99)`,
    `≤ ${pipelineTargets.visibleMsP99} (p99)`,
    '',
    '',
    '0',
  ]
  const cpu = `**${Math.min(...runs.map(({ cpuUs }) => cpuUs)).toFixed(1)}**`
  const least = ['least', '', cpu, '', '', '', '', '', '', '', '']
  return [head, head.map(() => '---'), ...rows, least, goal].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Everything runs and coarse limits hold; tight figures are for quiet machines. */
async function smoke(): Promise<void> {
  const results = await benchBrokers(['a16', 'd', 'e', 'c'], 1, 2)
  console.log(`\n${brokerTable(results)}`)
  const faults: string[] = []
  for (const { scenario, best } of results) {
    const peer = Object.entries(best).find(([label]) => label !== 'trestle')![1]
    const ratio = peer.cpu_us_per_msg / best['trestle']!.cpu_us_per_msg
    if (ratio < targets[scenario]! / 4)
      faults.push(`${scenario}: ${ratio.toFixed(2)} times, far under ${targets[scenario]}`)
    if (best['trestle']!.undelivered !== 0) faults.push(`${scenario}: ${best['trestle']!.undelivered} undelivered`)
  }
  const [run] = (await benchPipeline(1, 6)) as [PipelineResult]
  console.log(`\n${pipelineTable([run])}`)
  if (run.cpuUs > pipelineTargets.cpuUs * 5) faults.push(`pipeline: ${run.cpuUs} µs a message`)
  if (run.acknowledged !== run.inKafka || run.unaccounted !== 0) faults.push('pipeline: the ledger does not balance')
  for (const fault of faults) console.error(`bench smoke: ${fault}`)
  process.exit(faults.length > 0 ? 1 : 0)
}
