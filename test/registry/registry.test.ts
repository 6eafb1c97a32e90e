import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { loadRegistry } from '../../src/registry/files.ts'

/** A registry of these files, and its faults with paths below the folder. */
function load(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-schemas-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    const { registry, faults } = loadRegistry(folder)
    const short = faults.map(({ file, line, column, code, message }) => {
      return `${file.slice(folder.length + 1)}:${line}:${column} ${code} ${message}`
    })
    return { registry, faults: short }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const schema = '{"type": "object", "properties": {"n": {"type": "number"}}}'

describe('B4: the registry', () => {
  it('serves subjects by name and version, the newest by default', () => {
    const { registry, faults } = load({
      't/1.json': schema,
      't/2.json': schema,
      't/10.json': '{}',
      'a-b/1.json': 'true',
    })
    assert.deepEqual(faults, [])
    assert.equal(registry.resolve('t')?.version, 10)
    assert.equal(registry.resolve('t@2')?.version, 2)
    assert.deepEqual(
      ['t@3', 't@', 't@0', 't@x', 'u', '', 't@2@2'].map((name) => registry.resolve(name)),
      Array(7).fill(null),
    )
    assert.deepEqual(
      registry.list().map(({ subject, version }) => `${subject}@${version}`),
      ['a-b@1', 't@1', 't@2', 't@10'],
    )
    assert.deepEqual(
      registry.subject('t')?.map(({ version }) => version),
      [1, 2, 10],
    )
    assert.equal(registry.subject('u'), null)
  })

  it('gives the same content the same id, whatever its layout', () => {
    const { registry } = load({
      't/1.json': '{"type":"object"}',
      'u/4.json': '{ "type" : "object" }\n',
      'u/5.json': '{}',
    })
    const id = registry.resolve('t')!.id
    assert.equal(registry.resolve('u@4')!.id, id)
    assert.notEqual(registry.resolve('u')!.id, id)
    assert.ok(Number.isInteger(id) && id > 0 && id < 2 ** 31)
  })

  it('is empty for a folder that is not there, and passes over prose', () => {
    assert.deepEqual(loadRegistry('/nowhere/at/all').faults, [])
    assert.deepEqual(load({ 'README.md': 'x', 't/README.md': 'x', 't/.keep': '', 't/1.json': schema }).faults, [])
  })

  it('tells every fault of every file with its place, and keeps what is sound', () => {
    const { registry, faults } = load({
      't/1.json': schema,
      't/v2.json': schema,
      't/3.xsd': schema,
      'loose.json': schema,
      'bad name/1.json': schema,
      'u/1.json': '{\n  "type": "object",\n  "properties" {}\n}',
      'u/2.json': '{\n  "type": "object"',
      'u/3.json': '{\n  "type": "objekt"\n}',
      'u/4.json': '{\n  "properties": { "a": { "minimum": "x" } }\n}',
      'u/5.json': '[]',
      'v/1.json': '{\n  "properties": {\n    "a": { "$ref": "https://example.com/schema.json" }\n  }\n}',
      'v/2.json': '{ "$schema": "http://json-schema.org/draft-03/schema#" }',
      'v/3.json': '{ "properties": { "a": { "$ref": "#/$defs/none" } } }',
      'v/4.json': '{ "properties": { "a": { "pattern": "(?=x)" } } }',
      'v/5.json': `{ "const": "${'x'.repeat(300_000)}" }`,
      'v/6.json': `${'{ "items": '.repeat(70)}{}${'}'.repeat(70)}`,
    })
    assert.deepEqual(
      registry.list().map(({ subject, version }) => `${subject}@${version}`),
      ['t@1'],
    )
    assert.deepEqual(faults, [
      'bad name:1:1 E301 a subject is named by letters, digits, `_`, `-` and `.`',
      'loose.json:1:1 E301 a schema lies in the folder of its subject: <subject>/<version>.json (.avsc, .proto)',
      't/3.xsd:1:1 E301 not a schema file: expected <version>.json (.avsc, .proto), as 1.json',
      't/v2.json:1:1 E301 not a schema file: expected <version>.json (.avsc, .proto), as 1.json',
      "u/1.json:3:16 E302 not valid JSON: Expected ':' after property name",
      "u/2.json:2:19 E302 not valid JSON: Expected ',' or '}' after property value",
      'u/3.json:2:11 E302 type must be equal to one of the allowed values: array, boolean, integer, null, number, object, string',
      'u/4.json:2:37 E302 minimum must be number',
      'u/5.json:1:1 E302 a schema is an object, or true or false',
      'v/1.json:3:20 E303 $ref "https://example.com/schema.json" leads out of the schema, and nothing is fetched',
      'v/2.json:1:14 E303 $schema "http://json-schema.org/draft-03/schema#" is not known; there are draft-04, draft-06, draft-07, 2019-09 and 2020-12',
      "v/3.json:1:34 E303 can't resolve reference #/$defs/none from id #",
      'v/4.json:1:1 E303 a pattern uses what is refused here: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
      'v/5.json:1:1 E303 larger than 262144 bytes',
      'v/6.json:1:716 E303 nested deeper than 64',
    ])
  })
})
