import type { TrestleError } from '../contract/error.ts'
import type { Owed } from '../contract/message.ts'
import type { BoundPublish, BoundRule, BoundSink } from './bound-rules.ts'
import type { CompiledRule } from './compile.ts'
import type { PublishOrder } from './decision.ts'
import type { Scope } from './expression/scope.ts'

/**
 * Who looks on while rules are evaluated: coverage, `trestle explain`. In production nobody does. Nothing it is handed
 * may be kept beyond the call but rules, branches and what is owed.
 */
export interface Tracer {
  /** A rule's turn with the scope's message begins. */
  begin(rule: BoundRule, scope: Scope): void
  /** `branch` is -1 where the rule has none to tell: a `where` that is literally true. */
  took(rule: CompiledRule, branch: number): void
  /** What a target was given; the scope has the item, where there is one. */
  sent(rule: BoundRule, target: BoundSink | BoundPublish, what: Owed | PublishOrder, scope: Scope): void
  /** The turn is over; the scope still holds all that the rule has found out. */
  end(rule: BoundRule, scope: Scope, error: TrestleError | null): void
}
