import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { avroFormat } from '../../../../src/registry/formats/avro/avro.ts'
import type { ReferencedSchema } from '../../../../src/registry/formats/format.ts'
import type { SchemaBody } from '../../../../src/registry/schema.ts'

function compile(schema: unknown, references: readonly ReferencedSchema[] = []): SchemaBody {
  const body = avroFormat.compile(JSON.stringify(schema), references)
  assert.ok(!Array.isArray(body), JSON.stringify(body))
  return body
}

/** What a value is after it was written and read. */
function through(schema: unknown, value: unknown): unknown {
  const body = compile(schema)
  const bytes = body.encode(value)
  assert.ok(bytes !== null, JSON.stringify(body.fault))
  const read = body.decode(bytes, '')
  assert.notEqual(read, undefined, JSON.stringify(body.fault))
  return read
}

/** `path message` of the first fault; null when the value fits. */
function fault(schema: unknown, value: unknown): string | null {
  const found = compile(schema).check(value)
  return found === null ? null : `${found.path} ${found.message}`
}

/** Why bytes (in hex) cannot be read. */
function unreadable(schema: unknown, hex: string): string {
  const body = compile(schema)
  assert.equal(body.decode(Buffer.from(hex, 'hex'), ''), undefined)
  return `${body.fault!.path} ${body.fault!.message}`
}

/** What is wrong with a schema: `path message`. */
function refused(schema: unknown, references: readonly ReferencedSchema[] = []): string {
  const faults = avroFormat.compile(typeof schema === 'string' ? schema : JSON.stringify(schema), references)
  assert.ok(Array.isArray(faults), 'compiles')
  return `${faults[0]!.path.join('.')} ${faults[0]!.message}`
}

const record = (...fields: unknown[]) => ({ type: 'record', name: 'R', fields })

