import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader, readRecordsBatch } from '@platformatic/kafka'
import fc from 'fast-check'
import { type Header, headersOf, type MessageProperties } from 'trestle/contract'
import { BatchBytes } from '../../../connectors/kafka/batch-bytes.ts'
import { codecs } from '../../../connectors/kafka/codecs.ts'
import { noIdentity, RecordBatchWriter, sequenceAfter } from '../../../connectors/kafka/record-batch.ts'
import { deliveries } from '../../support/delivery.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 90 })
const header = fc.tuple(text, fc.oneof(text, fc.uint8Array({ maxLength: 70 }))) as fc.Arbitrary<Header>
const name = fc.oneof(
  text,
  fc.constantFrom('trestle-id', 'trestle-hops', 'mqtt-topic', 'mqtt-user', 'content-type', 'a'),
)
const properties = fc.record(
  {
    payloadFormat: fc.constantFrom(0, 1),
    expirySeconds: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    contentType: text,
    responseTopic: text,
    correlationData: fc.uint8Array({ maxLength: 70 }),
    user: fc.array(fc.tuple(name, text), { maxLength: 5 }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<MessageProperties>
const shape = fc.record({
  key: fc.option(text),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constant(new Uint8Array(9000)),
    fc.constant(new Uint8Array(1_100_000)),
  ),
  headers: fc.array(header, { maxLength: 4 }),
  topic: text,
  client: text,
  qos: fc.constantFrom(0, 1, 2),
  retain: fc.boolean(),
  properties: fc.option(properties),
  timeMs: fc.oneof(fc.constantFrom(0, 1_700_000_000_000, 4_000_000_000_000), fc.integer({ min: 0, max: 2 ** 41 })),
})
const bytesOf = (value: string | Uint8Array): string => Buffer.from(value).toString('hex')

test('A11: any records come out of the library’s reader as they went in, with the very headers of the contract’s table', async () => {
  const hub = 'c9a3-høst'
  const writer = new RecordBatchWriter(hub, true)
  await fc.assert(
    fc.asyncProperty(fc.array(shape, { minLength: 1, maxLength: 8 }), async (shapes) => {
      const make = deliveries()
      const batch = shapes.map(({ key, payload, headers, ...message }) => make({ key, payload, headers, message }))
      writer.reset()
      writer.begin()
      for (const delivery of batch) assert.ok(writer.add(delivery, Number.POSITIVE_INFINITY))
      const read = readRecordsBatch(Reader.from(Buffer.from(await writer.finish(codecs.none, noIdentity, -1))))
      assert.equal(read.records.length, batch.length)
      assert.equal(Number(read.maxTimestamp), Math.max(...batch.map(({ message }) => message.timeMs)))
      for (const [at, delivery] of batch.entries()) {
        const record = read.records[at]!
        assert.equal(Number(read.firstTimestamp) + Number(record.timestampDelta), delivery.message.timeMs)
        assert.equal(
          record.key === null ? null : record.key?.toString(),
          delivery.key === null ? null : Buffer.from(delivery.key).toString(),
        )
        assert.equal(bytesOf(record.value ?? ''), bytesOf(delivery.payload))
        const expected = headersOf(delivery, hub)
        const found = [...(record.headers as unknown as Iterable<[Buffer | null, Buffer | null]>)]
        assert.deepEqual(
          found.map(([name, value]) => [bytesOf(name ?? ''), bytesOf(value ?? '')]),
          expected.map(([name, value]) => [bytesOf(name), bytesOf(value)]),
        )
      }
    }),
    { numRuns: 150 },
  )
})

test('a batch stops before the record that would make it too large, but never stays empty', () => {
  const writer = new RecordBatchWriter('hub', true)
  const make = deliveries()
  writer.begin()
  assert.ok(writer.add(make({ payload: Buffer.alloc(5000) }), 1000))
  const before = writer.sizeBytes
  assert.equal(writer.add(make(), 1000), false)
  assert.equal(writer.sizeBytes, before)
})

test('several batches can be written before any is sent, however the buffer grows', async () => {
  const writer = new RecordBatchWriter('hub', false)
  const make = deliveries()
  const batches: Buffer[] = []
  for (let at = 0; at < 5; at++) {
    writer.begin()
    for (let count = 0; count < 3; count++)
      writer.add(make({ payload: Buffer.alloc(100_000, at) }), Number.POSITIVE_INFINITY)
    batches.push(await writer.finish(codecs.none, noIdentity, -1))
  }
  for (const [at, batch] of batches.entries()) {
    const read = readRecordsBatch(Reader.from(Buffer.from(batch)))
    assert.deepEqual(
      read.records.map(({ value }) => value?.every((byte) => byte === at)),
      [true, true, true],
    )
  }
})

test('sequence numbers count in 31 bits and begin again at 0', () => {
  assert.equal(sequenceAfter(0, 5), 5)
  assert.equal(sequenceAfter(0x7fffffff, 1), 0)
  assert.equal(sequenceAfter(0x7ffffffe, 1), 0x7fffffff)
  assert.equal(sequenceAfter(0x7ffffffe, 4), 2)
})

test('without MQTT headers a record carries its identity and the hops, and what the rule names', async () => {
  const writer = new RecordBatchWriter('here', false)
  const user = [['trestle-hops', 'there'] as const, ['a', 'b'] as const]
  writer.begin()
  writer.add(deliveries()({ headers: [['line', '3']], message: { properties: { user, contentType: 'x' } } }), 1e6)
  const { records } = readRecordsBatch(Reader.from(Buffer.from(await writer.finish(codecs.none, noIdentity, -1))))
  const found = [...(records[0]!.headers as unknown as Iterable<[Buffer, Buffer]>)]
  assert.deepEqual(
    found.map(([name, value]) => [String(name), String(value)]),
    [
      ['trestle-id', 'hub-1-0'],
      ['trestle-hops', 'there here'],
      ['line', '3'],
    ],
  )
})

test('numbers are written as text as JavaScript prints them', () => {
  const out = new BatchBytes()
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeNat(), fc.integer(), fc.constantFrom(0, 9, 10, 2 ** 30, 1e15, 1.5)), (value) => {
      out.end = 0
      out.decimal(value)
      const width = out.bytes[0]! >> 1
      assert.equal(out.bytes.toString('latin1', 1, 1 + width), String(value))
      assert.equal(out.end, 1 + width)
    }),
  )
})
