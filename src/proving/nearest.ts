import type { CompiledRule } from '../engine/compile.ts'
import { differenceOf, levelsInCommon } from '../engine/example/check.ts'
import type { Example } from '../engine/example/example.ts'
import type { Mismatch } from './judge.ts'
import type { ProvingPlan } from './plan.ts'
import type { Witness } from './witness.ts'

/** The rule whose `from` comes nearest to a topic that none takes; null when there are no rules. */
export interface Nearest {
  readonly rule: CompiledRule
  /** `plants/{plant}/lines has \`lines\` where the topic has \`line\``. */
  readonly difference: string
}

/** The pattern that goes along with the topic longest; of those the one that misses fewest levels. */
export function nearestRule(rules: readonly CompiledRule[], topic: string): Nearest | null {
  const levels = topic.split('/')
  let best: CompiledRule | null = null
  let bestScore = Number.NEGATIVE_INFINITY
  for (const rule of rules) {
    const wanted = rule.pattern.filter.split('/')
    const same = wanted.filter((level, at) => level === '+' || level === '#' || level === levels[at]).length
    const exact = wanted.filter((level, at) => level === levels[at]).length
    const start = levelsInCommon(rule.pattern, topic) ?? levels.length
    const score = exact * 4 + same * 2 + start - Math.abs(wanted.length - levels.length) * 3
    if (score <= bestScore) continue
    best = rule
    bestScore = score
  }
  return best === null ? null : { rule: best, difference: differenceOf(best.pattern, topic) }
}

/** Messages that no rule takes, with the rule that comes nearest. */
export function untakenMismatch({ given }: Example, { untaken }: Witness, { rules }: ProvingPlan): Mismatch[] {
  return untaken.map((at) => {
    const { topic, path } = given[at]!
    const nearest = nearestRule(rules.rules, topic)
    const text = nearest === null ? 'there are no rules' : `${nearest.rule.file} comes nearest: ${nearest.difference}`
    return { path, what: `no rule takes ${topic}`, lines: [{ sign: ' ', text }] }
  })
}
