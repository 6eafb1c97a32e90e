import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { IPublishPacket } from 'mqtt-packet'
import type { Delivery, Receipt } from 'trestle/contract'
import { mqttOptions } from '../../../connectors/mqtt/options.ts'
import { MqttSink } from '../../../connectors/mqtt/sink.ts'
import { waitFor } from '../../services/index.ts'
import { connectorContext, deliveries, type Shape } from '../../support/delivery.ts'
import { confirm, type Peer, type Script, ScriptedServer } from './scripted-server.ts'

interface Bench {
  server: ScriptedServer
  sink: MqttSink
  context: ReturnType<typeof connectorContext>
  next(shape?: Shape): Delivery
}

/** A sink at a server that follows a script. */
const using = (script: Script, options: object, work: (bench: Bench) => Promise<void>) => async (): Promise<void> => {
  const server = await ScriptedServer.start(script)
  const context = connectorContext(mkdtempSync(join(tmpdir(), 'trestle-mqtt-')))
  const sink = new MqttSink(mqttOptions({ server: `mqtt://127.0.0.1:${server.port}`, ...options }), context)
  try {
    await work({ server, sink, context, next: deliveries() })
  } finally {
    await sink.close()
    await server.stop()
  }
}

const opened = (script: Script, options: object, work: (bench: Bench) => Promise<void>) =>
  using(script, options, async (bench) => {
    await bench.sink.open()
    await work(bench)
  })

const told = ({ outcome, error }: Receipt): string =>
  error === null ? outcome : `${outcome} ${error.code} ${error.retry}`
const topicsOf = (packets: readonly IPublishPacket[]): string[] => packets.map(({ topic }) => topic)

