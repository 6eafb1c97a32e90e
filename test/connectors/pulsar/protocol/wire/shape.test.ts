import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PulsarFault } from '../../../../../connectors/pulsar/protocol/fault.ts'
import { WireReader } from '../../../../../connectors/pulsar/protocol/wire/reader.ts'
import { flag, int, long, many, nested, shape, text } from '../../../../../connectors/pulsar/protocol/wire/shape.ts'
import { WireWriter } from '../../../../../connectors/pulsar/protocol/wire/writer.ts'

const written = (work: (writer: WireWriter) => void): Buffer => {
  const writer = new WireWriter(1)
  work(writer)
  return writer.copy()
}

describe('Numbers and texts of the protocol', () => {
  test('varints are those of protobuf', () => {
    const golden: [number, string][] = [
      [0, '00'],
      [1, '01'],
      [127, '7f'],
      [128, '8001'],
      [300, 'ac02'],
      [2 ** 31 - 1, 'ffffffff07'],
      [2 ** 31, '8080808008'],
      [2 ** 32, '8080808010'],
      [1_700_000_000_000, '80d095ffbc31'],
      [2 ** 53 - 1, 'ffffffffffffff0f'],
      [-1, 'ffffffffffffffffff01'],
    ]
    for (const [value, hex] of golden) {
      const bytes = written((writer) => writer.varint(value))
      assert.equal(bytes.toString('hex'), hex)
      assert.equal(new WireReader(bytes).varint(), value)
      assert.equal(new WireReader(bytes).varint64(), BigInt(value))
    }
  })

  test('any whole number comes back as it was', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        assert.equal(new WireReader(written((writer) => writer.varint(value))).varint(), value)
      }),
    )
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        assert.equal(new WireReader(written((writer) => writer.varint64(value))).varint64(), value)
      }),
    )
  })

  test('any text comes back as it was, short or long', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (value) => {
        assert.equal(new WireReader(written((writer) => writer.text(value))).text(), value)
      }),
    )
  })
})

const innerShape = shape({ name: text(1, ''), count: int(2, -1) })
const outerShape = shape({
  flag: flag(1, false),
  number: int(2),
  inner: nested(3, innerShape),
  inners: many(nested(4, innerShape)),
  longs: many(long(5)),
  far: text(200),
})

describe('A message as a table of fields', () => {
  test('is read as it was written, whatever is in it', () => {
    const inner = fc.record({ name: fc.string({ maxLength: 200 }), count: fc.integer() }, { noNullPrototype: true })
    const outer = fc.record({
      flag: fc.boolean(),
      number: fc.option(fc.nat(), { nil: undefined }),
      inner: fc.option(inner, { nil: undefined }),
      inners: fc.array(inner, { maxLength: 4 }),
      longs: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 3 }),
      far: fc.option(fc.string(), { nil: undefined }),
    })
    fc.assert(
      fc.property(outer, (values) => {
        const bytes = written((writer) => outerShape.encode(writer, values))
        assert.deepEqual({ ...outerShape.decode(new WireReader(bytes), bytes.length) }, { ...values })
      }),
    )
  })

  test('has its defaults for what does not come, and passes over what it does not know', () => {
    const empty = { flag: false, number: undefined, inner: undefined, inners: [], longs: [], far: undefined }
    // fields 15 (varint), 15 (bytes), 15 (fixed64), 15 (fixed32): none is known
    const unknown = Buffer.from(`7801${'7a020000'}${'79'}${'00'.repeat(8)}${'7d'}${'00'.repeat(4)}`, 'hex')
    assert.deepEqual({ ...outerShape.decode(new WireReader(unknown), unknown.length) }, empty)
  })

  test('takes packed numbers too', () => {
    const packed = Buffer.from('2a03' + '01' + 'ac02', 'hex')
    assert.deepEqual(outerShape.decode(new WireReader(packed), packed.length).longs, [1n, 300n])
  })

  test('that is cut off anywhere is a fault of the protocol or shorter, never a crash', () => {
    const bytes = written((writer) =>
      outerShape.encode(writer, { number: 300, inner: { name: 'name', count: 7 }, longs: [1n, -1n], far: 'far' }),
    )
    for (let length = 0; length < bytes.length; length++) {
      try {
        outerShape.decode(new WireReader(bytes, 0, length), length)
      } catch (thrown) {
        assert.ok(thrown instanceof PulsarFault && thrown.kind === 'protocol', `${length}: ${thrown}`)
      }
    }
  })
})
