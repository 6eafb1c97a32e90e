import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { Kafka, logLevel } from 'kafkajs'
import { connectAsync } from 'mqtt'
import { frameOf } from '../../src/registry/wire-format.ts'
import { runPython } from '../services/confluent-python.ts'
import { type KafkaServer, startKafka } from '../services/kafka.ts'
import { need } from '../services/need.ts'
import { HubProcess } from '../support/hub-process.ts'
import { createTopics, readTopic } from '../support/kafka-reader.ts'

const avro = {
  type: 'record',
  name: 'Reading',
  namespace: 'plant',
  fields: [
    { name: 'device', type: 'string' },
    { name: 'celsius', type: 'double' },
  ],
}
const jsonSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Reading',
  type: 'object',
  properties: { device: { type: 'string' }, celsius: { type: 'number' } },
  required: ['device'],
}
const proto = 'syntax = "proto3";\npackage plant;\nmessage Reading {\n  string device = 1;\n  double celsius = 2;\n}\n'

const schemas = {
  'reading-avro': { type: SchemaType.AVRO, schema: JSON.stringify(avro) },
  'reading-json': { type: SchemaType.JSON, schema: JSON.stringify(jsonSchema) },
  'reading-proto': { type: SchemaType.PROTOBUF, schema: proto },
} as const

/** One message of a device goes to Kafka in every form; what clients write there comes back as JSON lines. */
const rules = {
  out: `
from: plants/{device}/readings
set: { device: device }
to:
  - { sink: lake, topic: readings-avro, key: "\${device}", encode: avro, schema: reading-avro }
  - { sink: lake, topic: readings-json, key: "\${device}", encode: json, schema: reading-json, frame: confluent }
  - { sink: lake, topic: readings-proto, key: "\${device}", encode: protobuf, schema: reading-proto }
  - { sink: lake, topic: readings-header, key: "\${device}", encode: avro, schema: reading-avro, frame: header }
`,
  in: `
from: orders/{stream}
decode: confluent
set: { stream: stream }
to: [{ sink: records }]
`,
}

const forms = ['avro', 'json', 'proto', 'header']
const readings = [
  { device: 'press-1', celsius: 21.5 },
  { device: 'press-2', celsius: -3.25 },
]

let kafka: KafkaServer
let hub: HubProcess

const noPython = await need('confluent')

