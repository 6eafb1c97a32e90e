import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gaps } from './gaps.ts'
import { type Case, isAboutMessages, runCase } from './run-case.ts'
import { suites } from './suites.ts'

interface Suite {
  readonly sections: readonly { readonly name: string; readonly tests: readonly Case[] }[]
}

const listed = new Set(Object.values(gaps).flat())
const seen = new Set<string>()
let ran = 0
let passed = 0

describe('B2: the conformance tests of CEL', () => {
  for (const suite of suites) {
    it(`pass in ${suite}, but for the gaps that are listed`, () => {
      const { sections } = JSON.parse(readFileSync(new URL(`data/${suite}.json`, import.meta.url), 'utf8')) as Suite
      const surprises: string[] = []
      for (const section of sections) {
        for (const test of section.tests) {
          if (isAboutMessages(test)) continue
          const id = `${suite}/${section.name}/${test.name}`
          const wrong = runCase(test)
          seen.add(id)
          ran++
          if (wrong === null) passed++
          if (wrong === null && listed.has(id)) surprises.push(`${id} passes now: take it off the list`)
          if (wrong !== null && !listed.has(id)) surprises.push(`${id}: ${wrong}`)
        }
      }
      assert.deepEqual(surprises, [])
    })
  }

  it('are listed by names they have', () => {
    assert.deepEqual(
      [...listed].filter((id) => !seen.has(id)),
      [],
    )
  })

  it('pass to at least 95 in a hundred', () => {
    assert.ok(passed / ran >= 0.95, `${passed} of ${ran}`)
  })
})
