/**
 * Claim: of five sinks one is dead for two minutes, and nobody else notices. The time to the others (99th percentile)
 * grows by no more than a tenth, memory stays flat, the journal holds each message once; when the dead one is back it
 * drains at three times the live rate at least, in order.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { connectTo } from '../test/connectors/nats/nats-reader.ts'
import { payloadOf, type RunningSystem } from '../test/faults/far-system.ts'
import { kafka } from '../test/faults/systems/kafka.ts'
import { mqtt } from '../test/faults/systems/mqtt.ts'
import { nats } from '../test/faults/systems/nats.ts'
import { pulsar } from '../test/faults/systems/pulsar.ts'
import { reductstore } from '../test/faults/systems/reductstore.ts'
import { HubProcess } from '../test/support/hub-process.ts'
import { judge } from '../test/support/judge.ts'
import { StubbornPublisher } from '../test/support/stubborn-publisher.ts'
import { rssMbOf } from './process-cost.ts'

export interface FiveSinksPlan {
  ratePerS: number
  /** Until heaps and buffers have their size; what grows from then on grows because one is dead. */
  warmUpSeconds: number
  liveSeconds: number
  deadSeconds: number
}

export interface FiveSinks {
  /** 99th percentile of the time from publishing to being seen at NATS and at Mosquitto. *Unit*: ms. */
  liveP99Ms: { nats: number; mqtt: number }
  deadP99Ms: { nats: number; mqtt: number }
  /** Most resident memory while all live, and while one is dead. */
  liveRssMb: number
  deadRssMb: number
  /** Of the first and of the second half of its absence: what grows with the backlog shows in the second. */
  deadHalvesRssMb: readonly [number, number]
  /** Journal per message while one is dead, and the payload's own size. *Unit*: bytes. */
  journalBytes: number
  payloadBytes: number
  /** Messages per second to the one that is back, while as many as before come in. */
  drainPerS: number
  ratePerS: number
  lost: number
  outOfOrder: number
  twice: number
  unaccounted: number
}

const devices = 20
const all = { kafka, pulsar, nats, reductstore, mqtt }
type Name = keyof typeof all

export async function benchFiveSinks(plan: FiveSinksPlan): Promise<FiveSinks> {
  const names = Object.keys(all) as Name[]
  const running = {} as Record<Name, RunningSystem>
  for (const name of names) running[name] = await all[name].start()
  const targets = names.map((name) => `  - { sink: ${name}, ${running[name].target('outward')} }\n`)
  const hub = await HubProcess.create({
    connectors: Object.fromEntries(names.map((name) => [name, running[name].entry(null)])),
    rules: { five: `from: out/{device}\nto:\n${targets.join('')}` },
  })
  const watch = await Watch.start(running.nats.address, running.mqtt.address)
  const publishers = Array.from({ length: devices }, (_, at) => publisher(hub.mqttPort, at, plan.ratePerS / devices))
  try {
    await hub.start()
    for (const one of publishers) one.start()
    await sleep(plan.warmUpSeconds * 1000)
    return await measure(plan, hub, running, watch, publishers)
  } finally {
    for (const one of publishers) one.abandon()
    await watch.stop()
    await hub.dispose()
    for (const name of names) await running[name].dispose()
  }
}

