import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileJsonSchema } from '../../../src/registry/formats/json-schema.ts'
import type { SchemaBody } from '../../../src/registry/schema.ts'

function compile(schema: unknown): SchemaBody {
  const body = compileJsonSchema(schema)
  assert.ok(!Array.isArray(body), JSON.stringify(body))
  return body
}

/** `path message` of the first fault, or null. */
function fault(schema: unknown, value: unknown): string | null {
  const found = compile(schema).check(value)
  return found === null ? null : `${found.path} ${found.message}`
}

const draft4 = 'http://json-schema.org/draft-04/schema#'
const draft6 = 'http://json-schema.org/draft-06/schema#'
const draft7 = 'http://json-schema.org/draft-07/schema#'
const draft2019 = 'https://json-schema.org/draft/2019-09/schema'
const draft2020 = 'https://json-schema.org/draft/2020-12/schema'

describe('B4: a JSON Schema', () => {
  it('names the field that breaks it', () => {
    const schema = {
      type: 'object',
      required: ['t'],
      additionalProperties: false,
      properties: {
        t: { type: 'number' },
        q: { enum: ['good', 'bad'] },
        l: { items: { type: 'string' } },
        k: { const: 1 },
        'a/b': { minimum: 3 },
      },
    }
    assert.equal(fault(schema, { t: 1, q: 'good' }), null)
    assert.equal(fault(schema, { t: 'x' }), '/t must be number')
    assert.equal(fault(schema, {}), '/t is missing')
    assert.equal(fault(schema, { t: 1, x: 2 }), '/x is not allowed')
    assert.equal(fault(schema, { t: 1, q: 'fair' }), '/q must be one of "good", "bad"')
    assert.equal(fault(schema, { t: 1, l: ['a', 2] }), '/l/1 must be string')
    assert.equal(fault(schema, { t: 1, k: 2 }), '/k must be 1')
    assert.equal(fault(schema, { t: 1, 'a/b': 2 }), '/a~1b must be >= 3')
    assert.equal(fault(schema, 5), ' must be object')
    assert.equal(fault(false, 5), ' is not allowed')
    assert.equal(fault(true, 5), null)
  })

  it('is read in the dialect it names', () => {
    const tuple = { items: [{ type: 'string' }] }
    assert.equal(fault({ $schema: draft7, ...tuple }, [1]), '/0 must be string')
    assert.equal(fault({ $schema: draft2019, ...tuple }, [1]), '/0 must be string')
    assert.equal(fault({ $schema: draft2019, dependentRequired: { a: ['b'] } }, { a: 1 }), '/b is missing')
    assert.equal(fault({ $schema: draft2020, prefixItems: [{ type: 'string' }] }, [1]), '/0 must be string')
    assert.equal(fault({ prefixItems: [{ type: 'string' }] }, [1]), '/0 must be string')
  })

  it('is read in drafts 4 and 6 as well, each with its own words', () => {
    const condition = JSON.parse('{"if": true, "then": false}') as object
    const exclusive = { minimum: 3, exclusiveMinimum: true }
    assert.equal(fault({ $schema: draft4, ...exclusive }, 3), ' must be > 3')
    assert.equal(fault({ $schema: draft4, ...exclusive }, 4), null)
    assert.ok(Array.isArray(compileJsonSchema({ $schema: draft6, ...exclusive })))
    assert.equal(fault({ $schema: draft6, exclusiveMinimum: 3 }, 3), ' must be > 3')
    assert.equal(fault({ $schema: draft6, ...condition }, 3), null)
    assert.equal(fault({ $schema: draft7, ...condition }, 3), ' is not allowed')
    // `id` is a word like any other from draft 6 on.
    assert.equal(fault({ $schema: draft6, id: 'x', type: 'number' }, 3), null)
  })

  it('leads into schemas given beside it, by their names or their own $id, and into nothing else', () => {
    const reading = { $ref: 'unit.json#/$defs/celsius' }
    const unit = { $id: 'https://plant.example/unit', $defs: { celsius: { type: 'number', minimum: -273 } } }
    const references = [{ name: 'unit.json', text: JSON.stringify(unit), references: [] }]
    for (const schema of [
      { items: reading },
      { $id: 'https://other.example/readings/list', items: reading },
      { items: { $ref: 'https://plant.example/unit#/$defs/celsius' } },
    ]) {
      const body = compileJsonSchema(schema, references)
      assert.ok(!Array.isArray(body), JSON.stringify(body))
      assert.equal(body.check([20]), null)
      assert.equal(body.check([-300])?.message, 'must be >= -273')
    }
    const bare = compileJsonSchema({ items: reading })
    assert.ok(Array.isArray(bare))
    assert.deepEqual(bare[0]!.path, ['items', '$ref'])
    assert.match(bare[0]!.message, /leads out of the schema, and nothing is fetched/)
    const broken = compileJsonSchema(reading, [{ name: 'unit.json', text: '{', references: [] }])
    assert.ok(Array.isArray(broken))
    assert.match(broken[0]!.message, /reference unit.json: not valid JSON/)
  })

  it('knows formats and ignores keywords nobody has defined', () => {
    assert.equal(fault({ format: 'date-time' }, 'yesterday'), ' must match format "date-time"')
    assert.equal(fault({ format: 'date-time' }, '2026-01-02T03:04:05Z'), null)
    assert.equal(fault({ 'x-unit': 'degC', unit: 'K' }, 1), null)
  })

  it('follows references within itself, and survives values deeper than the stack', () => {
    const tree = { $ref: '#/$defs/node', $defs: { node: { type: 'array', items: { $ref: '#/$defs/node' } } } }
    assert.equal(fault(tree, [[], [[]]]), null)
    assert.equal(fault(tree, [[1]]), '/0/0 must be array')
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as unknown
    assert.equal(fault(tree, deep), ' is nested too deeply')
    const anything = compile(true)
    assert.equal(anything.encode(deep), null)
    assert.equal(anything.encode([1n, deep]), null)
    assert.equal(anything.fault?.message, 'is nested too deeply')
  })

  it('B2: runs its patterns in linear time', () => {
    const schema = { pattern: '^(([a-z])+.)+[A-Z]([a-z])+$' }
    const started = performance.now()
    assert.match(fault(schema, 'a'.repeat(10_000))!, /must match pattern/)
    assert.ok(performance.now() - started < 1_000)
  })

  it('B2: counts what a payload costs to check, so that no schema asks for 2^30 steps', () => {
    const twice = (name: string) => ({ allOf: [{ $ref: `#/$defs/${name}` }, { $ref: `#/$defs/${name}` }] })
    const $defs = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`a${at}`, twice(`a${at + 1}`)]))
    const within = (schema: unknown, value: unknown, expected: RegExp | null): void => {
      const body = compile(schema)
      body.check(value)
      const started = performance.now()
      const found = body.check(value)
      assert.ok(performance.now() - started < 100, `${performance.now() - started} ms`)
      if (expected === null) assert.equal(found, null)
      else assert.match(found?.message ?? '', expected)
    }
    within({ ...twice('a0'), $defs: { ...$defs, a40: {} } }, 1, /takes more steps/)
    const tree = {
      anyOf: [
        { items: { $ref: '#' }, minItems: 2 },
        { items: { $ref: '#' }, minItems: 2 },
      ],
    }
    within(tree, JSON.parse('['.repeat(60) + ']'.repeat(60)), /takes more steps|must NOT have fewer/)
    const dynamic = { $dynamicAnchor: 'n', anyOf: [1, 2].map(() => ({ items: { $dynamicRef: '#n' }, minItems: 2 })) }
    within(dynamic, JSON.parse('['.repeat(60) + ']'.repeat(60)), /takes more steps|must NOT have fewer/)
    const list = Array.from({ length: 10_000 }, (_, at) => at)
    within({ items: { enum: list } }, list, null)
    const patterns = Array.from({ length: 1_000 }, (_, at) => [`^(a|b)*${at}$`, {}])
    within({ patternProperties: Object.fromEntries(patterns) }, { ...list }, /takes more steps/)
  })

  it('B2: checks formats in linear time, or not beyond what a text of the format has', () => {
    for (const [format, good, bad] of [
      ['url', 'http://plant.example/a', `http://[${'1:'.repeat(50_000)}`],
      ['regex', '^a+$', '['.repeat(200_000)],
      ['email', 'a@b.example', `a@${'a-'.repeat(50_000)}`],
    ] as const) {
      const body = compile({ format })
      assert.equal(body.check(good), null)
      const started = performance.now()
      assert.match(body.check(bad)!.message, /must match format/)
      assert.ok(performance.now() - started < 50, format)
    }
  })

  it('refuses schemas that would answer later', () => {
    const faults = compileJsonSchema({ properties: { a: { $async: true, type: 'number' } } })
    assert.ok(Array.isArray(faults))
    assert.deepEqual(faults[0]!.path, ['properties', 'a', '$async'])
  })

  it('reads patterns as ECMAScript writes them', () => {
    const matching: [string, string, string][] = [
      ['^\\u00fc$', 'ü', 'u'],
      ['^\\u{1f600}$', '😀', ':'],
      ['^\\d+\\/\\d+$', '1/2', '1-2'],
      ['^(?<year>\\d{4})$', '2026', '26'],
      ['^[\\w\\-]+$', 'a-b', 'a b'],
      ['a\\.b', 'a.b', 'axb'],
      ['^\\\\u0041$', '\\u0041', 'A'],
    ]
    for (const [pattern, yes, no] of matching) {
      assert.equal(fault({ pattern }, yes), null, pattern)
      assert.notEqual(fault({ pattern }, no), null, pattern)
      assert.equal(
        fault({ patternProperties: { [pattern]: { type: 'number' } } }, { [yes]: 'x' }) === null,
        false,
        pattern,
      )
    }
  })

  it('compares unique items in linear time, as JSON compares', () => {
    const schema = { uniqueItems: true }
    assert.equal(fault(schema, [1, '1', true, null, [1], { a: 1 }, '{"a":1}']), null)
    assert.notEqual(
      fault(schema, [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ]),
      null,
    )
    assert.notEqual(
      fault(schema, [
        [1, [2]],
        [1, [2]],
      ]),
      null,
    )
    assert.equal(fault({ uniqueItems: false }, [1, 1]), null)
    const many = Array.from({ length: 100_000 }, (_, at) => ({ at }))
    const started = performance.now()
    assert.equal(fault(schema, many), null)
    assert.ok(performance.now() - started < 2_000)
  })

  it('takes values beyond JSON as JSON writes them', () => {
    const body = compile({ properties: { n: { type: 'integer', minimum: 0 }, b: { type: 'string', maxLength: 4 } } })
    const value = { n: 2n ** 60n, b: Uint8Array.of(1, 2), list: [{ any: 2n ** 63n }] }
    assert.equal(body.check(value), null)
    assert.equal(body.check({ n: -(2n ** 60n) })?.message, 'must be >= 0')
    assert.equal(body.check({ b: new Uint8Array(4) })?.path, '/b')
    assert.equal(
      Buffer.from(body.encode(value)!).toString(),
      '{"n":1152921504606846976,"b":"AQI=","list":[{"any":9223372036854775808}]}',
    )
    assert.equal(Buffer.from(compile(true).encode(JSON.parse('{"__proto__":1}'))!).toString(), '{"__proto__":1}')
  })

  it('asks for own fields where names are inherited by every object', () => {
    const schema = { required: ['toString'], properties: { constructor: { type: 'number' } } }
    assert.equal(fault(schema, {}), '/toString is missing')
    assert.equal(fault(schema, { toString: 1 }), null)
    assert.equal(fault(schema, { toString: 1, constructor: 'x' }), '/constructor must be number')
  })
})

