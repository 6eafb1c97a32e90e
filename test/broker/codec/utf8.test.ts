import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeUtf8, inspectUtf8, Utf8 } from '../../../src/broker/codec/utf8.ts'

const of = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')
const found = (hex: string): number => inspectUtf8(of(hex), 0, of(hex).length)

test('valid text of every length of character is taken', () => {
  assert.equal(found(''), Utf8.Ascii)
  assert.equal(found('61 7f 01'), Utf8.Ascii)
  for (const hex of ['c2 80', 'df bf', 'e0 a0 80', 'ed 9f bf', 'ee 80 80', 'ef bf bf', 'f0 90 80 80', 'f4 8f bf bf']) {
    assert.equal(found(hex), Utf8.Wide, hex)
  }
})

test('overlong forms, surrogates, lone and missing continuations and what is above U+10FFFF are ill-formed [MQTT-1.5.4-1]', () => {
  const illFormed = [
    'c0 80', // U+0000 in two bytes
    'c1 bf',
    'e0 80 80',
    'e0 9f bf',
    'f0 80 80 80',
    'f0 8f bf bf',
    'ed a0 80', // U+D800
    'ed bf bf', // U+DFFF
    'ed a0 bd ed b8 80', // a pair of surrogates, as CESU-8 has it
    '80',
    'bf',
    'c2',
    'e2 82',
    'f0 9f 98',
    'c2 41',
    'f4 90 80 80',
    'f5 80 80 80',
    'f8 88 80 80 80',
    'fe',
    'ff',
  ]
  for (const hex of illFormed) assert.equal(found(hex), Utf8.IllFormed, hex)
})

test('U+0000 is not allowed anywhere [MQTT-1.5.4-2]', () => {
  for (const hex of ['00', '61 00', '00 c2 80', 'c2 80 00']) assert.equal(found(hex), Utf8.Nul, hex)
})

test('a byte order mark is a character and is kept [MQTT-1.5.4-3]', () => {
  assert.equal(decodeUtf8(of('ef bb bf 61'), 0, 4), '\ufeffa')
})

test('any bytes are judged and decoded as the platform does in its strict mode', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xa0, 0xf0, 0x90, 0xf4))
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 8 }), (raw) => {
      const buffer = Buffer.from([1, ...raw, 2])
      let expected: string | null
      try {
        expected = decoder.decode(buffer.subarray(1, raw.length + 1))
      } catch {
        expected = null
      }
      if (expected?.includes('\0')) expected = null
      assert.equal(decodeUtf8(buffer, 1, raw.length + 1), expected)
    }),
    { numRuns: 5_000 },
  )
})
