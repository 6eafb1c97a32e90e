import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ReferencedSchema } from '../../../../src/registry/formats/format.ts'
import { protobufFormat } from '../../../../src/registry/formats/protobuf/protobuf.ts'
import type { ManyMessages } from '../../../../src/registry/schema.ts'

function compile(text: string, references: readonly ReferencedSchema[] = []): ManyMessages {
  const body = protobufFormat.compile(text, references)
  assert.ok(!Array.isArray(body), JSON.stringify(body))
  return body as ManyMessages
}

const proto3 = (body: string): ManyMessages => compile(`syntax = "proto3"; ${body}`)
const proto2 = (body: string): ManyMessages => compile(`syntax = "proto2"; ${body}`)

function encoded(body: ManyMessages, value: unknown): string {
  const bytes = body.encode(value)
  assert.ok(bytes !== null, JSON.stringify(body.fault))
  return Buffer.from(bytes).toString('hex')
}

function decoded(body: ManyMessages, hex: string): unknown {
  const value = body.decode(Buffer.from(hex, 'hex'), '')
  assert.notEqual(value, undefined, JSON.stringify(body.fault))
  return value
}

const through = (body: ManyMessages, value: unknown): unknown => decoded(body, encoded(body, value))

/** `path message` of the first fault; null when the value fits. */
function fault(body: ManyMessages, value: unknown): string | null {
  const found = body.check(value)
  return found === null ? null : `${found.path} ${found.message}`
}

function unreadable(body: ManyMessages, hex: string): string {
  assert.equal(body.decode(Buffer.from(hex, 'hex'), ''), undefined)
  return `${body.fault!.path} ${body.fault!.message}`
}

/** What is wrong with a file: `line:column message`. */
function refused(text: string, references: readonly ReferencedSchema[] = []): string {
  const faults = protobufFormat.compile(text, references)
  assert.ok(Array.isArray(faults), 'compiles')
  return `${faults[0]!.line}:${faults[0]!.column} ${faults[0]!.message}`
}

