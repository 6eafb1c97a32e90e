import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2 as theirs } from '@platformatic/kafka'
import fc from 'fast-check'
import { murmur2, partitionOf } from '../../../connectors/kafka/murmur2.ts'

test('gives what Kafka’s own tests expect', () => {
  // Source: Kafka, UtilsTest.testMurmur2.
  const cases: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ]
  for (const [text, hash] of cases) assert.equal(murmur2(Buffer.from(text), text.length), hash, text)
})

test('agrees with the client library on any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), fc.integer({ min: 1, max: 50 }), (key, count) => {
      assert.equal(partitionOf(key, count), (theirs(Buffer.from(key)) & 0x7fffffff) % count)
    }),
  )
})
