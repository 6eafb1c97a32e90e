import type { Session } from '../session/session.ts'
import type { SubscriptionName } from '../session/subscription-name.ts'

/** Who holds the filters of which there may be only so many subscribers. Sessions whose clients are away hold on. */
export class LimitedFilters {
  readonly #holders = new Map<string, Map<Session, Map<string, number>>>()

  /** Whether the session may be one of the filter's subscribers: no holder's limit, nor its own, is exceeded. */
  hasPlace(session: Session, { countedAs, limit }: SubscriptionName): boolean {
    const holders = this.#holders.get(countedAs)
    if (holders === undefined) return true
    const others = holders.size - (holders.has(session) ? 1 : 0)
    let least = limit
    for (const names of holders.values()) for (const other of names.values()) least = Math.min(least, other)
    return others < least
  }

  take(session: Session, { countedAs, limit, text }: SubscriptionName): void {
    let holders = this.#holders.get(countedAs)
    if (holders === undefined) {
      holders = new Map()
      this.#holders.set(countedAs, holders)
    }
    const names = holders.get(session)
    if (names === undefined) holders.set(session, new Map([[text, limit]]))
    else names.set(text, limit)
  }

  release(session: Session, { countedAs, text }: SubscriptionName): void {
    const holders = this.#holders.get(countedAs)
    const names = holders?.get(session)
    if (holders === undefined || names === undefined) return
    names.delete(text)
    if (names.size === 0) holders.delete(session)
    if (holders.size === 0) this.#holders.delete(countedAs)
  }
}
