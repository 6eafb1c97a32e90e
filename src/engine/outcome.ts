import type { TrestleError } from '../contract/error.ts'
import type { MessageProperties, Owed } from '../contract/message.ts'
import { Encoder } from './encoder.ts'
import { Scope } from './expression/scope.ts'
import { StateChanges } from './state/state.ts'

/** When the publisher may be answered; the strongest that a matching rule asks for. */
export type Ack = 'received' | 'stored' | 'delivered'

/** A message that a rule's `publish:` puts back into the broker. */
export interface PublishOrder {
  rule: string
  topic: string
  payload: Uint8Array
  retain: boolean
  qos: 0 | 1 | 2
  properties: MessageProperties | null
}

/** Why a message goes nowhere, and what becomes of it. */
export interface Refusal {
  rule: string
  error: TrestleError
  action: 'dead-letter' | 'drop'
}

/**
 * What one rule has seen, in claims (message × rule × target):
 * `received = filtered + refused + claims + published + absorbed`.
 * A message that one rule refuses counts for that rule alone.
 */
export interface RuleCounters {
  received: number
  /** `where` said no, or the rule failed and says `on_refused: pass`. */
  filtered: number
  /** Part of `filtered`: the rule failed and let the message pass by. */
  passed: number
  /** Refused and dropped. */
  refused: number
  /** Owed to a sink; refused messages that go to the dead letters are owed to those. */
  claims: number
  published: number
  /** Gathered: what becomes of them together is claimed or published, and received, once more. */
  absorbed: number
}

export const newCounters = (): RuleCounters => ({
  received: 0,
  filtered: 0,
  passed: 0,
  refused: 0,
  claims: 0,
  published: 0,
  absorbed: 0,
})

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

  #noted = 0
  readonly #rules: RuleCounters[] = []
  readonly #filtered: number[] = []
  readonly #passed: number[] = []
  readonly #claims: number[] = []
  readonly #published: number[] = []
  readonly #absorbed: number[] = []

  /** Forgets the last message. */
  reset(): void {
    this.clearTargets()
    this.changes.reset()
    this.ack = 'received'
    this.refusal = null
    this.#noted = 0
    this.scope.end()
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
