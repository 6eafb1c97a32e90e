import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { printFault } from '../../src/document/fault.ts'
import { type LoadOptions, loadSettings } from '../../src/settings/settings.ts'
import { fakeConnectors } from './fake-connectors.ts'

const file = '/hub/config/trestle.yaml'
const load = (text: string, options: Partial<LoadOptions> = {}) =>
  loadSettings({ file, text, connectorSchemas: fakeConnectors, cwd: '/hub', ...options })
const faultsOf = async (text: string, options?: Partial<LoadOptions>) =>
  (await load(text, options)).faults.map(printFault)
const settingsOf = async (text: string, options?: Partial<LoadOptions>) => {
  const { settings, faults } = await load(text, options)
  assert.deepEqual(faults.map(printFault), [])
  return settings!
}
const anonymous = 'access: { anonymous: true }\n'

describe('the settings', () => {
  it('have all defaults, absolute paths and plain numbers', async () => {
    const settings = await settingsOf(anonymous)
    assert.deepEqual(settings.listeners, [
      { type: 'tcp', host: '127.0.0.1', port: 1883 },
      { type: 'websocket', host: '127.0.0.1', port: 8083, path: '/mqtt' },
    ])
    assert.deepEqual(settings.access, { anonymous: true, anonymousAnywhere: false })
    assert.deepEqual([settings.data, settings.rules], ['/hub/config/data', '/hub/config/rules'])
    assert.deepEqual(settings.api, { host: '127.0.0.1', port: 8080, token: null })
    assert.deepEqual(settings.journal, { maxBytes: 10e9, segmentBytes: 64 * 2 ** 20, spacingMs: 4, sync: 'always' })
    assert.equal(settings.limits.maxPacketBytes, 16 * 2 ** 20)
    assert.deepEqual(settings.log, { level: 'info', format: 'auto' })
  })

  it('come from the environment before the file and from flags before the environment', async () => {
    const text = `${anonymous}data: /a\nlog: { level: warn }\napi: { address: "127.0.0.1:1" }\n`
    const env = { TRESTLE_LOG_LEVEL: 'debug', TRESTLE_API_ADDRESS: '127.0.0.1:2', TRESTLE_PORT_1883_TCP: 'x' }
    const settings = await settingsOf(text, { env, flags: { 'api.address': '127.0.0.1:3', data: undefined } })
    assert.equal(settings.data, '/a')
    assert.equal(settings.log.level, 'debug')
    assert.equal(settings.api.port, 3)
  })

  it('take numbers, booleans, units and lists from the environment', async () => {
    const settings = await settingsOf('', {
      env: {
        TRESTLE_ACCESS_ANONYMOUS: 'true',
        TRESTLE_LIMITS_MAX_CONNECTIONS: '5',
        TRESTLE_JOURNAL_MAX_BYTES: '1 GiB',
        TRESTLE_JOURNAL_SEGMENT_BYTES: '1000000',
        TRESTLE_LISTENERS: '[{ type: tcp, address: "[::1]:1884" }]',
      },
    })
    assert.equal(settings.limits.maxConnections, 5)
    assert.deepEqual([settings.journal.maxBytes, settings.journal.segmentBytes], [2 ** 30, 1e6])
    assert.deepEqual(settings.listeners, [{ type: 'tcp', host: '::1', port: 1884 }])
  })

  it('take a connector’s options from the environment', async () => {
    const text = `${anonymous}connectors: { my-lake: { type: kafka, brokers: ["a:1"] } }\n`
    const env = {
      TRESTLE_CONNECTORS_MY_LAKE_PASSWORD: 'hush-hush',
      TRESTLE_CONNECTORS_MY_LAKE_BROKERS: '["b:2", "c:3"]',
    }
    const { settings, secrets } = await load(text, { env })
    assert.deepEqual(settings?.connectors['my-lake']?.options['brokers'], ['b:2', 'c:3'])
    assert.ok(secrets.has('hush-hush'))
  })

  it('give each connector its options with defaults, its sources and its retry budget', async () => {
    const text = `${anonymous}connectors:
  lake: { type: kafka, brokers: ["a:1"], sources: [{ topic: x }], retry: { max_age_ms: 2 h } }
  records: { type: file, path: out }
  archive: { type: file, path: "\${data}/out" }
`
    const { connectors } = await settingsOf(text)
    assert.deepEqual(connectors['lake'], {
      type: 'kafka',
      options: { brokers: ['a:1'], linger_ms: 10 },
      sources: [{ topic: 'x' }],
      retry: { maxAttempts: null, maxAgeMs: 7_200_000 },
      buffer: { maxBytes: Number.POSITIVE_INFINITY, whenFull: 'block' },
    })
    assert.deepEqual(connectors['records']?.options, { path: '/hub/config/out' })
    assert.deepEqual(connectors['archive']?.options, { path: '/hub/config/data/out' })
  })

  it('without a file are those that are shipped', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trestle-settings-'))
    after(() => rmSync(folder, { recursive: true }))
    const loaded = await loadSettings({ connectorSchemas: fakeConnectors, cwd: folder })
    assert.deepEqual(loaded.faults, [])
    assert.equal(loaded.settings?.file, null)
    assert.equal(loaded.settings?.data, join(folder, 'data'))
    assert.deepEqual(loaded.settings?.connectors['records']?.options, { path: join(folder, 'data/out') })
  })

  it('are not made of a file that is not there', async () => {
    const loaded = await loadSettings({ file: '/nowhere/x.yaml', connectorSchemas: fakeConnectors, cwd: '/' })
    assert.equal(loaded.settings, null)
    assert.deepEqual(loaded.faults.map(printFault), ['nowhere/x.yaml:1:1  E101  there is no such file'])
  })
})

