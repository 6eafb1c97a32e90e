import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import mqtt from 'mqtt'
import type { HubProcess } from '../support/hub-process.ts'
import { prepareAsWritten } from './as-written.ts'
import { Device } from './device.ts'
import { guide } from './written.ts'

let hub: HubProcess | null = null
const devices: Device[] = []
after(async () => {
  for (const device of devices) await device.close()
  await hub?.dispose()
})

async function connect(...filters: string[]): Promise<Device> {
  const device = await Device.connect(hub!.mqttPort, ...filters)
  devices.push(device)
  return device
}

test('C2: the guide to subscriptions does what it says', async () => {
  hub = await prepareAsWritten(guide('subscriptions'), {})
  await hub.start()
  const workers = [await connect('$share/any/plants/#'), await connect('$share/any/plants/#')]
  const reader = await connect('legacy/oslo/temp', 'clients/#', 'plants/+/lines/+', '$exclusive/one')
  await assert.rejects(connect('$exclusive/one'), /0x97|[Qq]uota/)
  const named = await mqtt.connectAsync({ port: hub.mqttPort, clientId: 'd1', protocolVersion: 5 })
  const toNamed: string[] = []
  named.on('message', (topic, payload) => toNamed.push(`${topic} ${payload}`))
  const sender = await connect()
  await sender.publish('legacy/oslo/temp', 21)
  assert.equal((await reader.first('plants/oslo/temperature')).payload, '21')
  await sender.publish('legacy/oslo-3/line', 22)
  assert.equal((await reader.first('plants/oslo/lines/3')).payload, '22')
  await named.publishAsync('mine/door', 'open', { qos: 1 })
  assert.equal((await reader.first('clients/d1/door')).payload, 'open')
  assert.deepEqual(
    workers.map(({ got }) => got.length),
    [1, 1],
  )
  const start = Date.now()
  await sender.publish('$delayed/1/plants/oslo/lines/4', 23)
  await reader.first('plants/oslo/lines/4')
  assert.ok(Date.now() - start >= 990)
  await sender.publish('p2p/d1/hello', 1)
  await sender.publish('to/d1/news', 2)
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.deepEqual(toNamed, ['hello 1', 'to/d1/news 2'])
  await named.endAsync(true)
})
