import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import protobuf from 'protobufjs'
import { ProtoReader, type ProtoType } from '../../../src/registry/compatibility/protobuf/declarations.ts'

const folder = join(dirname(createRequire(import.meta.url).resolve('protobufjs/package.json')), 'google')
const texts = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  // This copy of descriptor.proto reserves numbers and names in one statement, which the language does not allow.
  .filter((file) => file.endsWith('.proto') && !file.endsWith('descriptor.proto'))
  .map((file) => [file, readFileSync(join(folder, file), 'utf8')] as const)

/** What a schema declares, one line each. */
function linesOf(types: readonly ProtoType[], space: string): string[] {
  return types.flatMap((type): string[] => {
    const name = space === '' ? type.name : `${space}.${type.name}`
    if (type.kind === 'enum') return [`enum ${name}`]
    const fields = [...type.fields.values()].map(
      (field) => `${name} ${field.tag} ${field.name} ${field.type} ${field.oneof}`,
    )
    return [`message ${name}`, ...fields, ...linesOf(type.nested, name)]
  })
}

function linesOfOther(space: protobuf.NamespaceBase, around: string): string[] {
  return space.nestedArray.flatMap((nested): string[] => {
    const name = around === '' ? nested.name : `${around}.${nested.name}`
    if (nested instanceof protobuf.Enum) return [`enum ${name}`]
    if (!(nested instanceof protobuf.Type))
      return nested instanceof protobuf.Namespace ? linesOfOther(nested, name) : []
    const fields = nested.fieldsArray.map((field) => {
      const oneof = field.options?.['proto3_optional'] === true ? null : (field.partOf?.name ?? null)
      return `${name} ${field.id} ${field.name} ${field.type} ${oneof}`
    })
    return [`message ${name}`, ...fields, ...linesOfOther(nested, name)]
  })
}

describe('reading what a .proto file declares', () => {
  it('has files to read', () => assert.ok(texts.length > 3, `${texts.length} files`))

  for (const [file, text] of texts) {
    it(`finds in ${file} what a compiler finds`, () => {
      const read = new ProtoReader().read({ text, references: [] })
      const other = protobuf.parse(text, { keepCase: true }).root
      assert.deepEqual(linesOf(read.types, read.package).sort(), linesOfOther(other, '').sort())
    })
  }

  it('passes over what does not bear on compatibility', () => {
    const text = `
      // a comment; with a } in it
      syntax = "proto2"; /* another
      one { */
      package a.b;
      import public "x;y{.proto";
      option (my.opt) = { a: "}" b { c: [1, 2] } };
      message M {
        option deprecated = true;
        reserved 4, 6 to 9; reserved "x", 'y';
        extensions 100 to max [declaration = { number: 100 }];
        extend M { optional string more = 100; }
        required string s = 1 [default = "it's; \\"}", json_name = 'z'];
        optional group G = 2 { optional int32 inner = 1; }
        oneof o { option x = 1; int32 i = 3; ; }
        map<string, M.N> m = 0x10;
        message N { enum E { A = 0 [deprecated = true]; B = -1; } }
      }
      service S { rpc Go (stream M) returns (M) { option (http) = { get: "/x" }; } }
      ;`
    const { types, package: space } = new ProtoReader().read({ text, references: [] })
    assert.deepEqual(linesOf(types, space), [
      'message a.b.M',
      'a.b.M 1 s string null',
      'a.b.M 2 g G null',
      'a.b.M 3 i int32 o',
      'a.b.M 16 m M.N null',
      'message a.b.M.G',
      'a.b.M.G 1 inner int32 null',
      'message a.b.M.N',
      'enum a.b.M.N.E',
    ])
  })
})
