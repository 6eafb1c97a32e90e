import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { differences } from '../../../src/registry/compatibility/compatibility.ts'
import { holdVerdicts, type Pair } from './verdict-table.ts'

type Row = readonly [why: string, old: string, next: string, backward: string, forward: string]
const files = (head: string, wrap: (body: string) => string, rows: readonly Row[]): Pair[] =>
  rows.map(([why, old, next, backward, forward]) => ({
    why,
    old: head + wrap(old),
    next: head + wrap(next),
    backward,
    forward,
  }))

const proto2 = 'syntax = "proto2";\n'
const proto3 = 'syntax = "proto3";\n'
const inMessage = (body: string): string => `message M { ${body} }`
const whole = (body: string): string => body

describe('B4: compatibility of Protobuf: fields of a message', () => {
  holdVerdicts(
    'protobuf',
    files(proto3, inMessage, [
      ['the same message', 'int32 a = 1;', 'int32 a = 1;', '', ''],
      ['a field more, and a field less the other way', 'int32 a = 1;', 'int32 a = 1; string b = 2;', '', ''],
      ['a new name for a number', 'int32 a = 1;', 'int32 z = 1;', '', ''],
      ['a new number for a name is one removed and one added', 'int32 a = 1;', 'int32 a = 2;', '', ''],
      ['another order', 'int32 a = 1; string b = 2;', 'string b = 2; int32 a = 1;', '', ''],
      [
        'a removed field whose number is reserved',
        'int32 a = 1; int32 b = 2;',
        'int32 a = 1; reserved 2; reserved "b";',
        '',
        '',
      ],
      [
        'two fields exchange their numbers',
        'int32 a = 1; string b = 2;',
        'string b = 1; int32 a = 2;',
        'FIELD_SCALAR_KIND_CHANGED #/M/1, FIELD_SCALAR_KIND_CHANGED #/M/2',
        'FIELD_SCALAR_KIND_CHANGED #/M/1, FIELD_SCALAR_KIND_CHANGED #/M/2',
      ],
      [
        'a number that is used again for another type',
        'int32 a = 1;',
        'double b = 1;',
        'FIELD_SCALAR_KIND_CHANGED #/M/1',
        'FIELD_SCALAR_KIND_CHANGED #/M/1',
      ],
      ['a message without fields', '', '', '', ''],
      [
        'a field named constructor',
        'int32 constructor = 1;',
        'string constructor = 1;',
        'FIELD_SCALAR_KIND_CHANGED #/M/1',
        'FIELD_SCALAR_KIND_CHANGED #/M/1',
      ],
      ['options of a field', 'int32 a = 1;', 'int32 a = 1 [deprecated = true, json_name = "z"];', '', ''],
    ]),
  )
})

describe('B4: compatibility of Protobuf: scalars that read each other', () => {
  const changed = 'FIELD_SCALAR_KIND_CHANGED #/M/1'
  const pairOf = (a: string, b: string, fits: boolean): Row => [
    `${a} and ${b} ${fits ? 'have the same bytes' : 'do not'}`,
    `${a} a = 1;`,
    `${b} a = 1;`,
    fits ? '' : changed,
    fits ? '' : changed,
  ]
  holdVerdicts(
    'protobuf',
    files(proto3, inMessage, [
      pairOf('int32', 'int64', true),
      pairOf('int32', 'uint32', true),
      pairOf('uint32', 'uint64', true),
      pairOf('int64', 'bool', true),
      pairOf('sint32', 'sint64', true),
      pairOf('fixed32', 'sfixed32', true),
      pairOf('fixed64', 'sfixed64', true),
      pairOf('string', 'bytes', true),
      pairOf('int32', 'sint32', false),
      pairOf('int32', 'fixed32', false),
      pairOf('fixed32', 'fixed64', false),
      pairOf('fixed32', 'float', false),
      pairOf('float', 'double', false),
      pairOf('int64', 'double', false),
      pairOf('int32', 'string', false),
      pairOf('bool', 'string', false),
      pairOf('bytes', 'sint64', false),
    ]),
  )
})

