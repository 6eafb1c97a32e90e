import type { TrestleError } from '../contract/error.ts'
import type { MessageProperties } from '../contract/message.ts'

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
