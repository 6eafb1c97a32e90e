import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Header, Message, MessageProperties, Owed } from '../../src/contract/message.ts'
import { ByteWriter } from '../../src/journal/byte-writer.ts'
import { encodeRecord, maxRecordBytes } from '../../src/journal/record.ts'
import { RecordView } from '../../src/journal/record-view.ts'
import { Tallies } from '../../src/journal/tallies.ts'
import { aMessage, anOwed } from './journal-fixture.ts'

const text = fc.oneof(fc.string({ maxLength: 60 }), fc.string({ unit: 'grapheme', maxLength: 30 }))
const longText = fc.oneof({ weight: 50, arbitrary: text }, { weight: 1, arbitrary: fc.constant('ä'.repeat(40_000)) })
const bytes = fc.uint8Array({ maxLength: 80 }).map((value) => Buffer.from(value))
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null })

const properties: fc.Arbitrary<MessageProperties> = fc.record(
  {
    payloadFormat: fc.constantFrom(0 as const, 1 as const),
    expirySeconds: fc.nat({ max: 0xffffffff }),
    contentType: longText,
    responseTopic: text,
    correlationData: bytes,
    user: fc.array(fc.tuple(text, text), { maxLength: 4 }),
  },
  { requiredKeys: [] },
)

const message: fc.Arbitrary<Message> = fc.record({
  topic: longText,
  payload: bytes,
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  retain: fc.boolean(),
  properties: orNull(properties),
  client: text,
  username: orNull(text),
  source: orNull(text),
  timeMs: fc.oneof(
    fc.nat(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  ),
})

const header: fc.Arbitrary<Header> = fc.tuple(text, fc.oneof(text, bytes))

interface OwedShape {
  owed: Omit<Owed, 'payload' | 'orderKey'>
  orderKey: string | null
  /** null: the message's own; a number: one of the payloads below, which several may share. */
  payload: number | null
}

const owedShape: fc.Arbitrary<OwedShape> = fc.record({
  owed: fc.record({
    sink: fc.constantFrom('kafka', 'files', '__proto__'),
    rule: fc.oneof(text, fc.constant('readings')),
    target: orNull(text),
    key: orNull(text),
    headers: fc.array(header, { maxLength: 3 }),
    options: orNull(fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 1 }))),
  }),
  orderKey: orNull(longText),
  payload: orNull(fc.nat({ max: 2 })),
})

function roundTrip(original: Message, owed: readonly Owed[], awaited: boolean, sink: string) {
  const tallies = new Tallies(['kafka'])
  const pairs = owed.map((one) => tallies.pair(one.sink, one.rule))
  const options = owed.map((one) => (one.options === null ? null : Buffer.from(JSON.stringify(one.options))))
  const writer = new ByteWriter(64)
  const room = maxRecordBytes(original, owed, options)
  writer.reserve(room)
  encodeRecord(writer, original, owed, pairs, options, awaited)
  assert.ok(writer.at <= room, 'the bound holds')
  const view = new RecordView(writer.bytes.subarray(0, writer.at))
  assert.equal(view.sizeAt(0), writer.at)
  return { record: view.record(0, 42, tallies.names, tallies.sink(sink).number), sizeBytes: writer.at }
}

const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, inner) => (inner?.type === 'Buffer' ? `bytes ${inner.data}` : inner)))

test('every field of a message and of what is owed comes back exactly', () => {
  fc.assert(
    fc.property(message, fc.array(owedShape, { maxLength: 5 }), fc.boolean(), (original, shapes, awaited) => {
      const payloads = [Buffer.from('first'), Buffer.alloc(0), Buffer.from('third')]
      const owed: Owed[] = shapes.map((shape) => ({
        ...shape.owed,
        orderKey: shape.orderKey ?? `${original.client}/${original.topic}`,
        payload: shape.payload === null ? original.payload : payloads[shape.payload]!,
      }))
      for (const sink of ['kafka', 'files', '__proto__']) {
        const { record } = roundTrip(original, owed, awaited, sink)
        assert.deepEqual(plain(record.message), plain(original))
        assert.equal(record.awaited, awaited)
        assert.equal(record.position, 42)
        const mine = owed.flatMap((one, index) => (one.sink === sink ? [{ one, index }] : []))
        const expected = mine.map(({ one, index }, place) => ({ ...one, index, ordinal: place + 1 }))
        assert.deepEqual(
          record.owed.map((one) => plain({ ...one })),
          expected.map((one) => plain({ ...one })),
        )
        mine.forEach(({ one }, place) => {
          assert.equal(record.owed[place]!.payload === record.message.payload, one.payload === original.payload)
        })
      }
    }),
    { numRuns: 300 },
  )
})

test('A2: a payload is in the record once, however many sinks are owed it', () => {
  const payload = Buffer.alloc(10_000, 7)
  const shaped = Buffer.alloc(10_000, 9)
  const original = aMessage({ payload })
  const owed = [
    anOwed(original),
    anOwed(original, { sink: 'files' }),
    anOwed(original, { payload: shaped }),
    anOwed(original, { payload: shaped, sink: 'files' }),
  ]
  const { record, sizeBytes } = roundTrip(original, owed, false, 'files')
  assert.ok(sizeBytes < 20_400, `${sizeBytes}`)
  assert.deepEqual(
    record.owed.map((one) => [one.index, one.payload[0]]),
    [
      [1, 7],
      [3, 9],
    ],
  )
})

test('the order key costs nothing when it is client and topic, and only then', () => {
  const original = aMessage({ topic: 'b/c', client: 'a' })
  const size = (orderKey: string) => roundTrip(original, [anOwed(original, { orderKey })], false, 'kafka').sizeBytes
  assert.equal(size('a/b/c'), size('') - 2)
  assert.equal(size('a-b/c'), size('') + 5)
  assert.equal(size('x/b/c'), size('') + 5)
})
