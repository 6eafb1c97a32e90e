import type { Counters } from '../counters.ts'
import type { BrokerLimits } from '../limits.ts'
import type { TimingWheel } from '../timing-wheel.ts'

/** What all sessions share. */
export interface SessionWorld {
  readonly limits: BrokerLimits
  readonly counters: Counters
  readonly wheel: TimingWheel
  now(): number
}
