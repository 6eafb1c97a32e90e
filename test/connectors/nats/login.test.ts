import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { nkeys } from '@nats-io/transport-node'
import { TrestleError } from 'trestle/contract'
import { natsOptions } from '../../../connectors/nats/options.ts'
import { probeNats } from '../../../connectors/nats/probe.ts'
import { NatsSink } from '../../../connectors/nats/sink.ts'
import { NatsSource } from '../../../connectors/nats/source.ts'
import { natsSourceOptions } from '../../../connectors/nats/source-options.ts'
import { type NatsOptions, type NatsServer, need, startNats } from '../../services/index.ts'
import { until } from '../../support/bridge-rig.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { HeldIntake } from '../../support/held-intake.ts'
import { makeOperator } from './jwt.ts'

const context = connectorContext('/none')

const using = (options: NatsOptions, work: (server: NatsServer) => Promise<void>) => async (): Promise<void> => {
  const server = await startNats(options)
  try {
    await work(server)
  } finally {
    await server.stop()
  }
}

/** Sends one message; answers what went wrong, at whichever step. */
async function tryOne(server: NatsServer, options: object, target = 'a.b'): Promise<TrestleError | null> {
  const given = {
    servers: [server.address],
    mode: 'core',
    connect_timeout_ms: 2000,
    request_timeout_ms: 2000,
    ...options,
  }
  const sink = new NatsSink(natsOptions(given), context)
  try {
    await sink.open()
    const [receipt] = await sink.deliver([deliveries()({ target })])
    return receipt!.error
  } catch (thrown) {
    assert.ok(thrown instanceof TrestleError, String(thrown))
    return thrown
  } finally {
    await sink.close()
  }
}

function assertRefused(error: TrestleError | null, code: string, words: RegExp, ...secrets: string[]): void {
  assert.equal(error?.code, code, String(error))
  assert.match(error!.message, words)
  assert.ok(error!.detail.advice, 'it says what to do')
  const shown = JSON.stringify([error!.toJSON(), String(error!.cause), (error!.cause as Error)?.stack])
  for (const secret of secrets) assert.ok(!shown.includes(secret), 'no secret shows')
}

