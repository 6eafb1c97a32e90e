import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { Receiver } from '../connectors/http/receiver.ts'
import { freePorts, waitFor } from '../services/process.ts'
import type { HubProcess } from '../support/hub-process.ts'
import { linesOf, probed, publishAsWritten, startAsWritten } from './as-written.ts'
import { Device } from './device.ts'
import { example, guide } from './written.ts'

const secret = 'known to both sides'
let hub: HubProcess | null = null
let device: Device | null = null

const inOut = (...path: string[]): string => join(hub!.folder, 'data', ...path)

afterEach(async () => {
  await device?.close()
  await hub?.dispose()
  device = null
  hub = null
})

test('the guide to files leads a message into JSON lines and into packed CSV', async () => {
  hub = await startAsWritten(guide('file'), {})
  await publishAsWritten(guide('file'), hub)
  await hub.until(({ ledger }) => ledger.delivered === 2 && ledger.pending === 0)
  const line = JSON.parse(readFileSync(inOut('out', 'oslo', 'telemetry.jsonl'), 'utf8')) as Record<string, unknown>
  assert.deepEqual(
    [line['topic'], line['key'], line['headers'], line['payload']],
    ['plants/oslo/telemetry', 'oslo', { plant: 'oslo' }, { celsius: 100 }],
  )
  const rows = gunzipSync(readFileSync(inOut('tables', 'oslo.csv.gz')))
    .toString()
    .split('\r\n')
  assert.equal(rows[0], 'time,client,payload.celsius')
  assert.match(rows[1]!, /^\d{4}-.*Z,.*,100$/)
  assert.ok(existsSync(inOut('out', 'trestle.position')))
  assert.equal(await probed(hub, 'records'), 'write')
})

test('open-to-the-network.yaml runs with the rules that come with the hub', async () => {
  process.env['TRESTLE_TOKEN'] = 'a token of this test'
  hub = await startAsWritten(example('open-to-the-network'), {})
  device = await Device.connect(hub.mqttPort, 'latest/#')
  await device.publish('weather/oslo/temperature', { time: '2026-01-15T06:00:00Z', value: 11.5, unit: 'celsius' })
  assert.equal((JSON.parse((await device.first('latest/oslo/temperature')).payload) as { value: number }).value, 11.5)
  await hub.until(({ ledger }) => ledger.delivered > 0 && ledger.pending === 0)
  assert.equal(linesOf(hub, 'oslo.jsonl').length, 1)
})

describe('HTTP as it is told', () => {
  let receiver: Receiver
  let port = 0

  before(async () => {
    process.env['HOOK_SECRET'] = secret
    receiver = await Receiver.start()
    port = (await freePorts(1))[0]!
  })
  after(() => receiver.close())

  const post = (path: string, body: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })

  test('the guide leads a reading to a webhook, signed, and a post in', async () => {
    hub = await startAsWritten(guide('http'), {
      'http://receiver:9000': receiver.url,
      '127.0.0.1:8090': `127.0.0.1:${port}`,
    })
    device = await Device.connect(hub.mqttPort, 'posted/#')
    await publishAsWritten(guide('http'), hub)
    await waitFor('a request', 60_000, () => receiver.received.length === 1)
    const { path, headers, body } = receiver.received[0]!
    assert.deepEqual([path, body.toString(), headers['x-plant']], ['/plants/oslo', '{"celsius": 100}', 'oslo'])
    assert.equal(headers['idempotency-key'], headers['trestle-id'])
    assert.equal(headers['mqtt-topic'], 'plants/oslo/telemetry')
    const [, seconds, hex] = /^t=(\d+),v1=([0-9a-f]+)$/.exec(String(headers['trestle-signature']))!
    assert.equal(hex, createHmac('sha256', secret).update(`${seconds}.${body.toString()}`).digest('hex'))

    const answer = await post('/in/device-7', '{"celsius": 4}')
    assert.deepEqual([answer.status, await answer.json()], [200, { accepted: 1 }])
    assert.equal((await device.first('posted/device-7')).payload, '{"celsius": 4}')
    await hub.until(({ ledger }) => ledger.delivered === 2 && ledger.pending === 0)
    assert.equal(linesOf(hub, 'posted.jsonl').length, 1)
    assert.equal(await probed(hub, 'hooks'), 'name, port, request')
  })

  test('webhooks.yaml leads messages to a webhook as JSON lines, and posts in', async () => {
    receiver.received.length = 0
    hub = await startAsWritten(example('webhooks'), {
      'http://127.0.0.1:9000': receiver.url,
      'address: 127.0.0.1:8090': `address: 127.0.0.1:${port}`,
    })
    device = await Device.connect(hub.mqttPort, 'posted/#')
    await device.publish('plants/oslo/telemetry', { celsius: 100 })
    await waitFor('a request', 60_000, () => receiver.received.length === 1)
    const { path, body } = receiver.received[0]!
    const { topic, payload } = JSON.parse(body.toString().trim()) as Record<string, unknown>
    assert.deepEqual([path, topic, payload], ['/telemetry', 'plants/oslo/telemetry', { celsius: 100 }])
    assert.equal((await post('/in/device-7', '{"celsius": 4}')).status, 200)
    assert.equal((await device.first('posted/device-7')).payload, '{"celsius": 4}')
  })
})
