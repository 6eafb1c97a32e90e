import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formats } from '../../../../src/registry/formats/formats.ts'
import type { SchemaBody } from '../../../../src/registry/schema.ts'

const bodyOf = (format: 'avro' | 'protobuf', text: string): SchemaBody => {
  const compiled = formats.get(format)!.compile(text, [])
  if (Array.isArray(compiled)) throw new Error(JSON.stringify(compiled))
  return compiled as SchemaBody
}
const record = (name: string): string =>
  JSON.stringify({
    type: 'record',
    name,
    fields: [
      { name: 'a', type: 'string' },
      { name: 'n', type: 'long' },
    ],
  })
const proto = 'syntax = "proto3"; message M { string a = 1; int64 n = 2; }'

describe('a value that is checked and then encoded', () => {
  const bodies = { avro: bodyOf('avro', record('R')), protobuf: bodyOf('protobuf', proto) }
  const other = bodyOf('avro', record('S'))
  for (const [format, body] of Object.entries(bodies)) {
    const value = { a: 'x', n: 7 }
    const plain = body.encode(value)!

    test(`${format}: has the same bytes as one that is encoded at once`, () => {
      assert.equal(body.check(value), null)
      assert.deepEqual(body.encode(value), plain)
      assert.deepEqual(body.encode(value), plain)
    })

    test(`${format}: keeps them when others were checked or written in between`, () => {
      body.check(value)
      other.check({ a: 'another', n: 1 })
      assert.deepEqual(body.encode(value), plain)
      body.check(value)
      other.encode(value)
      assert.deepEqual(body.encode(value), plain)
      body.check(value)
      assert.notEqual(body.check({ a: 1, n: 1 }), null)
      assert.deepEqual(body.encode(value), plain)
      assert.equal(body.fault, null)
    })

    test(`${format}: stands behind what is to stand before it`, () => {
      const before = Buffer.from([0, 0, 0, 1, 2])
      body.check(value)
      assert.deepEqual(body.encode(value, before), Buffer.concat([before, plain]))
      assert.deepEqual(body.encode(value, before), Buffer.concat([before, plain]))
    })
  }
})
