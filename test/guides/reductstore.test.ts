import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ask, recordsOf, type SeenRecord, writeRecord } from '../connectors/reductstore/eyes.ts'
import { need, type ReductServer, startReductStore } from '../services/index.ts'
import { waitFor } from '../services/process.ts'
import type { HubProcess } from '../support/hub-process.ts'
import { linesOf, probed, publishAsWritten, startAsWritten } from './as-written.ts'
import { Device } from './device.ts'
import { example, guide } from './written.ts'

let reduct: ReductServer

async function firstOf(entry: string): Promise<SeenRecord> {
  let read: SeenRecord[] = []
  await waitFor(`a record of ${entry}`, 60_000, async () => {
    read = await recordsOf(reduct, 'devices', entry).catch(() => [])
    return read.length > 0
  })
  return read[0]!
}

const command = (entry: string, payload: string, target = 'device'): Promise<void> =>
  writeRecord(reduct, 'devices', {
    entry,
    timestamp: Date.now() * 1000,
    payload,
    labels: { target },
    contentType: 'application/json',
  })

describe('ReductStore as it is told', { skip: await need('reductstore') }, () => {
  let hub: HubProcess | null = null
  let device: Device | null = null

  before(async () => {
    reduct = await startReductStore()
    process.env['REDUCT_TOKEN'] = reduct.token
  })
  after(async () => {
    await device?.close()
    await hub?.dispose()
    await reduct?.stop()
  })

  test('the guide leads a reading into a bucket that the hub makes, and a command in', async () => {
    hub = await startAsWritten(guide('reductstore'), { 'http://reduct:8383': reduct.url })
    device = await Device.connect(hub.mqttPort, 'commands/#')
    await publishAsWritten(guide('reductstore'), hub)
    const record = await firstOf('oslo/3')
    assert.deepEqual(JSON.parse(record.payload.toString()), { celsius: 100, quality: 'good' })
    assert.deepEqual([record.labels['quality'], record.labels['mqtt-topic']], ['good', 'plants/oslo/lines/3/telemetry'])
    assert.match(record.labels['trestle-id'] ?? '', /./)
    assert.equal(await (await ask(reduct, 'GET', '/b/devices/oslo/3')).text(), record.payload.toString())
    const { settings } = (await (await ask(reduct, 'GET', '/b/devices')).json()) as {
      settings: Record<string, unknown>
    }
    assert.deepEqual([settings['quota_type'], Number(settings['quota_size'])], ['FIFO', 20_000_000_000])

    await command('commands/device-8', '{"open": false}', 'somebody-else')
    await command('commands/device-7', '{"open": true}')
    assert.equal((await device.first('commands/device-7')).payload, '{"open": true}')
    await hub.until(({ ledger }) => ledger.delivered === 2 && ledger.pending === 0)
    assert.deepEqual(
      linesOf(hub, 'commands.jsonl').map(({ topic, payload }) => ({ topic, payload })),
      [{ topic: 'commands/device-7', payload: { open: true } }],
    )
    assert.equal(await probed(hub, 'archive'), 'name, port, login, bucket, write, read, delete')
  })

  test('archive-to-reductstore.yaml archives readings and leads new commands in', async () => {
    await device?.close()
    await hub?.dispose()
    hub = await startAsWritten(example('archive-to-reductstore'), { 'http://127.0.0.1:8383': reduct.url })
    device = await Device.connect(hub.mqttPort, 'commands/#')
    await device.publish('weather/oslo/temperature', { time: '2026-01-15T06:00:00Z', value: -11.5, unit: 'celsius' })
    const record = await firstOf('oslo/temperature')
    assert.deepEqual([record.labels['unit'], record.contentType], ['celsius', 'application/octet-stream'])
    await command('commands/device-9', '{"open": true}')
    assert.equal((await device.first('commands/device-9')).payload, '{"open": true}')
    assert.deepEqual(
      device.got.map(({ topic }) => topic),
      ['commands/device-9'],
      'what was there before is not read',
    )
  })
})
