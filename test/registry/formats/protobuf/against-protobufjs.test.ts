import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { protobufFormat } from '../../../../src/registry/formats/protobuf/protobuf.ts'
import type { SchemaBody } from '../../../../src/registry/schema.ts'

/** Random messages, written by us and read by protobufjs, and the other way round. */
interface Field {
  readonly declare: (name: string, number: number) => string
  readonly value: fc.Arbitrary<unknown>
}

const int32 = fc.integer()
const uint32 = fc.nat({ max: 2 ** 32 - 1 })
const safe = fc.maxSafeInteger()
const scalars: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  double: fc.double({ noNaN: true }),
  float: fc.float({ noNaN: true }),
  int32,
  sint32: int32,
  sfixed32: int32,
  uint32,
  fixed32: uint32,
  int64: safe,
  sint64: safe,
  sfixed64: safe,
  uint64: fc.maxSafeNat(),
  fixed64: fc.maxSafeNat(),
  bool: fc.boolean(),
  string: fc.string({ unit: 'grapheme', maxLength: 200 }),
  bytes: fc.uint8Array({ maxLength: 200 }),
}

const fields: fc.Arbitrary<Field> = fc.constantFrom(...Object.keys(scalars)).chain((type) => {
  const value = scalars[type]!
  const list = fc.array(value, { maxLength: 5 })
  return fc.constantFrom<Field>(
    { declare: (name, number) => `optional ${type} ${name} = ${number};`, value: fc.option(value, { nil: undefined }) },
    { declare: (name, number) => `${type} ${name} = ${number};`, value },
    { declare: (name, number) => `repeated ${type} ${name} = ${number};`, value: list },
    ...(type === 'string' || type === 'bytes'
      ? []
      : [
          {
            declare: (name: string, number: number) => `repeated ${type} ${name} = ${number} [packed = false];`,
            value: list,
          },
        ]),
    {
      declare: (name, number) => `map<string, ${type}> ${name} = ${number};`,
      value: fc.dictionary(fc.string(), value, { maxKeys: 4, noNullPrototype: true }),
    },
    {
      declare: (name, number) =>
        `message ${name.toUpperCase()} { ${type} in = 1; } repeated ${name.toUpperCase()} ${name} = ${number};`,
      value: fc.array(
        value.map((one) => ({ in: one })),
        { maxLength: 3 },
      ),
    },
  )
})

const messages = fc
  .array(
    fc.tuple(
      fields,
      fc.integer({ min: 1, max: 2 ** 29 - 1 }).filter((number) => number < 19_000 || number > 19_999),
    ),
    { minLength: 1, maxLength: 8 },
  )
  .chain((list) => {
    const unique = [...new Map(list.map(([field, number]) => [number, field] as const))]
    const text = `syntax = "proto3"; message M { ${unique.map(([number, field], at) => field.declare(`f${at}`, number)).join('\n')} }`
    const value = fc.tuple(...unique.map(([, field]) => field.value)).map((values) => {
      return Object.fromEntries(values.map((one, at) => [`f${at}`, one]).filter(([, one]) => one !== undefined))
    })
    return fc.tuple(fc.constant(text), value)
  })

function both(text: string): { ours: SchemaBody; theirs: protobuf.Type } {
  const ours = protobufFormat.compile(text, [])
  assert.ok(!Array.isArray(ours), JSON.stringify(ours))
  return { ours, theirs: protobuf.parse(text, { keepCase: true }).root.lookupType('M') }
}

/** Plain data to compare: bytes as hex, objects as entries in order. */
function plainly(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plainly)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, plainly(item)])
}

/** What protobufjs reads, with zeros for what is not there; its defaults for explicit fields are taken out. */
const asTheyRead = (theirs: protobuf.Type, bytes: Uint8Array): unknown => {
  const message = theirs.decode(bytes)
  const read = theirs.toObject(message, { longs: Number, arrays: true, objects: true, defaults: true })
  for (const field of theirs.fieldsArray) {
    if (field.options?.['proto3_optional'] === true && !Object.hasOwn(message, field.name)) delete read[field.name]
  }
  return plainly(read)
}

