import { type ForeignRecord, TrestleError } from 'trestle/contract'
import type { PulsarMessage } from './protocol/consumer/message.ts'
import { withoutPartition } from './protocol/consumer/topics.ts'

/** Makes the hub's records of Pulsar's messages, as one source wants them. */
export class RecordMaker {
  readonly #fullNames: boolean
  readonly #path: readonly string[] | null
  readonly #addresses = new Map<string, string>()

  constructor(options: { topic_names: string; payload_path?: string }) {
    this.#fullNames = options.topic_names === 'full'
    this.#path = options.payload_path?.split('.') ?? null
  }

  /**
   * The record of a message, or why there is none; the record then has the payload as it came.
   *
   * *Shape*: properties are headers, the partition key is the key; the time is the event's, else that of publishing.
   */
  make(message: PulsarMessage, topic: string): { record: ForeignRecord; fault: TrestleError | null } {
    const { key, properties, eventTimeMs, publishTimeMs } = message
    const address = this.#addressOf(topic)
    let { payload } = message
    let fault: TrestleError | null = null
    if (message.fault !== null) fault = unreadable(message, address)
    else if (this.#path !== null) {
      const field = fieldOf(payload, this.#path)
      if (field === null) fault = new TrestleError('E402', `the payload has no field ${this.#path.join('.')}`)
      else payload = field
    }
    const timeMs = eventTimeMs ?? (publishTimeMs === 0 ? null : publishTimeMs)
    return { record: { address, key, headers: properties, payload, timeMs }, fault }
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
