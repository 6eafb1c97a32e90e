import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Kvm } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import { connectTo, makeStream, readStream, type StreamMessage } from '../connectors/nats/nats-reader.ts'
import { type NatsServer, need, startNats } from '../services/index.ts'
import { waitFor } from '../services/process.ts'
import type { HubProcess } from '../support/hub-process.ts'
import { linesOf, probed, publishAsWritten, startAsWritten } from './as-written.ts'
import { Device } from './device.ts'
import { example, guide } from './written.ts'

let nats: NatsServer
let connection: NatsConnection

/** The message of a subject in the stream MQTT. */
async function stored(subject: string): Promise<StreamMessage> {
  let found: StreamMessage | undefined
  await waitFor(`a message at ${subject}`, 60_000, async () => {
    found = (await readStream(nats.address, 'MQTT')).find((message) => message.subject === subject)
    return found !== undefined
  })
  return found!
}

describe('NATS as it is told', { skip: await need('nats') }, () => {
  let hub: HubProcess | null = null
  let device: Device | null = null

  before(async () => {
    nats = await startNats()
    connection = await connectTo(nats.address)
    // `nats stream add COMMANDS --subjects 'commands.>' --defaults` and `nats kv add twins`
    await makeStream(nats.address, { name: 'COMMANDS', subjects: ['commands.>'] })
    await new Kvm(connection).create('twins')
  })
  after(async () => {
    await device?.close()
    await hub?.dispose()
    await connection?.close()
    await nats?.stop()
  })

  test('the guide leads a reading into a stream, and a command of another stream in', async () => {
    hub = await startAsWritten(guide('nats'), { 'nats://nats:4222': `nats://${nats.address}` })
    device = await Device.connect(hub.mqttPort, 'commands/#')
    await publishAsWritten(guide('nats'), hub)
    const message = await stored('mqtt.plants.oslo.1')
    assert.equal(message.data.toString(), '{"celsius": 100}')
    assert.equal(message.headers['mqtt-topic'], 'plants/oslo/1')
    assert.match(message.headers['trestle-id'] ?? '', /./)
    assert.match(message.headers['Nats-Msg-Id'] ?? '', /./)
    const jsz = JSON.stringify(await nats.read('/jsz?streams=true&config=true'))
    assert.match(jsz, /"name":"MQTT".*?"duplicate_window":3600000000000/)

    // Core NATS, as `nats pub` does it: the stream takes it by its subject.
    connection.publish('commands.oslo.1', '{"open": true}')
    assert.equal((await device.first('commands/oslo/1')).payload, '{"open": true}')
    await hub.until(({ ledger }) => ledger.delivered === 2 && ledger.pending === 0)
    assert.deepEqual(
      linesOf(hub, 'commands.jsonl').map(({ payload }) => payload),
      [{ open: true }],
    )
    assert.equal(await probed(hub, 'bus'), 'name, port, login, stream, write')
  })

  test('nats-and-devices.yaml leads plants out, and commands and twins in', async () => {
    await device?.close()
    await hub?.dispose()
    const twins = await new Kvm(connection).open('twins')
    await twins.put('press.1', '{"speed": 3}')
    hub = await startAsWritten(example('nats-and-devices'), { 'nats://127.0.0.1:4222': `nats://${nats.address}` })
    device = await Device.connect(hub.mqttPort, 'twins/#', 'commands/#')
    assert.equal((await device.first('twins/press/1')).payload, '{"speed": 3}')
    await device.publish('plants/bergen/2', { celsius: 4 })
    assert.equal((await stored('mqtt.plants.bergen.2')).data.toString(), '{"celsius":4}')
    connection.publish('commands.bergen.2', '{"open": false}')
    assert.equal((await device.first('commands/bergen/2')).payload, '{"open": false}')
  })
})
