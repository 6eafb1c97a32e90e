import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { avroFormat } from '../../src/registry/formats/avro/avro.ts'
import type { Format, FormatFault } from '../../src/registry/formats/format.ts'
import { jsonSchemaFormat } from '../../src/registry/formats/json-schema.ts'
import { protobufFormat } from '../../src/registry/formats/protobuf/protobuf.ts'
import type { SchemaBody } from '../../src/registry/schema.ts'
import { defuse, defuseOnce } from './bomb.ts'

const json = (value: unknown): string => JSON.stringify(value)
const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))
const named = <T>(count: number, prefix: string, make: (at: number) => T): Record<string, T> =>
  Object.fromEntries(times(count, (at) => [`${prefix}${at}`, make(at)]))
const nested = (depth: number, open: string, inner: string, close: string): string =>
  open.repeat(depth) + inner + close.repeat(depth)
const chain = (depth: number, field: string): unknown => {
  let value: unknown = {}
  for (let at = 0; at < depth; at++) value = { [field]: value }
  return value
}
/** Ever new sequences of a and b. */
const coins = times(20_000, (at) => ((Math.imul(at, 2_654_435_761) >>> 13) & 1 ? 'a' : 'b')).join('')

/** `compiles`, or how it is refused; then values to check, whose answers may be anything but an exception. */
type Bomb = readonly [name: string, ends: 'compiles' | 'E302' | 'E303', text: string, ...values: unknown[]]

/** Each definition refers twice to the next: 2^40 ways to the last. */
const doubled = (word: 'allOf' | 'anyOf', last: object): string =>
  json({
    $defs: named(40, 'd', (at) =>
      at === 39 ? last : { [word]: [{ $ref: `#/$defs/d${at + 1}` }, { $ref: `#/$defs/d${at + 1}` }] },
    ),
    $ref: '#/$defs/d0',
  })

