import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt from 'mqtt'
import { WebSocket } from 'ws'
import { Broker } from '../../../src/broker/broker.ts'
import type { ListenerOptions } from '../../../src/broker/listener/listener.ts'
import { RawClient } from '../raw-client.ts'
import { Authority } from './authority.ts'

const brokers: Broker[] = []
const authority = new Authority()
const hub = authority.sign('hub')
const folder = mkdtempSync(join(tmpdir(), 'trestle-unix-'))
after(async () => {
  for (const broker of brokers) await broker.stop()
  authority.dispose()
  rmSync(folder, { recursive: true })
})

async function open(options: Partial<ListenerOptions> & Pick<ListenerOptions, 'type'>) {
  const told: { event: string; facts: Record<string, unknown> }[] = []
  const broker = new Broker({ events: (_level, event, facts = {}) => void told.push({ event, facts }) })
  brokers.push(broker)
  const port = await broker.listen({ host: '127.0.0.1', port: 0, ...options })
  return { broker, port, told }
}

const silent = (port: number, bytes?: string | Buffer): Socket => {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  if (bytes !== undefined) socket.write(bytes)
  return socket.resume()
}
const closed = (socket: Socket) =>
  new Promise<void>((resolve) => (socket.closed ? resolve() : void socket.once('close', () => resolve())))

describe('a listener', () => {
  test('C4: with more silent strangers than it holds lets the oldest go, and who speaks comes in', async () => {
    for (const type of ['tcp', 'tls', 'websocket', 'wss'] as const) {
      const tls = type === 'tls' || type === 'wss'
      const { port, told } = await open({ type, maxHandshakes: 20, ...(tls ? { tls: hub } : {}) })
      const sockets = Array.from({ length: 300 }, () => silent(port))
      await Promise.all(sockets.slice(0, 250).map(closed))
      const url = { tcp: 'mqtt', tls: 'mqtts', websocket: 'ws', wss: 'wss' }[type]
      const ca = authority.read(authority.cert)
      const client = await mqtt.connectAsync(`${url}://127.0.0.1:${port}/mqtt`, {
        reconnectPeriod: 0,
        ca,
        wsOptions: { ca },
      })
      await client.publishAsync('a', 'b', { qos: 1 })
      const told20 = told.filter(({ event, facts }) => event === 'client.too-many' && facts['of'] === 'handshakes')
      assert.ok(told20.length >= 1 && told20.length < 10, `${type}: told ${told20.length} times`)
      assert.ok(sockets.filter((socket) => !socket.closed).length <= 20, type)
      await client.endAsync()
      for (const socket of sockets) socket.destroy()
    }
  })

  test('C4: that is sent a byte at a time ends a handshake and a CONNECT when their time is over', async () => {
    const limits = { handshakeTimeoutMs: 300, connectTimeoutMs: 300 }
    const doors: [ListenerOptions['type'], Buffer][] = [
      ['tcp', Buffer.from([0x10, 0x20, 0, 4, ...Buffer.from('MQTT')])],
      ['tls', Buffer.from('16030100f8010000f4', 'hex')],
      ['websocket', Buffer.from('GET /mqtt HTTP/1.1\r\nHost: x\r\nX: y')],
      ['wss', Buffer.from('16030100f8010000f4', 'hex')],
    ]
    for (const [type, bytes] of doors) {
      const { port, broker } = await open({
        type,
        ...limits,
        ...(type === 'tls' || type === 'wss' ? { tls: hub } : {}),
      })
      const socket = silent(port)
      const drip = setInterval(() => socket.write(bytes.subarray(0, 1)), 50)
      for (const byte of bytes) {
        socket.write(Buffer.from([byte]))
        await sleep(5)
      }
      await closed(socket)
      clearInterval(drip)
      assert.equal(broker.report().connections, 0)
    }
  })

  test('has a time for CONNECT of its own', async () => {
    const { port } = await open({ type: 'tcp', connectTimeoutMs: 100 })
    const start = Date.now()
    await closed(silent(port))
    assert.ok(Date.now() - start < 2000)
  })

  test('takes so many connections and no more, until one is gone', async () => {
    const { port, told } = await open({ type: 'tcp', name: 'small', maxConnections: 2 })
    const first = await RawClient.connect(port)
    await RawClient.connect(port)
    await (await RawClient.open(port)).closed()
    assert.deepEqual(
      told.filter(({ event }) => event === 'client.too-many').map(({ facts }) => facts['listener']),
      ['small'],
    )
    first.kill()
    await first.closed()
    await sleep(30)
    await RawClient.connect(port)
  })

  test('whose handshakes fail in number forgets all of them', async () => {
    const { port, broker } = await open({ type: 'tls', tls: hub, maxHandshakes: 1000 })
    const sockets = Array.from({ length: 200 }, () => silent(port, 'GET / HTTP/1.1\r\n\r\n'))
    await Promise.all(sockets.map(closed))
    assert.equal(broker.report().connections, 0)
  })

  test('stops at once with strangers in the middle of their handshake', async () => {
    const { port, broker } = await open({ type: 'wss', tls: hub })
    const sockets = [silent(port), silent(port, Buffer.from('160301', 'hex'))]
    await sleep(50)
    const start = Date.now()
    await broker.stop()
    assert.ok(Date.now() - start < 2000)
    await Promise.all(sockets.map(closed))
  })
})

