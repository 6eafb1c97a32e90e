import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import mqtt, { type IClientOptions } from 'mqtt'
import type { Access, ConnectInfo } from '../../../src/broker/access/access.ts'
import { anonymous } from '../../../src/broker/access/anonymous.ts'
import { Broker } from '../../../src/broker/broker.ts'
import type { ListenerOptions, TlsOptions } from '../../../src/broker/listener/listener.ts'
import { Authority, type Pair } from './authority.ts'

const authority = new Authority()
const hub = authority.sign('hub')
const press = authority.sign('press-1', {
  subject: '/C=NO/O=Works/CN=press-1',
  names: 'DNS:press-1.plant,email:press@plant',
})
const stranger = new Authority('Somebody Else')
const told: { event: string; facts: Record<string, unknown> }[] = []
const came: ConnectInfo[] = []
const noting: Access = {
  ...anonymous,
  authenticate: (info) => {
    came.push(info)
    return anonymous.authenticate(info)
  },
}
const brokers: Broker[] = []
after(async () => {
  for (const broker of brokers) await broker.stop()
  authority.dispose()
  stranger.dispose()
})

async function open(type: 'tls' | 'wss', tls: Partial<TlsOptions> = {}, more: Partial<ListenerOptions> = {}) {
  const events = (_level: string, event: string, facts: Record<string, unknown> = {}) =>
    void told.push({ event, facts })
  const broker = new Broker({ access: noting, events, certificateWatchMs: 100 })
  brokers.push(broker)
  const port = await broker.listen({ type, host: '127.0.0.1', port: 0, tls: { ...hub, ...tls }, ...more })
  const url = type === 'tls' ? `mqtts://127.0.0.1:${port}` : `wss://127.0.0.1:${port}/mqtt`
  const connect = (options: IClientOptions & { pair?: Pair } = {}) => {
    const { pair, ...rest } = options
    const own = pair === undefined ? {} : { cert: authority.read(pair.cert), key: authority.read(pair.key) }
    const wish = { ca: authority.read(authority.cert), reconnectPeriod: 0, ...own, ...rest }
    return mqtt.connectAsync(url, type === 'wss' ? { ...wish, wsOptions: { ca: wish.ca, ...own } } : wish)
  }
  return { broker, port, connect }
}

/** The common name of the certificate that is shown to whoever asks for a name. */
const shown = (port: number, servername?: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ...(servername === undefined ? {} : { servername }),
    })
    socket.once('error', reject).once('secureConnect', () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
  })

const eventually = async (what: () => boolean) => {
  for (let i = 0; i < 100 && !what(); i++) await sleep(50)
  assert.ok(what())
}

