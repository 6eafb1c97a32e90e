/**
 * The rules engine: what each message is checked against, turned into, and owed to.
 *
 * It promises: all faults of all files are found at load, with their places; every rule sees the message as published
 * whatever other rules make of it; a message that breaks a schema or an expression is refused with the reason, never
 * sent on half made. It does no I/O, keeps no messages and calls no connector.
 *
 * `rule-file` knows a file's shape; `compile` its meaning, with `rule-names`, `for-each`, `target` and `body` for its
 * parts, `encoding/` for the ways to read and write payloads, `tables/` for what is looked up, `state/` for what is kept
 * per key and `expression/` for the language; `loop-check` finds rules that feed themselves; `bound-rules` is a topic's
 * share of the rules; `evaluate` runs them over a message into an `outcome`, and tells a `trace` who looks on; `refusal`
 * words what went wrong. `port` says what is needed of the registry and of the sinks.
 */
import { basename } from 'node:path'
import { sortFaults } from '../document/check.ts'
import type { Fault } from '../document/fault.ts'
import { readDocument } from '../document/yaml.ts'
import { TopicTrie } from '../topic/trie.ts'
import { BoundRules } from './bound-rules.ts'
import { type CompiledRule, compileRule, type RuleEnvironment } from './compile.ts'
import { checkRuleNames } from './example/check.ts'
import { findLoops } from './loop-check.ts'
import { RuleFaults } from './rule-faults.ts'

export { evaluate, evaluateFurther } from './evaluate.ts'

/** A rule file as it was read. */
export interface RuleText {
  readonly file: string
  readonly text: string
}

export class RuleSet {
  /** In the order of their names. */
  readonly rules: readonly CompiledRule[]
  readonly #places: ReadonlyMap<CompiledRule, number>
  readonly #trie = new TopicTrie<CompiledRule>()

  private constructor(rules: readonly CompiledRule[]) {
    this.rules = rules
    this.#places = new Map(rules.map((rule, at) => [rule, at]))
    for (const rule of rules) this.#trie.add(rule.pattern.filter, rule)
  }

  /** Compiles all rule files; `rules` is null when there is any fault, and `faults` names them all. */
  static load(files: readonly RuleText[], env: RuleEnvironment): { rules: RuleSet | null; faults: Fault[] } {
    const faults: Fault[] = []
    const rules: CompiledRule[] = []
    const known = new Map<string, string>()
    const names = new Set(files.map(({ file }) => nameOf(file)))
    for (const { file, text } of files) {
      const name = nameOf(file)
      const read = readDocument(file, text)
      const found = new RuleFaults(read.document)
      found.all.push(...read.faults)
      const other = known.get(name)
      if (other !== undefined) found.at([], 'E201', `${other} already holds a rule of this name`)
      known.set(name, file)
      const rule = read.faults.length > 0 ? null : compileRule(name, found, env)
      checkRuleNames(found, names)
      if (rule !== null) rules.push(rule)
      faults.push(...found.all)
    }
    rules.sort((a, b) => (a.name < b.name ? -1 : 1))
    faults.push(...loopFaults(rules, env.waysBack))
    return { rules: faults.length === 0 ? new RuleSet(rules) : null, faults: sortFaults(faults) }
  }

  /** Circles that would be there with other ways over connectors. */
  loops(waysBack: NonNullable<RuleEnvironment['waysBack']>): Fault[] {
    return loopFaults(this.rules, waysBack)
  }

  /** The rules that match a topic, bound to its captures; null when none does. Worth keeping beside the topic. */
  lookup(topic: string): BoundRules | null {
    const found: CompiledRule[] = []
    this.#trie.match(topic, found)
    if (found.length === 0) return null
    found.sort((a, b) => this.#places.get(a)! - this.#places.get(b)!)
    return new BoundRules(topic, found)
  }
}

const nameOf = (file: string): string => basename(file).replace(/\.ya?ml$/, '')

function loopFaults(rules: readonly CompiledRule[], waysBack: RuleEnvironment['waysBack']): Fault[] {
  return findLoops(rules, waysBack).map(({ rules: circle, steps, way }) => {
    const [first] = circle as [CompiledRule]
    const what = circle.length === 1 && way.via.length === 0 ? 'may match its own `from`' : 'may come back to it'
    const verb = way.via.length === 0 ? 'publishes' : 'sends'
    const message = `what this rule ${verb} ${what}: ${steps.join(' → ')}`
    return { file: first.file, ...first.document.at(way.path), code: 'E207', message }
  })
}
