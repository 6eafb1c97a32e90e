import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import mqtt from 'mqtt'
import { WebSocket } from 'ws'
import { Broker } from '../../../src/broker/broker.ts'
import { encodePacket } from '../../../src/broker/codec/encode.ts'
import { connectPacket, RawClient } from '../raw-client.ts'

const broker = new Broker()
const port = await broker.listen({ type: 'websocket', host: '127.0.0.1', port: 0, path: '/mqtt' })
const tcpPort = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
after(() => broker.stop())

const open = (protocols: string[], path = '/mqtt') =>
  new Promise<WebSocket>((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols)
    socket.once('open', () => resolve(socket)).once('error', reject)
  })

describe('MQTT over WebSocket', () => {
  for (const version of [4, 5] as const) {
    test(`MQTT.js publishes and subscribes across both kinds of listener, version ${version}`, async () => {
      const web = await mqtt.connectAsync(`ws://127.0.0.1:${port}/mqtt`, {
        protocolVersion: version,
        reconnectPeriod: 0,
      })
      const tcp = await mqtt.connectAsync(`mqtt://127.0.0.1:${tcpPort}`, {
        protocolVersion: version,
        reconnectPeriod: 0,
      })
      const got: string[] = []
      const all = new Promise<void>((resolve) => {
        web.on('message', (_topic, payload) => got.push(payload.toString('latin1', 0, 4)) === 40 && resolve())
      })
      await web.subscribeAsync(`web/${version}`, { qos: 2 })
      for (let i = 0; i < 20; i++) {
        await tcp.publishAsync(`web/${version}`, `t${i}`, { qos: (i % 3) as 0 | 1 | 2 })
        await web.publishAsync(`web/${version}`, Buffer.alloc(i * 5000, `w${i}`), { qos: (i % 3) as 0 | 1 | 2 })
      }
      await all
      await web.endAsync()
      await tcp.endAsync()
    })
  }

  test('packets may be cut over frames and share frames [MQTT-6.0.0-2]', async () => {
    const socket = await open(['mqtt'])
    const received: Buffer[] = []
    socket.on('message', (data: Buffer) => received.push(data))
    const stream = Buffer.concat([
      encodePacket(connectPacket(4), 4),
      encodePacket({ type: 'pingreq' }, 4),
      encodePacket({ type: 'pingreq' }, 4),
    ])
    for (const byte of stream) socket.send(Buffer.from([byte]))
    while (Buffer.concat(received).length < 8) await new Promise((resolve) => socket.once('message', resolve))
    assert.deepEqual(Buffer.concat(received).toString('hex'), '20020000d000d000')
    socket.terminate()
  })

  test('a client without the subprotocol, on another path, or with text is not served', async () => {
    const bare = await open([])
    await new Promise((resolve) => bare.once('close', resolve))
    await assert.rejects(open(['mqtt'], '/other'))
    const text = await open(['mqtt'])
    text.send('hello')
    await new Promise((resolve) => text.once('close', resolve))
    assert.equal(broker.report().connections, 0)
  })
})

test('a port that is taken is E901 and names the port and what to do', async () => {
  for (const type of ['tcp', 'websocket'] as const) {
    const other = new Broker()
    await assert.rejects(
      other.listen({ type, host: '127.0.0.1', port: tcpPort }),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'E901')
        assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${tcpPort} is taken: .*another port`))
        return true
      },
    )
    await other.stop()
  }
})

test('too many connections are turned away at the door', async () => {
  const small = new Broker({ limits: { maxConnections: 2 } })
  const smallPort = await small.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
  const first = await RawClient.connect(smallPort)
  await RawClient.connect(smallPort)
  const third = await RawClient.open(smallPort)
  await third.closed()
  first.kill()
  await first.closed()
  await new Promise((resolve) => setTimeout(resolve, 20))
  await RawClient.connect(smallPort)
  await small.stop()
})

test('stopping says good-bye with 0x8B and frees the port', async () => {
  const brief = new Broker()
  const briefPort = await brief.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
  const client = await RawClient.connect(briefPort, 5)
  await Promise.all([client.next('disconnect').then(({ reason }) => assert.equal(reason, 0x8b)), brief.stop()])
  const next = new Broker()
  await next.listen({ type: 'tcp', host: '127.0.0.1', port: briefPort })
  await next.stop()
})