describe('B4: compatibility of Protobuf: labels', () => {
  holdVerdicts('protobuf', [
    ...files(proto2, inMessage, [
      [
        'a required field more: old data has none',
        'optional int32 a = 1;',
        'optional int32 a = 1; required int32 b = 2;',
        'REQUIRED_FIELD_ADDED #/M/2',
        'REQUIRED_FIELD_REMOVED #/M/2',
      ],
      ['an optional field more', 'required int32 a = 1;', 'required int32 a = 1; optional int32 b = 2;', '', ''],
      [
        'a number that becomes required',
        'optional int32 a = 1;',
        'required int32 a = 1;',
        'FIELD_NUMERIC_LABEL_CHANGED #/M/1',
        'FIELD_NUMERIC_LABEL_CHANGED #/M/1',
      ],
      [
        'a number that becomes repeated',
        'optional int32 a = 1;',
        'repeated int32 a = 1;',
        'FIELD_NUMERIC_LABEL_CHANGED #/M/1',
        'FIELD_NUMERIC_LABEL_CHANGED #/M/1',
      ],
      [
        'a float that becomes repeated',
        'optional float a = 1;',
        'repeated float a = 1;',
        'FIELD_NUMERIC_LABEL_CHANGED #/M/1',
        'FIELD_NUMERIC_LABEL_CHANGED #/M/1',
      ],
      [
        'a string that becomes repeated: the last one is read',
        'optional string a = 1;',
        'repeated string a = 1;',
        '',
        '',
      ],
      ['a message that becomes repeated', 'message N {} optional N a = 1;', 'message N {} repeated N a = 1;', '', ''],
      ['a default', 'optional int32 a = 1;', 'optional int32 a = 1 [default = 7];', '', ''],
      [
        'a type and a label: the type is told',
        'optional int32 a = 1;',
        'repeated string a = 1;',
        'FIELD_SCALAR_KIND_CHANGED #/M/1',
        'FIELD_SCALAR_KIND_CHANGED #/M/1',
      ],
    ]),
    ...files(proto3, inMessage, [
      [
        'an explicit optional that becomes repeated',
        'optional int32 a = 1;',
        'repeated int32 a = 1;',
        'FIELD_NUMERIC_LABEL_CHANGED #/M/1',
        'FIELD_NUMERIC_LABEL_CHANGED #/M/1',
      ],
      ['an explicit optional string that becomes repeated', 'optional string a = 1;', 'repeated string a = 1;', '', ''],
      ['a field that becomes explicitly optional', 'int32 a = 1;', 'optional int32 a = 1;', '', ''],
      ['packed or not', 'repeated int32 a = 1;', 'repeated int32 a = 1 [packed = false];', '', ''],
    ]),
    ...files('edition = "2023";\n', inMessage, [
      ['an edition’s field more', 'int32 a = 1;', 'int32 a = 1; string b = 2;', '', ''],
      [
        'an edition’s required field more',
        'int32 a = 1;',
        'int32 a = 1; int32 b = 2 [features.field_presence = LEGACY_REQUIRED];',
        'REQUIRED_FIELD_ADDED #/M/2',
        'REQUIRED_FIELD_REMOVED #/M/2',
      ],
      [
        'an edition’s field of another type',
        'int32 a = 1;',
        'string a = 1;',
        'FIELD_SCALAR_KIND_CHANGED #/M/1',
        'FIELD_SCALAR_KIND_CHANGED #/M/1',
      ],
    ]),
  ])
})

