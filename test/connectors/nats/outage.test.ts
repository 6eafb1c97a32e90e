import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { Delivery, Intake, Message, Receipt, Sink } from 'trestle/contract'
import { natsOptions } from '../../../connectors/nats/options.ts'
import { NatsSink } from '../../../connectors/nats/sink.ts'
import { NatsSource } from '../../../connectors/nats/source.ts'
import { natsSourceOptions } from '../../../connectors/nats/source-options.ts'
import { type NatsServer, need, startNats } from '../../services/index.ts'
import { connectorContext, deliveries } from '../../support/delivery.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { connectTo, makeStream, readStream } from './nats-reader.ts'

let server: NatsServer
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
const quick = { connect_timeout_ms: 1000, request_timeout_ms: 2000, ping_interval_ms: 500 }

/** Stands for the hub's outbox: oldest first, what was not delivered stays in front, a new sink after `reconnect`. */
async function drain(waiting: Delivery[], make: () => Sink, until: () => boolean): Promise<number> {
  let sink: Sink | null = null
  let reconnects = 0
  while (waiting.length > 0 || !until()) {
    const batch = waiting.slice(0, 300)
    if (batch.length === 0) {
      await pause(5)
      continue
    }
    let receipts: readonly Receipt[] | null = null
    try {
      if (sink === null) {
        sink = make()
        await sink.open()
      }
      receipts = await sink.deliver(batch)
    } catch (thrown) {
      assert.equal((thrown as { retry?: string }).retry, 'reconnect', String(thrown))
    }
    const left = batch.filter((_, at) => receipts?.[at]?.outcome !== 'delivered')
    waiting.splice(0, batch.length, ...left)
    if (left.length === 0) continue
    for (const { error } of receipts ?? []) assert.notEqual(error?.retry, 'never')
    if (receipts === null || receipts.some(({ error }) => error?.retry === 'reconnect')) {
      await sink?.close()
      sink = null
      reconnects++
    }
    await pause(50)
  }
  await sink?.close()
  return reconnects
}

/** Deliveries come at 2,000 a second while `fault` does its work. */
async function underLoad(
  make: () => Sink,
  fault: () => Promise<void>,
): Promise<{ sent: Delivery[]; reconnects: number }> {
  const next = deliveries()
  const sent: Delivery[] = []
  const waiting: Delivery[] = []
  let ended = false
  const feeding = setInterval(() => {
    for (let n = 0; n < 20; n++) {
      const key = `key-${(sent.length * 7) % 10}`
      const delivery = next({ orderKey: key, message: { topic: `s/${key}`, client: 'device' } })
      sent.push(delivery)
      waiting.push(delivery)
    }
  }, 10)
  const draining = drain(waiting, make, () => ended)
  await pause(500)
  await fault()
  await pause(500)
  clearInterval(feeding)
  ended = true
  return { sent, reconnects: await draining }
}

/** Nothing lost, nothing twice, each key in its order. */
async function judge(stream: string, sent: readonly Delivery[]): Promise<void> {
  const ids = (await readStream(server.address, stream)).map(({ headers }) => headers['trestle-id']!)
  assert.equal(new Set(ids).size, sent.length, 'nothing is lost')
  assert.equal(ids.length, sent.length, 'nothing is there twice')
  const places = new Map(ids.map((id, at) => [id, at]))
  const last = new Map<string, number>()
  for (const { id, orderKey } of sent) {
    const place = places.get(id)!
    assert.ok(place > (last.get(orderKey) ?? -1), `${id} is out of order`)
    last.set(orderKey, place)
  }
}