describe('B4: Avro', () => {
  it('writes and reads every type as plain data', () => {
    const all = record(
      { name: 'n', type: 'null' },
      { name: 'b', type: 'boolean' },
      { name: 'i', type: 'int' },
      { name: 'l', type: 'long' },
      { name: 'f', type: 'float' },
      { name: 'd', type: 'double' },
      { name: 'bytes', type: 'bytes' },
      { name: 's', type: 'string' },
      { name: 'fixed', type: { type: 'fixed', name: 'F', size: 2 } },
      { name: 'e', type: { type: 'enum', name: 'E', symbols: ['A', 'B'] } },
      { name: 'a', type: { type: 'array', items: 'int' } },
      { name: 'm', type: { type: 'map', values: 'F' } },
      { name: 'u', type: ['null', 'string', 'E'] },
    )
    const value = {
      n: null,
      b: true,
      i: -2_147_483_648,
      l: 9_007_199_254_740_993n,
      f: 0.5,
      d: -1e300,
      bytes: Uint8Array.of(0, 255),
      s: 'Grüße 😀',
      fixed: Uint8Array.of(1, 2),
      e: 'B',
      a: [1, 2, 3],
      m: { x: Uint8Array.of(3, 4) },
      u: 'text',
    }
    assert.deepEqual(through(all, value), value)
  })

  it('keeps integers of 64 bits exact', () => {
    const edges = [0, 1, -1, 63, 64, -64, -65, 2 ** 31, -(2 ** 31) - 1, 2 ** 52, 2 ** 53 - 1, -(2 ** 53) + 1]
    for (const value of edges) assert.equal(through('long', value), value)
    for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
      assert.equal(through('long', value), value)
    }
    assert.equal(through('long', 5n), 5)
    assert.match(fault('long', 2 ** 53)!, /that a JSON number holds exactly/)
    assert.match(fault('long', 2n ** 63n)!, /64 bits/)
    assert.match(fault('int', 2 ** 31)!, /32 bits/)
    assert.match(fault('int', 1.5)!, /32 bits/)
  })

  it('names the field that does not fit, by JSON pointer', () => {
    const reading = record(
      { name: 'device', type: 'string' },
      { name: 'values', type: { type: 'array', items: record({ name: 'v', type: 'double' }) } },
      { name: 'tags', type: { type: 'map', values: 'string' }, default: {} },
    )
    reading.fields[1] = {
      name: 'values',
      type: { type: 'array', items: { ...record({ name: 'v', type: 'double' }), name: 'V' } },
    }
    assert.equal(fault(reading, { device: 'a', values: [{ v: 1 }] }), null)
    assert.equal(fault(reading, { device: 1, values: [] }), '/device must be a text, not 1')
    assert.equal(fault(reading, { device: 'a' }), '/values is missing')
    assert.equal(
      fault(reading, { device: 'a', values: [{ v: 1 }, { v: 'x' }] }),
      '/values/1/v must be a number, not "x"',
    )
    assert.equal(fault(reading, { device: 'a', values: [], tags: { 'a/b': 1 } }), '/tags/a~1b must be a text, not 1')
    assert.equal(fault(reading, null), ' must be an object, not null')
    assert.equal(
      fault(reading, { device: '\ud800', values: [] }),
      '/device is no valid Unicode: half of a surrogate pair is missing',
    )
    assert.equal(compile(reading).encode({ device: 1, values: [] }), null)
  })

  it('fills what a value lacks: with the default, or null where null is allowed', () => {
    const schema = record(
      { name: 'a', type: 'int', default: 7 },
      { name: 'b', type: ['null', 'string'] },
      { name: 'c', type: ['string', 'null'], default: 'x' },
      { name: 'd', type: 'bytes', default: '\u00ff' },
      { name: 'e', type: { type: 'array', items: 'int' }, default: [1] },
      { name: 'f', type: { ...record({ name: 'g', type: 'int', default: 3 }), name: 'S' }, default: {} },
      { name: 't', type: { type: 'long', logicalType: 'timestamp-millis' }, default: 0 },
      { name: 'u', type: ['int', 'string'], default: 'later Avro lets any branch have it' },
    )
    assert.deepEqual(through(schema, {}), {
      a: 7,
      b: null,
      c: 'x',
      d: Uint8Array.of(255),
      e: [1],
      f: { g: 3 },
      t: '1970-01-01T00:00:00Z',
      u: 'later Avro lets any branch have it',
    })
    assert.match(refused(record({ name: 'a', type: 'int', default: 'x' })), /fields.0.default the default of a must be/)
    assert.match(refused(record({ name: 'a', type: 'bytes', default: '€' })), /units 0 to 255/)
  })

  it('leaves out what the record does not know', () => {
    assert.deepEqual(through(record({ name: 'a', type: 'int' }), { a: 1, b: 2 }), { a: 1 })
  })

  it('chooses the branch of a union by the shape of the value', () => {
    const small = { ...record({ name: 'a', type: 'int' }), name: 'Small' }
    const large = { ...record({ name: 'a', type: 'int' }, { name: 'b', type: 'int' }), name: 'Large' }
    const one = (union: unknown[], value: unknown): number => compile(union).encode(value)![0]! / 2
    assert.equal(one(['null', 'int', 'string', 'boolean'], null), 0)
    assert.equal(one(['null', 'int', 'string', 'boolean'], 1), 1)
    assert.equal(one(['null', 'int', 'string', 'boolean'], 'x'), 2)
    assert.equal(one(['null', 'int', 'string', 'boolean'], false), 3)
    // In the order of the schema, where several fit.
    assert.equal(one(['int', 'double'], 1), 0)
    assert.equal(one(['int', 'double'], 1.5), 1)
    assert.equal(one(['double', 'int'], 1), 0)
    assert.equal(one(['int', 'long'], 2 ** 40), 1)
    assert.equal(one(['double', 'long'], 2n ** 60n), 1)
    assert.equal(one(['float', 'double'], 0.5), 0)
    assert.equal(one(['float', 'double'], 0.1), 1)
    // A text is base64 only where nothing else takes it.
    assert.equal(one(['bytes', 'string'], 'abcd'), 1)
    assert.equal(one(['bytes', 'null', 'int'], 'abcd'), 0)
    assert.equal(one(['string', 'bytes'], Uint8Array.of(1)), 1)
    assert.equal(one([{ type: 'enum', name: 'E', symbols: ['A'] }, 'string'], 'A'), 0)
    assert.equal(one([{ type: 'enum', name: 'E', symbols: ['A'] }, 'string'], 'B'), 1)
    // A record that knows all fields before one that would drop some.
    assert.equal(one([small, large], { a: 1 }), 0)
    assert.equal(one([small, large], { a: 1, b: 2 }), 1)
    assert.equal(one([large, small], { a: 1, c: 2 }), 1)
    assert.equal(one([small, { type: 'map', values: 'int' }], { x: 1 }), 1)
    assert.equal(one([{ type: 'array', items: 'int' }, 'null', 'int'], [1]), 0)
    assert.equal(fault(['null', 'int', 'string'], true), ' must be one of null, int, string, not true')
    assert.equal(fault([small, large], { b: 1 }), ' fits none of Small, Large')
    assert.equal(fault(['null', small], { a: 'x' }), '/a must be a whole number of 32 bits, not "x"')
  })

  it('B2: tries the branches of unions in unions no more often than is bounded', () => {
    const twins = [
      {
        type: 'record',
        name: 'A',
        fields: [
          {
            name: 'n',
            type: ['int', 'A', { type: 'record', name: 'B', fields: [{ name: 'n', type: ['int', 'A', 'B'] }] }],
          },
        ],
      },
      'B',
    ]
    let value: unknown = { n: 'x' }
    for (let depth = 0; depth < 60; depth++) value = { n: value }
    const body = compile(twins)
    body.check(value)
    const started = performance.now()
    assert.match(body.check(value)!.message, /too many attempts/)
    assert.ok(performance.now() - started < 100)
  })

  it('takes logical types as text and numbers, and shows them as text', () => {
    const long = (logicalType: string) => ({ type: 'long', logicalType })
    const time = '2026-11-20T10:15:30.123456789Z'
    assert.equal(through(long('timestamp-millis'), '2026-11-20T11:15:30.5+01:00'), '2026-11-20T10:15:30.500Z')
    assert.equal(through(long('timestamp-millis'), 1_767_225_600_000), '2026-01-01T00:00:00Z')
    assert.equal(through(long('timestamp-millis'), { toJSON: () => '2026-11-20T10:15:30Z' }), '2026-11-20T10:15:30Z')
    assert.equal(through(long('timestamp-micros'), '1969-12-31T23:59:59.999999Z'), '1969-12-31T23:59:59.999999Z')
    assert.equal(through(long('timestamp-nanos'), time), time)
    assert.equal(through(long('timestamp-nanos'), '1677-09-21T00:12:43.145224192Z'), '1677-09-21T00:12:43.145224192Z')
    assert.match(fault(long('timestamp-micros'), time)!, /must be a time as/)
    assert.match(fault(long('timestamp-millis'), '2026-02-30T00:00:00Z')!, /must be a time as/)
    assert.match(fault(long('timestamp-millis'), '2026-02-03T00:00:00')!, /must be a time as/)
    assert.equal(through(long('local-timestamp-millis'), '2026-02-03T00:00:00.1'), '2026-02-03T00:00:00.100')
    assert.match(fault(long('local-timestamp-millis'), '2026-02-03T00:00:00Z')!, /must be a time as/)
    assert.equal(through({ type: 'int', logicalType: 'date' }, '0001-01-01'), '0001-01-01')
    assert.equal(through({ type: 'int', logicalType: 'date' }, 0), '1970-01-01')
    assert.match(fault({ type: 'int', logicalType: 'date' }, '2026-13-01')!, /must be a date/)
    assert.equal(through({ type: 'int', logicalType: 'time-millis' }, '23:59:59.999'), '23:59:59.999')
    assert.equal(through(long('time-micros'), 1), '00:00:00.000001')
    const uuid = '123e4567-e89b-12d3-a456-426614174000'
    assert.equal(through({ type: 'string', logicalType: 'uuid' }, uuid), uuid)
    assert.equal(through({ type: 'fixed', name: 'U', size: 16, logicalType: 'uuid' }, uuid.toUpperCase()), uuid)
    assert.match(fault({ type: 'string', logicalType: 'uuid' }, 'x')!, /must be a UUID/)
    const parts = { months: 1, days: 2, millis: 4_294_967_295 }
    assert.deepEqual(through({ type: 'fixed', name: 'D', size: 12, logicalType: 'duration' }, parts), parts)
    assert.match(fault({ type: 'fixed', name: 'D', size: 12, logicalType: 'duration' }, { months: 1 })!, /duration/)
  })

  it('keeps decimals exact', () => {
    const money = { type: 'bytes', logicalType: 'decimal', precision: 30, scale: 2 }
    const fixed = { type: 'fixed', name: 'F', size: 4, logicalType: 'decimal', precision: 9, scale: 3 }
    for (const text of ['0.00', '-0.01', '1.28', '-1.28', '1234567890123456789012345678.99', '327.68', '-327.68']) {
      assert.equal(through(money, text), text)
    }
    assert.equal(through(money, 12.5), '12.50')
    assert.equal(through(money, 1e3), '1000.00')
    assert.equal(through(money, 7n), '7.00')
    assert.equal(through(fixed, '-12.345'), '-12.345')
    assert.match(fault(money, 0.001)!, /at most 2 decimals/)
    assert.match(fault(money, '1e400')!, /at most 30 digits/)
    assert.match(fault(fixed, '1000000')!, /at most 9 digits/)
    assert.match(fault(money, 'abc')!, /decimals/)
  })

  it('ignores logical types that are not valid, as the specification says', () => {
    assert.equal(through({ type: 'int', logicalType: 'timestamp-millis' }, 5), 5)
    assert.deepEqual(through({ type: 'bytes', logicalType: 'decimal' }, Uint8Array.of(1)), Uint8Array.of(1))
    assert.equal(through({ type: 'string', logicalType: 'colour' }, 'red'), 'red')
  })

  it('knows recursive types, and bounds how deep they go', () => {
    const list = {
      type: 'record',
      name: 'Node',
      fields: [
        { name: 'v', type: 'int' },
        { name: 'next', type: ['null', 'Node'], default: null },
      ],
    }
    assert.deepEqual(through(list, { v: 1, next: { v: 2 } }), { v: 1, next: { v: 2, next: null } })
    let deep: unknown = { v: 0 }
    for (let at = 0; at < 200; at++) deep = { v: at, next: deep }
    assert.match(fault(list, deep)!, /nested deeper than 128/)
    assert.match(unreadable(list, '0002'.repeat(100_000)), /nested deeper than 128/)
    assert.match(refused({ type: 'record', name: 'X', fields: [{ name: 'x', type: 'X' }] }), /contains itself/)
  })

  it('takes names as they are meant: namespaces, nested names, references', () => {
    const outer = {
      type: 'record',
      name: 'Outer',
      namespace: 'a.b',
      fields: [
        { name: 'x', type: { type: 'enum', name: 'E', symbols: ['S'] } },
        { name: 'y', type: 'a.b.E' },
        { name: 'z', type: 'E' },
        { name: 'w', type: { type: 'fixed', name: 'c.F', size: 1 } },
        { name: 'v', type: 'c.F' },
      ],
    }
    const value = { x: 'S', y: 'S', z: 'S', w: Uint8Array.of(1), v: Uint8Array.of(2) }
    assert.deepEqual(through(outer, value), value)
    const unit = { type: 'enum', name: 'plant.Unit', symbols: ['C', 'F'] }
    const reading = { type: 'record', name: 'plant.Reading', fields: [{ name: 'unit', type: 'Unit' }] }
    const references = [{ name: 'plant.Unit', text: JSON.stringify(unit), references: [] }]
    assert.deepEqual(compile(reading, references).check({ unit: 'C' }), null)
    assert.equal(refused(reading), 'fields.0.type type "Unit" is not known')
    assert.equal(
      refused(reading, [{ name: 'plant.Unit', text: '{', references: [] }]).startsWith(
        ' reference plant.Unit: not valid JSON',
      ),
      true,
    )
  })

  it('takes names that objects inherit for names', () => {
    const hostile = record(
      ...['__proto__', 'constructor', 'toString', 'hasOwnProperty'].map((name) => ({ name, type: 'int', default: 1 })),
    )
    const value = JSON.parse('{"__proto__": 5, "constructor": 6}') as object
    const read = through(hostile, value) as object
    assert.deepEqual(Object.entries(read), [
      ['__proto__', 5],
      ['constructor', 6],
      ['toString', 1],
      ['hasOwnProperty', 1],
    ])
    assert.equal(Object.getPrototypeOf(read), Object.prototype)
    const map = through({ type: 'map', values: 'int' }, JSON.parse('{"__proto__": 5}')) as object
    assert.deepEqual(Object.entries(map), [['__proto__', 5]])
    assert.match(fault({ type: 'enum', name: 'E', symbols: ['A'] }, 'constructor')!, /must be one of A/)
    assert.equal(fault(['null', record({ name: 'valueOf', type: 'int' })], {}), '/valueOf is missing')
  })
})

