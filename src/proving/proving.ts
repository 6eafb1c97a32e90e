/**
 * The proving room: runs the examples of the rules, without a server, and says what rules make of a message.
 *
 * It promises: an example goes through the real rules, flow, journal and outboxes, on a clock of its own that jumps
 * from one thing that is due to the next, so that an hour of retries takes a millisecond and ends the same way every
 * time; nothing is compared that the example does not name, but a refusal it does not speak of never passes unseen.
 * It does not run connectors: what a far side makes of a delivery is its connector's business, here a script's.
 *
 * `proving` runs all examples, `rehearsal` one of them, on the journal of `stage`, with a `station` per sink that
 * hands over to a `scripted-sink`; `witness` is what was seen, `judge` compares it by its `facts`, `difference` line
 * by line. `coverage` counts the branches that examples have gone through; `explanation` follows one message.
 */
import type { CompiledRule } from '../engine/compile.ts'
import { type Example, readExamples } from '../engine/example/example.ts'
import { noteRule, stateSink } from '../flow/state-notes.ts'
import type { Coverage } from './coverage.ts'
import { judge, type Mismatch } from './judge.ts'
import { judgedRule } from './judged-rule.ts'
import { untakenMismatch } from './nearest.ts'
import { encodeAs } from './payload-forms.ts'
import type { ProvingPlan } from './plan.ts'
import { rehearse } from './rehearsal.ts'
import { Stage } from './stage.ts'

/** How one example went. */
export interface ExampleResult {
  readonly name: string
  readonly file: string
  readonly line: number
  readonly column: number
  readonly mismatches: readonly PlacedMismatch[]
  /** By the clock on the wall. *Unit*: ms. */
  readonly tookMs: number
  /** By its own clock. *Unit*: ms. */
  readonly elapsedMs: number
}

/** A mismatch and where the entry stands that is not met; the example's own place when none does. */
export type PlacedMismatch = Omit<Mismatch, 'path'> & { readonly line: number; readonly column: number }

/** How the examples of one rule went. */
export interface RuleResult {
  readonly rule: string
  readonly file: string
  readonly examples: readonly ExampleResult[]
}

export interface ProvingOptions {
  /** Only rules of these names, or whose file it is; all without one. */
  readonly only?: readonly string[]
  readonly onRule?: (result: RuleResult) => void
  /** Takes note of the branches that the examples go through. */
  readonly coverage?: Coverage
}

/** Runs the examples of all rules, in the order of the rules' names and of the examples in their files. */
export async function prove(plan: ProvingPlan, options: ProvingOptions = {}): Promise<RuleResult[]> {
  const results: RuleResult[] = []
  const { rules } = plan.rules
  const chosen = rules.filter((rule) => isChosen(rule, options.only ?? []))
  const names = [...rules.map(({ name }) => name), noteRule]
  const stage = await Stage.open([...plan.sinks.keys(), stateSink], names)
  try {
    for (const rule of chosen) {
      const examples: ExampleResult[] = []
      for (const example of readExamples(rule.document))
        examples.push(await runOne(example, rule, plan, stage, options.coverage ?? null))
      const result = { rule: rule.name, file: rule.file, examples }
      results.push(result)
      options.onRule?.(result)
    }
  } finally {
    await stage.close()
  }
  return results
}

/** Whether a rule is meant by one of these words: its name, its file or the end of it; no word means all. */
export const isChosen = ({ name, file }: Pick<CompiledRule, 'name' | 'file'>, only: readonly string[]): boolean =>
  only.length === 0 || only.some((word) => word === name || word === file || file.endsWith(`/${word}`))

async function runOne(
  example: Example,
  rule: CompiledRule,
  plan: ProvingPlan,
  stage: Stage,
  coverage: Coverage | null,
): Promise<ExampleResult> {
  const startMs = performance.now()
  const seen = await rehearse(example, plan, stage, encodeAs, coverage?.of(rule) ?? null)
  const found = [...untakenMismatch(example, seen, plan), ...judge(example, judgedRule(rule, plan), seen)]
  return {
    name: example.name,
    file: rule.file,
    ...placeOf(rule, [...example.path, 'name']),
    mismatches: found.map(({ path, what, lines }) => ({ what, lines, ...placeOf(rule, path ?? example.path) })),
    tookMs: performance.now() - startMs,
    elapsedMs: seen.elapsedMs,
  }
}

function placeOf(rule: CompiledRule, path: readonly (string | number)[]): { line: number; column: number } {
  const { line, column } = rule.document.at(path)
  return { line, column }
}
