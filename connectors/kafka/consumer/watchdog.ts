import { TrestleError } from 'trestle/contract'
import type { Feed } from './feed.ts'

export interface Watch {
  readonly nowMs: number
  /** So long a partition may be silent. */
  readonly limitMs: number
  /** The hub takes records now. */
  readonly hasRoom: boolean
}

/**
 * Looks at one partition: answers why the source should connect anew, or null. A partition that waits for the hub is not
 * silent, nor one that has nothing new.
 */
export function silenceOf(feed: Feed, { nowMs, limitMs, hasRoom }: Watch): TrestleError | null {
  if (!hasRoom || feed.queue.length > 0 || feed.seeking || feed.stopped) {
    feed.heardMs = nowMs
    return null
  }
  if (nowMs - feed.heardMs <= limitMs) return null
  const seconds = Math.round((nowMs - feed.heardMs) / 1000)
  if (feed.leader < 0) {
    const advice = 'bring a replica of it back'
    return new TrestleError('E607', `${feed.place} has no leader for ${seconds} s`, { detail: { advice } })
  }
  const lag = Math.max(0, feed.endOffset - feed.fetchOffset)
  const facts = `broker ${feed.leader}, offset ${feed.fetchOffset}, ${lag} records behind`
  return new TrestleError('E608', `nothing was heard of ${feed.place} for ${seconds} s (${facts})`)
}

/** Whether a transaction that was never ended holds back records of a partition; true once. */
export function isHeldByTransaction(feed: Feed, { nowMs, limitMs }: Watch): boolean {
  const held = feed.highWatermark > feed.endOffset && feed.fetchOffset >= feed.endOffset && feed.endOffset >= 0
  if (!held || feed.openTold || nowMs - feed.openSinceMs <= limitMs) return false
  feed.openTold = true
  return true
}
