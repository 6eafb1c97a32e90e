import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import { Broker } from '../../../src/broker/broker.ts'
import { Connection } from '../../../src/broker/connection.ts'
import { type AckWaiter, type PublishFlow, Verdict } from '../../../src/broker/port.ts'
import { TrestleError } from '../../../src/contract/error.ts'
import type { Message } from '../../../src/contract/message.ts'
import { RawClient } from '../raw-client.ts'

/** A flow that does what the topic says, and holds what is pending until the test settles it. */
class ScriptedFlow implements PublishFlow {
  version = 1
  error: TrestleError | null = null
  taken: Message[] = []
  pending: { waiter: AckWaiter | null; token: number; topic: string }[] = []

  lookup(topic: string) {
    return topic.startsWith('rule/') ? { topic } : null
  }

  take(message: Message, _rules: object, waiter: AckWaiter | null, token: number): Verdict {
    this.taken.push({ ...message, payload: Buffer.from(message.payload) })
    const word = message.topic.split('/')[1]
    this.error = null
    if (word === 'accept') return Verdict.Accepted
    if (word === 'throw') throw new Error('a fault of ours')
    if (word === 'refuse') {
      this.error = new TrestleError('E401', 'temperature: must be a number')
      return Verdict.Refused
    }
    if (word === 'quote') {
      this.error = new TrestleError('E402', 'it says "\u0000\n"')
      return Verdict.Refused
    }
    if (word === 'busy') {
      this.error = new TrestleError('E505', 'journal is full')
      return Verdict.Busy
    }
    this.pending.push({ waiter, token, topic: message.topic })
    return word === 'refuse-later' ? Verdict.RefusedPending : Verdict.Pending
  }

  settle(i: number, error: TrestleError | null = null): void {
    const { waiter, token } = this.pending[i]!
    waiter!.settle(token, error)
  }
}

const flow = new ScriptedFlow()
const broker = new Broker({ flow, limits: { receiveMaximum: 20 } })
const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: 0 })
after(() => broker.stop())

const message = (topic: string, qos: 0 | 1 | 2): Message => ({
  topic,
  payload: Buffer.from('x'),
  qos,
  retain: false,
  properties: null,
  client: 'api',
  username: null,
  source: null,
  timeMs: 0,
})

const reset = () => {
  flow.taken = []
  flow.pending = []
}

describe('a publish that the flow accepts at once', () => {
  for (const version of [3, 4, 5] as const) {
    test(`is routed and acknowledged, version ${version}`, async () => {
      reset()
      const subscriber = await RawClient.connect(port, version)
      await subscriber.subscribe('rule/accept/#', 2)
      const client = await RawClient.connect(port, version)
      client.publish({ topic: 'rule/accept/a', qos: 1, packetId: 9 })
      assert.equal((await client.next('puback')).packetId, 9)
      assert.equal((await subscriber.next('publish')).topic, 'rule/accept/a')
      assert.equal(flow.taken.length, 1)
      client.publish({ topic: 'rule/accept/a', qos: 2, packetId: 10 })
      assert.equal((await client.next('pubrec')).packetId, 10)
      client.send({ type: 'pubrel', packetId: 10, reason: 0, properties: null })
      assert.equal((await client.next('pubcomp')).packetId, 10)
      client.kill()
      subscriber.kill()
    })
  }
})

