import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fits, isPattern } from '../../../../connectors/kafka/consumer/topic-pattern.ts'

describe('a pattern of topics', () => {
  test('takes what the regular expression of the same meaning takes', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 10 })
    const names = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 10 })
    fc.assert(
      fc.property(letters, names, (pattern, name) => {
        const source = pattern.replaceAll('.', '\\.').replaceAll('?', '.').replaceAll('*', '.*')
        assert.equal(fits(pattern, name), new RegExp(`^${source}$`).test(name), `${pattern} on ${name}`)
      }),
      { numRuns: 2000 },
    )
  })

  test('takes no longer than the lengths multiplied', () => {
    const startMs = performance.now()
    assert.equal(fits(`${'a*'.repeat(120)}b`, 'a'.repeat(249)), false)
    assert.ok(performance.now() - startMs < 100)
  })

  test('is known by characters that no topic has', () => {
    assert.ok(isPattern('a*') && isPattern('a?') && !isPattern('a.b_c-1'))
  })
})
