import type { Message } from '../contract/message.ts'
import type { DocumentPath } from '../document/source-document.ts'
import { type BoundRule, BoundRules } from '../engine/bound-rules.ts'
import type { Branch } from '../engine/branches.ts'
import type { CompiledRule } from '../engine/compile.ts'
import { levelsInCommon } from '../engine/example/check.ts'
import { Outcome } from '../engine/outcome.ts'
import { evaluate } from '../engine/rule-set.ts'
import type { Tracer } from '../engine/trace.ts'
import { printValue } from './difference.ts'

/** One way through a rule, and how often examples went it. */
export interface BranchCoverage {
  /** `where is false: payload.t > 3`. */
  readonly what: string
  readonly line: number
  readonly column: number
  readonly hits: number
}

export interface RuleCoverage {
  readonly rule: string
  readonly file: string
  readonly covered: number
  readonly total: number
  readonly branches: readonly BranchCoverage[]
}

/** Which branches of the rules their examples have gone through. */
export class Coverage {
  readonly #hits: ReadonlyMap<CompiledRule, number[]>

  constructor(rules: readonly CompiledRule[]) {
    this.#hits = new Map(rules.map((rule) => [rule, rule.branches.all.map(() => 0)]))
  }

  /** Looks on while the examples of one rule run. */
  of(rule: CompiledRule): ExampleCoverage {
    return new ExampleCoverage(rule, (of, branch) => {
      const hits = this.#hits.get(of)
      if (hits?.[branch] !== undefined) hits[branch]++
    })
  }

  get rules(): readonly RuleCoverage[] {
    return [...this.#hits].map(([rule, hits]) => {
      const branches = rule.branches.all.map((branch) => coverageOf(rule, branch, hits[branch.id]!))
      const covered = branches.filter((one) => one.hits > 0).length
      return { rule: rule.name, file: rule.file, covered, total: branches.length, branches }
    })
  }

  get covered(): number {
    return this.rules.reduce((sum, { covered }) => sum + covered, 0)
  }

  get total(): number {
    return this.rules.reduce((sum, { total }) => sum + total, 0)
  }

  /** As `--json` prints it. */
  report(): { covered: number; total: number; rules: readonly RuleCoverage[] } {
    return { covered: this.covered, total: this.total, rules: this.rules }
  }
}

/** Counts the branches that a rule's examples go through. */
export class ExampleCoverage implements Tracer {
  readonly #rule: CompiledRule
  readonly #count: (rule: CompiledRule, branch: number) => void
  #met = false

  constructor(rule: CompiledRule, count: (rule: CompiledRule, branch: number) => void) {
    this.#rule = rule
    this.#count = count
  }

  begin({ rule }: BoundRule): void {
    if (rule === this.#rule) this.#met = true
  }

  took(rule: CompiledRule, branch: number): void {
    this.#count(rule, branch)
  }

  sent(): void {}

  end(): void {}

  /**
   * After a message: one that another rule has refused never came to this one. So that its own refusals can be covered
   * too, it is shown the message alone.
   */
  catchUp(message: Message): void {
    const met = this.#met
    this.#met = false
    if (met || levelsInCommon(this.#rule.pattern, message.topic) !== null) return
    const outcome = new Outcome()
    outcome.tracer = this
    evaluate(new BoundRules(message.topic, [this.#rule]), message, outcome)
    this.#met = false
  }
}

function coverageOf(rule: CompiledRule, { at, way, path }: Branch, hits: number): BranchCoverage {
  const { line, column } = rule.document.at(path)
  return { what: wordsOf(at, way, textAt(rule, path), path), line, column, hits }
}

/** A branch as a person reads it; `text` is what the file says at its place. */
function wordsOf(at: Branch['at'], way: Branch['way'], text: string, path: DocumentPath): string {
  switch (at) {
    case 'payload':
      return `schema ${text} refuses a payload`
    case 'where':
      return text === '' ? `where is ${way}` : `where is ${way}: ${text}`
    case 'state':
      return way === 'dropped' ? `${path[0]} lets a message go` : `${path[0]} gathers a message`
    case 'for_each':
      return way === 'some' ? `for_each has items: ${text}` : `for_each has none: ${text}`
    case 'target':
      return way === 'left'
        ? `when is false: ${text}`
        : `${path[0]} → ${path[2] === 'publish' ? 'publish ' : ''}${text}`
  }
}

const maxWords = 60

function textAt(rule: CompiledRule, path: DocumentPath): string {
  let value: unknown = rule.document.value
  for (const step of path) value = (value as Record<string | number, unknown> | null | undefined)?.[step]
  if (value === undefined) return ''
  const text = typeof value === 'string' ? value.replaceAll(/\s+/g, ' ').trim() : printTarget(value)
  return text.length > maxWords ? `${text.slice(0, maxWords - 1)}…` : text
}

/** A target by what it is called. */
function printTarget(value: unknown): string {
  const { sink, publish } = (value ?? {}) as { sink?: unknown; publish?: unknown }
  if (typeof sink === 'string') return sink
  return typeof publish === 'string' ? `publish ${publish}` : printValue(value)
}
