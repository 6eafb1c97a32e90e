import { type ForeignRecord, TrestleError } from 'trestle/contract'
import type { PulsarMessage } from './protocol/consumer/message.ts'
import { withoutPartition } from './protocol/consumer/topics.ts'

/** What a record is made of. */
export type PlainMessage = Pick<PulsarMessage, 'key' | 'properties' | 'payload' | 'eventTimeMs' | 'publishTimeMs'>

/** A record, and why it cannot be taken as it is. */
export interface MadeRecord {
  readonly record: ForeignRecord
  readonly fault: TrestleError | null
}

/** Makes the hub's records of Pulsar's messages, as one source wants them. */
export class RecordMaker {
  readonly #fullNames: boolean
  readonly #path: readonly string[] | null
  readonly #addresses = new Map<string, string>()

  constructor(options: { topic_names: string; payload_path?: string }) {
    this.#fullNames = options.topic_names === 'full'
    this.#path = options.payload_path?.split('.') ?? null
  }

  /** The record of a message, or why there is none; the record then has the payload as it came. */
  make(message: PulsarMessage, topic: string): MadeRecord {
    if (message.fault === null) return this.makeFrom(message, topic)
    const record = recordOf(message, this.#addressOf(topic), message.payload)
    return { record, fault: unreadable(message, record.address) }
  }

  makeFrom(message: PlainMessage, topic: string): MadeRecord {
    const address = this.#addressOf(topic)
    if (this.#path === null) return { record: recordOf(message, address, message.payload), fault: null }
    const field = fieldOf(message.payload, this.#path)
    if (field !== null) return { record: recordOf(message, address, field), fault: null }
    const fault = new TrestleError('E402', `the payload has no field ${this.#path.join('.')}`)
    return { record: recordOf(message, address, message.payload), fault }
  }

  #addressOf(topic: string): string {
    let address = this.#addresses.get(topic)
    if (address === undefined) {
      const whole = withoutPartition(topic)
      address = this.#fullNames ? whole : whole.slice(whole.lastIndexOf('/') + 1)
      this.#addresses.set(topic, address)
    }
    return address
  }
}

/** *Shape*: properties are headers, the partition key is the key; the time is the event's, else that of publishing. */
const recordOf = (message: PlainMessage, address: string, payload: Uint8Array): ForeignRecord => ({
  address,
  key: message.key,
  headers: message.properties,
  payload,
  timeMs: message.eventTimeMs ?? (message.publishTimeMs === 0 ? null : message.publishTimeMs),
})

const unreadable = ({ fault, entry }: PulsarMessage, place: string): TrestleError =>
  new TrestleError('E606', `${place}: message ${entry.id.ledgerId}:${entry.id.entryId}: ${fault!.message}`, {
    detail: { place },
    cause: fault,
  })

/** The bytes of a field of a JSON text; null where it has none. */
function fieldOf(payload: Uint8Array, path: readonly string[]): Uint8Array | null {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'))
  } catch {
    // Not JSON: it has no fields, which the caller tells.
    return null
  }
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null
    value = (value as Record<string, unknown>)[name]
  }
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
}