describe('B5: clients that are not ours', { skip: await need('kafka') }, () => {
  before(async () => {
    kafka = await startKafka()
    const topics = forms.flatMap((form) => [`readings-${form}`, `orders-${form}`])
    await createTopics(kafka.brokers, Object.fromEntries(topics.map((topic) => [topic, 1])))
    const orders = topics.filter((topic) => topic.startsWith('orders-'))
    const source = { topics: orders, group: 'hub', start: 'beginning', publish: 'orders/${topic}', qos: 1 }
    hub = await HubProcess.create({
      connectors: {
        lake: { type: 'kafka', brokers: [kafka.brokers], sources: [source] },
        records: { type: 'file', path: '../out' },
      },
      rules: {},
      settings: { registry: { type: 'api' } },
    })
    await hub.start()
  })

  after(async () => {
    await hub.dispose()
    await kafka.stop()
  })

  test('kafkajs registers through the hub, reads what the hub wrote to Kafka, and writes what the hub decodes', async () => {
    const registry = new SchemaRegistry({ host: registryUrl() })
    const ids: Record<string, number> = {}
    for (const [subject, schema] of Object.entries(schemas))
      ids[subject] = (await registry.register(schema, { subject })).id
    await addRules()
    await publishReadings()

    for (const [form, subject] of [
      ['avro', 'reading-avro'],
      ['json', 'reading-json'],
      ['proto', 'reading-proto'],
    ] as const) {
      const records = await readingsOf(form)
      const decoded = await Promise.all(records.map(({ value }) => registry.decode(value)))
      assert.deepEqual(decoded.map(plain), readings, form)
      for (const { value } of records) assert.equal(value.readUInt32BE(1), ids[subject], form)
    }

    const producer = new Kafka({ brokers: [kafka.brokers], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    for (const form of ['avro', 'json', 'proto']) {
      const messages = []
      for (const reading of readings) messages.push({ value: await registry.encode(ids[`reading-${form}`]!, reading) })
      await producer.send({ topic: `orders-${form}`, messages })
    }
    // The header form, by id: what the hub writes it reads.
    const [bare] = await readingsOf('header')
    const headers = { __value_schema_id: Buffer.from(frameOf(ids['reading-avro']!)) }
    await producer.send({ topic: 'orders-header', messages: [{ value: bare!.value, headers }] })
    await producer.disconnect()
    const back = await linesOf((lines) => lines.length >= 7)
    for (const form of ['avro', 'json', 'proto'])
      assert.deepEqual(back.filter(({ stream }) => stream === `orders-${form}`).map(withoutStream), readings, form)
    assert.deepEqual(back.filter(({ stream }) => stream === 'orders-header').map(withoutStream), readings.slice(0, 1))
  })

  test('a hub in front of that registry reads ids from Kafka that it never saw: its source waits for each, and nothing is lost', async () => {
    const orders = ['avro', 'json', 'proto'].map((form) => `orders-${form}`)
    const source = { topics: orders, group: 'near', start: 'beginning', publish: 'orders/${topic}', qos: 1 }
    const near = await HubProcess.create({
      connectors: {
        lake: { type: 'kafka', brokers: [kafka.brokers], sources: [source] },
        records: { type: 'file', path: '../out' },
      },
      rules: { in: rules.in },
      settings: { registry: { type: 'confluent', url: registryUrl() } },
    })
    try {
      await near.start()
      const report = await near.until(({ ledger }) => ledger.delivered >= 6)
      assert.deepEqual([report.ledger.deadLettered, report.ledger.refused, report.ledger.unaccounted], [0, 0, 0])
      const lines = linesIn(near)
      for (const stream of orders)
        assert.deepEqual(lines.filter((line) => line.stream === stream).map(withoutStream), readings, stream)
    } finally {
      await near.dispose()
    }
  })

  test('Confluent’s Python client does so too, without being told how the hub writes', { skip: noPython }, async () => {
    const seen = (await linesOf(() => true)).length
    const program = fileURLToPath(new URL('registry-client.py', import.meta.url))
    const facts = JSON.parse(await runPython(program, [registryUrl(), kafka.brokers])) as Facts
    for (const form of forms) assert.deepEqual(facts.read[`readings-${form}`], readings, form)
    const subjects = ['orders-avro-value', 'orders-json-value', 'orders-proto-value', ...Object.keys(schemas)]
    assert.deepEqual(facts.subjects, subjects)
    assert.deepEqual([facts.found, facts.latest, facts.level], [1, 1, 'BACKWARD'])
    assert.equal(facts.compatible, false)
    assert.deepEqual(facts.refused, [409, 409])
    assert.deepEqual(facts.deleted, [1])
    assert.ok(facts.registered > 0)
    const back = (await linesOf((lines) => lines.length >= seen + 6)).slice(seen)
    for (const form of ['avro', 'json', 'proto']) {
      const items = back.filter(({ stream }) => stream === `orders-${form}`)
      assert.deepEqual(
        items.map(({ id, item }) => [String(id), item]),
        [
          ['1', 'bolt'],
          [form === 'json' ? '9007199254740991' : '9007199254740993', 'nut'],
        ],
        form,
      )
    }
  })
})

interface Facts {
  read: Record<string, unknown>
  subjects: string[]
  found: number
  latest: number
  level: string
  compatible: boolean
  refused: number[]
  deleted: number[]
  registered: number
}

const registryUrl = (): string => `http://127.0.0.1:${hub.apiPort}`

/** Rules may name schemas only when these are there: so they come after them, and are loaded anew. */
async function addRules(): Promise<void> {
  for (const [name, text] of Object.entries(rules)) writeFileSync(join(hub.folder, 'rules', `${name}.yaml`), text)
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${registryUrl()}/api/reload`, { method: 'POST', headers, body: '{}' })
  assert.equal(answer.status, 200, await answer.text())
}

async function publishReadings(): Promise<void> {
  const device = await connectAsync(`mqtt://127.0.0.1:${hub.mqttPort}`, { protocolVersion: 5 })
  for (const { device: name, celsius } of readings)
    await device.publishAsync(`plants/${name}/readings`, JSON.stringify({ celsius }), { qos: 1 })
  await device.endAsync()
}

async function readingsOf(form: string) {
  const deadlineMs = Date.now() + 30_000
  for (;;) {
    const records = await readTopic(kafka.brokers, `readings-${form}`)
    if (records.length >= readings.length) return records
    if (Date.now() > deadlineMs) throw new Error(`no readings in ${form}:\n${hub.output.slice(-2000)}`)
    await sleep(100)
  }
}

interface Line {
  stream: string
  id?: number
  item?: string
}

/** What the hub has decoded, once there is enough. */
async function linesOf(enough: (lines: Line[]) => boolean): Promise<Line[]> {
  const deadlineMs = Date.now() + 30_000
  for (;;) {
    const lines = linesIn(hub)
    if (enough(lines)) return lines
    if (Date.now() > deadlineMs) throw new Error(`${JSON.stringify(lines)}\n${hub.output.slice(-3000)}`)
    await sleep(100)
  }
}

function linesIn({ folder: root }: HubProcess): Line[] {
  const folder = join(root, 'out')
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
  const texts = names.filter((name) => name.includes('.jsonl')).map((name) => readFileSync(join(folder, name), 'utf8'))
  return texts.flatMap((text) => text.split('\n').slice(0, -1)).map(payloadOf)
}

/** The payload of a line, its integers in full. */
const payloadOf = (line: string): Line => {
  const { payload } = JSON.parse(line, exactInteger) as { payload: Line }
  return payload
}

const exactInteger = (_key: string, value: unknown, context?: { source?: string }): unknown =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
    ? BigInt(context!.source!)
    : value

const withoutStream = ({ stream: _stream, ...rest }: Line): object => rest
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