describe('A1: a publish that waits for the flow', () => {
  test('is routed at once and acknowledged only when it is settled', async () => {
    reset()
    const subscriber = await RawClient.connect(port)
    await subscriber.subscribe('rule/wait')
    const client = await RawClient.connect(port)
    client.publish({ topic: 'rule/wait', qos: 1, packetId: 1 })
    await subscriber.next('publish')
    assert.deepEqual(await client.settle(), [], 'no PUBACK yet')
    flow.settle(0)
    assert.equal((await client.next('puback')).packetId, 1)
    client.kill()
    subscriber.kill()
  })

  test('answers leave in the order of the publishes, those accepted at once included [MQTT-4.6.0-2, -3]', async () => {
    reset()
    const client = await RawClient.connect(port)
    client.publish({ topic: 'rule/wait', qos: 1, packetId: 1 })
    client.publish({ topic: 'rule/wait', qos: 2, packetId: 2 })
    client.publish({ topic: 'free', qos: 1, packetId: 3 })
    client.publish({ topic: 'rule/accept', qos: 1, packetId: 4 })
    client.publish({ topic: 'rule/wait', qos: 1, packetId: 5 })
    await client.settle()
    flow.settle(2)
    flow.settle(1)
    assert.deepEqual(await client.settle(), [])
    flow.settle(0)
    const answers = await client.settle()
    assert.deepEqual(
      answers.map((packet) => [packet.type, (packet as { packetId: number }).packetId]),
      [
        ['puback', 1],
        ['pubrec', 2],
        ['puback', 3],
        ['puback', 4],
        ['puback', 5],
      ],
    )
    client.kill()
  })

  test('settles without harm after its connection has gone', async () => {
    reset()
    const client = await RawClient.connect(port)
    client.publish({ topic: 'rule/wait', qos: 1, packetId: 1 })
    await client.settle()
    client.kill()
    await client.closed()
    await new Promise((resolve) => setTimeout(resolve, 30))
    flow.settle(0)
  })
})

test('A7: a connection that is gone is let go, however long its publishes wait for the flow', async () => {
  reset()
  const connections = () => queryObjects(Connection, { format: 'count' })
  const before = connections()
  for (let i = 0; i < 5; i++) {
    const client = await RawClient.connect(port)
    for (const qos of [1, 2] as const) client.publish({ topic: 'rule/wait', qos, packetId: qos })
    await client.settle()
    client.kill()
  }
  assert.equal(flow.pending.length, 10)
  for (let waited = 0; broker.report().connections > 0 && waited < 2000; waited += 10) await sleep(10)
  await sleep(10)
  assert.ok(connections() <= before + 1, 'the last one may lie on the stack of the event loop')
  for (let i = 0; i < 10; i++) flow.settle(i)
})

describe('A1 B6: a refused publish', () => {
  test('tells an MQTT 5 client the code and the reason, at QoS 1 and 2, and routes nothing', async () => {
    reset()
    const subscriber = await RawClient.connect(port, 5)
    await subscriber.subscribe('rule/#', 2)
    const client = await RawClient.connect(port, 5)
    client.publish({ topic: 'rule/refuse', qos: 1, packetId: 1 })
    const puback = await client.next('puback')
    assert.equal(puback.reason, 0x99)
    assert.equal(puback.properties?.reasonString, 'temperature: must be a number')
    client.publish({ topic: 'rule/refuse', qos: 2, packetId: 2 })
    assert.equal((await client.next('pubrec')).reason, 0x99)
    assert.deepEqual(await subscriber.settle(), [])
    client.kill()
    subscriber.kill()
  })

  test('is told in text that MQTT allows, whatever the reason quotes', async () => {
    reset()
    const client = await RawClient.connect(port, 5)
    client.publish({ topic: 'rule/quote', qos: 1, packetId: 1 })
    assert.equal((await client.next('puback')).properties?.reasonString, 'it says "  "')
    client.kill()
  })

  test('gives a 3.1.1 client its ordinary answer, so that it does not send for ever', async () => {
    reset()
    const client = await RawClient.connect(port)
    client.publish({ topic: 'rule/refuse', qos: 1, packetId: 1 })
    assert.equal((await client.next('puback')).packetId, 1)
    client.publish({ topic: 'rule/refuse', qos: 2, packetId: 2 })
    await client.next('pubrec')
    client.send({ type: 'pubrel', packetId: 2, reason: 0, properties: null })
    await client.next('pubcomp')
    client.kill()
  })

  test('is answered when it is safe in the dead letters, not before, and is not routed', async () => {
    reset()
    const subscriber = await RawClient.connect(port)
    await subscriber.subscribe('rule/#')
    const client = await RawClient.connect(port, 5)
    client.publish({ topic: 'rule/refuse-later', qos: 1, packetId: 1 })
    assert.deepEqual(await client.settle(), [])
    flow.settle(0, new TrestleError('E402', 'not JSON'))
    assert.equal((await client.next('puback')).reason, 0x99)
    assert.deepEqual(await subscriber.settle(), [])
    client.kill()
    subscriber.kill()
  })

  test('has no reason string when the client does not want one, or has no room for it', async () => {
    reset()
    const quiet = await RawClient.connect(port, 5, { properties: { requestProblemInformation: false } })
    quiet.publish({ topic: 'rule/refuse', qos: 1, packetId: 1 })
    assert.equal((await quiet.next('puback')).properties, null)
    const small = await RawClient.connect(port, 5, { properties: { maximumPacketSize: 30 } })
    small.publish({ topic: 'rule/refuse', qos: 1, packetId: 1 })
    const puback = await small.next('puback')
    assert.equal(puback.reason, 0x99)
    assert.equal(puback.properties, null)
    quiet.kill()
    small.kill()
  })
})

