import type { TrestleError } from '../contract/error.ts'
import type { Message } from '../contract/message.ts'

/**
 * What the broker needs from the rest of the hub, so that it can be built and tested without it. `flow.ts` is the
 * body in the product; tests hand in their own.
 */

/** Gets the answer to a publish that could not be answered at once. One object per session, no closure per message. */
export interface AckWaiter {
  /**
   * `error` null: stored (or delivered, as the rule asks); acknowledge. Class `never`: refused and, where the rule
   * keeps it, safe in the dead letters. Other classes: not taken; a 3.x client gets no acknowledgement.
   */
  settle(token: number, error: TrestleError | null): void
  /** The message is safe elsewhere until it is answered: memory is not enough, whatever the rules say. */
  readonly wantsStored?: boolean
}

/** What the flow says at once about a message. */
export const Verdict = {
  /** Route it to subscribers and acknowledge now. */
  Accepted: 0,
  /** Route it to subscribers; `settle` will say when to acknowledge. */
  Pending: 1,
  /** Do not route it; acknowledge with `flow.error` now. */
  Refused: 2,
  /** Do not route it; `settle` will say when to acknowledge (it goes to the dead letters first). */
  RefusedPending: 3,
  /** Do not route it; not taken now (`flow.error`: journal failing or full). v5 hears the reason, 3.x hears nothing. */
  Busy: 4,
} as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

/** The rules that concern one topic, bound to its captures; opaque to the broker, cached beside the topic. */
export type TopicRules = object

export interface PublishFlow {
  /** Changes whenever cached `TopicRules` must be looked up again. */
  readonly version: number
  /** The error that belongs to the last `take` that answered Refused or Busy. */
  readonly error: TrestleError | null
  lookup(topic: string): TopicRules | null
  /** `waiter` is null for QoS 0, which waits for nothing. Bytes of `message` are copied before this returns. */
  take(message: Message, rules: TopicRules, waiter: AckWaiter | null, token: number): Verdict
}
