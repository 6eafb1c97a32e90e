import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { formats } from '../../src/registry/formats/formats.ts'
import { frameOf } from '../../src/registry/wire-format.ts'
import { HubProcess } from '../support/hub-process.ts'

const avro = (...fields: string[]) =>
  JSON.stringify({ type: 'record', name: 'Reading', fields: fields.map((name) => ({ name, type: 'double' })) })
const rule = `
from: plants/{device}
schema: reading
decode: json
where: payload.celsius > -100
to: [{ sink: records }]
`
const framedRule = 'from: framed/#\ndecode: confluent\nto: [{ sink: records, encode: json }]\npayload: payload\n'

interface Answer {
  id: number
  version: number
  error_code: number
  message: string
}

async function ask(hub: HubProcess, method: string, path: string, body?: object) {
  const headers = { 'content-type': body !== undefined ? 'application/vnd.schemaregistry.v1+json' : 'application/json' }
  const sent =
    body === undefined ? (method === 'POST' ? { headers, body: '{}' } : {}) : { headers, body: JSON.stringify(body) }
  const response = await fetch(`http://127.0.0.1:${hub.apiPort}${path}`, { method, ...sent })
  return { status: response.status, body: (await response.json()) as Answer }
}

const register = (hub: HubProcess, subject: string, schema: string) =>
  ask(hub, 'POST', `/subjects/${subject}/versions`, { schema })

const open = (
  settings: Record<string, unknown>,
  rules: Record<string, string>,
  schemas: Record<string, unknown> = {},
) => HubProcess.create({ connectors: { records: { type: 'file', path: '../out' } }, rules, schemas, settings })

/** The payloads that reached the file. */
async function linesOf(hub: HubProcess, count: number): Promise<unknown[]> {
  const folder = join(hub.folder, 'out')
  const deadlineMs = Date.now() + 15_000
  for (;;) {
    const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
    const texts = names
      .filter((name) => name.includes('.jsonl'))
      .map((name) => readFileSync(join(folder, name), 'utf8'))
    const lines = texts.flatMap((text) => text.split('\n').slice(0, -1))
    if (lines.length >= count) return lines.map((line) => (JSON.parse(line) as { payload: unknown }).payload)
    if (Date.now() > deadlineMs) throw new Error(`${lines.length} of ${count} lines:\n${hub.output.slice(-2000)}`)
    await sleep(50)
  }
}

const clients: MqttClient[] = []

async function device(hub: HubProcess): Promise<MqttClient> {
  const client = await connectAsync(`mqtt://127.0.0.1:${hub.mqttPort}`, { protocolVersion: 5, reconnectPeriod: 0 })
  clients.push(client)
  return client
}

const framed = (id: number, celsius: number): Buffer => {
  const body = formats.get('avro')!.compile(avro('celsius'), [])
  assert.ok(!Array.isArray(body))
  return Buffer.concat([frameOf(id), body.encode({ celsius })!])
}

