import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compress } from '../../../../connectors/pulsar/protocol/compression/compression.ts'
import { Repeats, readArrival } from '../../../../connectors/pulsar/protocol/consumer/arrival.ts'
import { Chunks } from '../../../../connectors/pulsar/protocol/consumer/chunks.ts'
import { ReceivedEntry } from '../../../../connectors/pulsar/protocol/consumer/message.ts'
import { PayloadWriter } from '../../../../connectors/pulsar/protocol/producer/payload-writer.ts'
import { crc32c } from '../../../../connectors/pulsar/protocol/wire/crc32c.ts'
import { compressionTypes } from '../../../../connectors/pulsar/protocol/wire/entry.ts'
import { entryOf } from './entry-bytes.ts'

function batchOf(count: number): Buffer {
  const writer = new PayloadWriter()
  writer.begin()
  for (let n = 0; n < count; n++) {
    writer.beginMessage()
    writer.property('n', String(n))
    writer.endMessage(`k${n}`, null, 1_780_000_000_000 + n, n, Buffer.from(`m${n}`))
  }
  return writer.end()
}

const command = (entryId: bigint, ackSet: readonly bigint[] = []) => ({
  consumerId: 1,
  messageId: { ledgerId: 7n, entryId, partition: -1, batchIndex: -1, ackSet: [], batchSize: undefined },
  redeliveryCount: 2,
  ackSet,
  epoch: undefined,
})

const fresh = () => ({ owner: 'me', repeats: new Repeats(), chunks: new Chunks() })
const read = (bytes: Buffer, state = fresh(), entryId = 3n, ackSet: readonly bigint[] = []) =>
  readArrival(command(entryId, ackSet) as never, { bytes, entryAt: 0 }, state)
const texts = ({ messages }: ReturnType<typeof read>): string[] =>
  messages.map(({ payload }) => Buffer.from(payload).toString())

