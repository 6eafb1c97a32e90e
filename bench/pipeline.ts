/**
 * Claim: 20 devices × 500 messages/s of 200 bytes at QoS 1, checked by a schema, filtered and shaped by a rule, into a
 * real Kafka with acks=all, cost the whole hub (both threads, system time included) ≤ 15 µs of CPU a message; resident
 * memory ≤ 200 MB; PUBACK within 10 ms, visible in Kafka within 60 ms (99th percentiles).
 */
import { Kafka, logLevel } from 'kafkajs'
import type { HubReport } from '../src/telemetry/report.ts'
import { type KafkaServer, startKafka } from '../test/services/kafka.ts'
import { HubProcess } from '../test/support/hub-process.ts'
import { createTopics } from '../test/support/kafka-reader.ts'
import { runLoad } from './load.ts'

export interface PipelineResult {
  ratePerS: number
  cpuUs: number
  userUs: number
  sysUs: number
  rssMb: number
  pubackMsP50: number
  pubackMsP99: number
  visibleMsP50: number
  visibleMsP99: number
  acknowledged: number
  inKafka: number
  unaccounted: number
}

export const pipelineTargets = { cpuUs: 15, rssMb: 200, pubackMsP99: 10, visibleMsP99: 60 }

const rule = (topic: string): string => `
from: bench/{device}/state
schema: bench
where: payload.quality == "good" && payload.temperature_f > -40
let:
  celsius: (payload.temperature_f - 32) / 1.8
set:
  temperature_c: celsius
  temperature_f: null
to:
  - { sink: lake, topic: ${topic}, key: "\${device}" }
`
const schema = {
  type: 'object',
  required: ['sent_us', 'device', 'temperature_f', 'quality'],
  properties: {
    sent_us: { type: 'integer' },
    device: { type: 'string', maxLength: 40 },
    temperature_f: { type: 'number', minimum: -459 },
    quality: { enum: ['good', 'bad'] },
    note: { type: 'string' },
  },
  additionalProperties: false,
}

/** What is just-in-time compiled, here and in Kafka, is compiled by then. */
export const warmUpSeconds = 6
const ratePerS = 10_000

/** Runs the pipeline so often against one Kafka; each time with a fresh hub and topic. */
export async function benchPipeline(rounds: number, seconds: number): Promise<PipelineResult[]> {
  const kafka = await startKafka()
  try {
    const results: PipelineResult[] = []
    for (let round = 0; round < rounds; round++) {
      results.push(await runOnce(kafka, `bench-${round}`, seconds))
      console.log(results.at(-1))
    }
    return results
  } finally {
    await kafka.stop()
  }
}

async function runOnce(kafka: KafkaServer, topic: string, seconds: number): Promise<PipelineResult> {
  await createTopics(kafka.brokers, { [topic]: 3 })
  const hub = await HubProcess.create({
    connectors: { lake: { type: 'kafka', brokers: [kafka.brokers] } },
    rules: { bench: rule(topic) },
    schemas: { bench: schema },
  })
  const reader = await startReader(kafka.brokers, topic)
  try {
    await hub.start()
    const load = '--mode pair --pubs 20 --subs 0 --qos 1 --rate 500 --size 200 --json 1 --ack-latency 1'
    const run = await runLoad(hub.mqttPort, hub.pid, load, seconds, warmUpSeconds)
    const report = await drained(hub)
    await reader.until(report.ledger.delivered)
    const latencies = reader.latenciesMs.sort((a, b) => a - b)
    return {
      ratePerS: run.msgs_per_s,
      cpuUs: run.cpu_us_per_msg,
      userUs: run.user_us,
      sysUs: run.sys_us,
      rssMb: run.rss_max_mb,
      pubackMsP50: run.lat_us_p50 / 1000,
      pubackMsP99: run.lat_us_p99 / 1000,
      visibleMsP50: latencies[Math.floor(latencies.length * 0.5)]!,
      visibleMsP99: latencies[Math.floor(latencies.length * 0.99)]!,
      acknowledged: report.ledger.received,
      inKafka: reader.count(),
      unaccounted: report.ledger.unaccounted,
    }
  } finally {
    await reader.stop()
    await hub.dispose()
  }
}

/** The report when nothing comes in any more and nothing is owed: the load's last messages arrive after its end. */
async function drained(hub: HubProcess): Promise<HubReport> {
  let received = -1
  return hub.until(({ ledger }) => {
    const isStill = ledger.received === received
    received = ledger.received
    return isStill && ledger.pending === 0
  }, 30_000)
}

/** An independent consumer that notes how long after its sending each message could be read. */
async function startReader(
  brokers: string,
  topic: string,
): Promise<{
  latenciesMs: number[]
  count(): number
  until(count: number): Promise<void>
  stop(): Promise<void>
}> {
  const client = new Kafka({ clientId: 'bench-reader', brokers: [brokers], logLevel: logLevel.NOTHING })
  const consumer = client.consumer({ groupId: topic, maxWaitTimeInMs: 5 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const latenciesMs: number[] = []
  let count = 0
  await consumer.run({
    eachBatch: async ({ batch }) => {
      const nowUs = (performance.timeOrigin + performance.now()) * 1000
      for (const { value } of batch.messages) {
        const sentUs = Number(/"sent_us":(\d+)/.exec(value!.toString())![1])
        if (count++ > warmUpSeconds * ratePerS) latenciesMs.push((nowUs - sentUs) / 1000)
      }
    },
  })
  return {
    latenciesMs,
    count: () => count,
    until: async (wanted) => {
      const deadlineMs = Date.now() + 20_000
      while (count < wanted) {
        if (Date.now() > deadlineMs) throw new Error(`Kafka shows ${count} of ${wanted} messages`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    stop: () => consumer.disconnect(),
  }
}