describe('B4: an Avro schema', () => {
  it('is refused with the place of what is wrong', () => {
    const wrong: [unknown, string][] = [
      ['{', ' not valid JSON'],
      ['5', ' a type is a name'],
      ['"text"', ' type "text" is not known'],
      [{}, ' lacks its `type`'],
      [{ type: 'array' }, ' lacks its `items`'],
      [{ type: 'map' }, ' lacks its `values`'],
      [{ type: 'record', name: 'R' }, 'fields a record has a list of `fields`'],
      [{ type: 'record', fields: [] }, 'name lacks its `name`'],
      [{ type: 'record', name: 'a-b', fields: [] }, 'name "a-b" cannot name a type'],
      [{ type: 'record', name: 'int', fields: [] }, "name int names a type of Avro's own"],
      [{ type: 'record', name: 'R', namespace: 'a..b', fields: [] }, 'namespace "a..b" cannot be a namespace'],
      [record(5), 'fields.0 a field is an object'],
      [record({ name: 'a b', type: 'int' }), 'fields.0.name "a b" cannot name a field'],
      [record({ name: 'a' }), 'fields.0 the field lacks its `type`'],
      [
        record({ name: 'a', type: 'int' }, { name: 'a', type: 'int' }),
        'fields.1.name the record already has a field a',
      ],
      [record({ name: 'a', type: { ...record() } }), 'fields.0.type.name type R is defined twice'],
      [{ type: 'enum', name: 'E', symbols: ['A', 'A'] }, 'symbols.1 the enum already has the symbol A'],
      [{ type: 'enum', name: 'E', symbols: ['a-b'] }, 'symbols.0 "a-b" cannot be a symbol'],
      [{ type: 'enum', name: 'E', symbols: ['A'], default: 'B' }, 'default is none of the symbols'],
      [{ type: 'fixed', name: 'F', size: -1 }, 'size a fixed has a `size` in bytes'],
      [{ type: 'fixed', name: 'F', size: 1e9 }, 'size larger than 65536 bytes'],
      [['int', 'int'], '1 the union already has a type int'],
      [['int', ['string']], '1 a union stands directly in a union'],
      [[], ' a union has at least one type'],
      [`${'{"type":"array","items":'.repeat(70)}"int"${'}'.repeat(70)}`, 'nested deeper than 64'],
      [`{"doc":"${'x'.repeat(300_000)}"}`, ' larger than 262144 bytes'],
    ]
    for (const [schema, expected] of wrong)
      assert.ok(refused(schema).includes(expected), `${refused(schema)} | ${expected}`)
  })

  it('lets no name become code', () => {
    const evil = ['a;process.exit()', 'a"]||b', 'x\nreturn', '', 'a\u2028b', '${x}', 'constructor.constructor("x")()']
    for (const name of evil) {
      assert.match(refused({ type: 'record', name, fields: [] }), /cannot name a type/)
      assert.match(refused(record({ name, type: 'int' })), /cannot name a field/)
      assert.match(refused({ type: 'enum', name: 'E', symbols: [name] }), /cannot be a symbol/)
    }
  })

  it('describes no payload that is endless or costs its sender nothing', () => {
    let type: unknown = { type: 'record', name: 'R0', fields: [{ name: 'a', type: 'null' }] }
    for (let at = 1; at <= 20; at++) {
      type = {
        type: 'record',
        name: `R${at}`,
        fields: [
          { name: 'a', type },
          { name: 'b', type: `R${at - 1}` },
        ],
      }
    }
    assert.match(refused(type), /values without bytes/)
    const defaults = Array.from({ length: 30 }, (_, at) => {
      const half = (name: string) => ({ name, type: at === 0 ? 'int' : `R${at - 1}`, default: at === 0 ? 1 : {} })
      return { name: `f${at}`, type: { type: 'record', name: `R${at}`, fields: [half('a'), half('b')] }, default: {} }
    })
    const chain = Array.from({ length: 3_000 }, (_, at) => {
      return { type: 'record', name: `R${at}`, fields: at === 0 ? [] : [{ name: 'a', type: `R${at - 1}` }] }
    })
    const named = [{ name: 'chain', text: JSON.stringify(chain), references: [] }]
    assert.match(refused('"R2999"', named), /stand in types more than 200 deep/)
    assert.ok(!Array.isArray(avroFormat.compile('"R100"', named)))
    const started = performance.now()
    assert.match(refused(record(...defaults)), /too large/)
    assert.ok(performance.now() - started < 1_000)
  })

  it('has the shape of its payloads', () => {
    const fields = (schema: unknown) => compile(schema).fields()
    assert.deepEqual(fields('long'), { kind: 'int' })
    assert.deepEqual(fields('float'), { kind: 'number' })
    assert.deepEqual(fields('bytes'), { kind: 'bytes' })
    assert.deepEqual(fields({ type: 'long', logicalType: 'timestamp-millis' }), { kind: 'string', numbers: true })
    assert.deepEqual(fields({ type: 'map', values: 'int' }), { kind: 'object', fields: new Map(), open: true })
    assert.deepEqual(fields(record({ name: 'a', type: ['null', { type: 'array', items: 'boolean' }] })), {
      kind: 'object',
      fields: new Map([['a', { kind: 'list', items: { kind: 'bool' } }]]),
      open: false,
    })
    assert.deepEqual(fields(['int', 'double', 'null']), { kind: 'number' })
    assert.deepEqual(fields(['int', 'string']), { kind: 'any' })
    const tree = compile({ type: 'record', name: 'T', fields: [{ name: 'next', type: ['null', 'T'] }] }).fields()
    assert.equal(tree.kind, 'object')
  })

  it('is the same text for the same schema', () => {
    const spaced = '{ "type" : "record", "name":"R", "fields": [] }'
    assert.equal(avroFormat.canonical(spaced, []), '{"name":"R","type":"record","fields":[]}')
    assert.equal(avroFormat.canonical('{', []), '{')
    const one =
      '{"type":"record","name":"R","namespace":"a","fields":[{"type":{"type":"string"},"name":"x"},{"name":"y","type":["null","R"]}]}'
    const two =
      '{"name":"a.R","fields":[{"name":"x","type":"string"},{"type":["null","a.R"],"name":"y"}],"type":"record"}'
    assert.equal(avroFormat.normalize(one, []), avroFormat.normalize(two, []))
    assert.equal(
      avroFormat.normalize('{"type":"long","logicalType":"date"}', []),
      '{"type":"long","logicalType":"date"}',
    )
  })
})

