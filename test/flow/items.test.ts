import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { HubProcess } from '../support/hub-process.ts'

const rule = `
from: cells/{cell}/batch
tables: { machines: { file: machines.csv, key: id, types: { limit: number } } }
where: size(payload) > 0
for_each: { in: payload, as: reading }
let: { limit: 'machines[reading.id].limit' }
set: { cell: cell, line: 'machines[reading.id].line' }
to:
  - { sink: records }
  - { publish: "alarms/\${cell}/\${reading.id}", when: reading.c > limit }
else:
  - { publish: "empty/\${cell}" }
`

describe('A1 A3: a message cut into items', { timeout: 90_000 }, () => {
  let hub: HubProcess
  let client: MqttClient
  const heard: string[] = []

  interface Line {
    readonly id: string
    readonly payload: { readonly id: string; readonly line: string; readonly cell: string }
  }
  const lines = (): Line[] => {
    const folder = join(hub.folder, 'out')
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((name) => name.endsWith('.jsonl'))
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line)
  }
  const until = async (reached: () => boolean): Promise<void> => {
    const deadlineMs = Date.now() + 20_000
    while (!reached()) {
      assert.ok(Date.now() < deadlineMs, `not reached: ${JSON.stringify(lines())}\n${hub.output.slice(-2000)}`)
      await sleep(20)
    }
  }
  const publish = (payload: unknown): Promise<unknown> =>
    client.publishAsync('cells/7/batch', JSON.stringify(payload), { qos: 1 })
  const connect = async (): Promise<void> => {
    client = await connectAsync(`mqtt://127.0.0.1:${hub.mqttPort}`, { reconnectPeriod: 0 })
    client.on('message', (topic) => heard.push(topic))
    await client.subscribeAsync(['alarms/#', 'empty/#'], { qos: 1 })
  }

  before(async () => {
    hub = await HubProcess.create({
      connectors: { records: { type: 'file', path: '../out' } },
      rules: { batch: rule, 'machines.csv': 'id,line,limit\na,A,10\nb,B,20\n' },
    })
    await hub.start()
    await connect()
  })
  after(async () => {
    await client.endAsync(true)
    await hub.dispose()
  })

  test('reaches sinks and subscribers item by item, each delivery with an identity of its own', async () => {
    await publish([
      { id: 'a', c: 11 },
      { id: 'b', c: 11 },
    ])
    await publish([])
    await until(() => lines().length === 2 && heard.length === 2)
    assert.deepEqual(
      lines().map(({ payload }) => payload),
      [
        { id: 'a', c: 11, cell: '7', line: 'A' },
        { id: 'b', c: 11, cell: '7', line: 'B' },
      ],
    )
    assert.equal(new Set(lines().map(({ id }) => id)).size, 2)
    assert.deepEqual(heard, ['alarms/7/a', 'empty/7'])
    const { rules } = await hub.status()
    const { received, delivered, unaccounted } = rules[0]!.ledger
    assert.deepEqual({ received, delivered, unaccounted }, { received: 4, delivered: 4, unaccounted: 0 })
  })

  test('sees a changed table from the next message on; a bad one is told, and changes nothing', async () => {
    const file = join(hub.folder, 'rules', 'machines.csv')
    writeFileSync(file, 'id,line,limit\na,C,10\nb,D,20\n')
    await until(() => hub.output.includes('table.loaded'))
    await publish([{ id: 'a', c: 0 }])
    await until(() => lines().length === 3)
    writeFileSync(file, 'id,line,limit\na,E\n')
    await until(() => hub.output.includes('table.refused'))
    await publish([{ id: 'b', c: 0 }])
    await until(() => lines().length === 4)
    assert.deepEqual(
      lines().map(({ payload }) => payload.line),
      ['A', 'B', 'C', 'D'],
    )
    writeFileSync(file, 'id,line,limit\na,A,10\nb,B,20\n')
  })

  test('loses no item when the hub is killed after its answer', async () => {
    await publish(Array.from({ length: 500 }, () => ({ id: 'a', c: 0 })))
    await hub.kill()
    await hub.start()
    await connect()
    await until(() => new Set(lines().map(({ id }) => id)).size === 504)
    assert.equal(lines().length, 504, 'and none is there twice')
    const positions = lines().map(({ id }) => id.split('-').slice(-2).map(Number) as [number, number])
    const ofLast = positions.filter(([position]) => position === positions.at(-1)![0]).map(([, index]) => index)
    assert.deepEqual(
      [...new Set(ofLast)],
      Array.from({ length: 500 }, (_, index) => index),
    )
  })
})