/** proto2: labels, groups, enums and oneofs; nothing is shown that was not set. */
const proto2Fields: fc.Arbitrary<Field> = fc.constantFrom('Q', ...Object.keys(scalars)).chain((type) => {
  const value = scalars[type] ?? fc.constantFrom('ONE', 'TWO', 'MINUS')
  return fc.constantFrom<Field>(
    { declare: (name, number) => `optional ${type} ${name} = ${number};`, value: fc.option(value, { nil: undefined }) },
    { declare: (name, number) => `required ${type} ${name} = ${number};`, value },
    { declare: (name, number) => `repeated ${type} ${name} = ${number};`, value: fc.array(value, { maxLength: 4 }) },
    {
      declare: (name, number) => `oneof o_${name} { ${type} ${name} = ${number}; M ${name}_m = ${number + 1}; }`,
      value: fc.option(value, { nil: undefined }),
    },
    {
      declare: (name, number) => `repeated group ${name.toUpperCase()} = ${number} { optional ${type} in = 1; }`,
      value: fc.array(
        value.map((one) => ({ in: one })),
        { maxLength: 3 },
      ),
    },
  )
})

const proto2 = fc.array(proto2Fields, { minLength: 1, maxLength: 8 }).chain((list) => {
  const body = list.map((field, at) => field.declare(`f${at}`, at * 2 + 1)).join('\n')
  const text = `syntax = "proto2"; message M { ${body} } enum Q { TWO = 2; ONE = 1; MINUS = -5; }`
  const value = fc.tuple(...list.map((field) => field.value)).map((values) => {
    return Object.fromEntries(values.map((one, at) => [`f${at}`, one]).filter(([, one]) => one !== undefined))
  })
  return fc.tuple(fc.constant(text), value)
})

describe('B4: our Protobuf beside protobufjs', () => {
  it('does so in proto2, groups and enums among it', () => {
    fc.assert(
      fc.property(proto2, ([text, value]) => {
        const { ours, theirs } = both(text)
        const written = ours.encode(value)
        assert.ok(written !== null, JSON.stringify(ours.fault))
        const read = plainly(ours.decode(written, ''))
        const options = { longs: Number, enums: String, arrays: true }
        assert.deepEqual(read, plainly(theirs.toObject(theirs.decode(written), options)))
        const other = theirs.encode(theirs.fromObject(value)).finish()
        assert.deepEqual(plainly(ours.decode(other, '')), read)
      }),
      { numRuns: 300 },
    )
  })

  it('reads what protobufjs wrote, and writes what it reads', () => {
    fc.assert(
      fc.property(messages, ([text, value]) => {
        const { ours, theirs } = both(text)
        const written = ours.encode(value)
        assert.ok(written !== null, JSON.stringify(ours.fault))
        const read = ours.decode(written, '')
        assert.deepEqual(plainly(read), asTheyRead(theirs, written))
        const other = theirs.encode(theirs.fromObject(value)).finish()
        assert.deepEqual(plainly(ours.decode(other, '')), plainly(read))
      }),
      { numRuns: 300 },
    )
  })

  it('reads random bytes or says why not, and never throws', () => {
    fc.assert(
      fc.property(messages, fc.uint8Array({ maxLength: 80 }), ([text], bytes) => {
        const { ours } = both(text)
        const read = ours.decode(bytes, '')
        if (read === undefined) assert.ok(ours.fault !== null)
        // What was read can be written, and reads the same again.
        else {
          const again = ours.encode(read)
          assert.ok(again !== null, JSON.stringify(ours.fault))
          assert.deepEqual(plainly(ours.decode(again, '')), plainly(read))
        }
      }),
      { numRuns: 500 },
    )
  })
})