describe('B2: hostile Avro payloads', () => {
  it('are refused without believing their lengths', () => {
    const huge = 'feffffffffffffffff01'
    assert.equal(unreadable('string', huge), ' is cut off')
    assert.equal(unreadable('bytes', 'feffffff0f'), ' is cut off')
    assert.equal(unreadable('string', '03'), ' is cut off')
    assert.match(unreadable({ type: 'array', items: 'int' }, huge), /more than there are bytes/)
    assert.match(unreadable({ type: 'array', items: 'null' }, huge), /more than/)
    assert.match(unreadable({ type: 'array', items: 'null' }, 'feffff07'), /values without bytes/)
    assert.match(unreadable({ type: 'array', items: record({ name: 'a', type: 'null' }) }, 'feffff07'), /without bytes/)
    assert.match(unreadable({ type: 'map', values: 'null' }, huge), /more than there are bytes/)
    assert.match(unreadable({ type: 'array', items: 'int' }, 'ffffffffffffffffff01'), /cut off|more than/)
    assert.equal(unreadable('long', 'ffffffffffffffffffffff'), ' is cut off')
    assert.equal(unreadable('long', ''), ' is cut off')
    assert.equal(unreadable('double', '00'), ' is cut off')
    assert.match(unreadable('int', '8080808080808020'), /no integer of 32 bits/)
    assert.match(unreadable('boolean', '02'), /no boolean/)
    assert.match(unreadable('string', '02ff'), /not UTF-8/)
    assert.match(unreadable(['null', 'int'], '04'), /branch 2 of 2/)
    assert.match(unreadable(['null', 'int'], '01'), /branch -1 of 2/)
    assert.match(unreadable({ type: 'enum', name: 'E', symbols: ['A'] }, '02'), /symbol 1 of 1/)
    assert.equal(unreadable('int', '0200'), ' has 1 bytes too many')
    assert.equal(unreadable(record({ name: 'a', type: 'int' }, { name: 'b', type: 'string' }), '0204'), '/b is cut off')
  })

  it('read blocks that tell their length', () => {
    const body = compile({ type: 'array', items: 'int' })
    assert.deepEqual(body.decode(Buffer.from('0304020402060 0'.replace(' ', ''), 'hex'), ''), [1, 2, 3])
  })

  it('cost no more than their bytes', () => {
    const schema = {
      type: 'array',
      items: record(...Array.from({ length: 500 }, (_, at) => ({ name: `n${at}`, type: 'null' })), {
        name: 'x',
        type: 'int',
      }),
    }
    const body = compile(schema)
    const bytes = Buffer.concat([Buffer.from('a09c01', 'hex'), Buffer.alloc(20_000)])
    body.decode(bytes, '')
    const started = performance.now()
    assert.equal(body.decode(bytes, ''), undefined)
    assert.ok(performance.now() - started < 50)
  })

  it('cost no more to write than is bounded', () => {
    const wide = Array.from({ length: 3_000 }, (_, at) => ({ name: `f${at}`, type: ['null', 'int'] }))
    const body = compile({ type: 'array', items: record(...wide) })
    const started = performance.now()
    assert.match(body.check(Array(20_000).fill({}))!.message, /more than 1000000 fields/)
    assert.ok(performance.now() - started < 1_000)
    const text = { name: 'f', type: 'string', default: 'x'.repeat(100_000) }
    const large = compile({ type: 'array', items: record(text) })
    assert.equal(large.encode(Array(1_000).fill({})), null)
    assert.match(large.fault!.message, /too large/)
    assert.equal(large.encode([{ f: 'a' }])?.length, 4)
  })

  it('leave the body ready for the next', () => {
    const body = compile(record({ name: 'a', type: ['null', 'int'] }))
    assert.equal(body.decode(Buffer.from('09', 'hex'), ''), undefined)
    assert.deepEqual(body.decode(Buffer.from('0202', 'hex'), ''), { a: 1 })
    assert.equal(body.fault, null)
    assert.equal(body.encode({ a: 'x' }), null)
    assert.deepEqual(body.encode({ a: 1 }), Buffer.from('0202', 'hex'))
    assert.equal(body.fault, null)
  })
})
