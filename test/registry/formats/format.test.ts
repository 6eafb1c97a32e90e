import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { flattenReferences, maxReferencedBytes, type ReferencedSchema } from '../../../src/registry/formats/format.ts'
import { formatOfExtension, formats } from '../../../src/registry/formats/formats.ts'

const reference = (name: string, ...references: ReferencedSchema[]): ReferencedSchema => ({
  name,
  text: '{}',
  references,
})

describe('references', () => {
  it('stand in a row, each once and behind those it leans on', () => {
    const base = reference('base')
    const list = flattenReferences([reference('a', base), reference('b', base, reference('c'))])
    assert.deepEqual(
      list?.map(({ name }) => name),
      ['base', 'a', 'c', 'b'],
    )
  })

  it('are bounded in number, in depth and in bytes', () => {
    assert.equal(flattenReferences(Array.from({ length: 201 }, (_, at) => reference(`r${at}`))), null)
    let deep = reference('r')
    for (let at = 0; at < 300; at++) deep = reference(`r${at}`, deep)
    assert.equal(flattenReferences([deep]), null)
    const large = { name: 'large', text: 'x'.repeat(maxReferencedBytes / 2 + 1), references: [] }
    assert.equal(flattenReferences([large, { ...large, name: 'other' }]), null)
  })

  it('that lead back to themselves come to an end', () => {
    const circle: { name: string; text: string; references: ReferencedSchema[] } = {
      name: 'a',
      text: '',
      references: [],
    }
    circle.references.push(circle)
    assert.equal(flattenReferences([circle])?.length, 1)
  })
})

describe('the table of formats', () => {
  it('finds each by its name and by the ending of its files', () => {
    assert.deepEqual(
      [...formats].map(([name, { extension }]) => [name, extension]),
      [
        ['json-schema', 'json'],
        ['avro', 'avsc'],
        ['protobuf', 'proto'],
      ],
    )
    for (const [name, format] of formats) {
      assert.equal(format.name, name)
      assert.equal(formatOfExtension(format.extension), format)
    }
    assert.equal(formatOfExtension('md'), null)
  })
})