describe('B5 B7: the registry of a running hub', () => {
  test('is there again after kill -9; what would break a rule is refused, and new versions serve the next message', async () => {
    const hub = await open({ registry: { type: 'api' } }, {})
    try {
      await hub.start()
      const first = await register(hub, 'reading', avro('celsius', 'bar'))
      assert.deepEqual([first.status, first.body.id], [200, 1])
      writeFileSync(join(hub.folder, 'rules', 'a.yaml'), rule)
      assert.equal((await ask(hub, 'POST', '/api/reload')).status, 200)
      await ask(hub, 'PUT', '/config/reading', { compatibility: 'NONE' })
      const refused = await register(hub, 'reading', avro('bar'))
      assert.deepEqual([refused.status, refused.body.error_code], [409, 409])
      assert.match(refused.body.message, /a\.yaml:5:\d+ {2}E217 {2}.*celsius/)
      assert.match((await ask(hub, 'DELETE', '/subjects/reading')).body.message, /a\.yaml:3:\d+ {2}E208/)

      const mqtt = await device(hub)
      await mqtt.publishAsync('plants/1', JSON.stringify({ celsius: 1, bar: 2 }), { qos: 1 })
      const missing = mqtt.publishAsync('plants/1', JSON.stringify({ celsius: 2 }), { qos: 1 })
      await assert.rejects(missing, ({ code }: Error & { code?: number }) => code === 0x99)
      assert.equal((await register(hub, 'reading', avro('celsius'))).body.version, 2)
      await mqtt.publishAsync('plants/1', JSON.stringify({ celsius: 3 }), { qos: 1 })
      await mqtt.endAsync()
      assert.deepEqual(await linesOf(hub, 2), [{ celsius: 1, bar: 2 }, { celsius: 3 }])

      await hub.kill()
      await hub.start()
      assert.deepEqual((await ask(hub, 'GET', '/subjects/reading/versions')).body, [1, 2])
      assert.equal((await register(hub, 'other', avro('celsius'))).body.id, 2)
      assert.equal((await register(hub, 'other', avro())).body.id, 3)
    } finally {
      for (const client of clients.splice(0)) client.end(true)
      await hub.dispose()
    }
  })

  test('begins with what lies in the folder, so that rules may name it, and then goes its own way', async () => {
    const hub = await open({ registry: { type: 'api' } }, { a: rule }, { 'reading/1.avsc': avro('celsius') })
    try {
      await hub.start()
      const { id } = (await register(hub, 'reading', avro('celsius'))).body
      assert.equal((await register(hub, 'other', avro('bar'))).body.id, 1)
      writeFileSync(join(hub.folder, 'schemas/reading/1.avsc'), avro())
      await hub.kill()
      await hub.start()
      assert.equal((await register(hub, 'reading', avro('celsius'))).body.id, id, 'the id it had as a file')
      assert.equal((await register(hub, 'other', avro('bar'))).body.id, 1)
      assert.equal((await ask(hub, 'POST', '/api/reload')).status, 200)
    } finally {
      await hub.dispose()
    }
  })

  test('of files only answers, and a reload takes up what is new there', async () => {
    const hub = await open({}, { a: rule }, { 'reading/1.avsc': avro('celsius') })
    try {
      await hub.start()
      assert.equal((await register(hub, 'reading', avro('celsius'))).body.version, 1)
      const refused = await register(hub, 'reading', avro())
      assert.deepEqual([refused.status, refused.body.error_code], [422, 42205])
      assert.match(refused.body.message, /lie in the folder/)
      writeFileSync(join(hub.folder, 'schemas/reading/2.avsc'), avro())
      const reload = await ask(hub, 'POST', '/api/reload')
      assert.equal(reload.status, 400)
      assert.match(reload.body.message, /a\.yaml:5:\d+ {2}E217/)
      writeFileSync(join(hub.folder, 'schemas/reading/2.avsc'), avro('celsius').replace('Reading', 'Reading '.trim()))
      assert.equal((await ask(hub, 'POST', '/api/reload')).status, 200)
      assert.equal((await ask(hub, 'GET', '/subjects/reading/versions/latest')).body.version, 2)
    } finally {
      for (const client of clients.splice(0)) client.end(true)
      await hub.dispose()
    }
  })

  test('in front of another reads an id it never saw: the first message waits, none is lost, the other is asked once', async () => {
    const far = await open({ registry: { type: 'api' } }, {})
    let near: HubProcess | null = null
    try {
      await far.start()
      await register(far, 'reading', avro('celsius'))
      const url = `http://127.0.0.1:${far.apiPort}`
      near = await open({ registry: { type: 'confluent', url, refresh_ms: '200 ms' } }, { a: rule, framed: framedRule })
      await near.start()
      const { id } = (await register(far, 'elsewhere', avro('celsius').replace('Reading', 'Other'))).body
      const mqtt = await device(near)
      const waiting = mqtt.publishAsync('framed/1', framed(id, 1), { qos: 1 })
      await assert.rejects(waiting, ({ code }: Error & { code?: number }) => code === 0x97)
      await until(() => mqtt.publishAsync('framed/1', framed(id, 1), { qos: 1 }).then(() => true))
      await mqtt.publishAsync('framed/1', framed(id, 2), { qos: 1 })
      assert.deepEqual(await linesOf(near, 2), [{ celsius: 1 }, { celsius: 2 }])
      const nobodys = () => mqtt.publishAsync('framed/1', framed(999, 1), { qos: 1 })
      await nobodys().catch(() => null)
      await sleep(300)
      await assert.rejects(nobodys(), ({ code }: Error & { code?: number }) => code === 0x99)

      await register(far, 'reading', avro('celsius').replace('"double"', '["double","null"]'))
      const name = '/subjects/reading/versions/latest'
      await until(async () => (await ask(near!, 'GET', name)).body.version === 2)
      await far.stop()
      await near.kill()
      await near.start()
      const again = await device(near)
      await again.publishAsync('framed/1', framed(id, 3), { qos: 1 })
      assert.equal((await linesOf(near, 3)).length, 3)
    } finally {
      for (const client of clients.splice(0)) client.end(true)
      await near?.dispose()
      await far.dispose()
    }
  })
})

async function until(reached: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + 10_000
  while (!(await reached().catch(() => false))) {
    if (Date.now() > deadlineMs) throw new Error(`waited in vain: ${reached}`)
    await sleep(50)
  }
}
