import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import mqtt from 'mqtt'
import type { Message } from 'trestle/contract'
import { mqttOptions } from '../../../connectors/mqtt/options.ts'
import { probeMqtt } from '../../../connectors/mqtt/probe.ts'
import { MqttSink } from '../../../connectors/mqtt/sink.ts'
import { MqttSource } from '../../../connectors/mqtt/source.ts'
import { mqttSourceOptions } from '../../../connectors/mqtt/source-options.ts'
import { type MosquittoServer, makeCertificate, need, startMosquitto, waitFor } from '../../services/index.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { HeldIntake } from '../../support/held-intake.ts'
import { MosquittoReader } from '../../support/mosquitto-reader.ts'

const skip = await need('mosquitto')
const folder = (): string => mkdtempSync(join(tmpdir(), 'trestle-mqtt-'))
let made = 0
const contextOf = () => ({ ...connectorContext(folder()), name: `peer-${++made}` })

/** What one of our sources takes at this server while `work` runs. */
async function hearing(
  options: object,
  source: object,
  work: (intake: HeldIntake, source: MqttSource) => Promise<void>,
  context = contextOf(),
): Promise<void> {
  const intake = new HeldIntake()
  const opened = new MqttSource(mqttOptions(options), mqttSourceOptions(source), context)
  await opened.open(intake)
  try {
    await work(intake, opened)
  } finally {
    await opened.close()
  }
}

async function sending(options: object, work: (sink: MqttSink) => Promise<void>, context = contextOf()): Promise<void> {
  const sink = new MqttSink(mqttOptions(options), context)
  try {
    await sink.open()
    await work(sink)
  } finally {
    await sink.close()
  }
}

const rich: Partial<Message> = {
  topic: 'plants/oslo/ü',
  qos: 2,
  retain: true,
  client: 'device-7',
  timeMs: Date.now() - 2500,
  properties: {
    payloadFormat: 1,
    expirySeconds: 60,
    contentType: 'application/json; charset=utf-8',
    responseTopic: 'answers/ü',
    correlationData: new Uint8Array([0, 1, 2, 254, 255]),
    user: [
      ['trestle-hops', 'first second'],
      ['n', '1'],
      ['n', '2'],
      ['', 'empty name'],
      ['ä b*', '100 %20'],
      ['mqtt-topic', 'not what it seems'],
      ['mqtt-user-x', 'y'],
      ['trestle-id', 'mine'],
      ['content-type', 'of the device'],
      ['n', '1'],
    ],
  },
}

