import type { Message } from '../contract/message.ts'
import type { CompiledRule } from '../engine/compile.ts'
import type { Schemas, SinkInfo } from '../engine/port.ts'
import type { RuleSet } from '../engine/rule-set.ts'
import type { RetryBudget } from '../outbox/again.ts'

/** One configured sink, as far as examples need it. */
export interface ProvingSink extends SinkInfo {
  /** null: it is tried for ever. */
  readonly budget: RetryBudget | null
}

/** What examples are run against: everything the user has written, without faults. */
export interface ProvingPlan {
  readonly rules: RuleSet
  readonly sinks: ReadonlyMap<string, ProvingSink>
  readonly schemas: Schemas
  /** What schemas remember of messages that were seen before (births of Sparkplug B) is forgotten. */
  readonly forget: () => void
  /** From now on each message is read for itself, whatever should have come before it. */
  readonly trust: () => void
  /** A message that goes on to subscribers, for those that look at all of them. */
  readonly observe: (message: Message) => void
}

/** Data as a device would send it to these rules; `text` is how it was written, where that is JSON. */
export type Encode = (data: unknown, rules: readonly CompiledRule[], text?: string) => Uint8Array