describe('the MQTT sink', () => {
  const codes: [code: number, receipt: string][] = [
    [0x00, 'delivered'],
    [0x10, 'delivered'],
    [0x80, 'failed E607 later'],
    [0x83, 'failed E607 later'],
    [0x87, 'failed E603 later'],
    [0x90, 'refused E606 never'],
    [0x97, 'failed E607 later'],
    [0x99, 'refused E606 never'],
    [0x9a, 'refused E606 never'],
  ]
  for (const qos of [1, 2] as const) {
    const script: Script = { onPublish: (packet, peer) => confirm(packet, peer, Number(packet.topic), 'as it says') }
    test(
      `A5: gives every reason code of QoS ${qos} its class, with the server's own words`,
      opened(script, { qos }, async ({ sink, next }) => {
        const batch = codes.map(([code], at) => next({ target: String(code), orderKey: `${at}` }))
        const receipts = await sink.deliver(batch)
        assert.deepEqual(
          receipts.map(told),
          codes.map(([, receipt]) => receipt),
        )
        for (const { error } of receipts) if (error !== null) assert.match(error.message, /as it says/)
      }),
    )
  }

  test(
    'A4: lets nothing later of a key count as delivered before what was refused for now; other keys go on',
    (() => {
      let refusals = 1
      const onPublish = (packet: IPublishPacket, peer: Peer): void => {
        const refused = packet.topic === 'a/2' && refusals-- > 0
        confirm(packet, peer, refused ? 0x97 : 0)
      }
      return opened({ onPublish }, { qos: 1 }, async ({ sink, server, next }) => {
        const batch = ['a/1', 'a/2', 'b/1', 'a/3', 'b/2'].map((target) => next({ target, orderKey: target[0]! }))
        const receipts = await sink.deliver(batch)
        const failed = 'failed E607 later'
        assert.deepEqual(receipts.map(told), ['delivered', failed, 'delivered', failed, 'delivered'])
        const again = await sink.deliver([batch[1]!, batch[3]!])
        assert.deepEqual(again.map(told), ['delivered', 'delivered'])
        assert.deepEqual(topicsOf(server.published).slice(-2), ['a/2', 'a/3'])
      })
    })(),
  )

  test(
    'A4: does not release a message of QoS 2 behind one of its key that was refused for now; it is sent once',
    (() => {
      let refusals = 1
      const onPublish = (packet: IPublishPacket, peer: Peer): void => {
        const refused = packet.topic === 'a/1' && refusals-- > 0
        confirm(packet, peer, refused ? 0x97 : 0)
      }
      return opened({ onPublish }, { qos: 2 }, async ({ sink, server, next }) => {
        const batch = ['a/1', 'a/2', 'b/1'].map((target) => next({ target, orderKey: target[0]! }))
        assert.deepEqual((await sink.deliver(batch)).map(told), ['failed E607 later', 'failed E607 later', 'delivered'])
        assert.equal(server.packets.filter(({ cmd }) => cmd === 'pubrel').length, 1)
        const again = await sink.deliver(batch.slice(0, 2))
        assert.deepEqual(again.map(told), ['delivered', 'delivered'])
        assert.deepEqual(topicsOf(server.published), ['a/1', 'a/2', 'b/1', 'a/1'])
      })
    })(),
  )

  test(
    'A3: sends a message of QoS 2 again under its identifier with DUP when the connection was lost, and only releases what the server has',
    (() => {
      const script: Script = { connack: { sessionPresent: true } }
      let silent = true
      script.onPublish = (packet, peer) => {
        if (!silent || packet.topic === 'a/1') confirm(packet, peer)
      }
      script.onOther = (packet, peer) => {
        if (packet.cmd !== 'pubrel' || !silent) return false
        peer.destroy()
        return true
      }
      return opened(script, { qos: 2 }, async ({ sink, server, next }) => {
        const batch = [next({ target: 'a/1' }), next({ target: 'a/2' })]
        await assert.rejects(sink.deliver(batch), { code: 'E601', retry: 'reconnect' })
        silent = false
        server.packets.length = 0
        assert.deepEqual((await sink.deliver(batch)).map(told), ['delivered', 'delivered'])
        const [first, second] = server.published
        const sent = server.packets.filter(({ cmd }) => cmd === 'publish' || cmd === 'pubrel')
        assert.deepEqual(
          sent.map(({ cmd, messageId }) => [cmd, messageId]),
          [
            ['pubrel', first!.messageId],
            ['publish', second!.messageId],
            ['pubrel', second!.messageId],
          ],
        )
        assert.equal(server.published.at(-1)!.dup, true)
        assert.equal(second!.dup, false)
      })
    })(),
  )

  test(
    'A3: sends again what a server that lost the session may never have published',
    (() => {
      let silent = true
      const onOther: Script['onOther'] = (packet, peer) => {
        if (packet.cmd !== 'pubrel' || !silent) return false
        peer.destroy()
        return true
      }
      return opened({ onOther }, { qos: 2 }, async ({ sink, server, next, context }) => {
        const batch = [next({ target: 'a/1' })]
        await assert.rejects(sink.deliver(batch), { code: 'E601' })
        silent = false
        assert.deepEqual((await sink.deliver(batch)).map(told), ['delivered'])
        assert.deepEqual(topicsOf(server.published), ['a/1', 'a/1'])
        assert.ok(context.lines.some(({ event }) => event === 'mqtt.session-lost'))
      })
    })(),
  )

  test(
    'keeps to the receive maximum of the server and to max_in_flight, and still sends everything',
    (() => {
      const waiting: [IPublishPacket, Peer][] = []
      let most = 0
      const onPublish = (packet: IPublishPacket, peer: Peer): void => {
        waiting.push([packet, peer])
        most = Math.max(most, waiting.length)
        setTimeout(() => {
          const [first, of] = waiting.shift()!
          confirm(first, of)
        }, 2)
      }
      const connack = { properties: { receiveMaximum: 7 } }
      return opened({ onPublish, connack }, { qos: 1, max_in_flight: 20 }, async ({ sink, server, next }) => {
        const batch = Array.from({ length: 60 }, (_, n) => next({ target: `t/${n}`, orderKey: 'a' }))
        const receipts = await sink.deliver(batch)
        assert.ok(receipts.every(({ outcome }) => outcome === 'delivered'))
        assert.equal(most, 7)
        assert.deepEqual(
          topicsOf(server.published),
          batch.map(({ target }) => target),
        )
      })
    })(),
  )

  test(
    'refuses what is larger than the server takes, what is no topic, and what has expired; the rest of the batch goes',
    opened({ connack: { properties: { maximumPacketSize: 500 } } }, { qos: 1 }, async ({ sink, server, next }) => {
      const gone = { timeMs: Date.now() - 10_000, properties: { expirySeconds: 5 } }
      const batch = [
        next({ target: 'a', payload: 'x'.repeat(600) }),
        next({ target: 'a/+' }),
        next({ target: '' }),
        next({ target: 'a', message: gone }),
        next({ target: 'a' }),
      ]
      const receipts = await sink.deliver(batch)
      assert.deepEqual(receipts.map(told), [
        'refused E605 never',
        'refused E606 never',
        'refused E606 never',
        'refused E407 never',
        'delivered',
      ])
      assert.equal(server.published.length, 1)
    }),
  )

  test(
    'goes down to the QoS the server has, and does not set a flag it does not know',
    opened({ connack: { properties: { maximumQoS: 1, retainAvailable: false } } }, {}, async (bench) => {
      const { sink, server, next } = bench
      const receipts = await sink.deliver([next({ target: 'a', message: { qos: 2, retain: true } })])
      assert.deepEqual(receipts.map(told), ['delivered'])
      const [{ qos, retain, properties }] = server.published as [IPublishPacket]
      assert.deepEqual([qos, retain], [1, false])
      const { 'mqtt-qos': was, 'mqtt-retain': wasRetained } = properties!.userProperties as Record<string, string>
      assert.deepEqual([was, wasRetained], ['2', 'true'])
    }),
  )

  test(
    'does not open at a server that takes QoS 0 only, because nothing would be confirmed',
    using({ connack: { properties: { maximumQoS: 0 } as never } }, {}, async ({ sink }) => {
      await assert.rejects(sink.open(), { code: 'E611' })
    }),
  )

  test(
    'shortens topics to as many aliases as both sides allow, and begins anew with each connection',
    opened(
      { connack: { properties: { topicAliasMaximum: 2 } } },
      { qos: 1, topic_alias_maximum: 10 },
      async ({ sink, server, next }) => {
        await sink.deliver(['a', 'b', 'c', 'a', 'b', 'c'].map((target) => next({ target })))
        const aliases = server.published.map(({ topic, properties }) => [topic, properties?.topicAlias])
        assert.deepEqual(aliases, [
          ['a', 1],
          ['b', 2],
          ['c', undefined],
          ['', 1],
          ['', 2],
          ['c', undefined],
        ])
        server.peer!.destroy()
        await waitFor('the end of the connection', 2000, async () => {
          await sink.deliver([next({ target: 'a' })]).catch(() => null)
          return server.published.at(-1)!.topic === 'a'
        })
      },
    ),
  )

  test(
    'gives a connection up on which nothing is confirmed any more',
    opened({ onPublish: () => {} }, { qos: 1, ack_timeout_ms: 200 }, async ({ sink, next }) => {
      await assert.rejects(sink.deliver([next()]), { code: 'E601', message: /no confirmation/ })
    }),
  )

  test(
    'asks for a sign of life and gives a silent connection up',
    opened(
      { onOther: ({ cmd }) => cmd === 'pingreq' },
      { qos: 1, keepalive_s: 1, ack_timeout_ms: 20_000 },
      async ({ sink, server, next }) => {
        const before = server.packets.filter(({ cmd }) => cmd === 'connect').length
        await waitFor('a PINGREQ', 3000, () => server.packets.some(({ cmd }) => cmd === 'pingreq'))
        const connects = (): number => server.packets.filter(({ cmd }) => cmd === 'connect').length
        await new Promise((done) => setTimeout(done, 1500))
        await sink.deliver([next()])
        assert.equal(connects(), before + 1)
      },
    ),
  )

  test(
    'spreads keys over its connections, each with a client id of its own, and keeps to one for a key',
    (() => {
      const byTopic = new Map<string, Set<string>>()
      const onPublish = (packet: IPublishPacket, peer: Peer): void => {
        const clients = byTopic.get(packet.topic) ?? new Set()
        byTopic.set(packet.topic, clients.add(peer.connect.clientId))
        confirm(packet, peer)
      }
      return opened({ onPublish }, { qos: 1, connections: 3 }, async ({ sink, next }) => {
        const batch = Array.from({ length: 90 }, (_, n) => next({ target: `t/${n % 9}`, orderKey: `key-${n % 9}` }))
        await sink.deliver(batch)
        for (const clients of byTopic.values()) assert.equal(clients.size, 1)
        const all = new Set([...byTopic.values()].flatMap((clients) => [...clients]))
        assert.deepEqual([...all].toSorted(), ['trestle-hub-lake-1', 'trestle-hub-lake-2', 'trestle-hub-lake-3'])
      })
    })(),
  )

  test(
    'makes the topic of the message with skip_levels and prefix; a rule that names one has its way',
    opened({}, { qos: 1, skip_levels: 1, prefix: 'sites/' }, async ({ sink, server, next }) => {
      const receipts = await sink.deliver([
        next(),
        next({ target: 'named' }),
        next({ message: { topic: 'short' } }),
        next({ options: { qos: 0, retain: true } }),
      ])
      assert.deepEqual(receipts.map(told), ['delivered', 'delivered', 'refused E606 never', 'delivered'])
      await waitFor('all', 2000, () => server.published.length === 3)
      assert.deepEqual(
        server.published.map(({ topic, qos, retain }) => [topic, qos, retain]),
        [
          ['sites/oslo/1', 1, false],
          ['named', 1, false],
          ['sites/oslo/1', 0, true],
        ],
      )
    }),
  )

  for (const [connack, code] of [
    [{ reasonCode: 0x86 }, 'E602'],
    [{ reasonCode: 0x87 }, 'E602'],
    [{ reasonCode: 0x84 }, 'E611'],
    [{ reasonCode: 0x97 }, 'E607'],
    [{ reasonCode: 0x9d, properties: { serverReference: 'other:1883' } }, 'E607'],
  ] as const) {
    test(
      `says what to do when the server answers the login with 0x${connack.reasonCode.toString(16)}`,
      using({ connack }, {}, async ({ sink }) => {
        await assert.rejects(sink.open(), (error: { code: string; detail: { advice?: string } }) => {
          assert.equal(error.code, code)
          assert.ok(error.detail.advice)
          return true
        })
      }),
    )
  }
})
