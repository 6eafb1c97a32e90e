import type { Delivery } from 'trestle/contract'

/** Deliveries of one batch that must keep their order: what is left of them, by their places in the batch. */
export interface Run {
  readonly places: number[]
  /** How many of `places` are settled. */
  head: number
  /** How many of those after `head` are under way. */
  sent: number
}

/** Sorts a batch by what keeps the order; places whose entry in `subjects` is null are left out. */
export function runsOf(batch: readonly Delivery[], subjects: readonly (string | null)[]): Run[] {
  const byKey = new Map<string, Run>()
  const runs: Run[] = []
  for (let at = 0; at < batch.length; at++) {
    if (subjects[at] === null) continue
    const { orderKey } = batch[at]!
    const run = byKey.get(orderKey)
    if (run !== undefined) run.places.push(at)
    else {
      const fresh = { places: [at], head: 0, sent: 0 }
      byKey.set(orderKey, fresh)
      runs.push(fresh)
    }
  }
  return runs
}
