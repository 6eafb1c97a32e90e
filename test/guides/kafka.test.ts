import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Kafka, logLevel, type Message } from 'kafkajs'
import { type KafkaServer, need, startKafka } from '../services/index.ts'
import { waitFor } from '../services/process.ts'
import type { HubProcess } from '../support/hub-process.ts'
import { createTopics, type KafkaRecord, readTopic } from '../support/kafka-reader.ts'
import { linesOf, probed, publishAsWritten, startAsWritten } from './as-written.ts'
import { Device } from './device.ts'
import { example, guide } from './written.ts'

const password = 'correct-horse-battery'
const reading = { time: '2026-01-15T06:00:00Z', value: -11.5, unit: 'celsius' }
let kafka: KafkaServer

/** The records of a topic when there are that many. */
async function records(topic: string, count: number): Promise<KafkaRecord[]> {
  let read: KafkaRecord[] = []
  await waitFor(`${count} records in ${topic}`, 60_000, async () => {
    read = await readTopic(kafka.brokers, topic)
    return read.length >= count
  })
  return read
}

/** A line of the topic `readings` as Kafka's own tool prints it: kafkajs cannot read lz4. */
async function printed(wanted: RegExp): Promise<string> {
  let line = ''
  await waitFor(`a record that fits ${wanted}`, 60_000, async () => {
    line = wanted.exec(await kafka.dumpLog('readings'))?.[0] ?? ''
    return line !== ''
  })
  return line
}

async function produce(topic: string, messages: Message[]): Promise<void> {
  const producer = new Kafka({ brokers: [kafka.brokers], logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  await producer.send({ topic, acks: -1, messages })
  await producer.disconnect()
}

describe('Kafka as it is told', { skip: await need('kafka') }, () => {
  let hub: HubProcess | null = null
  let device: Device | null = null

  before(async () => {
    process.env['KAFKA_PASSWORD'] = password
    kafka = await startKafka({ tls: true, users: { hub: password } })
    await createTopics(kafka.brokers, { 'telemetry.oslo': 3, orders: 3, readings: 3, 'settings.firmware': 1 })
  })
  after(async () => {
    await device?.close()
    await hub?.dispose()
    await kafka?.stop()
  })

  async function run(written: Parameters<typeof startAsWritten>[0], places: Record<string, string>, filter: string) {
    await device?.close()
    await hub?.dispose()
    hub = await startAsWritten(written, places)
    device = await Device.connect(hub.mqttPort, filter)
    return { hub, device }
  }

  test('the guide leads a reading out and an order in', async () => {
    const { hub, device } = await run(guide('kafka'), { 'kafka:9092': kafka.brokers }, 'orders/#')
    await publishAsWritten(guide('kafka'), hub)
    const [record] = await records('telemetry.oslo', 1)
    assert.deepEqual([record!.key, record!.value.toString()], ['3', '{"quality":"good","temperature_c":100}'])
    assert.match(record!.headers['trestle-id']!, /./)
    assert.equal(record!.headers['mqtt-topic'], 'plants/oslo/lines/3/telemetry')

    await produce('orders', [{ key: 'device-7', value: '{"open": true}', headers: { from: 'desk' } }])
    const order = await device.first('orders/device-7')
    assert.deepEqual([order.payload, order.user['from']], ['{"open": true}', 'desk'])
    await hub.until(({ ledger }) => ledger.delivered === 2 && ledger.pending === 0)
    assert.deepEqual(
      linesOf(hub, 'orders.jsonl').map(({ payload }) => payload),
      [{ open: true }],
    )
    assert.equal(await probed(hub, 'lake'), 'name, port, login, metadata')
  })

  test('devices-to-kafka.yaml leads readings into Kafka and into files', async () => {
    const { hub, device } = await run(example('devices-to-kafka'), { '127.0.0.1:9092': kafka.brokers }, 'none')
    await device.publish('weather/oslo/temperature', reading)
    const line = await printed(/.*station":"oslo.*/)
    assert.match(line, /headerKeys: \[trestle-id,.*quantity\] key: oslo payload: /)
    const payload = JSON.parse(line.slice(line.indexOf('payload: ') + 9)) as unknown
    assert.deepEqual(payload, { ...reading, station: 'oslo', quantity: 'temperature' })
    await hub.until(({ ledger }) => ledger.delivered === 2)
    assert.equal(linesOf(hub, 'oslo.jsonl').length, 1)
  })

  test('secured-kafka.yaml does so over TLS, with a password from the environment', async () => {
    const [one, two, three] = [1, 2, 3].map((n) => `kafka-${n}.example:9093`) as [string, string, string]
    const { saslTls } = kafka
    const places = {
      [one]: saslTls,
      [two]: saslTls,
      [three]: saslTls,
      '/etc/trestle/kafka-ca.pem': kafka.certificate!.certFile,
    }
    const { device } = await run(example('secured-kafka'), places, 'none')
    await device.publish('weather/bergen/temperature', reading)
    assert.match(await printed(/.*station":"bergen.*/), / key: bergen payload: /)
  })

  test('kafka-to-devices.yaml leads orders and settings to devices, and keeps the newest setting for who comes later', async () => {
    await produce('settings.firmware', [{ key: 'device-9', value: '"1.4"' }])
    await produce('orders', [{ key: 'device-9', value: '{"open": false}' }])
    const { hub, device } = await run(example('kafka-to-devices'), { '127.0.0.1:9092': kafka.brokers }, 'devices/#')
    assert.equal((await device.first('devices/device-9/settings.firmware')).payload, '"1.4"')
    const late = await Device.connect(hub.mqttPort, 'devices/device-9/#')
    const setting = await late.first('devices/device-9/settings.firmware')
    await late.close()
    assert.deepEqual([setting.payload, setting.retain], ['"1.4"', true])
    await produce('orders', [{ key: 'device-9', value: '{"open": true}' }])
    await waitFor('the newer order', 60_000, () => device.got.some(({ payload }) => payload === '{"open": true}'))
  })
})