describe('the shape of a JSON Schema', () => {
  const shape = (schema: unknown) => compile(schema).fields()
  const number = { kind: 'number' }

  it('is that of its types', () => {
    assert.deepEqual(shape({ type: 'integer' }), number)
    assert.deepEqual(shape({ enum: ['a', 'b'] }), { kind: 'string' })
    assert.deepEqual(shape({ enum: ['a', 1] }), { kind: 'any' })
    assert.deepEqual(shape({ type: ['number', 'null'] }), number)
    assert.deepEqual(shape({ type: ['number', 'string'] }), { kind: 'any' })
    assert.deepEqual(shape({ type: 'array', items: { type: 'boolean' } }), { kind: 'list', items: { kind: 'bool' } })
    assert.deepEqual(shape(true), { kind: 'any' })
  })

  it('of an object has the fields it names, and is open when the schema says so or names none', () => {
    const properties = { a: { type: 'number' } }
    const fields = new Map([['a', number]])
    assert.deepEqual(shape({ type: 'object', properties }), { kind: 'object', fields, open: false })
    assert.deepEqual(shape({ properties }), { kind: 'object', fields, open: false })
    assert.deepEqual(shape({ type: 'object', properties, additionalProperties: false }), {
      kind: 'object',
      fields,
      open: false,
    })
    assert.deepEqual(shape({ type: 'object', properties, additionalProperties: true }), {
      kind: 'object',
      fields,
      open: true,
    })
    assert.deepEqual(shape({ type: 'object', properties, patternProperties: {} }), {
      kind: 'object',
      fields,
      open: true,
    })
    assert.deepEqual(shape({ type: 'object', properties, anyOf: [{}] }), { kind: 'object', fields, open: true })
    assert.deepEqual(shape({ type: 'object' }), { kind: 'object', fields: new Map(), open: true })
  })

  it('follows references and allOf, and ends in circles', () => {
    const $defs = { n: { type: 'number' }, p: { type: 'object', properties: { b: { $ref: '#/$defs/n' } } } }
    const all = { type: 'object', properties: { a: { $ref: '#/$defs/n' } }, allOf: [{ $ref: '#/$defs/p' }], $defs }
    const found = shape(all)
    assert.ok(found.kind === 'object')
    assert.deepEqual(
      [...found.fields],
      [
        ['a', number],
        ['b', number],
      ],
    )
    const circle = compileJsonSchema({ $ref: '#/$defs/x', $defs: { x: { $ref: '#/$defs/x' } } })
    assert.ok(Array.isArray(circle))
    assert.match(circle[0]!.message, /leads back to itself/)
    assert.equal(shape({ type: 'object', properties: { again: { $ref: '#' } } }).kind, 'object')
  })
})
