import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { differences } from '../../../src/registry/compatibility/compatibility.ts'

/**
 * Where nothing stands against reading, data that was written must indeed be read. Left out is what Confluent's
 * registry is known to leave unseen, and `oneOf`, of which a value may come to fit two.
 */

type Schema = Record<string, unknown>

const names = ['a', 'b', 'c'] as const
const limits = (upper: string, lower: string) =>
  fc.record({ [upper]: fc.integer({ min: 2, max: 4 }), [lower]: fc.integer({ min: 0, max: 2 }) }, { requiredKeys: [] })

const schemas = fc.letrec<{ any: Schema; object: Schema; array: Schema; leaf: Schema }>((tie) => ({
  leaf: fc.oneof(
    limits('maxLength', 'minLength').map((more) => ({ type: 'string', ...more })),
    limits('maximum', 'minimum').map((more) => ({ type: 'number', ...more })),
    limits('exclusiveMaximum', 'exclusiveMinimum').map((more) => ({ type: 'integer', ...more })),
    fc.constantFrom(2, 3, 4, 6).map((multipleOf) => ({ type: 'integer', multipleOf })),
    fc.constantFrom<Schema>(
      { type: 'boolean' },
      { type: 'null' },
      {},
      { type: ['string', 'null'] },
      { type: ['integer', 'boolean'] },
    ),
    fc.uniqueArray(fc.constantFrom<unknown>('x', 'y', 1, null), { minLength: 1 }).map((values) => ({ enum: values })),
  ),
  array: fc
    .tuple(tie('any'), limits('maxItems', 'minItems'), fc.boolean())
    .map(([items, more, unique]) => ({ type: 'array', items, ...more, ...(unique ? { uniqueItems: true } : {}) })),
  object: fc
    .tuple(
      fc.dictionary(fc.constantFrom(...names), tie('any'), { maxKeys: 3, noNullPrototype: true }),
      fc.uniqueArray(fc.constantFrom(...names)),
      fc.option(fc.oneof(fc.boolean(), tie('leaf')), { nil: undefined }),
      limits('maxProperties', 'minProperties'),
    )
    .map(([properties, required, rest, more]) => ({
      type: 'object',
      properties,
      required: required.filter((name) => Object.hasOwn(properties, name)),
      ...(rest === undefined ? {} : { additionalProperties: rest }),
      ...more,
    })),
  any: fc.oneof(
    { maxDepth: 3 },
    tie('leaf'),
    tie('leaf'),
    tie('array'),
    tie('object'),
    fc.array(tie('leaf'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    tie('leaf').map((leaf) => ({ $ref: '#/$defs/x', $defs: { x: leaf } })),
  ),
}))

/** `$defs` are where `#` finds them. */
const hoisted = (schema: Schema): Schema => {
  const defs: Schema = {}
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit)
    if (typeof value !== 'object' || value === null) return value
    const { $defs, ...rest } = value as Schema
    if ($defs === undefined) return Object.fromEntries(Object.entries(rest).map(([name, item]) => [name, visit(item)]))
    const name = `d${Object.keys(defs).length}`
    defs[name] = ($defs as Schema)['x']
    return { $ref: `#/$defs/${name}` }
  }
  const visited = visit(schema) as Schema
  return { ...visited, $defs: defs }
}

/** A value that fits a schema, mostly; `pick` chooses below a number. */
function fitting(schema: unknown, defs: Schema, pick: (below: number) => number): unknown {
  if (typeof schema !== 'object' || schema === null) return ['x', 0, null, true][pick(4)]
  const { type, $ref, anyOf, properties = {}, required = [], additionalProperties, items, ...limits } = schema as Schema
  const limit = (name: string, otherwise: number): number => Number(limits[name] ?? otherwise)
  if (typeof $ref === 'string') return fitting(defs[$ref.split('/').at(-1)!], defs, pick)
  if (Array.isArray(anyOf)) return fitting(anyOf[pick(anyOf.length)], defs, pick)
  const listed = limits['enum']
  if (Array.isArray(listed)) return listed[pick(listed.length)]
  switch (Array.isArray(type) ? type[pick(type.length)] : type) {
    case 'string':
      return 'x'.repeat(limit('minLength', 0) + pick(1 + limit('maxLength', 6) - limit('minLength', 0)))
    case 'number':
      return limit('minimum', -2) + pick(2 + 2 * (limit('maximum', 8) - limit('minimum', -2))) / 2
    case 'integer':
      return (limit('exclusiveMinimum', -3) + 1 + pick(8)) * limit('multipleOf', 1)
    case 'boolean':
      return pick(2) === 0
    case 'null':
      return null
    case 'array': {
      const length = limit('minItems', 0) + pick(1 + limit('maxItems', 4) - limit('minItems', 0))
      return Array.from({ length }, () => fitting(items, defs, pick))
    }
    case 'object': {
      const made: Schema = {}
      for (const [name, property] of Object.entries(properties as object)) {
        if ((required as string[]).includes(name) || pick(3) > 0) made[name] = fitting(property, defs, pick)
      }
      for (const name of [...names, 'd']) {
        if (additionalProperties === false || Object.hasOwn(properties as object, name) || pick(2) === 0) continue
        made[name] = fitting(additionalProperties, defs, pick)
      }
      return made
    }
    default:
      return ['', 'xxxxx', 0, 7.5, null, true, [], {}][pick(8)]
  }
}

