import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { functions } from '../../../../src/engine/expression/functions/table.ts'
import { run } from '../run.ts'

describe('B2: the reference of functions', () => {
  for (const { name, receiver, example } of functions) {
    it(`tells the truth about ${receiver === null ? '' : '.'}${name}()`, () => {
      assert.ok(example.includes(name), `${example} does not show ${name}`)
      assert.deepEqual(run(example), { value: true, type: 'bool' }, example)
    })
  }

  it('says in one sentence what each function gives', () => {
    for (const { name, summary } of functions) {
      assert.match(summary, /^[^a-z][^\n]*[.;]$/, name)
      assert.ok(summary.length < 130, `${name}: ${summary.length}`)
    }
  })

  it('names no function twice', () => {
    const names = functions.map(({ name, receiver }) => `${receiver === null}:${name}`)
    assert.deepEqual(
      names.filter((name, at) => names.indexOf(name) !== at),
      [],
    )
  })
})
