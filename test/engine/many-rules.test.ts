import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Outcome } from '../../src/engine/outcome.ts'
import { evaluate, type RuleSet } from '../../src/engine/rule-set.ts'
import { load, message } from './rules.ts'

/** A rule for the message, and so many others. */
function rulesBeside(others: number): RuleSet {
  const rule = (from: string, to: string): string =>
    `from: ${from}\nwhere: payload.t > 1\nset: { c: payload.t * 2 }\nto: [{ sink: lake }, { publish: ${to} }]\n`
  const files: Record<string, string> = { mine: rule('plants/{plant}/#', 'mine') }
  for (let at = 0; at < others; at++) files[`other-${at}`] = rule(`other/${at}/+/t`, `out/${at}`)
  return load(files)
}

const given = message({ t: 21.5, device: 'press-7', quality: 'good' })

/** What one message costs, its topic looked up anew. *Unit*: ns. */
function costOf(rules: RuleSet, outcome: Outcome): number {
  const rounds = 500
  const start = process.hrtime.bigint()
  for (let round = 0; round < rounds; round++) evaluate(rules.lookup(given.topic)!, given, outcome)
  return Number(process.hrtime.bigint() - start) / rounds
}

describe('ten thousand rules', () => {
  it('on other topics cost a message less than a tenth more than ten', () => {
    const few = rulesBeside(9)
    const many = rulesBeside(9_999)
    const outcome = new Outcome()
    let [least, most] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    // On a busy machine only the best of many short turns, taken by turns, can be compared.
    for (let turn = 0; turn < 400 && (turn < 60 || most >= least * 1.1); turn++) {
      least = Math.min(least, costOf(few, outcome))
      most = Math.min(most, costOf(many, outcome))
    }
    assert.ok(most < least * 1.1, `${Math.round(most)} ns beside 9,999 others, ${Math.round(least)} ns beside 9`)
  })
})
