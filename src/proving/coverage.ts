import type { DocumentPath } from '../document/source-document.ts'
import type { Branch } from '../engine/branches.ts'
import type { CompiledRule } from '../engine/compile.ts'
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

/** Which branches of the rules their examples have gone through: looks on while they run. */
export class Coverage implements Tracer {
  readonly #hits: ReadonlyMap<CompiledRule, number[]>

  constructor(rules: readonly CompiledRule[]) {
    this.#hits = new Map(rules.map((rule) => [rule, rule.branches.all.map(() => 0)]))
  }

  begin(): void {}

  took(rule: CompiledRule, branch: number): void {
    const hits = this.#hits.get(rule)
    if (hits?.[branch] !== undefined) hits[branch]++
  }

  sent(): void {}

  end(): void {}

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
      return way === 'left' ? `when is false: ${text}` : `${path[0]} ${text}`
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
  if (typeof sink === 'string') return `→ ${sink}`
  return typeof publish === 'string' ? `→ publish ${publish}` : printValue(value)
}