describe('Logging in to NATS', { skip: await need('nats') }, () => {
  test(
    'by user and password; wrong ones are told in the words of the server',
    using({ settings: 'authorization { users: [{ user: hub, password: "a secret" }] }' }, async (server) => {
      assert.equal(await tryOne(server, { auth: { user: 'hub', password: 'a secret' } }), null)
      const wrong = await tryOne(server, { auth: { user: 'hub', password: 'not this one' } })
      assertRefused(wrong, 'E602', /Authorization Violation/, 'not this one')
      assertRefused(await tryOne(server, {}), 'E602', /Authorization Violation/)
    }),
  )

  test(
    'by token',
    using({ settings: 'authorization { token: "s3cret-token" }' }, async (server) => {
      assert.equal(await tryOne(server, { auth: { token: 's3cret-token' } }), null)
      assertRefused(await tryOne(server, { auth: { token: 'wrong-token' } }), 'E602', /Authorization/, 'wrong-token')
    }),
  )

  test('by nkey', async () => {
    const pair = nkeys.createUser()
    const settings = `authorization { users: [{ nkey: ${pair.getPublicKey()} }] }`
    await using({ settings }, async (server) => {
      assert.equal(await tryOne(server, { auth: { nkey: new TextDecoder().decode(pair.getSeed()) } }), null)
      const other = new TextDecoder().decode(nkeys.createUser().getSeed())
      assertRefused(await tryOne(server, { auth: { nkey: other } }), 'E602', /Authorization/, other)
      assertRefused(await tryOne(server, { auth: { nkey: 'SUNOTASEED' } }), 'E602', /./, 'SUNOTASEED')
    })()
  })

  test('by credentials file, its text, or JWT and seed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trestle-creds-'))
    const { settings, creds, jwt, seed } = makeOperator()
    const file = join(folder, 'hub.creds')
    writeFileSync(file, creds)
    await using({ settings }, async (server) => {
      for (const auth of [{ creds: file }, { creds }, { jwt, nkey: seed }]) {
        assert.equal(await tryOne(server, { auth }), null)
      }
      const absent = await tryOne(server, { auth: { creds: join(folder, 'absent') } })
      assertRefused(absent, 'E104', /no such file/)
      assertRefused(await tryOne(server, { auth: { creds: '-----BEGIN nonsense' } }), 'E602', /credentials/)
    })()
    await rm(folder, { recursive: true })
  })

  test(
    'over TLS, once it is told whom to trust',
    using({ tls: 'after INFO' }, async (server) => {
      const { certFile, cert } = server.certificate!
      assert.equal(await tryOne(server, { tls: { ca: certFile } }), null)
      assert.equal(await tryOne(server, { servers: [`tls://${server.address}`], tls: { ca: cert } }), null)
      assert.equal(await tryOne(server, { tls: { reject_unauthorized: false } }), null)
      assertRefused(await tryOne(server, { tls: {} }), 'E601', /self-signed certificate/)
      assertRefused(await tryOne(server, {}), 'E601', /self-signed certificate/)
    }),
  )

  test(
    'over TLS with a certificate of its own',
    using({ tls: 'with client certificate' }, async (server) => {
      const { certFile: ca, keyFile: key } = server.certificate!
      assert.equal(await tryOne(server, { tls: { ca, cert: ca, key } }), null)
      assert.equal((await tryOne(server, { tls: { ca } }))?.code, 'E601')
    }),
  )

  test('over TLS from the first byte, where the server can', async () => {
    const server = await startNats({ tls: 'offered first' }).catch((error: Error) => error)
    // Before 2.10 there is no such setting.
    if (server instanceof Error) return assert.match(server.message, /handshake_first/)
    assert.equal(await tryOne(server, { tls: { ca: server.certificate!.certFile, first: true } }), null)
    return server.stop()
  })

  test(
    'TLS is not given up where the server has none',
    using({}, async (server) => {
      assertRefused(await tryOne(server, { tls: {} }), 'E601', /does not support 'tls'/)
    }),
  )

  test('a server that is not there, and a name that is none', async () => {
    const nobody = { address: '127.0.0.1:1' } as NatsServer
    assertRefused(await tryOne(nobody, {}), 'E601', /refused/)
    assert.equal((await tryOne(nobody, { servers: ['no-such-host.invalid:4222'] }))?.code, 'E601')
  })

  test('what may not be used is told with its subject, and only that fails', async () => {
    const permissions = 'permissions: { publish: ["a.>", "$JS.API.>"], subscribe: ["b.>"] }'
    const settings = `authorization { users: [{ user: hub, password: x, ${permissions} }] }`
    await using({ settings }, async (server) => {
      const auth = { user: 'hub', password: 'x' }
      assert.equal(await tryOne(server, { auth }), null)
      const refused = await tryOne(server, { auth }, 'c.d')
      assertRefused(refused, 'E603', /Permissions Violation for Publish to "c\.d"/)
      assert.equal(refused!.retry, 'later')
      const inbox = await tryOne(server, { auth, mode: 'jetstream' })
      assertRefused(inbox, 'E603', /Permissions Violation for Subscription to "_INBOX\./)
      const source = new NatsSource(
        natsOptions({ servers: [server.address], auth }),
        natsSourceOptions({ mode: 'core', subjects: ['b.>', 'secret.>'], publish: '${topic}' }),
        context,
      )
      await assert.rejects(source.open(new HeldIntake()), { code: 'E603' })
      await source.close()
      const reader = new NatsSource(
        natsOptions({ servers: [server.address], auth }),
        natsSourceOptions({ stream: 'S', publish: '${topic}' }),
        context,
      )
      await assert.rejects(reader.open(new HeldIntake()), { code: 'E603' })
      await reader.close()
    })()
  })

  test('in a stream, what may not be published fails at once, not when the time is up', async () => {
    const permissions = 'permissions: { publish: { deny: "s.no" } }'
    const settings = `authorization { users: [{ user: hub, password: x, ${permissions} }] }`
    await using({ settings }, async (server) => {
      const stream = { name: 'S', create: true, subjects: ['s.>'] }
      const auth = { user: 'hub', password: 'x' }
      const sink = new NatsSink(natsOptions({ servers: [server.address], stream, auth }), context)
      await sink.open()
      const next = deliveries()
      const targets = ['s.a', 's.no', 's.b', 's.no']
      const receipts = await sink.deliver(targets.map((target, at) => next({ target, orderKey: `${at % 2}` })))
      assert.deepEqual(
        receipts.map(({ outcome, error }) => error?.code ?? outcome),
        ['delivered', 'E603', 'delivered', 'E603'],
      )
      await sink.close()
    })()
  })

  test('in a stream of which nothing may be asked, one can still write', async () => {
    const permissions = 'permissions: { publish: { deny: "$JS.API.>" } }'
    const settings = `authorization { users: [{ user: hub, password: x, ${permissions} }, { user: all, password: x }] }`
    await using({ settings }, async (server) => {
      const stream = { name: 'S', create: true, subjects: ['s.>'] }
      assert.equal(
        await tryOne(server, { mode: 'jetstream', stream, auth: { user: 'all', password: 'x' } }, 's.a'),
        null,
      )
      const auth = { user: 'hub', password: 'x' }
      assert.equal(await tryOne(server, { mode: 'jetstream', stream, auth }, 's.a'), null)
      assert.equal(await tryOne(server, { mode: 'jetstream', auth }, 's.a'), null)
      assert.ok(context.lines.some(({ event }) => event === 'nats.not-checked'))
    })()
  })

  test('a source that may not acknowledge says so, and does not read the same for ever', async () => {
    const permissions = 'permissions: { publish: { deny: "$JS.ACK.>" } }'
    const settings = `authorization { users: [{ user: hub, password: x, ${permissions} }] }`
    await using({ settings }, async (server) => {
      const auth = { user: 'hub', password: 'x' }
      const stream = { name: 'S', create: true, subjects: ['s.>'] }
      assert.equal(await tryOne(server, { mode: 'jetstream', stream, auth }, 's.a'), null)
      const source = new NatsSource(
        natsOptions({ servers: [server.address], auth }),
        natsSourceOptions({ stream: 'S', publish: '${topic}' }),
        context,
      )
      const intake = new HeldIntake()
      await source.open(intake)
      await until(() => intake.losses.length > 0, 'it is told')
      assert.equal(intake.losses[0]!.code, 'E603')
      assert.match(intake.losses[0]!.message, /Publish to "\$JS\.ACK\./)
      await source.close()
    })()
  })

  test('a sink or source that is closed while it opens leaves no connection behind', async () => {
    await using({}, async (server) => {
      const options = natsOptions({ servers: [server.address], mode: 'core' })
      const wanted = natsSourceOptions({ mode: 'core', subjects: ['x'], publish: '${topic}' })
      const sink = new NatsSink(options, context)
      const source = new NatsSource(options, wanted, context)
      const opening = [sink.open(), source.open(new HeldIntake())].map((open) => assert.rejects(open, { code: 'E601' }))
      await Promise.all([sink.close(), source.close()])
      await Promise.all(opening)
      await until(async () => (await server.read('/connz'))['num_connections'] === 0, 'nobody is connected')
    })()
  })

  test('a server without JetStream says so', async () => {
    const settings = 'accounts { PLAIN { users: [{ user: hub, password: x }] } }'
    await using({ settings }, async (server) => {
      const error = await tryOne(server, { auth: { user: 'hub', password: 'x' }, mode: 'jetstream' })
      assertRefused(error, 'E603', /JetStream|jetstream/i)
    })()
  })

  test(
    'D6: a probe walks the path and says which step failed',
    using({ settings: 'authorization { users: [{ user: hub, password: x }] }' }, async (server) => {
      const auth = { user: 'hub', password: 'x' }
      const probe = async (options: object): Promise<[step: string, ok: boolean][]> =>
        (
          await probeNats(natsOptions({ servers: [server.address], request_timeout_ms: 2000, ...options }), context)
        ).map(({ step, ok, detail }) => {
          assert.notEqual(detail, '')
          return [step, ok]
        })
      const good: [string, boolean][] = [
        ['name', true],
        ['port', true],
        ['login', true],
      ]
      const stream = { name: 'P', subjects: ['probe.>'], create: true }
      const whole = [...good, ['stream', true], ['write', true]]
      assert.deepEqual(await probe({ auth, stream, subject: 'probe.x' }), whole)
      assert.deepEqual(await probe({ auth, stream, subject_prefix: 'probe' }), whole)
      assert.deepEqual(await probe({ auth }), whole, 'no subject to try')
      assert.deepEqual(await probe({ auth, mode: 'core' }), [...good, ['write', true]])
      assert.deepEqual(await probe({ auth, mode: 'kv', bucket: { name: 'b', create: true } }), [
        ...good,
        ['write', true],
      ])
      assert.deepEqual(await probe({ auth, subject: 'nowhere' }), [...good, ['stream', true], ['write', false]])
      assert.deepEqual(await probe({ auth, stream: { name: 'none' } }), [...good, ['stream', false]])
      assert.deepEqual(await probe({}), [
        ['name', true],
        ['port', true],
        ['login', false],
      ])
      assert.deepEqual(await probe({ servers: ['127.0.0.1:1'] }), [
        ['name', true],
        ['port', false],
      ])
      assert.deepEqual(await probe({ servers: ['no-such-host.invalid:4222'] }), [['name', false]])
      const seen = JSON.stringify(await server.read('/jsz?streams=true'))
      assert.match(seen, /"name":"P".*?"messages":2,/, 'the two messages of the probes are in the stream')
    }),
  )
})