describe('TLS', () => {
  for (const type of ['tls', 'wss'] as const) {
    for (const version of [4, 5] as const) {
      test(`MQTT.js publishes and subscribes over ${type}, version ${version}, small and large, every QoS`, async () => {
        const { connect } = await open(type)
        const [a, b] = [await connect({ protocolVersion: version }), await connect({ protocolVersion: version })]
        const sizes: number[] = []
        const all = new Promise<void>((resolve) =>
          a.on('message', (_topic, payload) => sizes.push(payload.length) === 60 && resolve()),
        )
        await a.subscribeAsync('over/tls', { qos: 2 })
        for (let i = 0; i < 60; i++) {
          await b.publishAsync('over/tls', Buffer.alloc(i * 20_000), { qos: (i % 3) as 0 | 1 | 2 })
        }
        await all
        assert.deepEqual(
          sizes,
          Array.from({ length: 60 }, (_, i) => i * 20_000),
        )
        await a.endAsync()
        await b.endAsync()
      })
    }
  }

  test('a burst without waiting for anything arrives whole and in order', async () => {
    const { connect } = await open('tls')
    const [a, b] = [await connect(), await connect()]
    const got: number[] = []
    const all = new Promise<void>((resolve) =>
      a.on('message', (_t, payload) => got.push(Number(payload)) === 5000 && resolve()),
    )
    await a.subscribeAsync('burst', { qos: 1 })
    for (let i = 0; i < 5000; i++) b.publish('burst', String(i), { qos: 1 })
    await all
    assert.deepEqual(
      got,
      Array.from({ length: 5000 }, (_, i) => i),
    )
    await a.endAsync()
    await b.endAsync()
  })

  test('mosquitto_pub and mosquitto_sub, unmodified, speak it with a client certificate', {
    skip: spawnSync('mosquitto_sub').error !== undefined && 'mosquitto_sub is not installed',
  }, async () => {
    const { port } = await open('tls', { ca: authority.cert, clientCert: 'require' })
    const how = [
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
      '--cafile',
      authority.cert,
      '--cert',
      press.cert,
      '--key',
      press.key,
      '-t',
      'm/1',
      '-q',
      '1',
    ]
    const sub = promisify(execFile)('mosquitto_sub', [...how, '-C', '1', '-W', '10'])
    for (let i = 0; i < 20; i++) {
      await promisify(execFile)('mosquitto_pub', [...how, '-m', 'hello', '-V', '5', '-r'])
      await sleep(50)
    }
    assert.equal((await sub).stdout, 'hello\n')
  })

  test('speaks no version older than it should', async () => {
    const { port } = await open('tls', { minVersion: '1.3' })
    const old = connectTls({ port, host: '127.0.0.1', maxVersion: 'TLSv1.2', rejectUnauthorized: false })
    const error = await new Promise<Error & { code?: string }>((resolve) => old.once('error', resolve))
    assert.match(String(error.code), /ALERT_PROTOCOL_VERSION|ECONNRESET/)
    assert.ok(
      told.some(({ event, facts }) => event === 'client.handshake-failed' && /^TLS: /.test(String(facts['why']))),
    )
  })

  test('shows each name its certificate: exactly, by a star, and its own to all others', async () => {
    const sni = [
      { name: 'a.example.com', ...authority.sign('exact') },
      { name: '*.Example.com', ...authority.sign('star') },
    ]
    const { port } = await open('tls', { sni })
    assert.equal(await shown(port, 'a.example.com'), 'exact')
    assert.equal(await shown(port, 'B.EXAMPLE.com'), 'star')
    assert.equal(await shown(port, 'a.b.example.com'), 'hub')
    assert.equal(await shown(port), 'hub')
  })

  test('a certificate or key that cannot be used is E110 with its place', async () => {
    const other = authority.sign('other')
    const broken = join(authority.folder, 'broken.pem')
    writeFileSync(broken, 'nothing\n')
    const cases: [Partial<TlsOptions>, RegExp][] = [
      [{ cert: '/no/such.pem' }, /^listener tls: tls\.cert: \/no\/such\.pem: there is no such file/],
      [{ key: other.key }, /^listener tls: tls: the key is not that of the certificate/],
      [{ cert: broken }, /^listener tls: tls: .*cannot be used/],
      [{ sni: [{ name: 'x', cert: other.cert, key: hub.key }] }, /^listener tls: tls\.sni x: the key is not/],
    ]
    for (const [tls, message] of cases) {
      await assert.rejects(open('tls', tls), (error: Error & { code: string }) => {
        assert.equal(error.code, 'E110')
        assert.match(error.message, message)
        return true
      })
    }
  })
})