describe('A1: a publish that cannot be taken now', () => {
  test('tells an MQTT 5 client, and leaves a 3.1.1 client without an answer', async () => {
    reset()
    const five = await RawClient.connect(port, 5)
    five.publish({ topic: 'rule/busy', qos: 1, packetId: 1 })
    assert.equal((await five.next('puback')).reason, 0x97)
    const four = await RawClient.connect(port)
    four.publish({ topic: 'rule/busy', qos: 1, packetId: 1 })
    four.publish({ topic: 'free', qos: 1, packetId: 2 })
    assert.deepEqual(
      (await four.settle()).map((packet) => (packet as { packetId: number }).packetId),
      [2],
    )
    five.kill()
    four.kill()
  })

  test('parts a 3.1.1 client from its connection, and is taken anew when it sends it again on the next', async () => {
    reset()
    const wish = { clientId: 'stubborn', cleanStart: false }
    const client = await RawClient.connect(port, 4, wish)
    client.publish({ topic: 'rule/busy', qos: 2, packetId: 1 })
    assert.deepEqual(await client.settle(), [])
    await client.closed(3000)
    const again = await RawClient.connect(port, 4, wish)
    again.publish({ topic: 'rule/busy', qos: 2, packetId: 1, dup: true })
    assert.deepEqual(await again.settle(), [])
    assert.equal(flow.taken.length, 2)
    again.kill()
  })

  test('keeps the connection of an MQTT 5 client, which has been told', async () => {
    reset()
    const client = await RawClient.connect(port, 5)
    client.publish({ topic: 'rule/busy', qos: 1, packetId: 1 })
    await client.next('puback')
    await new Promise((resolve) => setTimeout(resolve, 1500))
    client.publish({ topic: 'free', qos: 1, packetId: 2 })
    assert.equal((await client.next('puback')).packetId, 2)
    client.kill()
  })
})

describe('A8: what nobody will send again, and cannot be taken now, is counted', () => {
  const lost = () => broker.report().dropped['journal'] ?? 0
  const until = async (count: number) => {
    for (let waited = 0; lost() < count && waited < 2000; waited += 10) await sleep(10)
    assert.equal(lost(), count)
  }

  test('QoS 0, of a client and of what is in this process', async () => {
    reset()
    const before = lost()
    const client = await RawClient.connect(port)
    client.publish({ topic: 'rule/busy' })
    client.publish({ topic: 'rule/busy', qos: 1, packetId: 1 })
    client.publish({ topic: 'rule/refuse' })
    await client.settle()
    assert.equal(lost(), before + 1)
    broker.accept(message('rule/busy', 0), null, 0)
    broker.accept(message('rule/busy', 1), { settle: () => {} }, 0)
    assert.equal(lost(), before + 2)
    client.kill()
  })

  for (const qos of [0, 1, 2] as const) {
    test(`a will of QoS ${qos}`, async () => {
      reset()
      const before = lost()
      const will = { topic: 'rule/busy', payload: Buffer.from('gone'), qos, retain: false, properties: null }
      const client = await RawClient.connect(port, 4, { will })
      client.kill()
      await until(before + 1)
    })
  }

  test('a will whose write fails later, but not one that a rule refuses', async () => {
    reset()
    const before = lost()
    for (const topic of ['rule/wait', 'rule/refuse-later']) {
      const will = { topic, payload: Buffer.from('gone'), qos: 1 as const, retain: false, properties: null }
      const client = await RawClient.connect(port, 4, { will })
      client.kill()
    }
    for (let waited = 0; flow.pending.length < 2 && waited < 2000; waited += 10) await sleep(10)
    assert.equal(lost(), before)
    for (const { topic, token, waiter } of flow.pending) {
      waiter!.settle(token, new TrestleError(topic === 'rule/wait' ? 'E504' : 'E401', 'no'))
    }
    assert.equal(lost(), before + 1)
  })
})

