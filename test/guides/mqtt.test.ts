import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type MosquittoServer, need, startMosquitto } from '../services/index.ts'
import type { HubProcess } from '../support/hub-process.ts'
import { MosquittoReader } from '../support/mosquitto-reader.ts'
import { linesOf, prepareAsWritten, probed, publishAsWritten, startAsWritten, startConnected } from './as-written.ts'
import { Device } from './device.ts'
import { example, guide } from './written.ts'

const skip = await need('mosquitto')

describe('another MQTT server as it is told', { skip }, () => {
  let broker: MosquittoServer
  let hub: HubProcess | null = null
  const open: { close(): Promise<void> }[] = []

  before(async () => {
    broker = await startMosquitto()
  })
  after(async () => {
    for (const one of open) await one.close()
    await hub?.dispose()
    await broker?.stop()
  })

  test('the guide leads a reading to the other server, and a command in', async () => {
    hub = await startAsWritten(guide('mqtt'), { 'mqtt://broker:1883': `mqtt://127.0.0.1:${broker.port}` })
    const device = await Device.connect(hub.mqttPort, 'hq/#')
    const there = await MosquittoReader.open(broker.port, 'sites/oslo/#')
    const desk = await Device.connect(broker.port)
    open.push(device, there, desk)
    await publishAsWritten(guide('mqtt'), hub)
    const [reading] = await there.until(1, 60_000)
    assert.deepEqual([reading!.topic, reading!.qos], ['sites/oslo/plants/press/1', 1])
    assert.deepEqual(JSON.parse(reading!.payload), { celsius: 100 })
    const user = reading!.properties?.['user-properties'] ?? {}
    assert.match(user['trestle-id'] ?? '', /./)
    assert.match(user['trestle-hops'] ?? '', /./)

    await desk.publish('commands/oslo/press/1', { open: true })
    assert.equal((await device.first('hq/press/1')).payload, '{"open":true}')
    await hub.until(({ ledger }) => ledger.delivered === 2 && ledger.pending === 0)
    assert.deepEqual(
      linesOf(hub, 'commands.jsonl').map(({ payload }) => payload),
      [{ open: true }],
    )
    assert.equal(await probed(hub, 'headquarters'), 'name, port, login, subscribe, publish, receive')
  })
})

describe('the bridge of two sites', () => {
  const hubs: HubProcess[] = []
  const devices: Device[] = []
  after(async () => {
    for (const device of devices) await device.close()
    for (const hub of hubs) await hub.dispose()
  })

  test('each site sees what both say, once', async () => {
    const bergen = await prepareAsWritten(example('two-sites-bergen'), {})
    hubs.push(bergen)
    const oslo = await prepareAsWritten(example('two-sites-oslo'), {
      'mqtt://10.8.0.2:1883': `mqtt://127.0.0.1:${bergen.mqttPort}`,
    })
    hubs.push(oslo)
    const text = readFileSync(bergen.configFile, 'utf8')
    writeFileSync(bergen.configFile, text.replace('mqtt://10.8.0.1:1883', `mqtt://127.0.0.1:${oslo.mqttPort}`))
    await Promise.all(hubs.map(startConnected))
    const inBergen = await Device.connect(bergen.mqttPort, 'sites/#')
    const inOslo = await Device.connect(oslo.mqttPort, 'sites/#')
    devices.push(inBergen, inOslo)
    await inOslo.publish('sites/oslo/press/1', { celsius: 100 })
    await inBergen.publish('sites/bergen/press/2', { celsius: 4 })
    for (const device of devices) {
      assert.equal((await device.first('sites/oslo/press/1')).payload, '{"celsius":100}')
      assert.equal((await device.first('sites/bergen/press/2')).payload, '{"celsius":4}')
    }
    await sleep(500)
    assert.deepEqual(
      devices.map(({ got }) => got.length),
      [2, 2],
    )
    for (const hub of hubs) assert.equal((await hub.status()).ledger.unaccounted, 0)
  })
})
