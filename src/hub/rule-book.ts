/**
 * The rules and schemas of a running hub, and how they are exchanged.
 *
 * Promises: all or nothing: the next set is compiled whole, against the connectors as they are now, and takes the place
 * of the last between two messages; with any fault nothing changes and all faults are told. What is owed, cursors and the
 * counts of rules that keep their names go on. Does not: change the configuration's own file, listeners or connectors.
 */
import { TrestleError } from '../contract/error.ts'
import { type Fault, printFault } from '../document/fault.ts'
import type { RuleEnvironment } from '../engine/compile.ts'
import type { RuleCounters } from '../engine/outcome.ts'
import { RuleSet, type RuleText } from '../engine/rule-set.ts'
import type { Changed } from '../registry/changed.ts'
import type { Registry } from '../registry/registry.ts'

/** What lies in the folders. */
export interface RuleSources {
  readonly texts: readonly RuleText[]
  /** null where schemas do not lie in a folder: then those stay that are there. */
  readonly registry: Registry | null
  readonly faults: readonly Fault[]
}

/** What a reload has changed: names of rules, in order. */
export interface Reloaded {
  readonly rules: number
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

interface RuleBookOptions {
  readonly rules: RuleSet
  readonly texts: readonly RuleText[]
  readonly registry: Registry
  /** Reads the folders anew. */
  readonly read: () => Promise<RuleSources>
  /** The connectors as they are now. */
  readonly environment: () => Omit<RuleEnvironment, 'registry'>
  /** Puts a set in place of the last. */
  readonly put: (rules: RuleSet, before: RuleSet) => void
}

/** A rule as the ledger knows it. */
interface CountedRule {
  readonly name: string
  readonly counters: RuleCounters
}

export class RuleBook {
  readonly #options: RuleBookOptions
  #rules: RuleSet
  #texts: readonly RuleText[]
  #registry: Registry
  /** Counts of rules that are no more: what they have done stays in the ledger. */
  readonly #retired = new Map<string, RuleCounters>()
  /** One exchange at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: RuleBookOptions) {
    this.#options = options
    this.#rules = options.rules
    this.#texts = options.texts
    this.#registry = options.registry
    this.#registry.take()
  }

  get rules(): RuleSet {
    return this.#rules
  }

  get registry(): Registry {
    return this.#registry
  }

  /** All that ever ran in this process, for the ledger. */
  counted(): readonly CountedRule[] {
    const retired = [...this.#retired].map(([name, counters]) => ({ name, counters }))
    return [...this.#rules.rules, ...retired]
  }

  /** Reads rules and schemas anew. *Errors*: the first fault's code, with all faults in `detail`; nothing has changed then. */
  reload(): Promise<Reloaded> {
    const done = this.#turn.then(async () => {
      const { texts, faults, ...read } = await this.#options.read()
      const registry = read.registry ?? this.#registry
      if (registry !== this.#registry) registry.succeed(this.#registry)
      const next = this.#compile(texts, registry)
      const all = [...faults, ...next.faults]
      if (next.rules === null || all.length > 0) throw refusal(all)
      return this.#exchange(next.rules, texts, registry)
    })
    this.#turn = done.catch(() => null)
    return done
  }

  /**
   * Puts other schemas under the same rules: `step` says which, of those that are there when its turn has come, and `keep`
   * writes them down before the first message meets them. *Errors*: E305 with the places in the rules that they would
   * break; whatever `step` and `keep` throw. Nothing has changed then.
   */
  changeSchemas<T>(step: (now: Registry) => Changed<T>, keep: (next: Registry) => Promise<void>): Promise<T> {
    const done = this.#turn.then(async () => {
      const { registry, answer, touched } = step(this.#registry)
      if (registry === this.#registry) return answer
      const rules = this.#concern(touched) ? this.#tried(registry) : null
      await keep(registry)
      if (rules !== null) this.#exchange(rules, this.#texts, registry)
      else {
        this.#registry = registry
        registry.take()
      }
      return answer
    })
    this.#turn = done.catch(() => null)
    return done
  }

  /** What the rules would have against other schemas; nothing changes. */
  trySchemas({ registry, touched }: Changed<unknown>): readonly Fault[] {
    return this.#concern(touched) ? this.#compile(this.#texts, registry).faults : []
  }

  /** Whether a rule leans on one of these subjects. */
  #concern(subjects: readonly string[]): boolean {
    return subjects.some((subject) => this.#registry.wanted.has(subject))
  }

  /** The rules over other schemas. *Errors*: E305. */
  #tried(registry: Registry): RuleSet {
    const { rules, faults } = this.#compile(this.#texts, registry)
    if (rules !== null) return rules
    const message = `the change would break ${faults.length === 1 ? 'a rule' : 'rules'}: ${faults.map(printFault).join('; ')}`
    const advice = 'change the rule first, or register what it reads under another subject'
    throw new TrestleError('E305', message, { detail: { advice, faults, registry: 409 } })
  }

  #compile(texts: readonly RuleText[], registry: Registry): { rules: RuleSet | null; faults: Fault[] } {
    return RuleSet.load(texts, { ...this.#options.environment(), registry })
  }

  /** Without an await, so that no message is handled by half of either set. */
  #exchange(rules: RuleSet, texts: readonly RuleText[], registry: Registry): Reloaded {
    const before = this.#rules
    const told = differences(this.#texts, texts, before, rules)
    this.#keepCounts(before, rules)
    this.#rules = rules
    this.#texts = texts
    this.#registry = registry
    registry.take()
    this.#options.put(rules, before)
    return told
  }

  #keepCounts(before: RuleSet, next: RuleSet): void {
    const known = new Map([...this.#retired, ...before.rules.map(({ name, counters }) => [name, counters] as const)])
    for (const { name, counters } of next.rules) {
      Object.assign(counters, known.get(name))
      known.delete(name)
    }
    this.#retired.clear()
    for (const [name, counters] of known) if (counters.received > 0) this.#retired.set(name, counters)
  }
}

function differences(
  old: readonly RuleText[],
  texts: readonly RuleText[],
  before: RuleSet,
  { rules }: RuleSet,
): Reloaded {
  const textOf = (list: readonly RuleText[], file: string): string | undefined =>
    list.find((one) => one.file === file)?.text
  const were = new Map(before.rules.map(({ name, file }) => [name, file]))
  const are = new Set(rules.map(({ name }) => name))
  return {
    rules: rules.length,
    added: rules.filter(({ name }) => !were.has(name)).map(({ name }) => name),
    changed: rules
      .filter(({ name, file }) => were.has(name) && textOf(old, were.get(name)!) !== textOf(texts, file))
      .map(({ name }) => name),
    removed: [...were.keys()].filter((name) => !are.has(name)),
  }
}

const refusal = (faults: readonly Fault[]): TrestleError => {
  const advice = 'mend them and reload again; the rules that were loaded go on'
  return new TrestleError(faults[0]?.code ?? 'E201', faults.map(printFault).join('\n'), { detail: { advice, faults } })
}
