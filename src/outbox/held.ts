import { TrestleError } from '../contract/error.ts'
import type { Delivery, Header, Message } from '../contract/message.ts'
import type { OwedRecord } from '../journal/port.ts'
import type { OrderChain } from './order-chain.ts'
import { type DeliveryEvent, type DeliveryState, deliveryTable, type Effect } from './state.ts'

/** What someone waits for: the last delivery of a record that this sink still owes gives the record's receipt. */
export interface AwaitedRecord {
  position: number
  left: number
  error: TrestleError | null
}

/**
 * One delivery while the outbox holds it: what the sink sees (`delivery`) and what the sink need not see. Neighbours
 * in ordinal order are linked, so that settling one in the middle costs nothing and the oldest is always at hand.
 */
export class Held {
  readonly delivery: Delivery
  readonly ordinal: number
  /** Ordinal before the first of this record: what a cursor that stops before the record has settled. */
  readonly before: number
  /** Payload bytes as the limits count them. */
  readonly bytes: number
  /** When the publisher's expiry has run out; Infinity when it gave none. *Unit*: ms since the epoch. */
  readonly expiresMs: number
  readonly awaited: AwaitedRecord | null
  state: DeliveryState = 'waiting'
  /** Times the sink was lost while this delivery was its whole batch. */
  lonelyLosses = 0
  error: TrestleError | null = null
  chain: OrderChain<Held> | null = null
  previous: Held | null = null
  next: Held | null = null

  constructor(delivery: Delivery, ordinal: number, before: number, awaited: AwaitedRecord | null) {
    this.delivery = delivery
    this.ordinal = ordinal
    this.before = before
    this.bytes = delivery.payload.byteLength
    this.expiresMs = expiryOf(delivery.message)
    this.awaited = awaited
  }

  /** Takes one step of the table and answers what is to be done. *Errors*: E999 where the table says impossible. */
  step(event: DeliveryEvent): Effect {
    const cell = deliveryTable[this.state][event]
    if (cell === null)
      throw new TrestleError('E999', `a ${this.state} delivery cannot be ${event}: ${this.delivery.id}`)
    this.state = cell.next
    return cell.effect
  }
}

/** What a sink is handed, out of what the journal gave. A class for the reason that `ReadMessage` is one. */
export class OwedDelivery implements Delivery {
  id: string
  position: number
  index: number
  attempt = 0
  sink: string
  rule: string
  target: string | null
  key: string | null
  orderKey: string
  headers: readonly Header[]
  payload: Uint8Array
  options: Readonly<Record<string, unknown>> | null
  message: Message

  constructor(hubPrefix: string, position: number, message: Message, owed: OwedRecord) {
    this.id = `${hubPrefix}${position}-${owed.index}`
    this.position = position
    this.index = owed.index
    this.sink = owed.sink
    this.rule = owed.rule
    this.target = owed.target
    this.key = owed.key
    this.orderKey = owed.orderKey
    this.headers = owed.headers
    this.payload = owed.payload
    this.options = owed.options
    this.message = message
  }
}

/**
 * Gives a delivery that will be held for long its own copy of its bytes: as views they would pin the whole chunk of
 * the journal they were read with.
 */
export function detach(delivery: Delivery): void {
  const { message } = delivery
  const same = delivery.payload === message.payload
  message.payload = ownBytes(message.payload)
  delivery.payload = same ? message.payload : ownBytes(delivery.payload)
  const correlation = message.properties?.correlationData
  if (correlation !== undefined) message.properties!.correlationData = ownBytes(correlation)
}

const ownBytes = (bytes: Uint8Array): Uint8Array =>
  bytes.buffer.byteLength > bytes.byteLength * 2 ? Uint8Array.prototype.slice.call(bytes) : bytes

const expiryOf = (message: Message): number => {
  const seconds = message.properties?.expirySeconds
  return seconds === undefined ? Number.POSITIVE_INFINITY : message.timeMs + seconds * 1000
}
