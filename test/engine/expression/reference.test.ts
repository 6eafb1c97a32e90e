import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { languageForms } from '../../../docs/cel-page.ts'
import { macroNames } from '../../../src/engine/expression/macros.ts'
import { run } from './run.ts'

describe('the reference of the language', () => {
  for (const [form, , example] of Object.values(languageForms).flat()) {
    it(`is right about ${form}: ${example}`, () => {
      const ran = run(example)
      assert.equal('value' in ran && ran.value, true, JSON.stringify(ran))
    })
  }

  it('names every macro', () => {
    const told = Object.values(languageForms)
      .flat()
      .map(([form]) => form)
      .join(' ')
    assert.deepEqual(
      macroNames.filter((name) => !told.includes(name)),
      [],
    )
  })
})