const jsonSchemas: readonly Bomb[] = [
  ['a pattern that backtracks', 'compiles', json({ pattern: '^(a+)+$' }), `${'a'.repeat(50_000)}!`],
  ['a pattern of ever new states', 'compiles', json({ pattern: '(a|b)*a(a|b){20}[cd]' }), coins],
  [
    'many patterns for many names',
    'compiles',
    json({ patternProperties: named(200, '^(a+)+', () => ({})) }),
    named(500, 'a'.repeat(100), () => 1),
  ],
  ['a pattern that looks around', 'E303', json({ pattern: '(?=a)' })],
  ['a pattern as large as its repetitions', 'E303', json({ pattern: '(a{100}){100}' })],
  ['nesting without end', 'E303', nested(2_000, '{"items":', '{}', '}')],
  [
    'nesting as deep as may be',
    'compiles',
    nested(60, '{"items":', '{"type":"string"}', '}'),
    JSON.parse(nested(60, '[', '1', ']')),
  ],
  ['negations of negations', 'compiles', nested(60, '{"not":', '{}', '}'), 1],
  ['ten thousand allowed values', 'compiles', json({ enum: times(10_000, (at) => `v${at}`) }), 'v9999', 'x'],
  [
    'three thousand allowed objects',
    'compiles',
    json({ enum: times(3_000, (at) => ({ a: { b: at } })) }),
    { a: { b: -1 } },
  ],
  ['a hundred thousand allowed values', 'E303', json({ enum: times(30_000, (at) => at) })],
  ['a reference to itself', 'compiles', json({ $ref: '#' }), 1],
  [
    'references in a circle',
    'E302',
    json({ $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' }),
  ],
  ['recursion along a deep payload', 'compiles', json({ properties: { next: { $ref: '#' } } }), chain(5_000, 'next')],
  [
    'recursion by a dynamic reference',
    'compiles',
    json({ $dynamicAnchor: 'n', properties: { l: { $dynamicRef: '#n' } } }),
    chain(3_000, 'l'),
  ],
  ['a reference to another host', 'E303', json({ $ref: 'http://127.0.0.1:1/x.json' })],
  ['a reference to a file', 'E303', json({ $ref: 'file:///etc/passwd' })],
  ['a dialect of another host', 'E303', json({ $schema: 'http://evil.example/schema' })],
  ['2^40 ways to say yes', 'compiles', doubled('allOf', { type: 'string' }), 'x'],
  ['2^40 ways to say no', 'compiles', doubled('anyOf', { type: 'number' }), 'x'],
  [
    'names of JavaScript',
    'compiles',
    '{"properties":{"__proto__":{"type":"string"},"constructor":{"type":"number"}},"required":["__proto__"]}',
    {},
    JSON.parse('{"__proto__":1}'),
  ],
  [
    'code in a name',
    'compiles',
    json({ properties: { "a'];process.exit(1);//": { type: 'string' } }, $id: "x'\n;process.exit(1)//" }),
    { "a'];process.exit(1);//": 1 },
  ],
  ['five thousand required fields', 'compiles', json({ required: times(5_000, (at) => `f${at}`) }), {}],
  [
    'forty thousand required fields',
    'E303',
    json({ dependentRequired: named(200, 'r', () => times(200, (at) => `x${at}`)) }),
  ],
  ['items that must differ', 'compiles', json({ uniqueItems: true }), times(20_000, (at) => ({ a: at }))],
  [
    'items that differ at their ends',
    'compiles',
    json({ uniqueItems: true }),
    times(300, (at) => times(300, (of) => (of === 299 ? at : 0))),
  ],
  [
    'an item that none of many is',
    'compiles',
    json({ contains: { contains: { contains: { const: 1 } } } }),
    times(100, () => times(100, () => times(10, () => 0))),
  ],
  [
    'fields that none of many allows',
    'compiles',
    json({ unevaluatedProperties: false, anyOf: times(300, (at) => ({ properties: { [`p${at}`]: {} } })) }),
    named(1_000, 'p', () => 1),
  ],
  ['a step that is hardly one', 'compiles', json({ multipleOf: 1e-300 }), 1e300],
  ...[
    'email',
    'uri',
    'iri',
    'uri-template',
    'regex',
    'hostname',
    'ipv6',
    'date-time',
    'duration',
    'byte',
    'json-pointer',
    'uuid',
  ].map(
    (format): Bomb => [
      `the format ${format}`,
      'compiles',
      json({ format }),
      ...[
        'a@'.repeat(25_000),
        'a-'.repeat(25_000),
        '1:'.repeat(25_000),
        '('.repeat(50_000),
        'http://a%'.repeat(5_000),
        '{/~'.repeat(15_000),
      ],
    ],
  ),
  ['more text than there may be', 'E303', json({ description: 'x'.repeat(300_000) })],
  ['brackets without end', 'E302', '['.repeat(100_000)],
]

const bytes = (...all: number[]): Uint8Array => Uint8Array.from(all)
const repeated = (count: number, ...some: number[]): Uint8Array => Uint8Array.from(times(count, () => some).flat())
const record = (name: string, ...fields: object[]) => ({ type: 'record', name, fields })
const longest = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
const billions = [0xfe, 0xff, 0xff, 0xff, 0x0f]
/** Of a schema's own encoding; other values are encoded. */
const avroSchemas: readonly Bomb[] = [
  ['a record that holds itself', 'E302', json(record('R', { name: 'r', type: 'R' }))],
  [
    'a list as long as the payload',
    'compiles',
    json(record('L', { name: 'next', type: ['null', 'L'] })),
    repeated(50_000, 2),
    chain(5_000, 'next'),
  ],
  [
    'a tree as deep as the payload',
    'compiles',
    json(record('T', { name: 'a', type: { type: 'array', items: 'T' } })),
    repeated(50_000, 2),
  ],
  [
    'billions of nothing',
    'compiles',
    json({ type: 'array', items: 'null' }),
    bytes(...longest),
    bytes(...billions, 0),
    bytes(0x80, 0x89, 0x7a, 0),
  ],
  ['billions of empty records', 'compiles', json({ type: 'array', items: record('E') }), bytes(...billions, 0)],
  [
    'billions of fixed nothing',
    'compiles',
    json({ type: 'array', items: { type: 'fixed', name: 'Z', size: 0 } }),
    bytes(...billions, 0),
  ],
  [
    'a list of lists of nothing',
    'compiles',
    json({ type: 'array', items: { type: 'array', items: 'null' } }),
    repeated(1_000, 0xfe, 0xff, 0x7f),
  ],
  [
    'a text longer than there is',
    'compiles',
    json('string'),
    bytes(...longest),
    bytes(...billions),
    bytes(4, 0xff, 0xfe),
  ],
  [
    'bytes of a negative length',
    'compiles',
    json('bytes'),
    bytes(1),
    bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
  ],
  ['an integer without an end', 'compiles', json('long'), repeated(50_000, 0xff)],
  [
    'a block of a negative length',
    'compiles',
    json({ type: 'array', items: 'int' }),
    bytes(1, ...billions),
    bytes(...longest),
  ],
  ['a huge fixed', 'E303', json({ type: 'fixed', name: 'F', size: 2_147_483_647 })],
  [
    'a union of thousands',
    'compiles',
    json(times(5_000, (at) => ({ type: 'fixed', name: `F${at}`, size: at }))),
    bytes(...longest),
    'x',
  ],
  [
    'a union of unions, of whose branches none fits',
    'compiles',
    json(record('R', { name: 'a', type: ['null', 'R', record('S', { name: 'a', type: ['null', 'R', 'S'] })] })),
    (() => {
      let value: unknown = { a: 5 }
      for (let at = 0; at < 40; at++) value = { a: value }
      return value
    })(),
  ],
  ['nesting without end', 'E303', nested(5_000, '{"type":"array","items":', '"int"', '}')],
  [
    'names of JavaScript',
    'compiles',
    json(record('__proto__', { name: '__proto__', type: 'int' }, { name: 'constructor', type: 'int' })),
    bytes(2, 4),
  ],
  ['code in a name', 'E302', json(record('x;process.exit(1)//'))],
  [
    'twenty thousand symbols',
    'compiles',
    json({ type: 'enum', name: 'E', symbols: times(20_000, (at) => `s${at}`) }),
    bytes(...longest),
    'x',
  ],
  [
    'five thousand fields',
    'compiles',
    json(record('R', ...times(5_000, (at) => ({ name: `f${at}`, type: 'int', default: 1 })))),
    repeated(5_000, 2),
    {},
  ],
  [
    'a decimal of a billion digits',
    'compiles',
    json({ type: 'bytes', logicalType: 'decimal', precision: 1e9, scale: 1e6 }),
    bytes(4, 1, 2),
    '1'.repeat(100_000),
    1e300,
  ],
]

const proto = (text: string): string => `syntax = "proto3";\n${text}`
const protobufSchemas: readonly Bomb[] = [
  ['names of JavaScript', 'E303', proto('message __proto__ { int32 __proto__ = 1; }')],
  [
    'names of its own prototype',
    'compiles',
    proto('message constructor { int32 hasOwnProperty = 1; int32 toString = 2; }'),
    bytes(8, 1, 16, 2),
  ],
  [
    'code in a name',
    'compiles',
    proto('message A { int32 a = 1 [json_name = "x\\"];process.exit(1)//"]; }'),
    bytes(8, 1),
  ],
  [
    'code in a default',
    'compiles',
    'syntax = "proto2"; message A { optional bytes b = 1 [default = "\\377process.exit(1)"]; }',
    bytes(),
  ],
  [
    'recursion along a deep payload',
    'compiles',
    proto('message A { A a = 1; }'),
    repeated(20_000, 10, 0x7f),
    chain(5_000, 'a'),
  ],
  ['groups in groups', 'compiles', proto('message A { int32 b = 2; }'), repeated(50_000, 0x1b)],
  [
    'groups of its own in groups',
    'compiles',
    'syntax = "proto2"; message A { repeated group G = 1 { repeated A a = 3; } }',
    repeated(50_000, 0x0b),
    repeated(20_000, 0x0b, 0x1a, 0x7f),
  ],
  [
    'lengths longer than there is',
    'compiles',
    proto('message A { string s = 1; bytes b = 2; repeated int32 r = 3; }'),
    bytes(10, ...longest),
    bytes(18, ...longest),
    bytes(26, 0xff, 0xff, 0xff, 0x7f),
    repeated(50_000, 0xff),
    bytes(10, 2, 0xff, 0xfe),
  ],
  ['fields nobody knows', 'compiles', proto('message A { }'), repeated(50_000, 8, 1)],
  ['messages of nothing', 'compiles', proto('message A { map<string, A> m = 1; }'), repeated(20_000, 10, 0)],
  [
    'three thousand messages in a chain',
    'compiles',
    proto(times(3_000, (at) => `message M${at} { M${(at + 1) % 3_000} n = 1; }`).join('\n')),
    bytes(10, 0),
  ],
  [
    'five thousand fields',
    'compiles',
    proto(`message A { ${times(5_000, (at) => `int32 f${at} = ${at + 1};`).join(' ')} }`),
    bytes(8, 1),
  ],
  [
    'ten thousand symbols',
    'compiles',
    proto(`enum E { ${times(10_000, (at) => `V${at} = ${at};`).join(' ')} } message A { E e = 1; }`),
    bytes(8, 5),
  ],
  ['messages in messages', 'E303', proto(nested(2_000, 'message M {', '', '}'))],
  ['options in options', 'E303', proto(`message A { option (x) = ${nested(5_000, '{ a: ', '1', ' }')}; }`)],
  ['comments without end', 'E302', proto('/*'.repeat(50_000))],
  ['comments on one line', 'compiles', proto(`${'/* */'.repeat(50_000)}message A {}`)],
  ['an import of itself', 'E303', proto('import "self.proto"; message A {}')],
  ['an import of a file', 'E303', proto('import "/etc/passwd"; message A {}')],
  ['a name of twenty thousand parts', 'E302', proto(`message A { ${times(20_000, () => 'a').join('.')} x = 1; }`)],
  ['a number of fifty thousand digits', 'E302', proto(`message A { int32 a = ${'9'.repeat(50_000)}; }`)],
  [
    'a value that holds itself',
    'compiles',
    proto('import "google/protobuf/struct.proto"; message A { google.protobuf.Value a = 1; }'),
    { a: JSON.parse(nested(3_000, '[', '', ']')) },
  ],
]

const isRefused = (compiled: SchemaBody | FormatFault[]): compiled is FormatFault[] => Array.isArray(compiled)

function hold(format: Format, bombs: readonly Bomb[]): void {
  for (const [name, ends, text, ...values] of bombs) {
    it(`blocks: ${name}`, () => {
      const compiled = defuseOnce('registering', () => format.compile(text, []))
      if (isRefused(compiled)) {
        assert.equal(compiled[0]?.code, ends)
        return
      }
      assert.equal('compiles', ends)
      defuse('telling its fields', () => compiled.fields())
      for (const value of values) {
        if (value instanceof Uint8Array) defuse('decoding', () => compiled.decode(value, 'a/topic'))
        else {
          defuse('checking', () => compiled.check(value))
          if (format.name !== 'json-schema') defuse('encoding', () => compiled.encode(value))
        }
      }
    })
  }
}

describe('B2: no JSON schema', () => {
  hold(jsonSchemaFormat, jsonSchemas)
})

describe('B4: no Avro schema', () => {
  hold(avroFormat, avroSchemas)
})

describe('B4: no Protobuf schema', () => {
  hold(protobufFormat, protobufSchemas)
})