describe('B4: compatibility of Protobuf: oneofs', () => {
  const moved = 'FIELD_MOVED_TO_EXISTING_ONEOF #/M/o'
  holdVerdicts(
    'protobuf',
    files(proto3, inMessage, [
      [
        'a member more; the old reader keeps it as unknown',
        'oneof o { int32 a = 1; }',
        'oneof o { int32 a = 1; string b = 2; }',
        '',
        'ONEOF_FIELD_REMOVED #/M/o/2',
      ],
      [
        'one field becomes a oneof of its own',
        'int32 a = 1; int32 b = 2;',
        'oneof o { int32 a = 1; } int32 b = 2;',
        '',
        '',
      ],
      [
        'two fields become one oneof: both may be set',
        'int32 a = 1; int32 b = 2;',
        'oneof o { int32 a = 1; int32 b = 2; }',
        'MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o',
        '',
      ],
      [
        'a field moves into a oneof with members',
        'oneof o { int32 a = 1; } int32 b = 2;',
        'oneof o { int32 a = 1; int32 b = 2; }',
        moved,
        '',
      ],
      [
        'a field and a new one',
        'int32 a = 1;',
        'oneof o { int32 a = 1; int32 b = 2; }',
        '',
        'ONEOF_FIELD_REMOVED #/M/o/2',
      ],
      [
        'a oneof with all its members goes',
        'int32 z = 9; oneof o { int32 a = 1; int32 b = 2; }',
        'int32 z = 9;',
        '',
        '',
      ],
      ['a oneof is renamed', 'oneof o { int32 a = 1; int32 b = 2; }', 'oneof p { int32 a = 1; int32 b = 2; }', '', ''],
      [
        'a oneof is renamed and loses a member',
        'oneof o { int32 a = 1; int32 b = 2; }',
        'oneof p { int32 a = 1; }',
        'ONEOF_FIELD_REMOVED #/M/o/2',
        '',
      ],
      [
        'a member of another type',
        'oneof o { int32 a = 1; int32 b = 2; }',
        'oneof o { int32 a = 1; string b = 2; }',
        'FIELD_SCALAR_KIND_CHANGED #/M/o/2',
        'FIELD_SCALAR_KIND_CHANGED #/M/o/2',
      ],
      [
        'members of two oneofs meet in one',
        'oneof o { int32 a = 1; } oneof p { int32 b = 2; }',
        'oneof o { int32 a = 1; int32 b = 2; }',
        moved,
        '',
      ],
      [
        'a member leaves for itself',
        'oneof o { int32 a = 1; int32 b = 2; }',
        'oneof o { int32 a = 1; } int32 b = 2;',
        '',
        moved,
      ],
      [
        'a member leaves and changes its type',
        'oneof o { int32 a = 1; int32 b = 2; }',
        'oneof o { int32 a = 1; } string b = 2;',
        'FIELD_SCALAR_KIND_CHANGED #/M/2',
        `${moved}, FIELD_SCALAR_KIND_CHANGED #/M/o/2`,
      ],
      [
        'three fields and a new one become one oneof',
        'int32 a = 1; int32 b = 2; int32 c = 3;',
        'oneof o { int32 a = 1; int32 b = 2; int32 c = 3; int32 d = 4; }',
        'MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o',
        'ONEOF_FIELD_REMOVED #/M/o/4',
      ],
    ]),
  )
})