describe('B4: Protobuf', () => {
  it('writes the bytes of the documentation', () => {
    // protobuf.dev, Encoding
    assert.equal(encoded(proto3('message Test1 { int32 a = 1; }'), { a: 150 }), '089601')
    assert.equal(encoded(proto3('message Test2 { string b = 2; }'), { b: 'testing' }), '120774657374696e67')
    const test3 = proto3('message Test3 { Test1 c = 3; } message Test1 { int32 a = 1; }')
    assert.equal(encoded(test3, { c: { a: 150 } }), '1a03089601')
    const test4 = proto3('message Test4 { string d = 4; repeated int32 e = 6; }')
    assert.equal(encoded(test4, { d: 'hello', e: [1, 2, 3] }), '220568656c6c6f3203010203')
    const map = proto3('message Test6 { map<string, int32> g = 7; }')
    assert.equal(encoded(map, { g: { a: 1 } }), '3a050a01611001')
  })

  it('writes and reads every scalar as plain data', () => {
    const types = 'double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64'.split(' ')
    const body = proto3(`message All { ${types.map((type, at) => `${type} ${type}_ = ${at + 1};`).join(' ')}
      bool bool_ = 20; string string_ = 21; bytes bytes_ = 22; }`)
    const value = {
      double_: -1.5e300,
      float_: 0.25,
      int32_: -(2 ** 31),
      int64_: -(2n ** 63n),
      uint32_: 2 ** 32 - 1,
      uint64_: 2n ** 64n - 1n,
      sint32_: -(2 ** 31),
      sint64_: 2n ** 63n - 1n,
      fixed32_: 2 ** 32 - 1,
      fixed64_: 2n ** 64n - 1n,
      sfixed32_: -1,
      sfixed64_: -(2n ** 63n),
      bool_: true,
      string_: 'Grüße 😀',
      bytes_: Uint8Array.of(0, 255),
    }
    assert.deepEqual(through(body, value), value)
    const zero = Object.fromEntries([...types.map((type) => [`${type}_`, 0]), ['bool_', false], ['string_', '']])
    assert.deepEqual(through(body, {}), { ...zero, bytes_: new Uint8Array(0) })
    assert.equal(encoded(body, { ...zero, bytes_: '' }), '')
    assert.equal(encoded(body, { double_: -0 }), '090000000000000080')
    assert.equal((through(body, { int64_: '9007199254740993' }) as { int64_: unknown }).int64_, 9_007_199_254_740_993n)
    assert.deepEqual((through(body, { bytes_: '_-8=' }) as { bytes_: unknown }).bytes_, Uint8Array.of(255, 239))
    assert.equal((through(body, { double_: 'NaN' }) as { double_: unknown }).double_, Number.NaN)
    assert.equal(fault(body, { int32_: 2 ** 31 }), '/int32_ must be a whole number of 32 bits, not 2147483648')
    assert.match(fault(body, { uint32_: -1 })!, /without a sign/)
    assert.match(fault(body, { int64_: 2 ** 60 })!, /that a JSON number holds exactly/)
    assert.equal(fault(body, { string_: 5 }), '/string_ must be a text, not 5')
    assert.equal(fault(body, { bool_: 'true' }), '/bool_ must be a boolean, not "true"')
  })

  it('takes names as the file has them, or as Protobuf’s JSON does, and shows the former', () => {
    const body = proto3('message M { int32 plant_id = 1; int32 other = 2 [json_name = "@odd"]; }')
    assert.deepEqual(through(body, { plantId: 1, '@odd': 2 }), { plant_id: 1, other: 2 })
    assert.deepEqual(through(body, { plant_id: 3, other: 4, unknown: 5 }), { plant_id: 3, other: 4 })
  })

  it('tells what is not there from what is zero, where the file does', () => {
    const body = proto3(
      'message M { optional int32 a = 1; int32 b = 2; M c = 3; repeated int32 d = 4; map<string, int32> e = 5; }',
    )
    assert.deepEqual(through(body, {}), { b: 0, d: [], e: {} })
    assert.deepEqual(through(body, { a: 0, c: {} }), { a: 0, b: 0, c: { b: 0, d: [], e: {} }, d: [], e: {} })
    assert.deepEqual(through(body, { a: null, b: null, c: null, d: null }), { b: 0, d: [], e: {} })
  })

  it('knows enums by name; open ones any number, closed ones only theirs', () => {
    const open = proto3('message M { Q q = 1; repeated Q r = 2; } enum Q { UNKNOWN = 0; GOOD = 1; BAD = -1; }')
    assert.deepEqual(through(open, { q: 'GOOD', r: [0, 'BAD', 7] }), { q: 'GOOD', r: ['UNKNOWN', 'BAD', 7] })
    assert.match(fault(open, { q: 'FINE' })!, /must be one of UNKNOWN, GOOD, BAD, not "FINE"/)
    const closed = proto2('message M { optional Q q = 1; repeated Q r = 2; } enum Q { GOOD = 1; BAD = 2; }')
    assert.deepEqual(decoded(closed, '0807100110091002'), { r: ['GOOD', 'BAD'] })
    assert.match(fault(closed, { q: 9 })!, /must be one of GOOD, BAD/)
  })

  it('lets one field of a oneof stand, the last on the wire', () => {
    const body = proto3('message M { oneof v { int32 i = 1; string s = 2; M m = 3; } }')
    assert.deepEqual(through(body, { i: 0 }), { i: 0 })
    assert.deepEqual(through(body, { s: 'x', i: null }), { s: 'x' })
    assert.equal(fault(body, { i: 1, s: 'x' }), '/s cannot stand beside i')
    assert.deepEqual(decoded(body, '08011201781a020805'), { m: { i: 5 } })
  })

  it('writes maps of every key', () => {
    const body = proto3(
      'message M { map<int32, string> i = 1; map<bool, M> b = 2; map<string, bytes> s = 3; map<fixed64, double> f = 4; }',
    )
    const value = {
      i: { '-5': 'x', 7: '' },
      b: { true: { i: { 1: 'y' }, b: {}, s: {}, f: {} } },
      s: { '': Uint8Array.of(1) },
      f: { '18446744073709551615': 1.5 },
    }
    assert.deepEqual(through(body, value), value)
    assert.match(fault(body, { i: { x: 'y' } })!, /^\/i\/x must be a whole number/)
    assert.match(fault(body, { i: { 1: 5 } })!, /^\/i\/1 must be a text/)
    // An entry without a key or a value has the zeros of both.
    assert.deepEqual(decoded(body, '0a00'), { i: { 0: '' }, b: {}, s: {}, f: {} })
    assert.deepEqual(decoded(body, '1202080 1'.replace(' ', '')), {
      i: {},
      b: { true: { i: {}, b: {}, s: {}, f: {} } },
      s: {},
      f: {},
    })
  })

  it('reads packed and unpacked numbers alike, and writes as the file says', () => {
    const packed = proto3('message M { repeated int32 n = 1; }')
    const plain = proto3('message M { repeated int32 n = 1 [packed = false]; }')
    assert.equal(encoded(packed, { n: [1, 2] }), '0a020102')
    assert.equal(encoded(plain, { n: [1, 2] }), '08010802')
    assert.equal(encoded(proto2('message M { repeated int32 n = 1; }'), { n: [1, 2] }), '08010802')
    for (const body of [packed, plain]) {
      assert.deepEqual(decoded(body, '08010a0202030804'), { n: [1, 2, 3, 4] })
    }
  })

  it('knows proto2: required fields, defaults, groups', () => {
    const body = proto2(`message M {
      required string id = 1;
      optional int32 level = 2 [default = -7];
      optional bytes raw = 3 [default = "\\001\\xff"];
      optional Q q = 4 [default = BAD];
      optional double d = 5 [default = inf];
      repeated group Part = 6 { required int32 n = 1; }
      enum Q { GOOD = 1; BAD = 2; }
      extensions 100 to max;
    }
    extend M { optional int32 later = 100; }`)
    const value = { id: 'x', level: 1, raw: Uint8Array.of(5), q: 'GOOD', d: 1, part: [{ n: 1 }, { n: 2 }] }
    assert.deepEqual(through(body, value), value)
    assert.equal(encoded(body, { id: 'x', part: [{ n: 1 }] }), '0a017833080134')
    assert.deepEqual(through(body, { id: '' }), {
      id: '',
      level: -7,
      raw: Uint8Array.of(1, 255),
      q: 'BAD',
      d: Infinity,
      part: [],
    })
    assert.equal(fault(body, {}), '/id is missing')
    assert.equal(fault(body, { id: 'x', part: [{}] }), '/part/0/n is missing')
    assert.equal(unreadable(body, ''), '/id is missing')
    assert.equal(unreadable(body, '0a01783334'), '/part/0/n is missing')
  })

  it('knows editions: presence, packing, closed enums and delimited messages as features', () => {
    const body = compile(`edition = "2023";
      option features.field_presence = IMPLICIT;
      message M {
        int32 a = 1;
        int32 b = 2 [features.field_presence = EXPLICIT, default = 5];
        int32 c = 3 [features.field_presence = LEGACY_REQUIRED];
        repeated int32 d = 4 [features = { repeated_field_encoding: EXPANDED }];
        M e = 5 [features.message_encoding = DELIMITED];
        Q f = 6 [features.field_presence = EXPLICIT];
        reserved foo, bar;
      }
      enum Q { option features.enum_type = CLOSED; ONE = 1; }`)
    assert.equal(encoded(body, { c: 0, d: [1, 2], e: { c: 1 } }), '1800200120022b18012c')
    assert.deepEqual(decoded(body, '1800200120022b18012c'), {
      a: 0,
      b: 5,
      c: 0,
      d: [1, 2],
      e: { a: 0, b: 5, c: 1, d: [] },
    })
    assert.equal(fault(body, {}), '/c is missing')
    assert.deepEqual(through(compile('edition = "2024"; export message M { int32 a = 1; }'), {}), {})
  })

  it('shows well-known types as what they hold', () => {
    const body = compile(`syntax = "proto3";
      import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/wrappers.proto";
      import "google/protobuf/struct.proto"; import "google/protobuf/any.proto"; import "google/protobuf/empty.proto"; import "google/protobuf/field_mask.proto";
      message M {
        google.protobuf.Timestamp at = 1; google.protobuf.Duration took = 2; google.protobuf.DoubleValue d = 3;
        google.protobuf.StringValue s = 4; google.protobuf.Struct struct = 5; google.protobuf.Value v = 6;
        google.protobuf.ListValue list = 7; google.protobuf.Any any = 8; google.protobuf.Empty empty = 9;
        google.protobuf.FieldMask mask = 10; google.protobuf.BoolValue b = 11; google.protobuf.BytesValue bytes = 12;
        google.protobuf.Int64Value i = 13; google.protobuf.NullValue n = 14; google.protobuf.UInt64Value u = 15;
      }`)
    const value = {
      at: '2026-11-20T10:15:30.000000001Z',
      took: '-1.500s',
      d: 0,
      s: '',
      struct: { a: [1, 'x', null, { b: true }], ['__proto__x']: 1 },
      v: [1, { x: [] }],
      list: [null, 'y'],
      any: { type_url: 'type.googleapis.com/x', value: Uint8Array.of(1) },
      empty: {},
      mask: 'plantId,line.name',
      b: false,
      bytes: Uint8Array.of(7),
      i: -9_007_199_254_740_993n,
      n: null,
      u: 5,
    }
    assert.deepEqual(through(body, value), value)
    assert.deepEqual(through(body, {}), { n: null })
    assert.deepEqual(through(body, { v: null }), { v: null, n: null })
    assert.deepEqual(through(body, { at: { toJSON: () => '1969-12-31T23:59:59.5Z' } }), {
      at: '1969-12-31T23:59:59.500Z',
      n: null,
    })
    assert.equal(encoded(body, { at: '1970-01-01T00:00:01.5Z' }), '0a0808011080cab5ee01')
    assert.equal(fault(body, { at: 'noon' }), '/at must be a time as 2026-11-20T10:15:30.123Z, not "noon"')
    assert.equal(fault(body, { took: '5' }), '/took must be a duration as 1.5s, not "5"')
    assert.equal(fault(body, { struct: { a: [Number.NaN] } }), '/struct/a/0 must be a finite number')
    let deep: unknown = 1
    for (let at = 0; at < 300; at++) deep = [deep]
    assert.match(fault(body, { v: deep })!, /nested deeper than 100/)
    assert.match(unreadable(body, '0a0c08ffffffffffffffff7f1001'), /^\/at is a time that cannot be written/)
  })

  it('selects the messages of a file, each with its indexes', () => {
    const body = proto3(
      'package plant; message A { message B { int32 n = 1; message C {} } message D {} } message E { A.B b = 1; .plant.A.D d = 2; }',
    )
    assert.deepEqual(
      body.messages(),
      [
        { name: 'plant.A', indexes: [0] },
        { name: 'plant.A.B', indexes: [0, 0] },
        { name: 'plant.A.B.C', indexes: [0, 0, 0] },
        { name: 'plant.A.D', indexes: [0, 1] },
        { name: 'plant.E', indexes: [1] },
      ].map((one) => one),
    )
    // As protoc counts: the messages of which maps are lists, and groups, are messages of their own.
    const counted = proto2(`message M {
      map<string, int32> a = 1; message N {} optional group G = 2 { optional int32 n = 1; } message O {}
    }`)
    assert.deepEqual(counted.messages(), [
      { name: 'M', indexes: [0] },
      { name: 'M.N', indexes: [0, 1] },
      { name: 'M.G', indexes: [0, 2] },
      { name: 'M.O', indexes: [0, 3] },
    ])
    assert.equal(body.select('plant.None'), null)
    assert.equal(body.select('__proto__'), null)
    const inner = body.select('plant.A.B')!
    assert.deepEqual(inner.encode({ n: 5 }), Buffer.from('0805', 'hex'))
    assert.equal(inner.fields().kind, 'object')
  })

  it('imports from its references and the well-known files, and from nothing else', () => {
    const unit = {
      name: 'plant/unit.proto',
      text: 'syntax = "proto3"; package plant; enum Unit { C = 0; F = 1; }',
      references: [],
    }
    const all = { name: 'all.proto', text: 'syntax = "proto3"; import public "plant/unit.proto";', references: [unit] }
    const text =
      'syntax = "proto3"; package plant.line; import "all.proto"; message M { Unit a = 1; plant.Unit b = 2; }'
    assert.deepEqual(through(compile(text, [all]), { a: 'F' }), { a: 'F', b: 'C' })
    assert.match(refused(text), /^1:\d+ import "all.proto" is none of the references, and nothing is fetched/)
    assert.match(
      refused(text, [{ ...all, text: 'syntax = "proto3"; import "plant/unit.proto";' }, unit]),
      /the type Unit is not known/,
    )
    const circle = { name: 'all.proto', text: 'import "all.proto";', references: [] }
    assert.match(refused(text, [circle]), /leads back to itself/)
    assert.match(
      refused(text, [{ ...all, text: 'message {' }]),
      /import all.proto: line 1: expected the name of a message/,
    )
  })
})

