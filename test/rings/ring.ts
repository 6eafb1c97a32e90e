import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import type { FarSystem, RunningSystem } from '../faults/far-system.ts'
import { HubProcess } from '../support/hub-process.ts'

const messages = 200

/**
 * Two hubs that bridge the same topics to each other over one system, both ways: what is published at one must be seen
 * once at each, and then nothing may move any more.
 */
export async function runRing(system: FarSystem): Promise<void> {
  const running = await system.start()
  const hubs: HubProcess[] = []
  const clients: MqttClient[] = []
  try {
    hubs.push(await ringHub(running, 'ab', 'ba'), await ringHub(running, 'ba', 'ab'))
    const seen = hubs.map(() => new Map<string, number>())
    for (const [at, hub] of hubs.entries()) clients.push(await listen(hub, seen[at]!))
    await Promise.all(
      clients.flatMap((client, at) =>
        Array.from({ length: messages }, (_, n) =>
          client.publishAsync(`ring/${at}-${n}`, `${at}-${n}`, {
            qos: 1,
            properties: { userProperties: { n: `${n}` } },
          }),
        ),
      ),
    )
    await quiet(hubs, seen)
    const wanted = clients.flatMap((_, at) => Array.from({ length: messages }, (_, n) => `ring/${at}-${n}`)).sort()
    for (const [at, topics] of seen.entries()) {
      assert.deepEqual([...topics.keys()].sort(), wanted, `hub ${at} sees every message`)
      assert.deepEqual(
        [...topics].filter(([, count]) => count !== 1),
        [],
        `hub ${at} sees no message twice`,
      )
    }
    for (const hub of hubs) {
      const { ledger } = await hub.status()
      assert.equal(ledger.unaccounted, 0)
    }
  } finally {
    await Promise.all(clients.map((client) => client.endAsync(true)))
    for (const hub of hubs) await hub.dispose()
    await running.dispose()
  }
}

async function ringHub(running: RunningSystem, writes: string, reads: string): Promise<HubProcess> {
  const peer = running.entry({ address: reads, publish: '${mqtt.topic}' })
  assert.ok(peer !== null)
  const hub = await HubProcess.create({
    connectors: { peer },
    rules: { ring: `from: ring/{device}\nto:\n  - { sink: peer, ${running.target(writes)} }\n` },
  })
  await hub.start()
  await hub.until(({ connectors }) => connectors.every(({ state }) => state === 'connected'))
  return hub
}

async function listen(hub: HubProcess, seen: Map<string, number>): Promise<MqttClient> {
  const client = await connectAsync({ host: '127.0.0.1', port: hub.mqttPort, protocolVersion: 5 })
  client.on('message', (topic) => seen.set(topic, (seen.get(topic) ?? 0) + 1))
  await client.subscribeAsync('ring/#', { qos: 1 })
  return client
}

/** Until all is through and nothing has moved for two seconds. */
async function quiet(hubs: readonly HubProcess[], seen: readonly Map<string, number>[]): Promise<void> {
  const state = async (): Promise<string> => {
    const reports = await Promise.all(hubs.map((hub) => hub.status()))
    const arrivals = seen.map((topics) => [...topics.values()].reduce((sum, count) => sum + count, 0))
    return JSON.stringify([arrivals, reports.map(({ ledger }) => [ledger.pending, ledger.delivered])])
  }
  const untilMs = Date.now() + 60_000
  let before = await state()
  for (let still = 0; still < 2; ) {
    await sleep(1000)
    const now = await state()
    still = now === before && seen.every((topics) => topics.size === 2 * messages) ? still + 1 : 0
    before = now
    if (Date.now() > untilMs) return
  }
}
