import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type Draft, drafts, type Gaps, reasons, runDraft } from './suite.ts'

const known = JSON.parse(readFileSync(new URL('gaps.json', import.meta.url), 'utf8')) as Record<
  Draft,
  { tests: number; passed: number; gaps: Gaps }
>

describe('B4: the official JSON Schema suite', () => {
  for (const draft of Object.keys(drafts) as Draft[]) {
    it(`is passed in ${draft}, but for the gaps that are listed, and these are gaps`, () => {
      const outcome = runDraft(draft)
      assert.deepEqual(outcome.gaps, known[draft].gaps)
      assert.deepEqual([outcome.tests, outcome.passed], [known[draft].tests, known[draft].passed])
    })
  }

  it('has a reason for every gap', () => {
    const files = new Set(Object.values(known).flatMap(({ gaps }) => Object.keys(gaps)))
    assert.deepEqual(
      [...files].filter((file) => !reasons.some(([pattern]) => pattern.test(file))),
      [],
    )
  })
})
