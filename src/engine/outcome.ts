import type { Owed } from '../contract/message.ts'
import type { Ack, PublishOrder, Refusal, RuleCounters } from './decision.ts'
import { Encoder } from './encoder.ts'
import { Scope } from './expression/scope.ts'
import { StateChanges } from './state/state.ts'
import type { Tracer } from './trace.ts'

export type { PublishOrder, Refusal, RuleCounters } from './decision.ts'

/** What all matching rules make of one message. Reusable: one object serves every message of a thread. */
export class Outcome {
  /** Empty when refused. Fresh objects each time: whoever takes them may keep them. */
  readonly owed: Owed[] = []
  /** Empty when refused. */
  readonly publishes: PublishOrder[] = []
  /** What the message alters in what rules keep; `apply` it when the message has its place on disk. Empty when refused. */
  readonly changes = new StateChanges()
  /** `received` when no rule's `where` matched. */
  ack: Ack = 'received'
  refusal: Refusal | null = null
  /** The evaluation's working memory; of no concern outside the engine. */
  readonly scope = new Scope()
  /** As `scope`. */
  readonly encoder = new Encoder()
  /** Who looks on; null in production. */
  tracer: Tracer | null = null

  #noted = 0
  readonly #rules: RuleCounters[] = []
  readonly #filtered: number[] = []
  readonly #passed: number[] = []
  readonly #claims: number[] = []
  readonly #published: number[] = []
  readonly #absorbed: number[] = []

  /** Forgets the last message, and lets go of what was made of it. */
  reset(): void {
    this.restart()
    this.scope.end()
    this.encoder.end()
  }

  /** Forgets what was decided, for the next message. */
  restart(): void {
    this.clearTargets()
    this.changes.reset()
    this.ack = 'received'
    this.refusal = null
    this.#noted = 0
  }

  /** Drops what was owed so far: one rule has refused the message. */
  clearTargets(): void {
    this.keepTargets(0, 0)
    this.changes.keep(0)
  }

  /** Keeps the first ones only: a rule that failed takes back what it had decided. */
  keepTargets(owed: number, publishes: number): void {
    // Not by setting `length`, which would throw the arrays' memory away for every message.
    while (this.owed.length > owed) this.owed.pop()
    while (this.publishes.length > publishes) this.publishes.pop()
  }

  /** Notes what one rule decided, for `count`. */
  note(rule: RuleCounters, filtered: number, passed: number, claims: number, published: number, absorbed = 0): void {
    const at = this.#noted++
    this.#rules[at] = rule
    this.#filtered[at] = filtered
    this.#passed[at] = passed
    this.#claims[at] = claims
    this.#published[at] = published
    this.#absorbed[at] = absorbed
  }

  /** Notes that one rule refused the message; what other rules decided no longer counts. */
  refuse(refusal: Refusal, rule: RuleCounters): void {
    this.clearTargets()
    this.ack = 'received'
    this.refusal = refusal
    this.#noted = 0
    this.note(rule, 0, 0, refusal.action === 'dead-letter' ? 1 : 0, 0)
  }

  /**
   * Adds this outcome to the rules' counters. Call it once, when the message has been taken: what the journal would
   * not take was not received.
   */
  count(): void {
    for (let at = 0; at < this.#noted; at++) {
      const rule = this.#rules[at]!
      const filtered = this.#filtered[at]!
      const claims = this.#claims[at]!
      const published = this.#published[at]!
      const refused = this.refusal !== null && this.refusal.action === 'drop' ? 1 : 0
      const absorbed = this.#absorbed[at]!
      rule.received += filtered + refused + claims + published + absorbed
      rule.filtered += filtered
      rule.passed += this.#passed[at]!
      rule.refused += refused
      rule.claims += claims
      rule.published += published
      rule.absorbed += absorbed
    }
  }
}