describe('B4: what nothing stands against', () => {
  it('is read: JSON that fits the old schema fits the new one', () => {
    let [compatible, fitted] = [0, 0]
    const variants = fc.tuple(schemas.any, schemas.any, fc.infiniteStream(fc.nat(1000)))
    const changes = fc.record({ at: fc.nat(1000), how: fc.constantFrom('without', 'other', 'less') })
    fc.assert(
      fc.property(variants, changes, fc.integer({ min: 0, max: 3 }), ([one, other, samples], change, side) => {
        // Most random pairs have nothing in common, so most are the same schema with a part exchanged.
        const changed = side === 3 ? other : exchanged(one, other, change)
        const [old, next] = (side % 2 === 0 ? [one, changed] : [changed, one]).map(hoisted) as [Schema, Schema]
        const found = differences('json-schema', textOf(next), textOf(old))
        if (found.length > 0 || JSON.stringify(old) === JSON.stringify(next)) return
        compatible++
        const ajv = new Ajv2020({ strict: false })
        const [wasValid, isValid] = [ajv.compile(old), ajv.compile(next)]
        const pick = (below: number): number => samples.next().value % Math.max(1, below)
        for (let at = 0; at < 25; at++) {
          const value = fitting(old, old['$defs'] as Schema, pick)
          if (!wasValid(value)) continue
          fitted++
          assert.ok(isValid(value), `${JSON.stringify({ old, next, value })}: ${JSON.stringify(isValid.errors?.[0])}`)
        }
      }),
      { numRuns: 1200 },
    )
    assert.ok(compatible > 100 && fitted > 1000, `${compatible} compatible, ${fitted} values`)
  })

  it('is read: Protobuf of the old schema decodes with the new one, with the values it had', () => {
    const kinds = [
      'int32',
      'int64',
      'uint32',
      'bool',
      'sint32',
      'fixed32',
      'double',
      'string',
      'bytes',
      'N',
      'E',
    ] as const
    const fields = fc.uniqueArray(
      fc.record({
        tag: fc.integer({ min: 1, max: 5 }),
        type: fc.constantFrom(...kinds),
        label: fc.constantFrom('', 'optional ', 'repeated '),
      }),
      { selector: ({ tag }) => tag, minLength: 1, maxLength: 5 },
    )
    type Fields = readonly { readonly tag: number; readonly type: (typeof kinds)[number]; readonly label: string }[]
    const schemaOf = (list: Fields): string =>
      `syntax = "proto3"; message M { ${list.map(({ tag, type, label }) => `${label}${type} f${tag} = ${tag};`).join(' ')} }
       message N { int32 n = 1; } enum E { ZERO = 0; ONE = 1; }`
    const sample = {
      int32: 1,
      int64: 1,
      uint32: 1,
      bool: true,
      sint32: 1,
      fixed32: 1,
      double: 1,
      string: 'x',
      bytes: 'eA==',
      N: { n: 1 },
      E: 1,
    }
    let compatible = 0
    fc.assert(
      fc.property(fields, fields, (one, other) => {
        const [old, next] = [schemaOf(one), schemaOf(other)]
        if (differences('protobuf', { text: next, references: [] }, { text: old, references: [] }).length > 0) return
        compatible++
        const [Old, Next] = [old, next].map((text) => protobuf.parse(text).root.lookupType('M')) as [
          protobuf.Type,
          protobuf.Type,
        ]
        const value = Object.fromEntries(
          one.map(({ tag, type, label }) => [`f${tag}`, label === 'repeated ' ? [sample[type]] : sample[type]]),
        )
        const bytes = Old.encode(Old.fromObject(value)).finish()
        const read = Next.toObject(Next.decode(bytes), { longs: Number, bytes: String, enums: Number }) as Record<
          string,
          unknown
        >
        for (const { tag, label, type } of other) {
          const before = one.find((field) => field.tag === tag)
          // Without a label a field that becomes repeated goes unseen, packed numbers and all.
          if (before === undefined || label !== before.label) continue
          const [is] = [read[`f${tag}`]].flat()
          const expected = { ...sample, bool: 1, bytes: 'x' }[before.type]
          const same =
            type === 'bytes' ? Buffer.from(String(is), 'base64').toString() : typeof is === 'boolean' ? Number(is) : is
          assert.deepEqual(same, expected, `${JSON.stringify({ old, next })}`)
        }
      }),
      { numRuns: 1500 },
    )
    assert.ok(compatible > 150, `${compatible} compatible`)
  })
})

const textOf = (schema: Schema) => ({ text: JSON.stringify(schema), references: [] })

/** The first schema with one of its parts taken from the other, left out, or, of a limit, moved. */
function exchanged(one: Schema, other: Schema, { at: chosen, how }: Change): Schema {
  const copy = structuredClone(one)
  const places: (readonly [holder: Record<string | number, unknown>, name: string | number])[] = []
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, item] of Object.entries(value)) {
      if (name === 'enum' || name === 'required' || name === '$ref' || name === '$defs' || name === 'type') continue
      if (name !== 'properties' && !Array.isArray(item)) places.push([value as Record<string, unknown>, name])
      visit(item)
    }
  }
  visit(copy)
  const place = places[chosen % Math.max(1, places.length)]
  if (place === undefined) return copy
  const [holder, name] = place
  const value = holder[name]
  if (how === 'without' && !Array.isArray(holder)) delete holder[name]
  else if (typeof value === 'number')
    holder[name] = name === 'multipleOf' ? value * 2 : how === 'other' ? value + 1 : Math.max(0, value - 1)
  else if (typeof value === 'object') holder[name] = other
  // What a schema requires it names.
  const named = (schema: unknown): void => {
    if (typeof schema !== 'object' || schema === null) return
    const { properties, required } = schema as { properties?: object; required?: string[] }
    if (Array.isArray(required))
      (schema as Schema)['required'] = required.filter((one) => Object.hasOwn(properties ?? {}, one))
    Object.values(schema).forEach(named)
  }
  named(copy)
  return copy
}

interface Change {
  readonly at: number
  readonly how: 'without' | 'other' | 'less'
}
