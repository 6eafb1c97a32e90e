import type { CompiledRule } from '../engine/compile.ts'

/** One way through a rule, and how often examples went it. */
export interface BranchCoverage {
  /** `where: true`, `to[1].when: false`. */
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
  readonly #rules: readonly CompiledRule[]

  constructor(rules: readonly CompiledRule[]) {
    this.#rules = rules
  }

  get rules(): readonly RuleCoverage[] {
    return this.#rules.map(({ name, file }) => ({ rule: name, file, covered: 0, total: 0, branches: [] }))
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
