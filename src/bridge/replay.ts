import { TrestleError } from '../contract/error.ts'
import type { Receipt } from '../contract/receipt.ts'
import { deadLetterSink, isGatheredLetter } from '../journal/port.ts'
import type { DeadLetterFilter, DeadLetters } from '../outbox/dead-letters.ts'
import { type IntakeItem, type ReplayResult, toWire } from './boundary.ts'

/** Carried at once; the next follow when these are stored. */
const maxAtOnce = 200

/**
 * Sends dead letters again, in their order: each goes back into the journal, and only when it is stored there its row
 * is removed. A hub that is killed between has it twice, never not at all. What rules refused goes through the rules
 * again (they may have been mended), what they had gathered from where it was stopped; what a sink refused goes to that sink as
 * it was shaped. One that is refused once more stays.
 */
export async function replay(
  store: DeadLetters,
  filter: DeadLetterFilter,
  send: (items: readonly IntakeItem[]) => Promise<readonly Receipt[]>,
): Promise<ReplayResult> {
  let replayed = 0
  let refused: TrestleError | null = null
  let leftCount = filter.limit ?? Number.POSITIVE_INFINITY
  // What comes back as a dead letter while this runs stands further down; it must not be taken in circles.
  const last = store.last(filter)
  let { after } = filter
  while (leftCount > 0) {
    const letters = store.take({ ...filter, after, limit: Math.min(maxAtOnce, leftCount) })
    const due = last === null ? [] : letters.filter((letter) => comesBefore(letter.id, last))
    if (due.length === 0) break
    const receipts = await send(
      due.map(({ message, owed }) => ({
        message,
        owed: owed.sink === deadLetterSink && !isGatheredLetter(owed) ? null : owed,
      })),
    )
    const taken = due.filter((_, at) => receipts[at]?.outcome === 'stored' || receipts[at]?.outcome === 'delivered')
    if (taken.length > 0) store.discard({ ids: taken.map(({ id }) => id) })
    replayed += taken.length
    refused ??= receipts.find(({ outcome }) => outcome === 'refused')?.error ?? null
    if (due.some((_, at) => isNotTaken(receipts[at]))) return { replayed, error: toWire(failureOf(receipts)) }
    leftCount -= due.length
    after = due.at(-1)!.id
  }
  return { replayed, error: refused === null ? null : toWire(refused) }
}

const comesBefore = (id: string, last: string): boolean => {
  const [position, entry] = id.split('-').map(Number) as [number, number]
  const [lastPosition, lastEntry] = last.split('-').map(Number) as [number, number]
  return position < lastPosition || (position === lastPosition && entry <= lastEntry)
}

const isNotTaken = (receipt: Receipt | undefined): boolean => receipt === undefined || receipt.outcome === 'failed'

const failureOf = (receipts: readonly Receipt[]): TrestleError =>
  receipts.find(({ outcome }) => outcome === 'failed')?.error ?? new TrestleError('E504', 'the journal did not take it')