describe('references', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-secrets-'))
  writeFileSync(join(folder, 'token'), 's3cret-token\n')
  after(() => rmSync(folder, { recursive: true }))

  it('stand for variables and files, and what they stand for is secret', async () => {
    const text = `${anonymous}connectors: { lake: { type: kafka, brokers: ["\${env:HOST}:9092"], password: "\${file:token}" } }\n`
    const { settings, secrets, faults } = await load(text, { file: join(folder, 'x.yaml'), env: { HOST: 'kafka-1' } })
    assert.deepEqual(faults, [])
    assert.deepEqual(settings?.connectors['lake']?.options, {
      brokers: ['kafka-1:9092'],
      linger_ms: 10,
      password: 's3cret-token',
    })
    assert.deepEqual([...secrets].sort(), ['kafka-1', 's3cret-token'])
  })

  it('become a number where the field wants one, and stay text where it wants text', async () => {
    const text = `${anonymous}connectors: { lake: { type: kafka, brokers: ["a:1"], linger_ms: "\${env:N}", password: "\${env:N}" } }\n`
    const { connectors } = await settingsOf(text, { env: { N: '42' } })
    assert.deepEqual(connectors['lake']?.options, { brokers: ['a:1'], linger_ms: 42, password: '42' })
  })

  it('that lead nowhere are all told of, where they stand', async () => {
    const text = `${anonymous}data: /x/\${env:NOPE}\napi: { token: "\${file:/no/such}" }\n`
    assert.deepEqual(await faultsOf(text), [
      'config/trestle.yaml:2:10  E106  the environment has no variable NOPE',
      'config/trestle.yaml:3:16  E106  cannot read the secret file /no/such: there is no such file',
    ])
  })

  it('are left alone when doubled, as are other expressions', async () => {
    const text = `${anonymous}connectors: { lake: { type: kafka, brokers: ["$\${env:X}", "\${key}"] } }\n`
    const { connectors } = await settingsOf(text)
    assert.deepEqual(connectors['lake']?.options['brokers'], ['${env:X}', '${key}'])
  })
})

