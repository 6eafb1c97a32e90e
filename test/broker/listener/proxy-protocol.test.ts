import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import fc from 'fast-check'
import type { Access, ConnectInfo } from '../../../src/broker/access/access.ts'
import { anonymous } from '../../../src/broker/access/anonymous.ts'
import { Broker } from '../../../src/broker/broker.ts'
import { encodePacket } from '../../../src/broker/codec/encode.ts'
import type { ListenerOptions } from '../../../src/broker/listener/listener.ts'
import { readProxyHeader } from '../../../src/broker/listener/proxy-header.ts'
import { connectPacket } from '../raw-client.ts'
import { Authority } from './authority.ts'

const signature = '0d0a0d0a000d0a515549540a'
const text = (line: string) => Buffer.from(line, 'latin1')
const binary = (hex: string) => Buffer.from(signature + hex, 'hex')
const mqttBytes = encodePacket(connectPacket(4), 4)

describe('the header of a proxy', () => {
  const good: [string, Buffer, string | null][] = [
    ['version 1 over IPv4', text('PROXY TCP4 203.0.113.7 10.0.0.1 4711 1883\r\n'), '203.0.113.7'],
    ['version 1 over IPv6', text('PROXY TCP6 2001:db8::7 fd00::1 4711 1883\r\n'), '2001:db8::7'],
    ['version 1 that does not know', text('PROXY UNKNOWN\r\n'), null],
    ['version 1 that does not know, at length', text(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`), null],
    ['version 2 over IPv4', binary('2111000c' + 'cb007107' + '0a000001' + '1267075b'), '203.0.113.7'],
    [
      'version 2 over IPv6',
      binary(`21210024${'20010db8'}${'00'.repeat(11)}07${'fd'}${'00'.repeat(14)}01${'1267075b'}`),
      '2001:db8::7',
    ],
    [
      'version 2 with more after the addresses',
      binary('21110012' + 'cb007107' + '0a000001' + '1267075b' + '040003616263'),
      '203.0.113.7',
    ],
    ['version 2 of a Unix socket', binary(`213100d8${'00'.repeat(216)}`), null],
    ['version 2 of the proxy itself', binary('20000000'), null],
    ['version 2 of a family it does not tell', binary('21000000'), null],
  ]
  for (const [what, header, address] of good) {
    test(`of ${what} is read once it is whole, and not a byte more`, () => {
      for (let i = 0; i < header.length; i++) assert.equal(readProxyHeader(header.subarray(0, i)), null, `${i} bytes`)
      const whole = Buffer.concat([header, mqttBytes])
      assert.deepEqual(readProxyHeader(whole), { length: header.length, address })
    })
  }

  const bad: [string, Buffer][] = [
    ['MQTT', mqttBytes],
    ['another word', text('PROXI TCP4 1.2.3.4 1.2.3.4 1 2\r\n')],
    ['small letters', text('proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n')],
    ['an address of another family', text('PROXY TCP4 ::1 ::1 1 2\r\n')],
    ['an address that is none', text('PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n')],
    ['a port above 65535', text('PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n')],
    ['a port with a leading zero', text('PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n')],
    ['a word too many', text('PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n')],
    ['a family nobody knows', text('PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n')],
    ['more than 107 bytes of text', text(`PROXY UNKNOWN ${'x'.repeat(100)}`)],
    ['a signature with a wrong byte', Buffer.from('0d0a0d0a000d0a515549540b21110000', 'hex')],
    ['another version', binary('1111000c')],
    ['another command', binary('2211000c')],
    ['datagrams', binary('2112000ccb0071070a0000011267075b')],
    ['addresses that are too short', binary('2111000bcb0071070a00000112670700')],
    ['a part that goes beyond its end', binary('21110010cb0071070a0000011267075b0400ff00')],
    ['more than any proxy adds', binary('2111ffff')],
  ]
  for (const [what, bytes] of bad) {
    test(`is malformed when it is ${what}`, () => assert.equal(readProxyHeader(bytes), 'malformed'))
  }

  test('is judged without a fault whatever the bytes', () => {
    const begin = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 ', `${signature}21`, `${signature}2111000c`)
    fc.assert(
      fc.property(begin, fc.uint8Array({ maxLength: 200 }), (start, rest) => {
        const head = start.startsWith('P') ? Buffer.from(start) : Buffer.from(start, 'hex')
        const bytes = Buffer.concat([head, rest])
        const read = readProxyHeader(bytes)
        if (read !== null && read !== 'malformed') assert.ok(read.length <= bytes.length)
      }),
    )
  })
})

describe('clients that come through a proxy', () => {
  const came: ConnectInfo[] = []
  const events: { event: string; facts: Record<string, unknown> }[] = []
  const access: Access = {
    ...anonymous,
    authenticate: (info) => {
      came.push(info)
      return anonymous.authenticate(info)
    },
  }
  const authority = new Authority()
  const hub = authority.sign('hub')
  const broker = new Broker({ access, events: (_level, event, facts = {}) => void events.push({ event, facts }) })
  after(async () => {
    await broker.stop()
    authority.dispose()
  })
  const listen = (type: ListenerOptions['type'], trusted: string[]) =>
    broker.listen({
      type,
      host: '127.0.0.1',
      port: 0,
      proxyProtocol: { trusted },
      ...(type === 'tls' || type === 'wss' ? { tls: hub } : {}),
    })
  const answer = (socket: Socket) =>
    new Promise<string>((resolve) =>
      socket
        .once('data', (bytes: Buffer) => resolve(bytes.toString('hex')))
        .once('close', () => resolve('closed'))
        .on('error', () => undefined),
    )
  const header = text('PROXY TCP4 203.0.113.7 10.0.0.1 4711 1883\r\n')

  test('have their own address, however the header and their bytes are cut', async () => {
    const port = await listen('tcp', ['127.0.0.0/8'])
    for (const cut of [1, 5, header.length - 1, header.length, header.length + 3, header.length + mqttBytes.length]) {
      const socket = connect(port, '127.0.0.1').setNoDelay(true)
      const bytes = Buffer.concat([header, mqttBytes])
      const got = answer(socket)
      socket.write(bytes.subarray(0, cut))
      await new Promise((resolve) => setTimeout(resolve, 10))
      if (cut < bytes.length) socket.write(bytes.subarray(cut))
      assert.equal(await got, '20020000')
      assert.equal(came.at(-1)?.remoteAddress, '203.0.113.7')
      const [connected] = events.filter(({ event }) => event === 'client.connected').slice(-1)
      assert.equal(connected?.facts['address'], '203.0.113.7')
      socket.destroy()
    }
  })

  test('speak TLS behind the header, also when both come at once', async () => {
    const port = await listen('tls', ['127.0.0.1'])
    const under = connect(port, '127.0.0.1')
    under.write(header)
    const socket = connectTls({ socket: under, ca: authority.read(authority.cert), host: '127.0.0.1' })
    socket.write(mqttBytes)
    assert.equal(await answer(socket), '20020000')
    assert.equal(came.at(-1)?.remoteAddress, '203.0.113.7')
    socket.destroy()
  })

  test('speak WebSocket behind the header', async () => {
    const port = await listen('websocket', ['127.0.0.1'])
    const socket = connect(port, '127.0.0.1')
    const request =
      'GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mqtt\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
    socket.write(Buffer.concat([header, text(request)]))
    const first = Buffer.from(await answer(socket), 'hex').toString()
    assert.match(first, /^HTTP\/1\.1 101 /)
    const frame = Buffer.concat([Buffer.from([0x82, 0x80 | mqttBytes.length, 0, 0, 0, 0]), mqttBytes])
    socket.write(frame)
    assert.equal(await answer(socket), '820420020000')
    assert.equal(came.at(-1)?.remoteAddress, '203.0.113.7')
    socket.destroy()
  })

  test('must come with a header from there; a malformed one closes and is told', async () => {
    const port = await listen('tcp', ['127.0.0.1'])
    for (const bytes of [mqttBytes, text('PROXY TCP4 x y 1 2\r\n'), binary('2111ffff')]) {
      const socket = connect(port, '127.0.0.1')
      const got = answer(socket)
      socket.write(bytes)
      assert.equal(await got, 'closed')
    }
    const told = events.filter(
      ({ event, facts }) => event === 'client.handshake-failed' && facts['why'] === 'proxy header is malformed',
    )
    assert.equal(told.length, 3)
  })

  test('C3: are believed from trusted addresses only: from elsewhere a header is bytes that are not MQTT', async () => {
    const port = await listen('tcp', ['10.0.0.0/8', 'fd00::/8'])
    const liar = connect(port, '127.0.0.1')
    const got = answer(liar)
    liar.write(Buffer.concat([header, mqttBytes]))
    assert.equal(await got, 'closed')
    const honest = connect(port, '127.0.0.1')
    honest.write(mqttBytes)
    assert.equal(await answer(honest), '20020000')
    assert.equal(came.at(-1)?.remoteAddress, '127.0.0.1')
    honest.destroy()
  })

  test('are cut off when the header does not come in time', async () => {
    const port = await broker.listen({
      type: 'tcp',
      host: '127.0.0.1',
      port: 0,
      proxyProtocol: { trusted: ['127.0.0.1'] },
      handshakeTimeoutMs: 100,
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('PROXY TCP4 ')
    assert.equal(await answer(socket), 'closed')
  })
})
