import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PulsarClient } from '../../../../connectors/pulsar/protocol/client.ts'
import { Consumer } from '../../../../connectors/pulsar/protocol/consumer/consumer.ts'
import type { PulsarMessage } from '../../../../connectors/pulsar/protocol/consumer/message.ts'
import { ByteBudget, FlowWindow } from '../../../../connectors/pulsar/protocol/consumer/window.ts'
import { PulsarFault } from '../../../../connectors/pulsar/protocol/fault.ts'
import type { ConsumerListener } from '../../../../connectors/pulsar/protocol/listeners.ts'
import { waitFor } from '../../../services/index.ts'
import { entryOf } from './entry-bytes.ts'

const letGo = new PulsarFault('closed', 'broker', 'the broker closed the consumer')
const options = {
  subscription: 's',
  type: 'exclusive',
  consumerName: null,
  priorityLevel: 0,
  durable: true,
  readCompacted: false,
  initialPosition: 'latest',
  metadata: {},
  properties: {},
  batchIndexAck: true,
  giveBackDelayMs: 1,
} as const

/** A broker that notes what it is told and answers as `answer` says. */
class FakeBroker {
  readonly said: { name: string; values: Record<string, unknown> }[] = []
  listener: ConsumerListener | null = null
  isOpen = true
  answer: (name: string) => Promise<unknown> = async () => ({})
  readonly messages: PulsarMessage[] = []
  readonly losses: PulsarFault[] = []
  readonly consumer: Consumer
  #ids = 0

  constructor() {
    const client = { connectionFor: async () => this } as unknown as PulsarClient
    const window = new FlowWindow(100, new ByteBudget(1e9))
    const events = {
      messages: (messages: readonly PulsarMessage[]) => this.messages.push(...messages),
      activeChange: () => undefined,
      endOfTopic: () => undefined,
      lost: (_consumer: Consumer, fault: PulsarFault) => this.losses.push(fault),
    }
    this.consumer = new Consumer(client, 'topic', { options, window, events, createTopic: true })
  }

  addConsumer(listener: ConsumerListener): number {
    this.listener = listener
    return ++this.#ids
  }

  removeConsumer(): void {
    this.listener = null
  }

  request(name: string, values: Record<string, unknown>): Promise<unknown> {
    this.said.push({ name, values })
    return this.answer(name)
  }

  command(name: string, values: Record<string, unknown>): void {
    this.said.push({ name, values })
  }

  send(entryId: bigint, payload: string): void {
    const messageId = { ledgerId: 1n, entryId }
    const bytes = entryOf({}, Buffer.from(payload))
    this.listener!.message({ consumerId: 1, messageId, redeliveryCount: 0, ackSet: [] } as never, bytes, 0)
  }

  count(name: string): number {
    return this.said.filter((one) => one.name === name).length
  }
}

describe('A consumer', () => {
  test('subscribes again when the broker lets it go in the same breath as it takes it', async () => {
    const broker = new FakeBroker()
    await broker.consumer.open()
    broker.answer = async (name) => {
      if (name === 'subscribe' && broker.count('subscribe') === 2) broker.listener!.closed(letGo)
      return {}
    }
    broker.listener!.closed(letGo)
    await waitFor('the third time', 5000, () => broker.count('flow') === 2)
    assert.equal(broker.count('subscribe'), 3)
    assert.deepEqual(broker.losses, [])
    await broker.consumer.close()
  })

  test('says once more what was not confirmed when the broker let it go, and hands nothing on twice', async () => {
    const broker = new FakeBroker()
    await broker.consumer.open()
    broker.send(1n, 'one')
    broker.send(2n, 'two')
    broker.answer = async (name) => {
      if (name === 'ack' && broker.count('ack') === 1) throw letGo
      return {}
    }
    broker.consumer.settle(broker.messages[0]!)
    broker.consumer.flush()
    broker.listener!.closed(letGo)
    await waitFor('the new beginning', 5000, () => broker.count('flow') === 2)
    broker.send(1n, 'one')
    broker.send(2n, 'two')
    broker.send(3n, 'three')
    assert.deepEqual(
      broker.messages.map(({ payload }) => Buffer.from(payload).toString()),
      ['one', 'two', 'three'],
    )
    broker.consumer.settle(broker.messages[1]!)
    broker.consumer.flush()
    const acked = broker.said.filter(({ name }) => name === 'ack').flatMap(({ values }) => values['messageIds'])
    assert.deepEqual(new Set(acked.map((id) => (id as { entryId: bigint }).entryId)), new Set([1n, 2n]))
    await broker.consumer.close()
  })

  test('is lost when its connection ends, when it is not taken back, and when an acknowledgement is refused', async () => {
    const [ended, refused, unheard] = [new FakeBroker(), new FakeBroker(), new FakeBroker()]
    for (const broker of [ended, refused, unheard]) await broker.consumer.open()
    ended.isOpen = false
    ended.listener!.closed(new PulsarFault('network', 'broker', 'the broker closed the connection'))
    assert.equal(ended.losses.length, 1)
    const gone = new PulsarFault('network', 'broker', 'connect ECONNREFUSED')
    unheard.answer = () => Promise.reject(gone)
    unheard.listener!.closed(letGo)
    await waitFor('the loss', 5000, () => unheard.losses.length === 1)
    assert.equal(unheard.losses[0], gone)
    refused.answer = async (name) => {
      if (name === 'ack') throw PulsarFault.fromServer(2, 'no disk', 'broker')
      return {}
    }
    refused.send(1n, 'one')
    refused.consumer.settle(refused.messages[0]!)
    refused.consumer.flush()
    await waitFor('the loss', 5000, () => refused.losses.length === 1)
    assert.equal(refused.losses[0]!.server, 'PersistenceError')
    for (const broker of [ended, refused, unheard]) await broker.consumer.close()
  })

  test('waits with its goodbye until what it acknowledged is confirmed', async () => {
    const broker = new FakeBroker()
    await broker.consumer.open()
    broker.send(1n, 'one')
    const { promise, resolve } = Promise.withResolvers<unknown>()
    broker.answer = async (name) => (name === 'ack' ? promise : {})
    broker.consumer.settle(broker.messages[0]!)
    const closing = broker.consumer.close()
    await new Promise((done) => setTimeout(done, 20))
    assert.deepEqual([broker.count('ack'), broker.count('closeConsumer')], [1, 0])
    resolve({})
    await closing
    assert.equal(broker.count('closeConsumer'), 1)
  })
})