describe('a flow that fails', () => {
  test('has not taken the message; the client stays', async () => {
    reset()
    const five = await RawClient.connect(port, 5)
    five.publish({ topic: 'rule/throw', qos: 1, packetId: 1 })
    assert.equal((await five.next('puback')).reason, 0x80)
    five.publish({ topic: 'rule/throw', qos: 2, packetId: 2 })
    assert.equal((await five.next('pubrec')).reason, 0x80)
    five.publish({ topic: 'rule/throw' })
    assert.deepEqual(await five.settle(), [])
    const four = await RawClient.connect(port, 4)
    four.publish({ topic: 'rule/throw', qos: 1, packetId: 1 })
    assert.deepEqual(await four.settle(), [])
    five.kill()
    four.kill()
  })
})

describe('QoS 2', () => {
  test('a repeat before PUBREL is answered and not taken again', async () => {
    reset()
    const client = await RawClient.connect(port)
    client.publish({ topic: 'rule/accept', qos: 2, packetId: 1 })
    await client.next('pubrec')
    client.publish({ topic: 'rule/accept', qos: 2, packetId: 1, dup: true })
    await client.next('pubrec')
    assert.equal(flow.taken.length, 1)
    client.kill()
  })

  test('a repeat after a lost connection joins the first, whose answer answers it', async () => {
    reset()
    const first = await RawClient.connect(port, 4, { clientId: 'joiner', cleanStart: false })
    first.publish({ topic: 'rule/wait', qos: 2, packetId: 1 })
    await first.settle()
    first.kill()
    await first.closed()
    const second = await RawClient.connect(port, 4, { clientId: 'joiner', cleanStart: false })
    second.publish({ topic: 'rule/wait', qos: 2, packetId: 1, dup: true })
    assert.deepEqual(await second.settle(), [])
    assert.equal(flow.taken.length, 1, 'stored once')
    flow.settle(0)
    assert.equal((await second.next('pubrec')).packetId, 1)
    second.send({ type: 'pubrel', packetId: 1, reason: 0, properties: null })
    await second.next('pubcomp')
    second.kill()
  })

  test('a message decided while its client was away is known when it is sent again', async () => {
    reset()
    const first = await RawClient.connect(port, 4, { clientId: 'returner', cleanStart: false })
    first.publish({ topic: 'rule/wait', qos: 2, packetId: 1 })
    await first.settle()
    first.kill()
    await new Promise((resolve) => setTimeout(resolve, 30))
    flow.settle(0)
    const second = await RawClient.connect(port, 4, { clientId: 'returner', cleanStart: false })
    second.publish({ topic: 'rule/wait', qos: 2, packetId: 1, dup: true })
    await second.next('pubrec')
    assert.equal(flow.taken.length, 1)
    second.kill()
  })

  test('PUBREL for an unknown id is completed, with its reason for MQTT 5', async () => {
    const five = await RawClient.connect(port, 5)
    five.send({ type: 'pubrel', packetId: 7, reason: 0, properties: null })
    assert.equal((await five.next('pubcomp')).reason, 0x92)
    const session = { clientId: 'recovering', cleanStart: false, properties: { sessionExpirySeconds: 60 } }
    ;(await RawClient.connect(port, 5, session)).kill()
    const back = await RawClient.connect(port, 5, session)
    back.send({ type: 'pubrel', packetId: 7, reason: 0, properties: null })
    assert.equal((await back.next('pubcomp')).reason, 0, 'no error during recovery')
    back.kill()
    const four = await RawClient.connect(port, 4)
    four.send({ type: 'pubrel', packetId: 7, reason: 0, properties: null })
    assert.equal((await four.next('pubcomp')).packetId, 7)
    five.kill()
    four.kill()
  })
})

