import type { Session } from '../session/session.ts'
import type { SubscriptionName } from '../session/subscription-name.ts'

/** Those who hold one filter, each with the names it holds it by and their limits. */
interface Held {
  readonly holders: Map<Session, Map<string, number>>
  /** The least of all their limits: so many there may be. */
  least: number
}

/** Who holds the filters of which there may be only so many subscribers. Sessions whose clients are away hold on. */
export class LimitedFilters {
  readonly #filters = new Map<string, Held>()

  /** Whether the session may be one of the filter's subscribers: no holder's limit, nor its own, is exceeded. */
  hasPlace(session: Session, { countedAs, limit }: SubscriptionName): boolean {
    const held = this.#filters.get(countedAs)
    if (held === undefined) return true
    const others = held.holders.size - (held.holders.has(session) ? 1 : 0)
    return others < Math.min(limit, held.least)
  }

  take(session: Session, { countedAs, limit, text }: SubscriptionName): void {
    let held = this.#filters.get(countedAs)
    if (held === undefined) {
      held = { holders: new Map(), least: limit }
      this.#filters.set(countedAs, held)
    }
    held.least = Math.min(held.least, limit)
    const names = held.holders.get(session)
    if (names === undefined) held.holders.set(session, new Map([[text, limit]]))
    else names.set(text, limit)
  }

  release(session: Session, { countedAs, limit, text }: SubscriptionName): void {
    const held = this.#filters.get(countedAs)
    const names = held?.holders.get(session)
    if (held === undefined || names === undefined) return
    names.delete(text)
    if (names.size === 0) held.holders.delete(session)
    if (held.holders.size === 0) this.#filters.delete(countedAs)
    else if (limit === held.least) held.least = leastOf(held.holders)
  }
}

/** Ends early at what nobody can go below: as many as there are. */
function leastOf(holders: Held['holders']): number {
  let least = Number.POSITIVE_INFINITY
  for (const names of holders.values()) {
    for (const limit of names.values()) least = Math.min(least, limit)
    if (least <= holders.size) return least
  }
  return least
}
