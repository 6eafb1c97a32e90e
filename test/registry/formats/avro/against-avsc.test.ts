import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import avsc from 'avsc'
import fc from 'fast-check'
import { avroFormat } from '../../../../src/registry/formats/avro/avro.ts'
import type { SchemaBody } from '../../../../src/registry/schema.ts'

/**
 * Random schemas and values, written and read by us and by avsc. Unions of several kinds are left out: there avsc
 * wraps, or refuses, what we choose by shape; `avro.test.ts` holds those.
 */
interface Case {
  readonly schema: unknown
  readonly value: fc.Arbitrary<unknown>
}

let names = 0
const name = (): string => `N${++names}`

const primitives: readonly Case[] = [
  { schema: 'null', value: fc.constant(null) },
  { schema: 'boolean', value: fc.boolean() },
  { schema: 'int', value: fc.integer() },
  // avsc loses the lowest bit of integers beyond 2^52.
  { schema: 'long', value: fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }) },
  { schema: 'float', value: fc.float({ noNaN: true }) },
  { schema: 'double', value: fc.double({ noNaN: true }) },
  { schema: 'string', value: fc.string({ unit: 'grapheme', maxLength: 200 }) },
  { schema: 'bytes', value: fc.uint8Array().map((bytes) => Buffer.from(bytes)) },
]

const plain: fc.Arbitrary<Case> = fc.constantFrom(...primitives)

const { type: cases } = fc.letrec<{ type: Case }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'type' },
    plain,
    fc.array(fc.stringMatching(/^[A-Z][A-Z0-9_]{0,9}$/), { minLength: 1, maxLength: 5 }).map((symbols): Case => {
      const unique = [...new Set(symbols)]
      return { schema: { type: 'enum', name: name(), symbols: unique }, value: fc.constantFrom(...unique) }
    }),
    fc.integer({ min: 1, max: 20 }).map((size): Case => {
      const value = fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Buffer.from(bytes))
      return { schema: { type: 'fixed', name: name(), size }, value }
    }),
    tie('type').map((items): Case => {
      return { schema: { type: 'array', items: items.schema }, value: fc.array(items.value, { maxLength: 5 }) }
    }),
    tie('type').map((values): Case => {
      const value = fc.dictionary(fc.string(), values.value, { maxKeys: 5, noNullPrototype: true })
      return { schema: { type: 'map', values: values.schema }, value }
    }),
    plain
      .filter(({ schema }) => schema !== 'null')
      .map(({ schema, value }): Case => ({ schema: ['null', schema], value: fc.option(value) })),
    fc.array(tie('type'), { maxLength: 6 }).map((fields): Case => {
      const value = fc.tuple(...fields.map((field) => field.value)).map((values) => {
        return Object.fromEntries(values.map((one, at) => [`f${at}`, one]))
      })
      const schema = {
        type: 'record',
        name: name(),
        fields: fields.map((field, at) => ({ name: `f${at}`, type: field.schema })),
      }
      return { schema, value }
    }),
  ),
}))

const both = (schema: unknown): { ours: SchemaBody; theirs: avsc.Type } => {
  const ours = avroFormat.compile(JSON.stringify(schema), [])
  assert.ok(!Array.isArray(ours), JSON.stringify(ours))
  return { ours, theirs: avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: false }) }
}

/** Plain data to compare: bytes as hex, objects as entries. */
function plainly(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plainly)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value).map(([key, item]) => [key, plainly(item)])
}

describe('B4: our Avro beside avsc', () => {
  it('writes the same bytes, and reads the same values', () => {
    const withValue = cases.chain(({ schema, value }) => fc.tuple(fc.constant(schema), value))
    fc.assert(
      fc.property(withValue, ([schema, value]) => {
        const { ours, theirs } = both(schema)
        const written = ours.encode(value)
        assert.ok(written !== null, JSON.stringify(ours.fault))
        assert.equal(Buffer.from(written).toString('hex'), theirs.toBuffer(value).toString('hex'))
        assert.deepEqual(plainly(ours.decode(written, '')), plainly(theirs.fromBuffer(Buffer.from(written))))
      }),
      { numRuns: 400 },
    )
  })

  it('reads random bytes as avsc does, or says why not, and never throws', () => {
    fc.assert(
      fc.property(cases, fc.uint8Array({ maxLength: 60 }), ({ schema }, bytes) => {
        const { ours, theirs } = both(schema)
        const read = ours.decode(bytes, '')
        if (read === undefined) {
          assert.ok(ours.fault !== null)
          return
        }
        // What was read can be written, and reads the same again.
        const again = ours.encode(read)
        assert.ok(again !== null, JSON.stringify(ours.fault))
        assert.deepEqual(plainly(ours.decode(again, '')), plainly(read))
        // Where we could read it all, avsc reads the same; integers beyond 2^52 it refuses or rounds.
        try {
          assert.deepEqual(plainly(read), plainly(theirs.fromBuffer(Buffer.from(bytes))))
        } catch (thrown) {
          if (thrown instanceof assert.AssertionError) throw thrown
        }
      }),
      { numRuns: 400 },
    )
  })
})