describe('more unanswered publishes than the receive maximum', () => {
  test('end an MQTT 5 connection with 0x93 [MQTT-3.3.4-9]', async () => {
    reset()
    const client = await RawClient.connect(port, 5)
    for (let id = 1; id <= 21; id++) client.publish({ topic: 'rule/wait', qos: 1, packetId: id })
    assert.equal((await client.next('disconnect')).reason, 0x93)
    await client.closed()
  })

  test('count those without a rule whose answers wait behind one with a rule', async () => {
    reset()
    const client = await RawClient.connect(port, 5)
    client.publish({ topic: 'rule/wait', qos: 1, packetId: 1 })
    for (let id = 2; id <= 21; id++) client.publish({ topic: 'plain', qos: 1, packetId: id })
    assert.equal((await client.next('disconnect')).reason, 0x93)
    await client.closed()
  })

  test('let the reading of a 3.1.1 client rest until answers have gone', async () => {
    reset()
    const client = await RawClient.connect(port, 4)
    for (let id = 1; id <= 20; id++) client.publish({ topic: 'rule/wait', qos: 1, packetId: id })
    await new Promise((resolve) => setTimeout(resolve, 50))
    for (let id = 21; id <= 60; id++) client.publish({ topic: 'rule/wait', qos: 1, packetId: id })
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(flow.taken.length, 20)
    for (let i = 0; i < 20; i++) flow.settle(i)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(flow.taken.length, 60)
    client.kill()
  })
})

describe('C2: topic aliases', () => {
  test('stand for the topic they were given with', async () => {
    reset()
    const subscriber = await RawClient.connect(port, 5)
    await subscriber.subscribe('#')
    const client = await RawClient.connect(port, 5)
    client.publish({ topic: 'first/topic', properties: { topicAlias: 3 } })
    client.publish({ topic: '', properties: { topicAlias: 3, contentType: 'text/plain' }, payload: Buffer.from('2') })
    client.publish({ topic: 'other', properties: { topicAlias: 3 } })
    client.publish({ topic: '', properties: { topicAlias: 3 } })
    const got = [
      await subscriber.next('publish'),
      await subscriber.next('publish'),
      await subscriber.next('publish'),
      await subscriber.next('publish'),
    ]
    assert.deepEqual(
      got.map((packet) => packet.topic),
      ['first/topic', 'first/topic', 'other', 'other'],
    )
    assert.equal(got[1]!.properties?.contentType, 'text/plain')
    assert.ok(got.every((packet) => packet.properties?.topicAlias === undefined))
    client.kill()
    subscriber.kill()
  })

  test('that were not given, or are above the maximum, end the connection with 0x94', async () => {
    for (const topicAlias of [5, 65]) {
      const client = await RawClient.connect(port, 5)
      client.publish({ topic: topicAlias === 5 ? '' : 'a', properties: { topicAlias } })
      assert.equal((await client.next('disconnect')).reason, 0x94)
    }
  })
})

test('A11: the message the flow sees carries properties, client and user name', async () => {
  reset()
  const client = await RawClient.connect(port, 5, { clientId: 'meter-7', username: 'plant' })
  const properties = {
    user: [
      ['a', '1'],
      ['a', '2'],
    ] as [string, string][],
    contentType: 'application/json',
    expirySeconds: 9,
  }
  client.publish({ topic: 'rule/accept', qos: 1, packetId: 1, properties, payload: Buffer.from('{}') })
  await client.next('puback')
  const [message] = flow.taken
  assert.deepEqual(message!.properties, properties)
  assert.equal(message!.client, 'meter-7')
  assert.equal(message!.username, 'plant')
  assert.equal(Buffer.from(message!.payload).toString(), '{}')
  assert.ok(Math.abs(message!.timeMs - Date.now()) < 2000)
  client.kill()
})

test('B9: a change of the rules is seen by the next message, though the topic is known', async () => {
  reset()
  const client = await RawClient.connect(port)
  client.publish({ topic: 'rule/accept', qos: 1, packetId: 1 })
  await client.next('puback')
  const lookup = flow.lookup
  flow.lookup = () => null
  flow.version++
  client.publish({ topic: 'rule/accept', qos: 1, packetId: 2 })
  await client.next('puback')
  assert.equal(flow.taken.length, 1)
  flow.lookup = lookup
  flow.version++
  client.publish({ topic: 'rule/accept', qos: 0 })
  await client.settle()
  assert.equal(flow.taken.length, 2)
  client.kill()
})