describe('B4: a Protobuf file', () => {
  it('may say all that the language has', () => {
    compile(`// A comment
      syntax = "proto2"; /* another
      one */
      package a.b.c;
      import weak "google/protobuf/descriptor.proto";
      option java_package = "x" "y";
      import "google/protobuf/go_features.proto";
      option targets = TARGET_TYPE_FILE; option targets = TARGET_TYPE_FIELD;
      option (my.custom).deep = { a: 1 b: [1, 2] c { d: "x" } };
      ;
      message message {
        optional message message = 1;
        optional int32 option = 2 [deprecated = true, (custom) = { x: 1 }, (a.b).c = -inf];
        optional int32 reserved = 3; optional int32 oneof = 4; optional int32 extend = 5; optional int32 map = 6;
        optional int32 enum = 07; optional int32 group = 0x8; optional string syntax = 9 [default = 'it''s'];
        reserved 100, 200 to 300, 1000 to max; reserved "old", "older";
        extensions 500 to 600 [declaration = { number: 500 full_name: ".x" }];
        oneof rpc { option (o) = 1; int32 import = 10; string package = 11; group G = 12 { optional int32 n = 1; } }
        extend message { optional int32 ext = 501; }
        enum service { option allow_alias = true; reserved -5 to -1; A = 0; B = 0; C = -0x7fffffff [(v) = 1]; }
        option message_set_wire_format = false;
      }
      service S { rpc Do(stream message) returns (message) { option idempotency_level = IDEMPOTENT; } rpc Other (message) returns (stream message); }
      extend message { repeated group Late = 502 { optional int32 n = 1; } }`)
  })

  it('is refused with line and column of what is wrong', () => {
    const wrong: [string, string][] = [
      ['message M { int32 a = 1; }', '1:19 a lacks `optional`'],
      ['syntax = "proto4";', '1:1 syntax "proto4" is not known; there are proto2 and proto3'],
      ['edition = "2031";', '1:1 edition "2031" is not known'],
      ['syntax = "proto3";', 'undefined:undefined declares no message'],
      ['syntax = "proto3";\nmessage M {\n  int32 a = 0;\n}', '3:13 0 cannot number a field'],
      ['syntax = "proto3"; message M { int32 a = 19500; }', "Protobuf's own numbers"],
      ['syntax = "proto3"; message M { int32 a = 1; int32 b = 1; }', 'number 1 is used twice in M'],
      ['syntax = "proto3"; message M { int32 a = 1; int32 a = 2; }', 'M already has a field a'],
      ['syntax = "proto3"; message M { reserved 1 to 7, 3; int32 a = 6; }', 'number 6 is reserved in M'],
      ['syntax = "proto3"; message M { reserved "a"; int32 a = 6; }', 'the name a is reserved in M'],
      ['syntax = "proto3"; message M { Unknown a = 1; }', 'the type Unknown is not known'],
      ['syntax = "proto3"; message M { required int32 a = 1; }', 'proto3 has no `required`'],
      ['syntax = "proto3"; message M { int32 a = 1 [default = 5]; }', 'proto3 has no `default`'],
      ['syntax = "proto3"; message M { map<double, int32> a = 1; }', "cannot be the type of a map's keys"],
      ['syntax = "proto3"; message M {} message M {}', 'M is declared twice'],
      ['syntax = "proto3"; message M {} enum E { A = 1; }', 'the first value of enum E must be 0'],
      ['syntax = "proto3"; message M {} enum E { A = 0; B = 0; }', 'two names for 0'],
      ['syntax = "proto3"; message M {} enum E {}', 'has no values'],
      ['syntax = "proto3"; message M {', 'the message does not end'],
      ['syntax = "proto3"; message M { int32 a 1; }', 'expected `=`, not `1`'],
      ['syntax = "proto3"; message M { string a = 1 [x = "', 'the text does not end'],
      ['syntax = "proto3"; /* message', 'the comment does not end'],
      ['syntax = "proto3"; message M { int32 ü = 1; }', '"ü" has no meaning here'],
      ['syntax = "proto2"; message M { optional int32 a = 1 [default = x]; }', 'cannot be the default of a'],
      ['edition = "2023"; message M { optional int32 a = 1; }', 'editions say'],
      ['edition = "2023"; option features.enum_type = MAYBE; message M {}', 'cannot be MAYBE'],
    ]
    for (const [text, expected] of wrong) assert.ok(refused(text).includes(expected), `${refused(text)} | ${expected}`)
  })

  it('B2: is bounded, and no name of it becomes code or touches a prototype', () => {
    assert.match(refused('syntax = "proto3"; message __proto__ {}'), /`__proto__` is refused/)
    assert.match(refused('syntax = "proto3"; message M { int32 __proto__ = 1; }'), /`__proto__` is refused/)
    const names = ['constructor', 'toString', 'hasOwnProperty', 'valueOf']
    const body = proto3(
      `message constructor { ${names.map((name, at) => `string ${name} = ${at + 1};`).join(' ')} map<string, int32> m = 9; }`,
    )
    assert.deepEqual(Object.entries(through(body, {}) as object), [...names.map((name) => [name, '']), ['m', {}]])
    const value = { constructor: 'a', toString: 'b', hasOwnProperty: 'c', valueOf: 'd', m: { constructor: 1 } }
    assert.deepEqual(through(body, value), value)
    const map = (through(body, { m: JSON.parse('{"__proto__": 5}') }) as { m: object }).m
    assert.deepEqual(Object.entries(map), [['__proto__', 5]])
    assert.match(refused(`syntax = "proto3"; ${'message M {'.repeat(40)}`), /nested deeper than 32/)
    assert.match(refused(`syntax = "proto3"; option (x) = ${'{ a: '.repeat(100_000)}`), /words|closed|larger/)
    assert.match(refused(`// ${'x'.repeat(300_000)}`), /larger than 262144 bytes/)
    const started = performance.now()
    assert.match(refused(`/*${'*'.repeat(200_000)}`), /does not end/)
    assert.match(refused(`syntax = "proto3"; option a = "${'\\'.repeat(100_001)}`), /does not end/)
    assert.ok(performance.now() - started < 500)
  })

  it('has the shape of its payloads', () => {
    const body = compile(`syntax = "proto3"; import "google/protobuf/timestamp.proto";
      message M { int64 i = 1; float f = 2; bytes b = 3; repeated string s = 4; map<string, M> m = 5; M next = 6; google.protobuf.Timestamp at = 7; E e = 8; }
      enum E { A = 0; }`)
    const shape = body.fields()
    assert.ok(shape.kind === 'object')
    assert.equal(shape.open, false)
    assert.deepEqual(Object.fromEntries(shape.fields), {
      i: { kind: 'int' },
      f: { kind: 'number' },
      b: { kind: 'bytes' },
      s: { kind: 'list', items: { kind: 'string' } },
      m: { kind: 'object', fields: new Map(), open: true },
      next: { kind: 'any' },
      at: { kind: 'string' },
      e: { kind: 'string', numbers: true },
    })
  })

  it('is the same text for the same file', () => {
    const one =
      'syntax="proto3";// comment\nimport "b"; import "a";\nmessage M{string b=2;int32 a=1 [deprecated=true,json_name="x"];}'
    const two =
      'syntax = \'proto3\'; import "a"; import "b"; message M { int32 a = 1 [json_name = "x", deprecated = true]; string b = 2; }'
    assert.equal(
      protobufFormat.canonical(one, []),
      'syntax = "proto3" ; import "b" ; import "a" ; message M { string b = 2 ; int32 a = 1 [ deprecated = true , json_name = "x" ] ; }',
    )
    assert.notEqual(protobufFormat.canonical(one, []), protobufFormat.canonical(two, []))
    assert.equal(protobufFormat.normalize(one, []), protobufFormat.normalize(two, []))
    const normal = protobufFormat.normalize(one, [])
    assert.equal(protobufFormat.normalize(normal, []), normal)
    assert.equal(protobufFormat.canonical('message {', []), 'message {')
    assert.equal(protobufFormat.normalize('message {', []), 'message {')
  })
})