describe('a WebSocket listener', () => {
  const dial = (port: number, headers: Record<string, string>) =>
    new Promise<string>((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, ['mqtt'], { headers })
      socket.once('open', () => resolve(`open ${socket.extensions}`)).once('error', (error) => resolve(error.message))
    })

  test('lets in pages of the origins it names, programs that are no page, and never compresses', async () => {
    const { port } = await open({ type: 'websocket', origins: ['https://app.example.com'] })
    assert.equal(await dial(port, { Origin: 'https://app.example.com' }), 'open ')
    assert.equal(await dial(port, {}), 'open ')
    for (const origin of [
      'https://evil.example',
      'https://app.example.com.evil.example',
      'null',
      'http://app.example.com',
    ]) {
      assert.match(await dial(port, { Origin: origin }), /Unexpected server response: 401/)
    }
    const anywhere = await open({ type: 'websocket' })
    assert.equal(await dial(anywhere.port, { Origin: 'https://evil.example' }), 'open ')
  })

  test('tells a browser that it is no web server', async () => {
    const { port } = await open({ type: 'websocket' })
    const response = await fetch(`http://127.0.0.1:${port}/`)
    assert.equal(response.status, 426)
    await response.text()
  })
})

describe('a Unix socket', () => {
  test('serves MQTT, has the mode it should, and is gone when the listener is closed', async () => {
    const socket = join(folder, 'a.sock')
    const { broker } = await open({ type: 'unix', socket, mode: '0660' })
    assert.equal(statSync(socket).mode & 0o777, 0o660)
    const client = await new Promise<mqtt.MqttClient>((resolve, reject) => {
      const made = new mqtt.MqttClient(() => connect(socket), { reconnectPeriod: 0 })
      made.once('connect', () => resolve(made)).once('error', reject)
    })
    const got = new Promise<string>((resolve) =>
      client.once('message', (_topic, payload) => resolve(payload.toString())),
    )
    await client.subscribeAsync('u/#')
    await client.publishAsync('u/1', 'over a file', { qos: 2 })
    assert.equal(await got, 'over a file')
    await client.endAsync()
    await broker.stop()
    assert.ok(!existsSync(socket))
  })

  test('is for its own user only unless said otherwise', async () => {
    const socket = join(folder, 'b.sock')
    await open({ type: 'unix', socket })
    assert.equal(statSync(socket).mode & 0o777, 0o600)
  })

  test('that a crash left behind is taken over; one that is in use, or a file that is no socket, is not', async () => {
    const socket = join(folder, 'c.sock')
    const crash = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`
    assert.throws(() => execFileSync(process.execPath, ['-e', crash], { stdio: 'pipe' }))
    assert.ok(existsSync(socket))
    await open({ type: 'unix', socket })
    await assert.rejects(open({ type: 'unix', socket }), {
      code: 'E901',
      message: /c\.sock is taken: .*another socket/,
    })
    const file = join(folder, 'd.txt')
    writeFileSync(file, 'mine')
    await assert.rejects(open({ type: 'unix', socket: file }), { code: 'E901' })
    assert.ok(existsSync(file))
  })
})