describe('the MQTT bridge at Mosquitto', { skip }, () => {
  let server: MosquittoServer
  let at: { server: string }
  before(async () => {
    server = await startMosquitto({
      users: { hub: 'right', guest: 'guest' },
      acl: ['user hub', 'topic readwrite #', 'user guest', 'topic readwrite open/#'],
      tls: await makeCertificate(folder()),
      webSocket: true,
      settings: ['max_packet_size 100000'],
    })
    at = { server: `mqtt://hub@127.0.0.1:${server.port}` }
  })
  after(() => server.stop())
  const login = { username: 'hub', password: 'right' }
  const given = (more: object = {}): object => ({ ...at, ...login, ...more })
  const eyes = (filter: string): Promise<MosquittoReader> =>
    MosquittoReader.open(server.port, filter, '-u', 'hub', '-P', 'right')

  for (const fixed of ['follow', 1] as const) {
    test(`A11: out and in again changes nothing but the hop list (qos: ${fixed})`, async () => {
      const topic = `round/${fixed}`
      const source = { filters: [`${topic}/#`], publish: '${mqtt.topic}' }
      await hearing(given(), source, async (intake) => {
        const delivery = deliveries()({ target: `${topic}/x`, message: rich, payload: '{"a":1}' })
        await sending(given({ qos: fixed }), async (sink) => {
          assert.deepEqual(
            (await sink.deliver([delivery])).map(({ outcome }) => outcome),
            ['delivered'],
          )
        })
        await waitFor('the message', 5000, () => intake.taken.length === 1)
        const { source: from, username, ...message } = intake.taken[0]!
        assert.match(from!, /^peer-/)
        assert.equal(username, null)
        const { correlationData, ...properties } = message.properties!
        assert.deepEqual([...correlationData!], [0, 1, 2, 254, 255])
        const { correlationData: _sent, ...wanted } = structuredClone(rich.properties!)
        wanted.user = wanted.user!.map(([name, value]) => [name, name === 'trestle-hops' ? `${value} hub` : value])
        assert.deepEqual(properties, wanted)
        assert.equal(Buffer.from(message.payload).toString(), '{"a":1}')
        const { topic: name, qos, retain, client, timeMs } = message
        assert.deepEqual(
          { topic: name, qos, retain, client, timeMs },
          { topic: rich.topic, qos: 2, retain: true, client: 'device-7', timeMs: rich.timeMs },
        )
      })
    })
  }

  test('A11: an independent client sees the properties of MQTT 5 as such, and the remaining expiry', async () => {
    const reader = await eyes('seen/#')
    await sending(given(), async (sink) => {
      await sink.deliver([deliveries()({ target: 'seen/x', message: rich, headers: [['plant', 'oslo']] })])
    })
    const [message] = await reader.until(1)
    await reader.close()
    assert.equal(message!.qos, 2)
    const properties = message!.properties!
    assert.equal(properties['content-type'], 'application/json; charset=utf-8')
    assert.equal(properties['response-topic'], 'answers/ü')
    assert.equal(properties['payload-format-indicator'], 1)
    const left = properties['message-expiry-interval']!
    assert.ok(left >= 55 && left <= 58, `${left} s are left`)
    const user = properties['user-properties']!
    assert.deepEqual(
      [user['trestle-id'], user['trestle-hops'], user['mqtt-client'], user['mqtt-topic'], user['plant']],
      ['hub-1-0', 'first second hub', 'device-7', 'plants/oslo/ü', 'oslo'],
    )
  })

  for (const version of ['5', '3.1.1']) {
    for (const [name, server_] of [
      ['TLS', () => `mqtts://127.0.0.1:${server.tlsPort}`],
      ['WebSocket', () => `ws://127.0.0.1:${server.webSocketPort}/mqtt`],
    ] as const) {
      test(`goes over ${name} both ways in MQTT ${version}, also with large messages`, async () => {
        const options = given({ server: server_(), version, qos: 1, tls: { reject_unauthorized: false } })
        await hearing(options, { filters: [`way/${name}/#`] }, async (intake) => {
          await sending(options, async (sink) => {
            const make = deliveries()
            const payloads = ['small', 'x'.repeat(70_000), 'last']
            const receipts = await sink.deliver(payloads.map((payload) => make({ target: `way/${name}/a`, payload })))
            assert.ok(receipts.every(({ outcome }) => outcome === 'delivered'))
            await waitFor('all', 5000, () => intake.values.length === 3)
            assert.deepEqual(intake.values, payloads)
          })
        })
      })
    }
  }

  test('says that a certificate is not trusted, and what to do', async () => {
    const sink = new MqttSink(mqttOptions(given({ server: `mqtts://127.0.0.1:${server.tlsPort}` })), contextOf())
    await assert.rejects(sink.open(), {
      code: 'E601',
      detail: { place: `127.0.0.1:${server.tlsPort}`, advice: 'name the certificate in tls.ca' },
    })
    await sink.close()
    const plain = new MqttSink(mqttOptions(given({ server: `mqtts://127.0.0.1:${server.port}` })), contextOf())
    await assert.rejects(plain.open(), { code: 'E601' })
    await plain.close()
  })

  for (const version of ['5', '3.1.1']) {
    test(`says that the password is wrong, in MQTT ${version}, and does not say the password`, async () => {
      const options = mqttOptions(given({ version, password: 'secret-wrong' }))
      const sink = new MqttSink(options, contextOf())
      await assert.rejects(sink.open(), (error: Error & { code: string; detail: { advice: string } }) => {
        assert.equal(error.code, 'E602')
        assert.match(error.detail.advice, /password/)
        assert.doesNotMatch(JSON.stringify(error), /secret-wrong/)
        return true
      })
      await sink.close()
      const source = new MqttSource(options, mqttSourceOptions({ filters: ['a'] }), contextOf())
      await assert.rejects(source.open(new HeldIntake()), { code: 'E602' })
      await source.close()
    })
  }

  test('A5: a publish the server does not permit is tried again later, in the server’s words; others go on', async () => {
    const guest = given({ username: 'guest', password: 'guest', qos: 1 })
    await sending(guest, async (sink) => {
      const make = deliveries()
      const batch = [make({ target: 'closed/a', orderKey: 'a' }), make({ target: 'open/a', orderKey: 'b' })]
      const [closed, open] = await sink.deliver(batch)
      assert.deepEqual([closed!.error?.code, closed!.error?.retry], ['E603', 'later'])
      assert.match(closed!.error!.message, /not authorized/)
      // Mosquitto 2.0.11 ends the connection behind such a PUBACK.
      if (open!.error?.code === 'E601') {
        const [again] = await sink.deliver([batch[1]!])
        assert.equal(again!.outcome, 'delivered')
      } else assert.equal(open!.outcome, 'delivered')
    })
  })

  test('what is too large for the server is refused; in MQTT 5 it never leaves', async () => {
    await sending(given({ qos: 1 }), async (sink) => {
      const make = deliveries()
      const batch = [make({ target: 'a', payload: 'x'.repeat(200_000) }), make({ target: 'a' })]
      const [large, small] = await sink.deliver(batch)
      assert.deepEqual([large!.outcome, large!.error?.code], ['refused', 'E605'])
      assert.equal(small!.outcome, 'delivered')
    })
  })

  test('A10: in MQTT 3.1.1 a connector does not take back what it has published, and takes the same from others', async () => {
    const context = contextOf()
    const options = given({ version: '3.1.1', qos: 1 })
    const other = await mqtt.connectAsync(`mqtt://127.0.0.1:${server.port}`, login)
    await hearing(
      options,
      { filters: ['echo/#'] },
      async (intake) => {
        await sending(
          options,
          async (sink) => {
            const make = deliveries()
            const same = { target: 'echo/a', payload: 'same' }
            await sink.deliver([make(same), make({ target: 'echo/b', payload: 'own' }), make(same)])
            await other.publishAsync('echo/a', 'same')
            await other.publishAsync('echo/c', 'last')
            await waitFor('the last', 5000, () => intake.values.includes('last'))
            assert.deepEqual(intake.values, ['same', 'last'])
          },
          context,
        )
      },
      context,
    )
    await other.endAsync()
  })

  test('members of a group share what comes, and each message comes to one of them', async () => {
    const source = { filters: ['shared/#'], share: 'group' }
    await hearing(given(), source, async (one) => {
      await hearing(given(), source, async (two) => {
        await sending(given({ qos: 1 }), async (sink) => {
          const make = deliveries()
          await sink.deliver(Array.from({ length: 20 }, (_, n) => make({ target: 'shared/a', payload: String(n) })))
        })
        await waitFor('all', 5000, () => one.values.length + two.values.length === 20)
        assert.ok(one.values.length > 0 && two.values.length > 0)
        assert.equal(new Set([...one.values, ...two.values]).size, 20)
      })
    })
  })

  test('ends the subscription to a filter that is no longer wanted, and keeps the session', async () => {
    const context = contextOf()
    const source = (filters: string[]): object => ({ filters, client_id: 'fixed' })
    await hearing(given(), source(['keep/a', 'keep/b']), async () => {}, context)
    await sending(given({ qos: 1 }), async (sink) => {
      await sink.deliver([deliveries()({ target: 'keep/a', payload: 'meanwhile' })])
    })
    await hearing(
      given(),
      source(['keep/a']),
      async (intake) => {
        await sending(given({ qos: 1 }), async (sink) => {
          const make = deliveries()
          await sink.deliver([
            make({ target: 'keep/b', payload: 'gone' }),
            make({ target: 'keep/a', payload: 'there' }),
          ])
        })
        await waitFor('the last', 5000, () => intake.values.includes('there'))
        assert.deepEqual(intake.values, ['meanwhile', 'there'])
      },
      context,
    )
  })

  test('takes retained messages with their flag once, when the subscription is new', async () => {
    const context = contextOf()
    await sending(given({ qos: 1 }), async (sink) => {
      await sink.deliver([deliveries()({ target: 'kept/a', payload: 'kept', message: { retain: true } })])
    })
    const source = { filters: ['kept/#'] }
    const take = (): Promise<boolean[]> =>
      new Promise((settle) => {
        void hearing(
          given(),
          source,
          async (intake) => {
            await new Promise((done) => setTimeout(done, 200))
            settle(intake.taken.map(({ retain }) => retain))
          },
          context,
        )
      })
    assert.deepEqual(await take(), [true])
    await new Promise((done) => setTimeout(done, 100))
    assert.deepEqual(await take(), [])
  })

  test('D6: a probe walks the whole path and brings a message back, and stops at what fails', async () => {
    const walk = async (options: object): Promise<string[]> =>
      (await probeMqtt(mqttOptions(options), contextOf())).map(({ step, ok }) => `${step} ${ok ? 'ok' : 'failed'}`)
    const all = ['name ok', 'port ok', 'login ok', 'subscribe ok', 'publish ok', 'receive ok']
    assert.deepEqual(await walk(given()), all)
    assert.deepEqual(await walk(given({ version: '3.1.1' })), all)
    const secure = given({ server: `mqtts://127.0.0.1:${server.tlsPort}` })
    assert.deepEqual(await walk(secure), ['name ok', 'port ok', 'tls failed'])
    assert.deepEqual(await walk(given({ password: 'wrong' })), ['name ok', 'port ok', 'login failed'])
    const guest = given({ username: 'guest', password: 'guest' })
    assert.equal((await walk(guest)).at(-1), 'publish failed')
    assert.deepEqual(await walk({ ...guest, probe_topic: 'open/probe' }), all)
    assert.deepEqual(await walk(given({ server: 'mqtt://127.0.0.1:1' })), ['name ok', 'port failed'])
    assert.deepEqual(await walk(given({ server: 'mqtt://no-such-host.invalid:1883' })), ['name failed'])
  })
})