describe('faults of the settings', () => {
  it('are all told at once, in the order of the file, with the nearest legal word', async () => {
    const text = `listners: []
access: { anonymous: yes }
connectors:
  lake: { type: kafak, brokers: kafka:9092 }
  Records: { type: file }
  out: { type: file, paht: x }
  sea: { type: kafka, brokers: kafka:9092 }
  moon: { type: kafka }
journal: { max_bytes: 10 gigs }
`
    assert.deepEqual(await faultsOf(text), [
      'config/trestle.yaml:1:1  E103  unknown setting `listners` (did you mean `listeners`?)',
      'config/trestle.yaml:2:22  E104  access.anonymous: expected true or false, found a string',
      'config/trestle.yaml:4:17  E107  connectors.lake.type: there is no connector type `kafak`; there are kafka, file (did you mean `kafka`?)',
      'config/trestle.yaml:5:3  E104  connectors: `Records` cannot be a name here; expected small letters, digits, - and _, a letter first, at most 63',
      'config/trestle.yaml:6:22  E103  unknown setting `connectors.out.paht` (did you mean `path`?)',
      'config/trestle.yaml:7:32  E104  connectors.sea.brokers: expected a list of host:port, found a string',
      'config/trestle.yaml:8:3  E105  `connectors.moon.brokers` is missing (expected a list of host:port)',
      'config/trestle.yaml:9:23  E104  journal.max_bytes: expected a size such as 64 MB, or bytes, found "10 gigs"',
    ])
  })

  it('name the variable or flag that is wrong', async () => {
    const env = { TRESTLE_LOG_LEVEL: 'lod' }
    assert.deepEqual(await faultsOf(anonymous, { env, flags: { 'api.adress': 'x' } }), [
      'environment TRESTLE_LOG_LEVEL:1:1  E104  log.level: expected one of debug, info, warn, error, found "lod"',
      'option api.adress:1:1  E103  unknown setting `api.adress` (did you mean `address`?)',
    ])
  })

  it('D7: never show a secret', async () => {
    const env = { TRESTLE_TOKEN: 'abc' }
    const [fault] = await faultsOf(
      `${anonymous}api: { token: "\${env:TRESTLE_TOKEN}" }\nlog: { level: "\${env:TRESTLE_TOKEN}d" }\n`,
      { env },
    )
    assert.match(fault!, /api.token: expected at least 8 characters, found a string/)
  })

  it('are those of the YAML alone when it cannot be read', async () => {
    assert.deepEqual(await faultsOf('a: 1\na: 2\n'), [
      'config/trestle.yaml:2:1  E102  this key stands twice in the same map',
    ])
  })

  it('say so when the file is no map', async () => {
    assert.deepEqual(await faultsOf('- 1\n'), ['config/trestle.yaml:1:1  E104  expected a map, found a list'])
  })
})

describe('C3: what is open to the world', () => {
  it('is refused for listeners unless it is said twice', async () => {
    const listeners = 'listeners: [{ type: tcp, address: "0.0.0.0:1883" }]\n'
    assert.deepEqual(await faultsOf(anonymous + listeners), [
      'config/trestle.yaml:2:35  E108  listeners[0].address: anybody could connect at 0.0.0.0:1883; say `anonymous_anywhere: true` under `access` too, ask for certificates (`client_cert: require`), or listen on 127.0.0.1',
    ])
    await settingsOf(`access: { anonymous: true, anonymous_anywhere: true }\n${listeners}`)
  })

  it('is refused for the API without a token', async () => {
    const [fault] = await faultsOf(`${anonymous}api: { address: "hub.example:8080" }\n`)
    assert.match(fault!, /:2:17 {2}E108 {2}api.address: anybody could command the hub at hub.example:8080/)
    await settingsOf(`${anonymous}api: { address: "hub.example:8080", token: 12345678x }\n`)
  })

  it('is nothing without a listener that anyone may use, which is a fault of its own', async () => {
    assert.match((await faultsOf('data: x\n'))[0]!, /E109 {2}access: there are listeners but nobody may connect/)
    await settingsOf('listeners: []\n')
  })

  it('includes one address given twice and a path on tcp', async () => {
    const listeners = `listeners:
  - { type: tcp, address: "127.0.0.1:8080", path: /mqtt }
  - { type: tcp, address: "127.0.0.1:70000" }
`
    assert.deepEqual(await faultsOf(anonymous + listeners), [
      'config/trestle.yaml:1:1  E109  api.address: listeners[0].address listens on 127.0.0.1:8080 already',
      'config/trestle.yaml:3:51  E109  listeners[0].path: only `websocket` and `wss` have it, this is `tcp`',
      'config/trestle.yaml:4:27  E104  listeners[1].address: a port is at most 65535',
    ])
  })
})