describe('certificates of clients', () => {
  for (const type of ['tls', 'wss'] as const) {
    test(`C3: where ${type} requires them, nobody comes in without one, or with one of another authority`, async () => {
      const { broker, connect } = await open(type, { ca: authority.cert, clientCert: 'require' })
      await assert.rejects(connect())
      const foreign = stranger.sign('press-1')
      await assert.rejects(connect({ pair: foreign }))
      assert.equal(broker.report().connections, 0)
      const whys = told
        .filter(({ event }) => event === 'client.handshake-failed')
        .map(({ facts }) => String(facts['why']))
      await eventually(() => told.some(({ facts }) => facts['why'] === 'it shows no certificate'))
      assert.ok(whys.length > 0)
      const client = await connect({ pair: press })
      assert.equal(came.at(-1)?.isCertified, true)
      await client.endAsync()
    })
  }

  test('where they are only requested, who shows none comes in uncertified, who shows a bad one does not', async () => {
    const { connect } = await open('tls', { ca: authority.cert, clientCert: 'request' }, { usernameFrom: 'cn' })
    const plain = await connect({ username: 'me' })
    assert.deepEqual(
      [came.at(-1)?.isCertified, came.at(-1)?.username, came.at(-1)?.isNamedByCertificate],
      [false, 'me', false],
    )
    await assert.rejects(connect({ pair: stranger.sign('x') }))
    await plain.endAsync()
  })

  const { fingerprint256 } = new X509Certificate(authority.read(press.cert))
  const names = {
    cn: 'press-1',
    dns: 'press-1.plant',
    email: 'press@plant',
    subject: 'C=NO,O=Works,CN=press-1',
    fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
  } as const
  for (const [usernameFrom, name] of Object.entries(names) as [keyof typeof names, string][]) {
    test(`give the username by ${usernameFrom}, whatever CONNECT says`, async () => {
      const { connect } = await open('tls', { ca: authority.cert, clientCert: 'require' }, { usernameFrom })
      const client = await connect({ pair: press, username: 'root', password: 'x' })
      assert.deepEqual([came.at(-1)?.username, came.at(-1)?.isNamedByCertificate], [name, true])
      await client.endAsync()
    })
  }

  test('without the field that is the username are turned away', async () => {
    const { connect } = await open('tls', { ca: authority.cert, clientCert: 'require' }, { usernameFrom: 'email' })
    await assert.rejects(connect({ pair: authority.sign('no-mail') }))
    await eventually(() => told.some(({ facts }) => /has no email that can be/.test(String(facts['why']))))
  })

  test('that are revoked are not good any more, once the list is read anew', async () => {
    const [good, lost] = [authority.sign('good'), authority.sign('lost')]
    const { broker, connect } = await open('tls', { ca: authority.cert, crl: authority.crl, clientCert: 'require' })
    const before = await connect({ pair: lost })
    authority.revoke(lost)
    await broker.reloadCertificates()
    await assert.rejects(connect({ pair: lost }))
    await eventually(() => told.some(({ facts }) => /CERT_REVOKED/.test(String(facts['why']))))
    const client = await connect({ pair: good })
    assert.ok(before.connected, 'nobody is dropped')
    await client.endAsync()
    await before.endAsync()
  })
})

describe('certificates of the hub', () => {
  test('are exchanged when their files change, nobody is dropped, and a broken one changes nothing', async () => {
    const own = authority.sign('first')
    const { broker, port, connect } = await open('tls', own)
    const client = await connect()
    assert.equal(await shown(port), 'first')
    const second = authority.sign('second')
    copyFileSync(second.cert, own.cert)
    copyFileSync(second.key, own.key)
    for (let i = 0; i < 100 && (await shown(port)) !== 'second'; i++) await sleep(50)
    assert.equal(await shown(port), 'second')

    told.length = 0
    writeFileSync(own.key, 'no key at all\n')
    await eventually(() => told.some(({ event }) => event === 'listener.certificates-refused'))
    await assert.rejects(broker.reloadCertificates(), { code: 'E110' })
    assert.equal(await shown(port), 'second')
    await client.publishAsync('still/there', 'yes', { qos: 1 })
    copyFileSync(second.key, own.key)
    await broker.reloadCertificates()
    await client.endAsync()
  })

  test('that end soon are told of', async () => {
    told.length = 0
    await open('tls')
    const [ends] = told.filter(({ event }) => event === 'listener.certificate-ends')
    assert.match(String(ends?.facts['until']), /^20\d\d-/)
  })
})
