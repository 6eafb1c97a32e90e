/**
 * The life of one delivery as a table: every state crossed with every event, drawn in `docs/spec/outbox.md`.
 *
 * - `waiting`: read from the journal, or due again; may be claimed.
 * - `sent`: handed to the sink, whose receipt is awaited.
 * - `waiting-again`: the sink did not take it; it waits for its time or for a new connection.
 * - `parked`: refused for good; its dead letter is being stored.
 * - `settled`: nothing is owed any more. The end.
 */
export type DeliveryState = 'waiting' | 'sent' | 'waiting-again' | 'parked' | 'settled'

export type DeliveryEvent =
  | 'claim'
  | 'delivered'
  | 'failed-later'
  | 'failed-reconnect'
  | 'refused'
  | 'stored'
  | 'retry-due'
  | 'lost'
  | 'discard'

/**
 * What the outbox does on the way: `send` (to the sink), `settle` (count it by its fate), `back-off` (give it a time),
 * `hold` (until the sink is open anew), `store` (write the dead letter), `offer` (may be claimed), `stay` (nothing).
 */
export type Effect = 'send' | 'settle' | 'back-off' | 'hold' | 'store' | 'offer' | 'stay'

export interface Cell {
  readonly next: DeliveryState
  readonly effect: Effect
}

/** A pair that cannot come up; meeting it is a fault of the outbox itself. */
export const impossible = null

const to = (next: DeliveryState, effect: Effect): Cell => ({ next, effect })

export const deliveryTable: Readonly<Record<DeliveryState, Readonly<Record<DeliveryEvent, Cell | null>>>> = {
  waiting: {
    claim: to('sent', 'send'),
    delivered: impossible,
    'failed-later': impossible,
    'failed-reconnect': impossible,
    refused: impossible,
    stored: impossible,
    'retry-due': to('waiting', 'offer'),
    lost: to('waiting', 'stay'),
    discard: to('settled', 'settle'),
  },
  sent: {
    claim: impossible,
    delivered: to('settled', 'settle'),
    'failed-later': to('waiting-again', 'back-off'),
    'failed-reconnect': to('waiting-again', 'hold'),
    refused: to('parked', 'store'),
    stored: impossible,
    'retry-due': impossible,
    lost: to('waiting-again', 'hold'),
    // What the sink has in its hands may already be on the far side: it cannot be taken back.
    discard: impossible,
  },
  'waiting-again': {
    claim: impossible,
    delivered: impossible,
    'failed-later': impossible,
    'failed-reconnect': impossible,
    refused: impossible,
    stored: impossible,
    'retry-due': to('waiting', 'offer'),
    lost: to('waiting-again', 'stay'),
    discard: to('settled', 'settle'),
  },
  parked: {
    claim: impossible,
    delivered: impossible,
    'failed-later': impossible,
    'failed-reconnect': impossible,
    refused: impossible,
    stored: to('settled', 'settle'),
    'retry-due': to('parked', 'store'),
    lost: to('parked', 'stay'),
    // Its sink was removed with all it was owed.
    discard: to('settled', 'settle'),
  },
  settled: {
    claim: impossible,
    delivered: impossible,
    'failed-later': impossible,
    'failed-reconnect': impossible,
    refused: impossible,
    stored: impossible,
    'retry-due': impossible,
    lost: impossible,
    discard: impossible,
  },
}