describe('NATS that fails', { skip: await need('nats') }, () => {
  before(async () => {
    server = await startNats()
  })
  after(() => server.stop())

  const sinkOf = (address: string, stream: string) => (): Sink =>
    new NatsSink(
      natsOptions({ servers: [address], subject_prefix: stream, stream: { name: stream }, ...quick }),
      connectorContext('/none'),
    )

  test('A3 A4: a server that is killed and comes back has all that was delivered, once, in order', async () => {
    await makeStream(server.address, { name: 'killed', subjects: ['killed.>'] })
    const { sent, reconnects } = await underLoad(sinkOf(server.address, 'killed'), async () => {
      for (let kill = 0; kill < 2; kill++) {
        await server.kill()
        await pause(300)
        await server.restart()
        await pause(700)
      }
    })
    assert.ok(reconnects >= 2)
    await judge('killed', sent)
  })

  test('A3 A4: answers that get lost, and a line that is silent, leave nothing twice and nothing out of order', async () => {
    await makeStream(server.address, { name: 'silent', subjects: ['silent.>'] })
    const proxy = await FaultProxy.create(server.port)
    try {
      const { sent, reconnects } = await underLoad(sinkOf(`127.0.0.1:${proxy.port}`, 'silent'), async () => {
        proxy.drop()
        await pause(2500)
        proxy.heal()
        await pause(1500)
      })
      assert.ok(reconnects >= 1)
      await judge('silent', sent)
    } finally {
      await proxy.close()
    }
  })

  test('A9: a source whose server is killed hands in all of the stream, once, in order, and acknowledges it', async () => {
    await makeStream(server.address, { name: 'read', subjects: ['read.>'] })
    const context = connectorContext('/reader')
    const options = natsOptions({ servers: [server.address], ...quick })
    const wanted = natsSourceOptions({ publish: '${topic}', stream: 'read', durable: 'd', max_unsettled: 500 })
    const taken: Message[] = []
    let lost = 0
    let source: NatsSource | null = null
    let ended = false
    const door = (): Intake => ({
      take: async (messages) => {
        taken.push(...messages)
        await pause(5)
        return messages.map(() => ({ outcome: 'stored', error: null, place: null }) as const)
      },
      lost: () => {
        lost++
        void again()
      },
    })
    /** As the hub does: closes what was lost, and opens anew until it works. */
    async function again(): Promise<void> {
      const old = source
      source = null
      await old?.close()
      while (!ended) {
        const made = new NatsSource(options, wanted, context)
        source = made
        try {
          await made.open(door())
          return
        } catch {
          await made.close()
          await pause(200)
        }
      }
    }
    await again()
    let connection = await connectTo(server.address)
    let sent = 0
    const send = async (count: number): Promise<void> => {
      const js = jetstream(connection)
      for (let n = 0; n < count; n++) await js.publish(`read.key-${sent % 5}`, String(sent++))
    }
    const reached = async (count: number): Promise<void> => {
      for (let tries = 0; taken.length < count && tries < 400; tries++) await pause(25)
    }
    try {
      await send(1000)
      for (let kill = 0; kill < 2; kill++) {
        // It reads when the server dies, with messages in hand.
        await reached(sent - 300)
        await connection.close()
        await server.kill()
        await pause(200)
        await server.restart()
        connection = await connectTo(server.address)
        await send(1000)
      }
      await reached(sent)
      await pause(300)
      assert.ok(lost >= 2)
      assert.deepEqual(
        taken.map(({ payload }) => Number(Buffer.from(payload).toString())),
        Array.from({ length: sent }, (_, n) => n),
      )
    } finally {
      ended = true
      await (source as NatsSource | null)?.close()
    }
    const state = JSON.stringify(await server.read('/jsz?consumers=true'))
    assert.match(state, /"num_ack_pending":0,[^{}]*"num_pending":0/)
    await connection.close()
  })

  test('A9 A4: what a hub had in hand when it died comes again at once, first, and in order', async () => {
    await makeStream(server.address, { name: 'died', subjects: ['died.>'] })
    const proxy = await FaultProxy.create(server.port)
    const wanted = natsSourceOptions({ publish: '${topic}', stream: 'died', durable: 'd', subjects: ['died.a.*'] })
    const sourceAt = (address: string, folder: string): NatsSource =>
      new NatsSource(natsOptions({ servers: [address], ...quick }), wanted, connectorContext(folder))
    const connection = await connectTo(server.address)
    const js = jetstream(connection)
    const send = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n++) {
        await js.publish(`died.a.${n % 3}`, String(n))
        await js.publish('died.other', 'x')
      }
    }
    await send(0, 30)
    const first: Message[] = []
    const dead = sourceAt(`127.0.0.1:${proxy.port}`, '/one')
    await dead.open({
      take: async (messages) => {
        first.push(...messages)
        // The first ten are answered for, the others never.
        if (first.length <= 10) return messages.map(() => ({ outcome: 'stored', error: null, place: null }) as const)
        return new Promise(() => {})
      },
      lost: () => {},
    })
    for (let tries = 0; first.length < 30 && tries < 100; tries++) await pause(20)
    await proxy.close()
    await send(30, 40)
    const second: number[] = []
    const alive = sourceAt(server.address, '/two')
    const started = Date.now()
    await alive.open({
      take: async (messages) => {
        second.push(...messages.map(({ payload }) => Number(Buffer.from(payload).toString())))
        return messages.map(() => ({ outcome: 'stored', error: null, place: null }) as const)
      },
      lost: () => {},
    })
    for (let tries = 0; second.at(-1) !== 39 && tries < 200; tries++) await pause(20)
    assert.ok(Date.now() - started < 5000, 'it did not wait for ack_wait')
    assert.deepEqual(
      second,
      Array.from({ length: second.length }, (_, n) => 40 - second.length + n),
    )
    assert.ok(second.length >= 10)
    await alive.close()
    await dead.close()
    await connection.close()
  })

  test('A4: what the server sent to a reader that is dead, and does not know it, comes in order when its request has ended', async () => {
    await makeStream(server.address, { name: 'dead', subjects: ['dead.>'] })
    const connection = await connectTo(server.address)
    const js = jetstream(connection)
    const manager = await jetstreamManager(connection)
    const config = { durable_name: 'd', ack_policy: AckPolicy.Explicit, ack_wait: 60_000_000_000 }
    await manager.consumers.add('dead', config)
    // It stands for a connection whose end the server has not heard of.
    connection.subscribe('dead-inbox', { callback: () => {} })
    const ask = JSON.stringify({ batch: 100, expires: 2_000_000_000 })
    connection.publish('$JS.API.CONSUMER.MSG.NEXT.dead.d', ask, { reply: 'dead-inbox' })
    for (let n = 0; n < 10; n++) await js.publish('dead.a', String(n))
    const read: number[] = []
    const source = new NatsSource(
      natsOptions({ servers: [server.address], ...quick }),
      natsSourceOptions({ publish: '${topic}', stream: 'dead', durable: 'd', ack_wait_ms: 60_000 }),
      connectorContext('/dead'),
    )
    await source.open({
      take: async (messages) => {
        read.push(...messages.map(({ payload }) => Number(Buffer.from(payload).toString())))
        return messages.map(() => ({ outcome: 'stored', error: null, place: null }) as const)
      },
      lost: () => {},
    })
    for (let n = 10; n < 20; n++) await js.publish('dead.a', String(n))
    for (let tries = 0; read.length < 20 && tries < 200; tries++) await pause(50)
    assert.deepEqual(
      read,
      Array.from({ length: 20 }, (_, n) => n),
    )
    await source.close()
    await connection.close()
  })
})
