import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { PulsarClient } from '../../../connectors/pulsar/protocol/client.ts'
import type { PulsarMessage } from '../../../connectors/pulsar/protocol/consumer/message.ts'
import { Subscription } from '../../../connectors/pulsar/protocol/consumer/subscription.ts'
import { need, type PulsarServer, startPulsar, waitFor } from '../../services/index.ts'
import { sendWithJava } from './java-producer.ts'

const skip = await need('pulsar')

const options = {
  choice: { topics: ['large'], pattern: null },
  consumer: {
    subscription: 's',
    type: 'exclusive',
    consumerName: null,
    priorityLevel: 0,
    durable: true,
    readCompacted: false,
    initialPosition: 'earliest',
    metadata: {},
    properties: {},
    batchIndexAck: true,
    giveBackDelayMs: 100,
  },
  maxHeld: 1000,
  maxHeldBytes: 4_000_000,
  refreshMs: 0,
  resendAfterMs: 0,
  seek: null,
} as const

describe('A subscription', { skip }, () => {
  let server: PulsarServer
  before(async () => {
    server = await startPulsar({ webSocket: true })
  })
  after(() => server?.stop())

  test('stays within its bytes when large messages come where small ones were permitted', async () => {
    const client = await PulsarClient.open({ serviceUrls: [server.url] })
    const messages: PulsarMessage[] = []
    const losses: unknown[] = []
    const subscription = new Subscription(client, options, {
      messages: (came) => messages.push(...came),
      lost: (fault) => losses.push(fault),
      note: () => undefined,
    })
    await subscription.open()
    await sendWithJava(
      server,
      'large',
      Array.from({ length: 300 }, (_, n) => ({ payload: `small ${n}` })),
    )
    await waitFor('the small ones', 10_000, () => messages.length === 300)
    for (const message of messages.splice(0)) subscription.settle(message)
    subscription.flush()
    const [count, sizeBytes] = [60, 500_000]
    const large = Array.from({ length: count }, (_, n) => ({ payload: Buffer.alloc(sizeBytes, n) }))
    await sendWithJava(server, 'large', large)
    await waitFor('the bound', 10_000, () => messages.length * sizeBytes >= options.maxHeldBytes)
    await new Promise((done) => setTimeout(done, 500))
    const held = messages.length * sizeBytes
    assert.ok(held <= 2 * options.maxHeldBytes + 2 * sizeBytes, `${held} bytes are held`)
    const seen: number[] = []
    await waitFor('all of them', 20_000, () => {
      for (const message of messages.splice(0)) {
        seen.push(message.payload[0]!)
        subscription.settle(message)
      }
      subscription.flush()
      return seen.length === count
    })
    assert.deepEqual(
      seen,
      Array.from({ length: count }, (_, n) => n),
    )
    assert.deepEqual(losses, [])
    await subscription.close()
    client.close()
  })
})