async function measure(
  plan: FiveSinksPlan,
  hub: HubProcess,
  running: Record<Name, RunningSystem>,
  watch: Watch,
  publishers: readonly StubbornPublisher[],
): Promise<FiveSinks> {
  watch.reset()
  const liveRssMb = await mostRssMb(hub, plan.liveSeconds)
  const liveP99Ms = watch.p99Ms()
  await running.kafka.kill()
  watch.reset()
  const before = (await hub.status()).journal
  const [firstHalf, secondHalf] = [
    await mostRssMb(hub, plan.deadSeconds / 2),
    await mostRssMb(hub, plan.deadSeconds / 2),
  ]
  const deadRssMb = Math.max(firstHalf, secondHalf)
  const deadP99Ms = watch.p99Ms()
  const after = (await hub.status()).journal
  const drainPerS = await drain(hub, running.kafka)
  await Promise.all(publishers.map((one) => one.finish(60_000)))
  const { ledger } = await hub.until((report) => report.ledger.pending === 0, 180_000)
  const tellers = publishers.map(({ made, sends, acknowledged }, at) => ({ name: `d${at}`, made, sends, acknowledged }))
  const { lost, outOfOrder, droppable, unexplained } = judge(tellers, await running.kafka.readAll())
  return {
    liveP99Ms,
    deadP99Ms,
    liveRssMb,
    deadRssMb,
    deadHalvesRssMb: [firstHalf, secondHalf],
    journalBytes: Math.round((after.bytes - before.bytes) / (after.appended - before.appended)),
    payloadBytes: payloadOf('d0', 1).length,
    drainPerS,
    ratePerS: plan.ratePerS,
    lost: lost.length,
    outOfOrder: outOfOrder.length,
    twice: droppable + unexplained.length,
    unaccounted: ledger.unaccounted,
  }
}

/** How fast what waited for Kafka goes once it is back, the live messages included. */
async function drain(hub: HubProcess, server: RunningSystem): Promise<number> {
  await server.restart()
  const waiting = async (): Promise<{ delivered: number; messages: number; state: string }> => {
    const { ledger, waiting: queue, state } = (await hub.status()).connectors.find(({ name }) => name === 'kafka')!
    return { delivered: ledger.delivered, messages: queue?.messages ?? 0, state }
  }
  const start = await waiting()
  let begun = start
  while (begun.delivered === start.delivered) {
    await sleep(20)
    begun = await waiting()
  }
  const startedMs = performance.now()
  let now = begun
  while (now.messages > 1000) {
    await sleep(20)
    now = await waiting()
  }
  return Math.round((now.delivered - start.delivered) / ((performance.now() - startedMs + 20) / 1000))
}

async function mostRssMb(hub: HubProcess, seconds: number): Promise<number> {
  let most = 0
  for (let second = 0; second < seconds; second++) {
    await sleep(1000)
    most = Math.max(most, rssMbOf(hub.pid))
  }
  return most
}

function publisher(port: number, at: number, rate: number): StubbornPublisher {
  const name = `d${at}`
  const payload = (n: number): string => `${payloadOf(name, n).slice(0, -1)},"sentMs":${nowMs()}}`
  return new StubbornPublisher({
    port,
    client: name,
    topic: `out/${name}`,
    qos: 1,
    version: 5,
    rate,
    maxInFlight: 200,
    payload,
  })
}

const nowMs = (): number => performance.timeOrigin + performance.now()

/** Sees what arrives at two of the others, by clients that are not the hub's. */
class Watch {
  readonly #tookMs = { nats: [] as number[], mqtt: [] as number[] }
  readonly #close: () => Promise<void>

  private constructor(close: () => Promise<void>) {
    this.#close = close
  }

  static async start(natsAddress: string, mqttAddress: string): Promise<Watch> {
    const connection = await connectTo(natsAddress)
    const client: MqttClient = await connectAsync(`mqtt://${mqttAddress}`)
    const watch = new Watch(async () => {
      await connection.close()
      await client.endAsync(true)
    })
    connection.subscribe('outward.>', { callback: (_, { data }) => watch.#see('nats', Buffer.from(data).toString()) })
    client.on('message', (_topic, payload) => watch.#see('mqtt', payload.toString()))
    await client.subscribeAsync('outward/#', { qos: 0 })
    return watch
  }

  reset(): void {
    this.#tookMs.nats = []
    this.#tookMs.mqtt = []
  }

  p99Ms(): { nats: number; mqtt: number } {
    const p99 = (list: number[]): number =>
      Math.round(list.sort((a, b) => a - b)[Math.floor(list.length * 0.99)]! * 10) / 10
    return { nats: p99(this.#tookMs.nats), mqtt: p99(this.#tookMs.mqtt) }
  }

  stop(): Promise<void> {
    return this.#close()
  }

  #see(where: 'nats' | 'mqtt', payload: string): void {
    const sentMs = (JSON.parse(payload) as { sentMs: number }).sentMs
    this.#tookMs[where].push(nowMs() - sentMs)
  }
}
