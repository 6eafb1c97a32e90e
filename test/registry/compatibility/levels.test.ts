import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type CompatibilityLevel,
  checkLevel,
  compatibilityLevels,
  type EarlierVersion,
  findBreak,
} from '../../../src/registry/compatibility/levels.ts'

const record = (...fields: object[]): EarlierVersion => ({
  format: 'avro',
  text: JSON.stringify({ type: 'record', name: 'R', fields }),
  references: [],
})
const plain = (name: string) => ({ name, type: 'int' })
const filled = (name: string) => ({ name, type: 'int', default: 0 })

describe('B4: the level of compatibility', () => {
  /** For each level, whether `next` may follow `earlier`. */
  const table: readonly (readonly [why: string, earlier: EarlierVersion[], next: EarlierVersion, allowed: string])[] = [
    ['a first version always', [], record(plain('a')), compatibilityLevels.join(' ')],
    ['a field with a default', [record(plain('a'))], record(plain('a'), filled('b')), compatibilityLevels.join(' ')],
    [
      'a field without a default',
      [record(plain('a'))],
      record(plain('a'), plain('b')),
      'NONE FORWARD FORWARD_TRANSITIVE',
    ],
    ['a field less', [record(plain('a'), plain('b'))], record(plain('a')), 'NONE BACKWARD BACKWARD_TRANSITIVE'],
    ['another type', [record(plain('a'))], record({ name: 'a', type: 'string' }), 'NONE'],
    [
      'a field that was added with a default, and then lost it: the first version lacks it',
      [record(plain('a')), record(plain('a'), filled('b'))],
      record(plain('a'), plain('b')),
      'NONE BACKWARD FORWARD FORWARD_TRANSITIVE FULL',
    ],
    [
      'a field less than the first version, which the second had a default for',
      [record(plain('a'), plain('b')), record(plain('a'), filled('b'))],
      record(plain('a')),
      'NONE BACKWARD BACKWARD_TRANSITIVE FORWARD FULL',
    ],
  ]
  for (const [why, earlier, next, allowed] of table) {
    it(`says to ${why}: ${allowed}`, () => {
      const found = compatibilityLevels.filter((level) => checkLevel('avro', level, next, earlier).length === 0)
      assert.deepEqual([...found].sort(), allowed.split(' ').sort())
    })
  }

  it('names the newest version a new one breaks with', () => {
    const earlier = [record(plain('a'), plain('z')), record(plain('a')), record(plain('a'), filled('b'))]
    const at = (level: CompatibilityLevel) => findBreak('avro', level, record(plain('a'), plain('b')), earlier)?.earlier
    assert.deepEqual([at('BACKWARD'), at('BACKWARD_TRANSITIVE'), at('FORWARD_TRANSITIVE')], [undefined, 1, 0])
  })

  it('says which of the two is new, in each direction', () => {
    const told = (level: CompatibilityLevel) =>
      checkLevel('avro', level, record({ name: 'a', type: 'string' }), [record(plain('a'))]).map(
        (found) => found.description,
      )
    const backward = "The type (path '/fields/0/type') of a field in the new schema does not match with the old schema"
    const forward = "The type (path '/fields/0/type') of a field in the old schema does not match with the new schema"
    assert.deepEqual(told('BACKWARD'), [backward])
    assert.deepEqual(told('FORWARD'), [forward])
    assert.deepEqual(told('FULL'), [forward, backward])
  })

  it('lets a subject keep its language', () => {
    const next = { text: '{"type":"object"}', references: [] }
    assert.deepEqual(checkLevel('json-schema', 'NONE', next, [record()]), [])
    assert.deepEqual(
      checkLevel('json-schema', 'BACKWARD', next, [record()]).map(({ message }) => message),
      ['Incompatible because of different schema type'],
    )
  })
})
