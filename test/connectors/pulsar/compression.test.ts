import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compress, decompress } from '../../../connectors/pulsar/protocol/compression/compression.ts'
import { compressionTypes } from '../../../connectors/pulsar/protocol/wire/entry.ts'

const names = Object.keys(compressionTypes) as (keyof typeof compressionTypes)[]

/** Bytes that repeat themselves, near and far, and bytes that do not. */
const payloads = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(60)).map(([part, times]) => {
        return Buffer.concat(Array.from({ length: times }, () => part))
      }),
      fc.nat(70_000).map((length) => Buffer.alloc(length, length & 0xff)),
    ),
    { maxLength: 8 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)))

for (const name of names) {
  const number = compressionTypes[name]
  describe(`compression ${name}`, () => {
    test('gives back what it was given', () => {
      fc.assert(
        fc.property(payloads, (bytes) => {
          const back = decompress(number, compress(number, bytes), bytes.length)
          assert.deepEqual(Buffer.from(back), Buffer.from(bytes))
        }),
        { numRuns: 150, seed: 4 },
      )
    })

    test('survives damaged bytes and wrong sizes without giving more than was announced', () => {
      const change = fc.record({ at: fc.nat(), to: fc.nat(255), cut: fc.nat(30), size: fc.nat(300_000) })
      fc.assert(
        fc.property(payloads, change, (bytes, { at, to, cut, size }) => {
          const packed = Uint8Array.from(compress(number, bytes))
          if (packed.length > 0) packed[at % packed.length] = to
          const hostile = packed.subarray(0, Math.max(0, packed.length - cut))
          for (const announced of [bytes.length, size]) {
            try {
              const out = decompress(number, hostile, announced)
              if (number !== 0) assert.equal(out.length, announced)
            } catch (error) {
              assert.ok(error instanceof Error)
              assert.notEqual(error.name, 'AssertionError')
            }
          }
        }),
        { numRuns: 300, seed: 5 },
      )
    })
  })
}

test('Text becomes smaller', () => {
  const text = Buffer.from(JSON.stringify(Array.from({ length: 200 }, (_, n) => ({ device: `d${n % 20}`, t: n }))))
  for (const name of names.filter((each) => each !== 'none')) {
    assert.ok(compress(compressionTypes[name], text).length < text.length / 2, name)
  }
})

test('A size that no block of that length can have is refused before memory is taken for it', () => {
  for (const name of names.filter((each) => each !== 'none')) {
    assert.throws(() => decompress(compressionTypes[name], Uint8Array.of(1, 2, 3), 200 * 1024 * 1024))
  }
  assert.throws(() => decompress(1, new Uint8Array(10_000_000), 2 ** 31), /more than a message/)
})

test('LZ4 and Snappy read blocks that other encoders wrote', () => {
  // lz4 1.9: "aaaaaaaaaaaaaaaaaaaaaaaabcdef"; snappy 1.1: "Wikipedia" twelve times is a literal and overlapping copies.
  const lz4 = Uint8Array.of(0x1f, 0x61, 1, 0, 0x04, 0x60, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67)
  assert.equal(Buffer.from(decompress(1, lz4, 30)).toString(), `${'a'.repeat(24)}bcdefg`)
  const snappy = Buffer.concat([Buffer.of(0x1b, 0x20), Buffer.from('Wikipedia'), Buffer.of(0x46, 0x09, 0x00)])
  assert.equal(Buffer.from(decompress(4, snappy, 27)).toString(), 'Wikipedia'.repeat(3))
})

test('An unknown compression says its number', () => {
  assert.throws(() => decompress(9, Uint8Array.of(1), 1), /compression 9 is not known/)
})