describe('B2: hostile Protobuf payloads', () => {
  const body = proto3(
    'message M { string s = 1; repeated M m = 2; repeated int32 n = 3; map<string, M> p = 4; double d = 5; fixed32 f = 6; bytes b = 7; }',
  )

  it('are refused without believing their lengths', () => {
    assert.match(unreadable(body, '0affffffff0f'), /^\/s is cut off/)
    assert.match(unreadable(body, '0a05616263'), /^\/s is cut off/)
    assert.match(unreadable(body, '0a02c328'), /^\/s is not UTF-8/)
    assert.match(unreadable(body, '12ffffffff07'), /^\/m\/0 is cut off/)
    assert.match(unreadable(body, '1205'), /^\/m\/0 is cut off/)
    assert.match(unreadable(body, '1aff01'), /^\/n is cut off/)
    assert.match(unreadable(body, '2205'), /^\/p is cut off/)
    assert.match(unreadable(body, '2901'), /cut off/)
    assert.match(unreadable(body, '00'), /number 0/)
    assert.match(unreadable(body, '0c'), /wire type 4/)
    assert.match(unreadable(body, '0f'), /wire type 7/)
    assert.match(unreadable(body, 'ffffffffffffffffffffff'), /cut off/)
    assert.match(unreadable(body, 'a306'), /cut off/)
    assert.match(unreadable(body, '9a06ffffffffffffffffff01'), /cut off/)
    assert.match(unreadable(body, `${'a306'.repeat(200)}`), /nested deeper than 100/)
  })

  it('are bounded in depth and in what they make', () => {
    let bytes: Buffer = Buffer.alloc(0)
    for (let at = 0; at < 150; at++) bytes = Buffer.concat([lengthPrefixed(bytes)])
    assert.match(unreadable(body, bytes.toString('hex')), /nested deeper than 100/)
    const wide = proto3(
      `message M { repeated W w = 1; } message W { ${Array.from({ length: 2_000 }, (_, at) => `int32 f${at} = ${at + 1};`).join(' ')} }`,
    )
    const many = Buffer.from('0a00'.repeat(20_000), 'hex')
    wide.decode(many, '')
    const started = performance.now()
    assert.equal(wide.decode(many, ''), undefined)
    assert.match(wide.fault!.message, /far more fields than bytes/)
    assert.ok(performance.now() - started < 200)
  })

  it('merge as the documentation says, and unknown fields are read over', () => {
    const merging = proto3('message M { N n = 1; } message N { int32 a = 1; int32 b = 2; repeated int32 c = 3; }')
    assert.deepEqual(
      decoded(
        merging,
        '0a0408051801' +
          '0a0410061802' +
          '1005' +
          '1a0100' +
          '2500000000' +
          '290000000000000000' +
          '33343b0801 3c'.replace(' ', ''),
      ),
      {
        n: { a: 5, b: 6, c: [1, 2] },
      },
    )
    // Of another wire type than the file says is as unknown as a number it does not have.
    assert.deepEqual(decoded(proto3('message M { string s = 1; }'), '0805'), { s: '' })
  })

  const lengthPrefixed = (bytes: Buffer): Buffer => {
    const length: number[] = []
    let rest = bytes.length
    for (; rest > 127; rest >>= 7) length.push((rest & 127) | 128)
    return Buffer.concat([Buffer.from([18, ...length, rest]), bytes])
  }
})
