import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { differences } from '../../../src/registry/compatibility/compatibility.ts'
import type { SchemaFormat } from '../../../src/registry/schema.ts'

/** Schemas that are small and ask for much, each compared with itself and with a changed one. */
const maxMs = 1_000

function hold(format: SchemaFormat, make: (leaf: string) => string, leaves: readonly [string, string]): void {
  const [old, next] = leaves.map((leaf) => ({ text: make(leaf), references: [] })) as [
    { text: string; references: [] },
    { text: string; references: [] },
  ]
  for (const writer of [next, old]) {
    const began = performance.now()
    const found = differences(format, next, writer)
    const tookMs = performance.now() - began
    assert.ok(tookMs < maxMs, `took ${tookMs} ms`)
    assert.ok(found.length <= 100, `told ${found.length}`)
    if (writer === old) assert.ok(found.length > 0, 'the change was overlooked')
  }
}

const types: readonly [string, string] = ['"string"', '"boolean"']
const list = (length: number, item: (at: number) => string): string =>
  Array.from({ length }, (_, at) => item(at)).join(',')

describe('B4: comparing hostile schemas ends', () => {
  it('where 2^40 ways lead to one definition', () => {
    const definitions = (leaf: string) =>
      [
        list(
          40,
          (at) =>
            `"d${at}":{"type":"object","properties":{"x":{"$ref":"#/$defs/d${at + 1}"},"y":{"$ref":"#/$defs/d${at + 1}"}}}`,
        ),
        `"d40":{"type":${leaf}}`,
      ].join()
    hold('json-schema', (leaf) => `{"$ref":"#/$defs/d0","$defs":{${definitions(leaf)}}}`, types)
  })

  it('where definitions refer to one another in every alternative', () => {
    const all = list(30, (at) => `{"$ref":"#/$defs/d${at}"}`)
    const definitions = (leaf: string) =>
      list(
        30,
        (at) =>
          `"d${at}":{"type":"object","properties":{"k":{"const":${at}},"v":{"type":${leaf}},"next":{"oneOf":[${all}]}},"additionalProperties":false}`,
      )
    hold('json-schema', (leaf) => `{"$ref":"#/$defs/d0","$defs":{${definitions(leaf)}}}`, types)
  })

  it('and large schemas that only grow a little are compared to their end', () => {
    const kinds = 150
    const any = list(kinds, (at) => `{"$ref":"#/$defs/d${at}"}`)
    const make = (more: string) => {
      const definitions = list(
        kinds,
        (at) =>
          `"d${at}":{"type":"object","properties":{"kind":{"const":"k${at}"}${at === 70 ? more : ''},"next":{"anyOf":[${any}]},"other":{"$ref":"#/$defs/d${(at * 7) % kinds}"}},"additionalProperties":false}`,
      )
      return { text: `{"$ref":"#/$defs/d0","$defs":{${definitions}}}`, references: [] }
    }
    const began = performance.now()
    const [old, next] = [make(''), make(',"note":{"type":"string"}')]
    assert.deepEqual(differences('json-schema', old, old), [])
    assert.deepEqual(differences('json-schema', next, old), [])
    assert.notDeepEqual(differences('json-schema', old, next), [])
    assert.ok(performance.now() - began < 3 * maxMs)
  })

  it('where a union has two thousand alternatives', () => {
    hold('json-schema', (leaf) => `{"oneOf":[${list(2000, (at) => `{"const":${at}}`)},{"type":${leaf}}]}`, types)
  })

  it('where five thousand properties change', () => {
    hold(
      'json-schema',
      (leaf) => `{"type":"object","properties":{${list(5000, (at) => `"p${at}":{"type":${leaf}}`)}}}`,
      types,
    )
  })

  it('where definitions form a chain of five thousand', () => {
    const chain = (leaf: string) =>
      `${list(5000, (at) => `"d${at}":{"type":"array","items":{"$ref":"#/$defs/d${at + 1}"}}`)},"d5000":{"type":${leaf}}`
    hold('json-schema', (leaf) => `{"$ref":"#/$defs/d0","$defs":{${chain(leaf)}}}`, types)
  })

  it('where references go in a circle', () => {
    hold(
      'json-schema',
      (leaf) =>
        `{"allOf":[{"$ref":"#/$defs/a"},{"type":${leaf}}],"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`,
      types,
    )
  })

  it('where the text is nested ten thousand deep', () => {
    const deep = (leaf: string) => `${'{"items":'.repeat(10_000)}{"type":${leaf}}${'}'.repeat(10_000)}`
    hold('json-schema', deep, types)
    hold('avro', (leaf) => `${'{"type":"array","items":'.repeat(10_000)}${leaf}${'}'.repeat(10_000)}`, types)
    hold('protobuf', (leaf) => `${'message A {'.repeat(10_000)}${leaf} a = 1;${'}'.repeat(10_000)}`, [
      'int32',
      'string',
    ])
  })

  it('where patterns and names are many and would backtrack', () => {
    const patterns = list(200, (at) => `"(a+)+${at}$":{"type":"string"}`)
    hold(
      'json-schema',
      (leaf) =>
        `{"type":"object","properties":{${list(500, (at) => `"${'a'.repeat(40)}${at}":{"type":${leaf}}`)}},"patternProperties":{${patterns}}}`,
      types,
    )
  })

  it('where records hold each other in every union', () => {
    const names = list(40, (at) => `"R${at}"`)
    const records = (leaf: string) =>
      list(40, (at) => `{"type":"record","name":"R${at}","fields":[{"name":"v","type":${leaf}}]}`)
    hold(
      'avro',
      (leaf) =>
        `{"type":"record","name":"T","fields":[{"name":"all","type":[${records(leaf)}]},{"name":"next","type":[${names},"T"]}]}`,
      types,
    )
  })

  it('where an enum has twenty thousand symbols', () => {
    hold('avro', (leaf) => `{"type":"enum","name":"E","symbols":[${list(20_000, (at) => `"S${at}"`)},${leaf}]}`, [
      '"A"',
      '"B"',
    ])
  })

  it('where a message has ten thousand fields', () => {
    hold(
      'protobuf',
      (leaf) =>
        `syntax = "proto3"; message M { ${list(10_000, (at) => `${leaf} f${at} = ${at + 1}`).replaceAll(',', ';')}; }`,
      ['int32', 'string'],
    )
  })

  it('where nothing is a schema', () => {
    for (const text of [
      '',
      'null',
      '[]',
      '{',
      '"x"',
      '0',
      '\u0000',
      '{"type":5}',
      '{"$ref":7}',
      '{"type":"record"}',
      'message',
      'syntax = "proto9";',
    ]) {
      for (const format of ['avro', 'protobuf', 'json-schema', 'sparkplug'] as const) {
        assert.ok(Array.isArray(differences(format, { text, references: [] }, { text: '{}', references: [] })))
      }
    }
  })

  it('where a schema refers to itself from outside', () => {
    const loop = { name: 'x', text: '{"$ref":"x"}', references: [] as unknown[] }
    loop.references.push(loop)
    const schema = { text: '{"$ref":"x"}', references: [loop as never] }
    assert.deepEqual(differences('json-schema', schema, schema), [])
  })
})
