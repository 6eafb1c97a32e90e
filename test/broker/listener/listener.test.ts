import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, describe, test } from 'node:test'
import mqtt from 'mqtt'
import { WebSocket } from 'ws'
import { Broker } from '../../../src/broker/broker.ts'
import { encodePacket } from '../../../src/broker/codec/encode.ts'
import { defaultLimits } from '../../../src/broker/limits.ts'
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

/** A client that speaks HTTP and WebSocket by hand, and can do both wrongly. */
function rawWebSocket(wsPort: number, protocol: string | null) {
  const socket = connect(wsPort, '127.0.0.1')
  const offer = protocol === null ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`
  socket.on('error', () => undefined)
  socket.write(
    `GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${offer}` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  return socket
}

describe('a stranger at a WebSocket listener', () => {
  test('whose frames are malformed ends its own connection and nothing else, with or without the subprotocol', async () => {
    const web = await mqtt.connectAsync(`ws://127.0.0.1:${port}/mqtt`, { reconnectPeriod: 0 })
    for (const protocol of [null, 'mqtt']) {
      const socket = rawWebSocket(port, protocol)
      await once(socket, 'data')
      socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]))
      await once(socket.resume(), 'close')
    }
    await web.publishAsync('still/there', 'yes', { qos: 1 })
    await web.endAsync()
  })

  test('may not make the hub hold more than a CONNECT takes, whatever the length its frame announces', async () => {
    const socket = rawWebSocket(port, 'mqtt')
    await once(socket, 'data')
    const closed = new Promise((resolve) => socket.resume().once('close', resolve))
    // A masked binary frame of 30 MiB, which is not whole for a long time.
    socket.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x01, 0xe0, 0, 0, 1, 2, 3, 4]))
    socket.write(Buffer.alloc(4 * defaultLimits.maxConnectBytes))
    await closed
    assert.equal(broker.report().connections, 0)
  })

  test('who has been let in may send large messages', async () => {
    const web = await mqtt.connectAsync(`ws://127.0.0.1:${port}/mqtt`, { reconnectPeriod: 0 })
    await web.publishAsync('large', Buffer.alloc(8 * defaultLimits.maxConnectBytes), { qos: 1 })
    await web.publishAsync('large', 'again', { qos: 1 })
    await web.endAsync()
  })

  test('has as long for its handshake as a client has for its CONNECT', async () => {
    const hasty = new Broker({ limits: { connectTimeoutMs: 100 } })
    const hastyPort = await hasty.listen({ type: 'websocket', host: '127.0.0.1', port: 0 })
    const [silent, slow] = [connect(hastyPort, '127.0.0.1'), connect(hastyPort, '127.0.0.1')]
    slow.write('GET /mqtt HTTP/1.1\r\nHost: ')
    const bare = rawWebSocket(hastyPort, null)
    await Promise.all([silent, slow, bare].map((socket) => once(socket.resume(), 'close')))
    await hasty.stop()
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
