import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { printFault } from '../../src/document/fault.ts'
import { printListener } from '../../src/settings/listeners.ts'
import { loadSettings } from '../../src/settings/settings.ts'
import { fakeConnectors } from './fake-connectors.ts'

const load = (listeners: string, access = '{ anonymous: true }') =>
  loadSettings({
    file: '/hub/config/trestle.yaml',
    text: `access: ${access}\nlisteners:\n${listeners}`,
    connectorSchemas: fakeConnectors,
    cwd: '/hub',
  })
const faultsOf = async (listeners: string, access?: string) =>
  (await load(listeners, access)).faults.map((fault) => printFault(fault).replace(/^\S+ {2}/, ''))

describe('listeners of the settings', () => {
  test('are read with their paths made absolute and their times made numbers', async () => {
    const { settings, faults } = await load(`
  - { type: tls, name: floor, address: "127.0.0.1:8883", username_from: cn, max_handshakes: 50, handshake_timeout_ms: 5 s,
      tls: { cert: tls/hub.pem, key: /etc/hub.key, ca: tls/ca.pem, client_cert: require, min_version: "1.3",
             sni: [{ name: "*.example.com", cert: a.pem, key: a.key }] } }
  - { type: unix, socket: run/mqtt.sock, mode: "0660" }
  - { type: wss, address: "[::1]:8084", path: /ws, origins: ["https://app.example.com"], tls: { cert: c, key: k },
      proxy_protocol: { trusted: ["10.0.0.0/8", "fd00::1"] } }
`)
    assert.deepEqual(faults.map(printFault), [])
    assert.deepEqual(settings!.listeners, [
      {
        type: 'tls',
        name: 'floor',
        host: '127.0.0.1',
        port: 8883,
        usernameFrom: 'cn',
        maxHandshakes: 50,
        handshakeTimeoutMs: 5000,
        tls: {
          cert: '/hub/config/tls/hub.pem',
          key: '/etc/hub.key',
          ca: '/hub/config/tls/ca.pem',
          clientCert: 'require',
          minVersion: '1.3',
          sni: [{ name: '*.example.com', cert: '/hub/config/a.pem', key: '/hub/config/a.key' }],
        },
      },
      { type: 'unix', socket: '/hub/config/run/mqtt.sock', mode: '0660' },
      {
        type: 'wss',
        host: '::1',
        port: 8084,
        path: '/ws',
        origins: ['https://app.example.com'],
        tls: { cert: '/hub/config/c', key: '/hub/config/k' },
        proxyProtocol: { trusted: ['10.0.0.0/8', 'fd00::1'] },
      },
    ])
    assert.deepEqual(settings!.listeners.map(printListener), [
      '127.0.0.1:8883',
      '/hub/config/run/mqtt.sock',
      'wss://[::1]:8084/ws',
    ])
  })

  test('say what their type needs and what it cannot use', async () => {
    assert.deepEqual(
      await faultsOf(`
  - { type: tls, address: "127.0.0.1:1" }
  - { type: unix, mode: "0660", address: "127.0.0.1:2" }
  - { type: tcp, address: "127.0.0.1:3", socket: x, origins: [], username_from: cn }
`),
      [
        'E105  `listeners[0].tls` is missing (a tls listener needs it)',
        'E105  `listeners[1].socket` is missing (a unix listener needs it)',
        'E109  listeners[1].address: only `tcp` and `tls` and `websocket` and `wss` have it, this is `unix`',
        'E109  listeners[2].socket: only `unix` has it, this is `tcp`',
        'E109  listeners[2].origins: only `websocket` and `wss` have it, this is `tcp`',
        'E109  listeners[2].username_from: only `tls` and `wss` have it, this is `tcp`',
      ],
    )
  })

  test('ask for certificates as a whole: authority, names and revocations go with them', async () => {
    assert.deepEqual(
      await faultsOf(`
  - { type: tls, address: "127.0.0.1:1", tls: { cert: c, key: k, client_cert: require } }
  - { type: tls, address: "127.0.0.1:2", username_from: cn, tls: { cert: c, key: k, crl: x } }
`),
      [
        'E109  listeners[0].tls.client_cert: `require` needs `ca`, the authority that signs certificates of clients',
        'E109  listeners[1].username_from: no certificate is asked for; set `tls.client_cert`',
        'E109  listeners[1].tls.crl: no certificate is asked for; set `client_cert`',
      ],
    )
  })

  test('trust proxies by address or network only', async () => {
    assert.deepEqual(
      await faultsOf(`
  - { type: tcp, address: "127.0.0.1:1", proxy_protocol: {} }
  - { type: tcp, address: "127.0.0.1:2", proxy_protocol: { trusted: ["10.0.0.0/33", "::1", "1.2.3"] } }
  - { type: unix, socket: x, proxy_protocol: {} }
`),
      [
        'E109  listeners[0].proxy_protocol: it trusts nobody; name the proxies under `trusted`',
        'E104  listeners[1].proxy_protocol.trusted[0]: 10.0.0.0/33 is no address and no network',
        'E104  listeners[1].proxy_protocol.trusted[2]: 1.2.3 is no address and no network',
      ],
    )
  })

  test('C3: are open to the world only with certificates, or when that is said twice; a Unix socket is of this machine', async () => {
    const certified = '{ cert: c, key: k, ca: a, client_cert: require }'
    const open = (type: string, tls: string) => `  - { type: ${type}, address: "0.0.0.0:8883", tls: ${tls} }\n`
    for (const type of ['tls', 'wss']) {
      assert.deepEqual(await faultsOf(open(type, certified)), [])
      assert.deepEqual(await faultsOf(open(type, certified), '{}'), [])
      for (const wish of ['none', 'request']) {
        const [fault] = await faultsOf(open(type, certified.replace('require', wish)))
        assert.match(fault!, /^E108 {2}listeners\[0\]\.address: anybody could connect at 0\.0\.0\.0:8883/)
      }
    }
    assert.deepEqual(await faultsOf('  - { type: unix, socket: x }\n'), [])
    assert.match((await faultsOf('  - { type: unix, socket: x }\n', '{}'))[0]!, /^E109 {2}access: .*nobody may connect/)
  })

  test('are not opened twice at one place', async () => {
    assert.deepEqual(await faultsOf('  - { type: unix, socket: x }\n  - { type: unix, socket: x }\n'), [
      'E109  listeners[1].socket: given twice',
    ])
  })
})
