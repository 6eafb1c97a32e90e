import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sendWithJava } from '../connectors/pulsar/java-producer.ts'
import { type JavaMessageRead, readWithJava } from '../connectors/pulsar/java-reader.ts'
import { need, type PulsarServer, startPulsar } from '../services/index.ts'
import { waitFor } from '../services/process.ts'
import type { HubProcess } from '../support/hub-process.ts'
import { linesOf, probed, publishAsWritten, startAsWritten } from './as-written.ts'
import { Device } from './device.ts'
import { example, guide } from './written.ts'

let pulsar: PulsarServer

/** The first message of a topic, read with Java's client. */
async function firstOf(topic: string): Promise<JavaMessageRead> {
  let read: JavaMessageRead[] = []
  await waitFor(`a message in ${topic}`, 60_000, async () => {
    read = await readWithJava(pulsar, topic).catch(() => [])
    return read.length > 0
  })
  return read[0]!
}

const deduplicates = async (topic: string): Promise<string> => {
  const stats = (await pulsar.admin(`/persistent/public/default/${topic}/stats`)) as { deduplicationStatus: string }
  return stats.deduplicationStatus
}

describe('Pulsar as it is told', { skip: await need('pulsar') }, () => {
  let hub: HubProcess | null = null
  let device: Device | null = null

  before(async () => {
    pulsar = await startPulsar({ webSocket: true })
    // `pulsar-admin namespaces set-deduplication public/default --enable`
    await pulsar.admin('/namespaces/public/default/deduplication', 'POST', true)
  })
  after(async () => {
    await device?.close()
    await hub?.dispose()
    await pulsar?.stop()
  })

  test('the guide leads a reading into a topic that deduplicates, and an order in', async () => {
    hub = await startAsWritten(guide('pulsar'), { 'pulsar://pulsar:6650': pulsar.url })
    device = await Device.connect(hub.mqttPort, 'orders/#')
    await publishAsWritten(guide('pulsar'), hub)
    const message = await firstOf('telemetry-oslo')
    assert.deepEqual([message.key, message.payload], ['3', '{"celsius": 100}'])
    assert.equal(message.properties['mqtt-topic'], 'plants/oslo/lines/3/telemetry')
    assert.equal(message.properties['line'], '3')
    assert.match(message.properties['trestle-id'] ?? '', /./)
    assert.equal(await deduplicates('telemetry-oslo'), 'Enabled')

    await sendWithJava(pulsar, 'orders', [{ key: 'device-7', payload: '{"open": true}', properties: { from: 'desk' } }])
    const order = await device.first('orders/device-7')
    assert.deepEqual([order.payload, order.user['from']], ['{"open": true}', 'desk'])
    await hub.until(({ ledger }) => ledger.delivered === 2 && ledger.pending === 0)
    assert.deepEqual(
      linesOf(hub, 'orders.jsonl').map(({ payload }) => payload),
      [{ open: true }],
    )
    assert.equal(await probed(hub, 'lake'), 'name, port, login')
  })

  test('devices-to-pulsar.yaml leads readings out and orders in', async () => {
    await device?.close()
    await hub?.dispose()
    await sendWithJava(pulsar, 'orders', [{ key: 'device-9', payload: '{"open": false}' }])
    hub = await startAsWritten(example('devices-to-pulsar'), { 'pulsar://127.0.0.1:6650': pulsar.url })
    device = await Device.connect(hub.mqttPort, 'orders/#')
    await device.publish('weather/oslo/temperature', { time: '2026-01-15T06:00:00Z', value: -11.5, unit: 'celsius' })
    const message = await firstOf('readings')
    assert.equal(message.key, 'oslo')
    assert.equal((JSON.parse(message.payload) as { value: number }).value, -11.5)
    await sendWithJava(pulsar, 'orders', [{ key: 'device-8', payload: '{"open": true}' }])
    assert.equal((await device.first('orders/device-8')).payload, '{"open": true}')
  })
})
