import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt from 'mqtt'
import { Broker } from '../../src/broker/broker.ts'

const clientCount = 20
const messageCount = 300
const faults: string[] = []
const broker = new Broker({ events: (level, event) => level === 'error' && faults.push(event) })
const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
const webPort = await broker.listen({ type: 'websocket', host: '127.0.0.1', port: 0 })
after(() => broker.stop())

/** Every fourth keeps its session and loses its connection now and then; every third comes by WebSocket. */
const keepsSession = (i: number) => i % 4 === 0

function connect(i: number): Promise<mqtt.MqttClient> {
  const url = i % 3 === 2 ? `ws://127.0.0.1:${webPort}/mqtt` : `mqtt://127.0.0.1:${port}`
  return mqtt.connectAsync(url, {
    protocolVersion: i % 2 === 1 ? 4 : 5,
    clientId: `soak-${i}`,
    clean: !keepsSession(i),
    reconnectPeriod: 20,
    ...(i % 2 === 0 ? { properties: { sessionExpiryInterval: 60 } } : {}),
  })
}

test('with connections breaking all the time QoS 1 arrives at least once, QoS 2 exactly once, both in order', async () => {
  const clients = await Promise.all(Array.from({ length: clientCount }, (_, i) => connect(i)))
  const got = clients.map(() => new Map<string, number[]>())
  clients.forEach((client, i) => {
    client.on('message', (topic, payload) => {
      const list = got[i]!.get(topic) ?? []
      got[i]!.set(topic, list)
      list.push(Number.parseInt(payload.toString(), 10))
    })
  })
  await Promise.all(clients.map((client, i) => client.subscribeAsync(i % 5 === 0 ? 's/#' : `s/${i}/+`, { qos: 2 })))

  const publishAll = async (client: mqtt.MqttClient, i: number) => {
    const sending: Promise<unknown>[] = []
    for (let k = 0; k < messageCount; k++) {
      const qos = (1 + (k % 2)) as 1 | 2
      const text = `${k} ${'x'.repeat(k % 300)}`
      sending.push(client.publishAsync(`s/${(i + k) % clientCount}/${i}-q${qos}`, text, { qos }))
      if (k % 10 === 0) await sending.at(-1)
      if (k % 97 === 50 && keepsSession(i)) (client.stream as unknown as { destroy(): void }).destroy()
    }
    await Promise.all(sending)
  }
  await Promise.all(clients.map(publishAll))

  // Four subscribe to all; of the others each to its own.
  const wanted = clientCount * messageCount * 4 + clientCount * messageCount * 0.8
  const distinct = () =>
    got.reduce((sum, topics) => sum + [...topics.values()].reduce((n, list) => n + new Set(list).size, 0), 0)
  for (let i = 0; i < 300 && distinct() < wanted; i++) await sleep(20)
  assert.equal(distinct(), wanted)
  for (const topics of got) {
    for (const [topic, list] of topics) {
      if (topic.endsWith('q2')) assert.equal(new Set(list).size, list.length, `${topic} came twice`)
      const firsts = [...new Set(list)]
      assert.deepEqual(
        firsts,
        firsts.toSorted((a, b) => a - b),
        `${topic} is out of order`,
      )
    }
  }
  assert.deepEqual(faults, [])
  for (const client of clients) client.end(true)
})
