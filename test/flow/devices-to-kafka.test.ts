import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { type Reading, readings } from '../../demo/readings.ts'
import { startKafka } from '../services/kafka.ts'
import { need } from '../services/need.ts'
import { HubProcess } from '../support/hub-process.ts'
import { createTopics, readTopic } from '../support/kafka-reader.ts'

const rule = `
from: weather/{station}/{quantity}
schema: reading
where: payload.value > -900
let:
  kelvin: payload.value + 273.15
set:
  station: station
  kelvin: 'payload.unit == "celsius" ? kelvin : null'
to:
  - sink: lake
    topic: readings
    key: \${client}
    headers: { quantity: "\${quantity}", hop: "\${station}/\${quantity}" }
`
const schema = {
  type: 'object',
  required: ['time', 'value', 'unit'],
  properties: {
    time: { type: 'string', format: 'date-time' },
    value: { type: 'number' },
    unit: { type: 'string' },
    sky: { type: 'string' },
    n: { type: 'integer' },
  },
  additionalProperties: false,
}

interface Sent {
  topic: string
  payload: Reading['payload'] & { n: number }
  bad: boolean
}

/** What Kafka must hold for a reading, said without the product's code. */
function expected({ topic, payload }: Sent): { value: unknown; quantity: string; hop: string } {
  const [, station, quantity] = topic.split('/') as [string, string, string]
  // A field is removed by a plain `null` in the rule; an expression that comes to null is null.
  const value = { ...payload, station, kelvin: payload.unit === 'celsius' ? payload.value + 273.15 : null }
  return { value, quantity, hop: `${station}/${quantity}` }
}

test('A1 A3 A4 A6 A8 B6: 50 devices replay 20,000 real readings; Kafka holds exactly the good ones, the dead letters the bad ones', {
  skip: await need('kafka'),
}, async () => {
  const kafka = await startKafka()
  await createTopics(kafka.brokers, { readings: 6 })
  const hub = await HubProcess.create({
    connectors: { lake: { type: 'kafka', brokers: [kafka.brokers] } },
    rules: { weather: rule },
    schemas: { reading: schema },
  })
  const devices: Device[] = []
  try {
    await hub.start()
    const all = [...readings()].slice(0, 20_000)
    for (let index = 0; index < 50; index++) devices.push(await startDevice(hub.mqttPort, index))
    all.forEach((reading, index) => {
      const device = devices[index % devices.length]!
      const n = device.sent.length
      const bad = n % 10 === 9
      const payload = { ...reading.payload, n }
      if (bad) (payload as { value: unknown }).value = 'broken'
      device.sent.push({ topic: reading.topic, payload, bad })
    })
    await Promise.all(devices.map(replay))
    const good = devices.flatMap((device) => device.sent.filter((one) => !one.bad))
    const bad = all.length - good.length
    const report = await hub.until(({ ledger }) => ledger.received === all.length && ledger.pending === 0, 60_000)

    assert.deepEqual(report.ledger, {
      received: all.length,
      delivered: good.length,
      filtered: 0,
      refused: 0,
      absorbed: 0,
      deadLettered: bad,
      dropped: 0,
      expired: 0,
      pending: 0,
      unaccounted: 0,
    })

    const records = await readTopic(kafka.brokers, 'readings')
    assert.equal(records.length, good.length)
    assert.equal(new Set(records.map((record) => record.headers['trestle-id'])).size, good.length, 'identities repeat')
    for (const device of devices) {
      const got = records.filter((record) => record.key === device.client)
      const want = device.sent.filter((one) => !one.bad)
      assert.deepEqual(
        got.map(({ value, headers }) => ({
          value: JSON.parse(value.toString()) as unknown,
          quantity: headers['quantity'],
          hop: headers['hop'],
        })),
        want.map(expected),
        `${device.client}: records differ, or are out of order`,
      )
      assert.equal(new Set(got.map((record) => record.partition)).size, 1, 'one key, two partitions')
    }

    for (const device of devices) {
      if (device.version === 4 || device.qos === 0) assert.deepEqual(device.refusals, [])
      else {
        assert.equal(device.refusals.length, device.sent.filter((one) => one.bad).length)
        for (const refusal of device.refusals) assert.match(refusal, /^153 .*value.*number/)
      }
    }
    const letters = await deadLetters(hub.apiPort)
    const badOnes = devices.flatMap(({ client, sent }) =>
      sent.filter((one) => one.bad).map((one) => ({ client, ...one })),
    )
    const lines = (list: readonly { client: string; topic: string }[]): string[] =>
      list.map(({ client, topic }) => `${client} ${topic}`).sort()
    assert.deepEqual(lines(letters), lines(badOnes))
    for (const { error } of letters) {
      assert.equal(error.code, 'E401')
      assert.match(error.message, /payload\.value must be number/)
    }
    for (const letter of letters.filter((_, index) => index % 40 === 0)) {
      const { message } = await api<{ message: { payloadText: string } }>(hub.apiPort, `/api/dead-letters/${letter.id}`)
      const { n } = JSON.parse(message.payloadText) as { n: number }
      const device = devices.find(({ client }) => client === letter.client)!
      assert.equal(message.payloadText, JSON.stringify(device.sent[n]!.payload), 'not the original bytes')
    }
  } finally {
    for (const { mqtt } of devices) mqtt.end(true)
    await hub.dispose()
    await kafka.stop()
  }
})

interface Device {
  client: string
  version: 4 | 5
  qos: 0 | 1 | 2
  mqtt: MqttClient
  sent: Sent[]
  /** `<reason code> <reason string>` of every refused publish. */
  refusals: string[]
}

async function startDevice(port: number, index: number): Promise<Device> {
  const client = `device-${index}`
  const version = index % 2 === 0 ? 4 : 5
  const mqtt = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: client, protocolVersion: version })
  const device: Device = { client, version, qos: (index % 3) as 0 | 1 | 2, mqtt, sent: [], refusals: [] }
  mqtt.on('packetreceive', (packet) => {
    if (packet.cmd !== 'puback' && packet.cmd !== 'pubrec') return
    const { reasonCode = 0, properties } = packet
    if (reasonCode >= 0x80) device.refusals.push(`${reasonCode} ${properties?.reasonString}`)
  })
  return device
}

/** Publishes all of a device's readings, in order, at most 100 of them under way. */
async function replay(device: Device): Promise<void> {
  let underWay = 0
  for (const { topic, payload } of device.sent) {
    while (underWay >= 100) await sleep(1)
    underWay++
    device.mqtt.publish(topic, JSON.stringify(payload), { qos: device.qos }, () => underWay--)
  }
  while (underWay > 0) await sleep(1)
}

interface Letter {
  id: string
  client: string
  topic: string
  error: { code: string; message: string }
}

/** All dead letters, page by page. */
async function deadLetters(apiPort: number): Promise<Letter[]> {
  const letters: Letter[] = []
  for (;;) {
    const after = letters.length === 0 ? '' : `&after=${letters.at(-1)!.id}`
    const { items } = await api<{ items: Letter[] }>(apiPort, `/api/dead-letters?limit=500${after}`)
    if (items.length === 0) return letters
    letters.push(...items)
  }
}

async function api<Answer>(port: number, path: string): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`)
  assert.equal(answer.status, 200, `${path} answered ${answer.status}`)
  return (await answer.json()) as Answer
}
