import { BoundRules } from '../engine/bound-rules.ts'
import type { CompiledRule } from '../engine/compile.ts'

/** A rule that goes on with what it has gathered. Its results are in order by the state's key, not by who spoke last. */
class GatheredRule extends BoundRules {
  key = ''

  override orderKey(): string {
    return this.key
  }
}

/** So many topics are remembered. */
const maxTopics = 4096

/** Rules bound to the topics of what they have gathered. */
export class GatheredRules {
  #rules = new Map<string, GatheredRule>()

  of(rule: CompiledRule, key: string, topic: string): BoundRules {
    const name = `${rule.name}\n${topic}`
    let bound = this.#rules.get(name)
    if (bound === undefined || bound.rules[0]!.rule !== rule) {
      if (this.#rules.size >= maxTopics) this.#rules = new Map()
      bound = new GatheredRule(topic, [rule])
      this.#rules.set(name, bound)
    }
    bound.key = `${rule.name}/${key}`
    return bound
  }
}
