import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { payloadOf, readBack } from '../registry/formats/sparkplug/definition.ts'
import { HubProcess } from '../support/hub-process.ts'

const rule = `
from: spBv1.0/{group}/DDATA/{node}/{device}
schema: sparkplug-b
payload:
  device: device
  speed: payload.metrics["speed"].value
  total: payload.metrics["total"].value
to: [{ sink: records }]
`

/** An edge node as the standard wants it: it says everything again when it is asked to. */
class EdgeNode {
  readonly #client: MqttClient
  #seq = 0
  asked = 0

  constructor(client: MqttClient) {
    this.#client = client
    client.on('message', (_topic, payload) => {
      const { metrics } = readBack(payload) as { metrics: { name: string; boolean_value: boolean }[] }
      if (metrics[0]?.name !== 'Node Control/Rebirth' || !metrics[0].boolean_value) return
      this.asked++
      this.#beBorn()
    })
  }

  static async connect(port: number): Promise<EdgeNode> {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 })
    await client.subscribeAsync('spBv1.0/plant/NCMD/line')
    return new EdgeNode(client)
  }

  /** Only with aliases: without births nobody knows what it is. */
  tell(speed: number, total: string): void {
    const metrics = [
      { alias: 1, int_value: speed >>> 0 },
      { alias: 2, long_value: total },
    ]
    this.#publish('DDATA', '/press', { metrics })
  }

  async leave(): Promise<void> {
    await this.#client.endAsync(true)
  }

  #beBorn(): void {
    this.#seq = 0
    this.#publish('NBIRTH', '', { metrics: [{ name: 'bdSeq', datatype: 4, long_value: 0 }] })
    const metrics = [
      { name: 'speed', alias: 1, datatype: 3, int_value: 0 },
      { name: 'total', alias: 2, datatype: 8, long_value: 0 },
    ]
    this.#publish('DBIRTH', '/press', { metrics })
  }

  #publish(kind: string, device: string, fields: object): void {
    const payload = payloadOf({ ...fields, timestamp: 1, seq: this.#seq })
    this.#client.publish(`spBv1.0/plant/${kind}/line${device}`, Buffer.from(payload))
    this.#seq = (this.#seq + 1) % 256
  }
}

describe('B4: an edge node of Sparkplug B and a hub', { timeout: 90_000 }, () => {
  let hub: HubProcess
  const lines = (): string[] => {
    const folder = join(hub.folder, 'out')
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((name) => name.endsWith('.jsonl'))
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
      .filter((line) => line !== '')
  }
  const written = (): unknown[] => lines().map((line) => (JSON.parse(line) as { payload: unknown }).payload)
  const until = async (reached: () => boolean): Promise<void> => {
    const deadlineMs = Date.now() + 20_000
    while (!reached()) {
      assert.ok(
        Date.now() < deadlineMs,
        `not reached; written: ${JSON.stringify(written())}\n${hub.output.slice(-2000)}`,
      )
      await sleep(20)
    }
  }

  before(async () => {
    hub = await HubProcess.create({
      connectors: { records: { type: 'file', path: '../out' } },
      rules: { speeds: rule },
    })
    await hub.start()
  })
  after(async () => {
    await hub.dispose()
  })

  test('a node that was never born is asked to be, and what it says then is read by name', async () => {
    const node = await EdgeNode.connect(hub.mqttPort)
    node.tell(1, '1')
    await until(() => node.asked === 1)
    node.tell(-5, '18446744073709551615')
    await until(() => written().length === 1)
    assert.deepEqual(written(), [{ device: 'press', speed: -5, total: Number(2n ** 64n - 1n) }])
    assert.match(lines().join(), /"total":18446744073709551615\b/, 'not one bit is lost')
    const { rules } = await hub.status()
    const { deadLettered, unaccounted } = rules[0]!.ledger
    assert.deepEqual([deadLettered, unaccounted], [1, 0])
    await node.leave()
  })

  test('a hub that was killed asks again', async () => {
    await hub.kill()
    await hub.start()
    const node = await EdgeNode.connect(hub.mqttPort)
    node.tell(1, '1')
    await until(() => node.asked === 1)
    node.tell(7, '2')
    await until(() => written().length === 2)
    assert.deepEqual(written()[1], { device: 'press', speed: 7, total: 2 })
    await node.leave()
  })
})