describe('B4: compatibility of Protobuf: messages, enums and maps', () => {
  holdVerdicts(
    'protobuf',
    files(proto3, whole, [
      [
        'a message more; its readers go the other way',
        'message A {}',
        'message A {} message B {}',
        '',
        'MESSAGE_REMOVED #/B',
      ],
      ['a message is renamed', 'message A {}', 'message Z {}', 'MESSAGE_REMOVED #/A', 'MESSAGE_REMOVED #/Z'],
      ['another order of messages', 'message A {} message B {}', 'message B {} message A {}', '', ''],
      ['a nested message goes', 'message A { message N {} }', 'message A {}', 'MESSAGE_REMOVED #/A/N', ''],
      [
        'a field of a nested message',
        'message A { message N { int32 a = 1; } }',
        'message A { message N { bool a = 1; string b = 2; } }',
        '',
        '',
      ],
      [
        'a nested field of another type',
        'message A { message N { int32 a = 1; } }',
        'message A { message N { string a = 1; } }',
        'FIELD_SCALAR_KIND_CHANGED #/A/N/1',
        'FIELD_SCALAR_KIND_CHANGED #/A/N/1',
      ],
      [
        'a field of another message',
        'message A { B x = 1; } message B {} message C {}',
        'message A { C x = 1; } message B {} message C {}',
        'FIELD_NAMED_TYPE_CHANGED #/A/1',
        'FIELD_NAMED_TYPE_CHANGED #/A/1',
      ],
      [
        'a message becomes a number',
        'message A { B x = 1; } message B {}',
        'message A { int32 x = 1; } message B {}',
        'FIELD_KIND_CHANGED #/A/1',
        'FIELD_KIND_CHANGED #/A/1',
      ],
      [
        'a name that is told in full',
        'message A { B x = 1; message B {} }',
        'message A { A.B x = 1; message B {} }',
        '',
        '',
      ],
      [
        'a name that begins at the root',
        'message A { B x = 1; } message B {}',
        'message A { .B x = 1; } message B {}',
        '',
        '',
      ],
      [
        'the inner of two messages of one name is meant',
        'message A { B x = 1; message B {} } message B {}',
        'message A { .B x = 1; message B {} } message B {}',
        'FIELD_NAMED_TYPE_CHANGED #/A/1',
        'FIELD_NAMED_TYPE_CHANGED #/A/1',
      ],
      [
        'an enum is a number',
        'enum E { Z = 0; } message A { E x = 1; }',
        'enum E { Z = 0; } message A { int32 x = 1; }',
        '',
        '',
      ],
      [
        'an enum is no string',
        'enum E { Z = 0; } message A { E x = 1; }',
        'enum E { Z = 0; } message A { string x = 1; }',
        'FIELD_SCALAR_KIND_CHANGED #/A/1',
        'FIELD_SCALAR_KIND_CHANGED #/A/1',
      ],
      [
        'an enum is no message',
        'enum E { Z = 0; } message A { E x = 1; }',
        'message E {} message A { E x = 1; }',
        'FIELD_KIND_CHANGED #/A/1',
        'MESSAGE_REMOVED #/E, FIELD_KIND_CHANGED #/A/1',
      ],
      [
        'another enum',
        'enum E { Z = 0; } enum F { Y = 0; } message A { E x = 1; }',
        'enum E { Z = 0; } enum F { Y = 0; } message A { F x = 1; }',
        '',
        '',
      ],
      ['a value of an enum goes', 'enum E { Z = 0; O = 1; }', 'enum E { Z = 0; }', '', ''],
      ['a value of an enum is renamed', 'enum E { Z = 0; O = 1; }', 'enum E { Z = 0; P = 1; }', '', ''],
      ['an enum goes', 'enum E { Z = 0; } message A {}', 'message A {}', '', ''],
      [
        'a map’s values of another kind',
        'message A { map<string, int32> m = 1; }',
        'message A { map<string, double> m = 1; }',
        'FIELD_SCALAR_KIND_CHANGED #/A/1',
        'FIELD_SCALAR_KIND_CHANGED #/A/1',
      ],
      [
        'a map’s values of the same kind',
        'message A { map<string, int32> m = 1; }',
        'message A { map<string, bool> m = 1; }',
        '',
        '',
      ],
      [
        'a map’s keys of another kind',
        'message A { map<string, int32> m = 1; }',
        'message A { map<sint32, int32> m = 1; }',
        'FIELD_SCALAR_KIND_CHANGED #/A/1',
        'FIELD_SCALAR_KIND_CHANGED #/A/1',
      ],
      [
        'a map’s messages',
        'message A { map<string, B> m = 1; } message B {} message C {}',
        'message A { map<string, C> m = 1; } message B {} message C {}',
        'FIELD_NAMED_TYPE_CHANGED #/A/1',
        'FIELD_NAMED_TYPE_CHANGED #/A/1',
      ],
      [
        'a map is no string',
        'message A { map<string, int32> m = 1; }',
        'message A { string m = 1; }',
        'FIELD_KIND_CHANGED #/A/1',
        'FIELD_KIND_CHANGED #/A/1',
      ],
      [
        'a message that holds itself',
        'message A { A next = 1; int32 v = 2; }',
        'message A { A next = 1; int64 v = 2; }',
        '',
        '',
      ],
      ['the package', 'package a; message A {}', 'package b; message A {}', 'PACKAGE_CHANGED #/', 'PACKAGE_CHANGED #/'],
      [
        'the same package',
        'package a.b; message A { B x = 1; } message B {}',
        'package a.b; message A { a.b.B x = 1; } message B {}',
        '',
        '',
      ],
      ['a service is not looked at', 'message A {}', 'message A {} service S { rpc Go (A) returns (A); }', '', ''],
      [
        'options are not looked at',
        'message A {}',
        'option java_package = "x"; message A { option deprecated = true; }',
        '',
        '',
      ],
      [
        'a well-known type is a name',
        'import "google/protobuf/timestamp.proto"; message A { google.protobuf.Timestamp t = 1; }',
        'import "google/protobuf/timestamp.proto"; message A { int64 t = 1; }',
        'FIELD_KIND_CHANGED #/A/1',
        'FIELD_KIND_CHANGED #/A/1',
      ],
      [
        'two well-known types',
        'message A { google.protobuf.Timestamp t = 1; }',
        'message A { google.protobuf.Duration t = 1; }',
        'FIELD_NAMED_TYPE_CHANGED #/A/1',
        'FIELD_NAMED_TYPE_CHANGED #/A/1',
      ],
    ]),
  )
})

