import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RE2JS } from '@bufbuild/re2'
import fc from 'fast-check'
import { LinearPattern, type StepBudget } from '../../src/document/linear-pattern.ts'

const budgetOf = (steps: number): StepBudget & { left: number } => ({
  left: steps,
  spend(some) {
    this.left -= some
    return this.left >= 0
  },
})

const compile = (text: string): LinearPattern => {
  const compiled = LinearPattern.compile(text)
  assert.ok(compiled instanceof LinearPattern, `${text}: ${String(compiled)}`)
  return compiled
}

/** Patterns that RE2 and JavaScript read alike; the second column is what JavaScript is told. */
const patterns: readonly (readonly [string, RegExp])[] = [
  ['a*b', /a*b/dgu],
  ['(a|ab)(c|bcd)?', /(a|ab)(c|bcd)?/dgu],
  ['^a', /^a/dgu],
  ['b$', /b$/dgu],
  ['^$', /^$/dgu],
  ['\\bab\\b', /\bab\b/dgu],
  ['\\Ba', /\Ba/dgu],
  ['(?:a|b)*?c', /(?:a|b)*?c/dgu],
  ['[^a]+', /[^a]+/dgu],
  ['(?i)AB', /AB/dgiu],
  ['a.c', /a.c/dgu],
  ['(?s)a.c', /a.c/dgsu],
  ['(?m)^a$', /^a$/dgmu],
  ['(x)?(a)?', /(x)?(a)?/dgu],
  ['(a{2,3}?)(a*)', /(a{2,3}?)(a*)/dgu],
  ['', /(?:)/dgu],
  [' *', / */dgu],
  ['😀+', /😀+/dgu],
  ['[é-ü]', /[é-ü]/dgu],
  ['((a)|(b))+c?', /((a)|(b))+c?/dgu],
]

const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd', 'x', 'A', '\n', ' ', '😀', 'é'), maxLength: 12 })

/** JavaScript's matches without the empty ones right behind another, which RE2 takes for none. */
function theirs(pattern: RegExp, text: string): number[][] {
  let lastEnd = -1
  return [...text.matchAll(pattern)]
    .map((match) => match.indices!.flatMap((pair) => pair ?? [-1, -1]))
    .filter(([start, end]) => {
      const kept = start !== end || start !== lastEnd
      lastEnd = end!
      return kept
    })
}

describe('B2: patterns', () => {
  for (const [text, pattern] of patterns) {
    it(`/${text}/ finds what JavaScript finds, with its groups, and is found where RE2 finds it`, () => {
      const mine = compile(text)
      const re2 = RE2JS.compile(text)
      // JavaScript forgets a group in each turn of a loop around it; RE2 keeps its last match.
      const groupsDiffer = text.startsWith('((a)')
      fc.assert(
        fc.property(texts, (subject) => {
          const found = [...mine.findAll(subject, budgetOf(1e6))].map((match) => [...match])
          const expected = theirs(pattern, subject)
          const cut = (match: number[]) => (groupsDiffer ? match.slice(0, 4) : match)
          assert.deepEqual(found.map(cut), expected.map(cut))
          assert.equal(mine.test(subject, budgetOf(1e6)), re2.test(subject))
        }),
        { numRuns: 300 },
      )
    })
  }

  it('forget states when there are too many, and still answer right', () => {
    const text = '(a|b)*a(a|b){9}c'
    const mine = compile(text)
    const re2 = RE2JS.compile(text)
    const subjects = fc.string({ unit: fc.constantFrom('a', 'b', 'b', 'a', 'c'), maxLength: 200 })
    fc.assert(
      fc.property(subjects, (subject) => {
        assert.equal(mine.test(subject, budgetOf(1e7)), re2.test(subject))
      }),
      { numRuns: 200 },
    )
  })

  it('stop when their budget is spent, wherever they are', () => {
    const subject = 'ab'.repeat(5_000)
    for (const text of ['(a|b)*a(a|b){20}[cd]', '(?:a?){100}[cd]', '\\w+@\\w+']) {
      const budget = budgetOf(20_000)
      assert.equal(compile(text).test(subject, budget), false)
      assert.equal(compile(text).find(`${subject}`, 1, budget), null)
      assert.equal(budget.spend(0), false, text)
      assert.ok(budget.left > -20_000, `${text} overdrew by ${-budget.left}`)
    }
  })

  it('are refused when they are large, whatever their text looks like', () => {
    for (const text of ['((a{9}){9}){99}', 'a{1001}', '(a{1,100}){1,100}', 'x'.repeat(2_001), '(?:\\pL{50}){50}']) {
      assert.equal(typeof LinearPattern.compile(text), 'string', text)
    }
  })
})