describe('An entry that arrives', () => {
  test('is a message alone, or a batch in any compression', () => {
    const alone = read(
      entryOf({ partitionKey: 'k', eventTimeMs: 5, properties: [{ key: 'a', value: 'b' }] }, Buffer.from('x')),
    )
    const [message] = alone.messages
    assert.deepEqual(texts(alone), ['x'])
    assert.deepEqual(
      [message!.key, message!.eventTimeMs, message!.publishTimeMs, message!.properties, message!.fault],
      ['k', 5, 1_790_000_000_000, [['a', 'b']], null],
    )
    assert.deepEqual([message!.entry.redeliveryCount, message!.entry.size, message!.entry.pending], [2, 1, 1])
    for (const compression of Object.values(compressionTypes)) {
      const raw = batchOf(20)
      const bytes = entryOf(
        { messageCount: 20, compression, uncompressedBytes: raw.length },
        compress(compression, raw),
      )
      const batch = read(bytes)
      assert.deepEqual(
        texts(batch),
        Array.from({ length: 20 }, (_, n) => `m${n}`),
      )
      assert.deepEqual(
        batch.messages.map(({ key }) => key),
        Array.from({ length: 20 }, (_, n) => `k${n}`),
      )
      assert.deepEqual([batch.sent, batch.messages[0]!.entry.size], [20, 20])
    }
  })

  test('shows a key of bytes as text where it is text', () => {
    const keyed = (key: Buffer) =>
      read(entryOf({ partitionKey: key.toString('base64'), keyIsBase64: true }, Buffer.from('x'))).messages[0]!.key
    assert.equal(keyed(Buffer.from('øre')), 'øre')
    assert.equal(keyed(Buffer.of(0xff, 0xfe)), Buffer.of(0xff, 0xfe).toString('base64'))
  })

  test('leaves out what was acknowledged before', () => {
    const bytes = entryOf({ messageCount: 70 }, batchOf(70))
    const left = read(bytes, fresh(), 3n, [0b1010n, 1n << 5n])
    assert.deepEqual(texts(left), ['m1', 'm3', 'm69'])
    assert.equal(left.messages[0]!.entry.pending, 3)
    for (const { entry, index } of left.messages) if (index !== 3) entry.settle(index)
    assert.deepEqual(left.messages[0]!.entry.ackSet(), [0b1000n, 0n])
    assert.deepEqual(read(bytes, fresh(), 3n, [0n, 0n]).done, { ledgerId: 7n, entryId: 3n })
  })

  test('is passed over and acknowledged when it is a mark of the broker', () => {
    const arrival = read(entryOf({ marker: 10 }, Buffer.from('x')))
    assert.deepEqual([arrival.messages, arrival.done], [[], { ledgerId: 7n, entryId: 3n }])
  })

  test('that cannot be read is one message with a fault and its bytes', () => {
    const broken = entryOf({ messageCount: 2 }, batchOf(2))
    broken[broken.length - 1]! ^= 1
    const cases: [Buffer, RegExp][] = [
      [broken, /checksum/],
      [entryOf({ compression: 1, uncompressedBytes: 9 }, Buffer.of(1, 2, 3)), /LZ4/],
      [entryOf({ compression: 9, uncompressedBytes: 9 }, Buffer.of(1)), /compression 9/],
      [entryOf({ messageCount: 5 }, batchOf(2)), /cut off/],
      [entryOf({ encryptionAlgorithm: 'AES' }, Buffer.of(1)), /encrypted/],
      [Buffer.of(1, 2, 3), /cut off/],
    ]
    for (const [bytes, words] of cases) {
      const arrival = read(bytes)
      assert.equal(arrival.messages.length, 1)
      const [message] = arrival.messages
      assert.match(message!.fault!.message, words)
      assert.equal(message!.entry.pending, 1)
    }
  })

  test('survives any damage without an exception', () => {
    const whole = entryOf({ messageCount: 5, partitionKey: 'k', properties: [{ key: 'a', value: 'b' }] }, batchOf(5))
    const damage = fc.record({ at: fc.nat(whole.length - 1), to: fc.nat(255), cut: fc.nat(whole.length) })
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), fc.boolean(), (damages, mend) => {
        let bytes = Buffer.from(whole)
        for (const { at, to, cut } of damages) {
          bytes[at % bytes.length] = to
          if (cut % 5 === 0) bytes = Buffer.from(bytes.subarray(0, Math.max(12, cut)))
        }
        // With the right sum again, so that what lies behind it is read.
        if (mend) bytes.writeUInt32BE(crc32c(bytes, 6), 2)
        const { messages } = read(bytes)
        for (const { entry, payload } of messages) {
          assert.equal(entry.pending, messages.length)
          assert.ok(payload.length <= bytes.length)
        }
      }),
      { numRuns: 2000, seed: 6 },
    )
  })

  test('that was held when the broker began anew is not handed on again', () => {
    const state = fresh()
    const held = (entryId: bigint) => {
      const facts = { redeliveryCount: 0, receivedMs: 0 }
      const entry = new ReceivedEntry('me', { ledgerId: 7n, entryId }, 1, facts)
      entry.pending = 1
      return entry
    }
    const [open, settled, back] = [held(1n), held(2n), held(3n)]
    settled!.settle(0)
    back!.giveBack()
    state.repeats.expect([open!, settled!, back!])
    const bytes = entryOf({}, Buffer.from('x'))
    assert.deepEqual(read(bytes, state, 1n), { messages: [], sent: 1, done: null })
    assert.deepEqual(read(bytes, state, 2n), { messages: [], sent: 1, done: { ledgerId: 7n, entryId: 2n } })
    assert.deepEqual(texts(read(bytes, state, 3n)), ['x'])
    assert.deepEqual(texts(read(bytes, state, 1n)), ['x'], 'once')
  })
})

describe('A message in chunks', () => {
  const chunk = (uuid: string, chunkId: number, text: string, chunkCount = 3) =>
    entryOf({ uuid, chunkId, chunkCount, totalChunkBytes: 6, uncompressedBytes: 6 }, Buffer.from(text))

  test('is whole when the last has come, also when others come in between', () => {
    const state = fresh()
    assert.deepEqual(texts(read(chunk('a', 0, 'aa'), state, 1n)), [])
    assert.deepEqual(texts(read(chunk('b', 0, 'xx'), state, 2n)), [])
    assert.deepEqual(texts(read(chunk('a', 1, 'bb'), state, 3n)), [])
    assert.deepEqual(texts(read(chunk('b', 1, 'yy'), state, 4n)), [])
    assert.deepEqual(texts(read(chunk('a', 1, 'bb'), state, 3n)), [], 'one that comes twice counts once')
    const whole = read(chunk('a', 2, 'cc'), state, 5n)
    assert.deepEqual(texts(whole), ['aabbcc'])
    assert.deepEqual(whole.messages[0]!.entry.earlier, [
      { ledgerId: 7n, entryId: 1n },
      { ledgerId: 7n, entryId: 3n },
    ])
    assert.deepEqual(texts(read(chunk('b', 2, 'zz'), state, 6n)), ['xxyyzz'])
  })

  test('is told when a part is missing, or there is more than was announced', () => {
    const state = fresh()
    const orphan = read(chunk('a', 1, 'bb'), state)
    assert.match(orphan.messages[0]!.fault!.message, /without those before/)
    read(chunk('a', 0, 'aaaaaa'), state)
    assert.match(read(chunk('a', 1, 'bb'), state).messages[0]!.fault!.message, /more than the 6 bytes/)
  })
})
