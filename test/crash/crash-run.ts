/**
 * The crash experiment: stubborn publishers at QoS 1 and 2 against the hub, a rule into a real Kafka and into a file,
 * `kill -9` of the hub at random moments and of Kafka for seconds; then every acknowledged message is looked for.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startKafka } from '../services/kafka.ts'
import { HubProcess } from '../support/hub-process.ts'
import { type Judgement, judge, type Seen, type Teller } from '../support/judge.ts'
import { createTopics, type KafkaRecord, readTopic } from '../support/kafka-reader.ts'
import { StubbornPublisher } from '../support/stubborn-publisher.ts'

export interface CrashPlan {
  hubKills: number
  kafkaKills: number
  kafkaAwayMs: number
  /** Messages per second, all publishers together. */
  rate: number
  publishers: number
  /** How the connector writes to Kafka; `idempotent` unless told. */
  mode?: 'exactly-once'
  log?: (line: string) => void
}

export interface CrashResult {
  kafka: Judgement
  file: Judgement
  /** Messages made per second of the hub's life. */
  ratePerS: number
  seconds: number
  unaccounted: number
}

const rule = `
from: crash/{device}/state
schema: crash
where: payload.n >= 0
to:
  - { sink: lake, topic: crash, key: "\${device}" }
  - { sink: records, file: crash }
`
const schema = {
  type: 'object',
  required: ['device', 'n'],
  properties: { device: { type: 'string' }, n: { type: 'integer' }, note: { type: 'string' } },
}

export async function runCrash(plan: CrashPlan): Promise<CrashResult> {
  const log = plan.log ?? (() => {})
  const kafka = await startKafka()
  await createTopics(kafka.brokers, { crash: 3 })
  const hub = await HubProcess.create({
    connectors: {
      lake: { type: 'kafka', brokers: [kafka.brokers], ...(plan.mode === undefined ? {} : { mode: plan.mode }) },
      records: { type: 'file', path: '../out' },
    },
    rules: { crash: rule },
    schemas: { crash: schema },
  })
  const publishers = Array.from({ length: plan.publishers }, (_, index) => publisher(hub.mqttPort, index, plan))
  try {
    await hub.start()
    const startedMs = performance.now()
    let upMs = 0
    for (const one of publishers) one.start()
    const kafkaKiller = killKafka(kafka, plan, log)
    for (let kill = 1; kill <= plan.hubKills; kill++) {
      const livesMs = 500 + Math.random() * 1500
      await sleep(livesMs)
      upMs += livesMs
      await hub.kill()
      await hub.start()
      if (kill % 10 === 0)
        log(`hub killed ${kill} times, ${sum(publishers, (one) => one.acknowledged.size)} acknowledged`)
    }
    const made = sum(publishers, (one) => one.made)
    const seconds = (performance.now() - startedMs) / 1000
    await kafkaKiller
    await Promise.all(publishers.map((one) => one.finish(120_000)))
    const report = await hub.until(({ ledger }) => ledger.pending === 0, 180_000)
    const tellers = publishers.map(tellerOf)
    return {
      kafka: judge(tellers, (await readTopic(kafka.brokers, 'crash', plan.mode && 3000)).map(fromKafka)),
      file: judge(tellers, readLines(join(hub.folder, 'out'))),
      ratePerS: made / (upMs / 1000),
      seconds,
      unaccounted: report.ledger.unaccounted,
    }
  } finally {
    for (const one of publishers) one.abandon()
    await hub.dispose()
    await kafka.stop()
  }
}

function publisher(port: number, index: number, plan: CrashPlan): StubbornPublisher {
  const device = `d${index}`
  return new StubbornPublisher({
    port,
    client: `crash-${index}`,
    topic: `crash/${device}/state`,
    qos: index % 2 === 0 ? 1 : 2,
    version: index % 4 < 2 ? 4 : 5,
    rate: plan.rate / plan.publishers,
    maxInFlight: 200,
    payload: (n) => JSON.stringify({ device, n, note: 'as long as what a real device would say'.padEnd(120, '.') }),
  })
}

async function killKafka(
  kafka: { kill(): Promise<void>; restart(): Promise<void> },
  plan: CrashPlan,
  log: (line: string) => void,
): Promise<void> {
  const spanMs = Math.max(4000, (plan.hubKills * 1500) / Math.max(1, plan.kafkaKills))
  for (let kill = 1; kill <= plan.kafkaKills; kill++) {
    await sleep(Math.random() * spanMs)
    await kafka.kill()
    await sleep(plan.kafkaAwayMs)
    await kafka.restart()
    log(`kafka killed ${kill} times`)
  }
}

const fromKafka = (record: KafkaRecord): Seen => seen(record.value.toString(), record.headers['trestle-id'] ?? '')

function readLines(folder: string): Seen[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl'))
  return files.sort().flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const { id, payload } = JSON.parse(line) as { id: string; payload: unknown }
        return seen(JSON.stringify(payload), id)
      }),
  )
}

function seen(payload: string, id: string): Seen {
  const { device, n } = JSON.parse(payload) as { device: string; n: number }
  return { name: device, n, id }
}

const tellerOf = ({ made, sends, acknowledged }: StubbornPublisher, index: number): Teller => ({
  name: `d${index}`,
  made,
  sends,
  acknowledged,
})

const sum = <T>(list: readonly T[], of: (one: T) => number): number => list.reduce((total, one) => total + of(one), 0)
