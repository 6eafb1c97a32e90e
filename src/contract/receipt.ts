import type { TrestleError } from './error.ts'

/**
 * What comes up for each Message that went down.
 *
 * - `received`: taken into memory.
 * - `stored`: the journal's append is back from disk.
 * - `delivered`: the far side has confirmed it.
 * - `refused`: it never will be taken; `error` says why (retry class `never`).
 * - `failed`: not taken now; `error.retry` says what may be done (`later`, `reconnect`).
 */
export type Outcome = 'received' | 'stored' | 'delivered' | 'refused' | 'failed'

export interface Receipt {
  readonly outcome: Outcome
  /** Present when `refused` or `failed`. */
  readonly error: TrestleError | null
  /** Where the far side has it, in its own words (`orders-3@1042`), when it says so. */
  readonly place: string | null
}

export const delivered: Receipt = { outcome: 'delivered', error: null, place: null }

/** A Receipt for a delivery the far side did not take; the error's retry class chooses between refused and failed. */
export const notDelivered = (error: TrestleError): Receipt => ({
  outcome: error.retry === 'never' ? 'refused' : 'failed',
  error,
  place: null,
})
