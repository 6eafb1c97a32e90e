import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader, readRecordsBatch } from '@platformatic/kafka'
import fc from 'fast-check'
import type { Header } from 'trestle/contract'
import { codecs } from '../../../connectors/kafka/codecs.ts'
import { noIdentity, RecordBatchWriter, sequenceAfter } from '../../../connectors/kafka/record-batch.ts'
import { deliveries } from '../../support/delivery.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 90 })
const header = fc.tuple(text, fc.oneof(text, fc.uint8Array({ maxLength: 70 }))) as fc.Arbitrary<Header>
const shape = fc.record({
  key: fc.option(text),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constant(new Uint8Array(9000)),
    fc.constant(new Uint8Array(1_100_000)),
  ),
  headers: fc.array(header, { maxLength: 4 }),
  topic: text,
  timeMs: fc.oneof(fc.constantFrom(0, 1_700_000_000_000, 4_000_000_000_000), fc.integer({ min: 0, max: 2 ** 41 })),
})
const bytesOf = (value: string | Uint8Array): string => Buffer.from(value).toString('hex')

test('any records come out of the library’s reader as they went in', async () => {
  const writer = new RecordBatchWriter(true)
  await fc.assert(
    fc.asyncProperty(fc.array(shape, { minLength: 1, maxLength: 8 }), async (shapes) => {
      const make = deliveries()
      const batch = shapes.map(({ topic, timeMs, ...rest }) => make({ ...rest, message: { topic, timeMs } }))
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
        const expected: Header[] = [
          ['trestle-id', delivery.id],
          ['mqtt-topic', delivery.message.topic],
          ['mqtt-client', delivery.message.client],
          ...delivery.headers,
        ]
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
  const writer = new RecordBatchWriter(true)
  const make = deliveries()
  writer.begin()
  assert.ok(writer.add(make({ payload: Buffer.alloc(5000) }), 1000))
  const before = writer.sizeBytes
  assert.equal(writer.add(make(), 1000), false)
  assert.equal(writer.sizeBytes, before)
})

test('several batches can be written before any is sent, however the buffer grows', async () => {
  const writer = new RecordBatchWriter(false)
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