describe('B4: compatibility of Protobuf: what is imported', () => {
  const outer = 'syntax = "proto3"; import "in.proto"; message A { in.B x = 1; }'
  const inner = (body: string, name = 'in'): string => `syntax = "proto3"; package ${name}; ${body}`
  const withInner = (text: string, imported: string) => ({
    text,
    references: [{ name: 'in.proto', text: imported, references: [] }],
  })
  holdVerdicts('protobuf', [
    {
      why: 'the same import',
      old: withInner(outer, inner('message B { int32 a = 1; }')),
      next: withInner(outer, inner('message B { int32 a = 1; }')),
      backward: '',
      forward: '',
    },
    {
      why: 'an imported message gains a field',
      old: withInner(outer, inner('message B { int32 a = 1; }')),
      next: withInner(outer, inner('message B { int32 a = 1; string b = 2; }')),
      backward: '',
      forward: '',
    },
    {
      why: 'a field of an imported message changes',
      old: withInner(outer, inner('message B { int32 a = 1; }')),
      next: withInner(outer, inner('message B { string a = 1; }')),
      backward: 'FIELD_SCALAR_KIND_CHANGED #/B/1, FIELD_NAMED_TYPE_CHANGED #/A/1',
      forward: 'FIELD_SCALAR_KIND_CHANGED #/B/1, FIELD_NAMED_TYPE_CHANGED #/A/1',
    },
    {
      why: 'an imported package changes its name, not its messages',
      old: withInner(outer, inner('message B { int32 a = 1; }')),
      next: withInner(outer.replace('in.B', 'other.B'), inner('message B { int32 a = 1; }', 'other')),
      backward: '',
      forward: '',
    },
    {
      why: 'a message moves into an import',
      old: 'syntax = "proto3"; message A { B x = 1; } message B { int32 a = 1; }',
      next: withInner(outer, inner('message B { int32 a = 1; }')),
      backward: 'MESSAGE_REMOVED #/B',
      forward: '',
    },
    {
      why: 'imported messages that hold each other twice are compared once',
      old: withInner(outer, inner(chain('int32'))),
      next: withInner(outer, inner(chain('int64'))),
      backward: '',
      forward: '',
    },
    {
      why: 'a text that is none cannot be compared',
      old: 'message {',
      next: 'syntax = "proto3";',
      backward: 'NOT_COMPARABLE /',
      forward: 'NOT_COMPARABLE /',
    },
  ])
})

/** Each message holds the next one twice: 2^40 ways lead to the last. */
function chain(leaf: string): string {
  const messages = Array.from({ length: 40 }, (_, at) => `message B${at || ''} { B${at + 1} x = 1; B${at + 1} y = 2; }`)
  return `${messages.join(' ')} message B40 { ${leaf} a = 1; }`
}

describe('B4: compatibility of Protobuf: words', () => {
  it('are those of Confluent’s registry', () => {
    const text = (body: string) => ({ text: proto3 + inMessage(body), references: [] })
    assert.deepEqual(differences('protobuf', text('string a = 1;'), text('int32 a = 1;')), [
      {
        rule: 'FIELD_SCALAR_KIND_CHANGED',
        path: '#/M/1',
        description:
          "The kind of a SCALAR field at path '#/M/1' in the new schema does not match its kind in the old schema",
        message:
          '{errorType:"FIELD_SCALAR_KIND_CHANGED", description:"The kind of a SCALAR field at path \'#/M/1\' in the new schema does not match its kind in the old schema"}',
      },
    ])
  })
})
