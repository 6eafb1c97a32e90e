import { asciiHeadersOf, type Delivery, hopsThrough, TrestleError } from 'trestle/contract'

/** A record on its way: a delivery with its entry and its place in time. */
export interface Item {
  /** Place in the hub's batch. */
  readonly at: number
  readonly delivery: Delivery
  readonly entry: string
  /** Places of the timeline that were found taken. */
  attempt: number
  /** *Unit*: µs since the epoch. */
  timestamp: number
  /** Labels and content type, made once. */
  readonly contentType: string
  readonly labels: ReadonlyMap<string, string>
}

export interface BatchBounds {
  readonly records: number
  readonly bytes: number
  readonly headerBytes: number
}

/**
 * Writes one request of the batch protocol, version 2: a header per record, the payloads one after the other.
 *
 *     x-reduct-entries: a,b%2Fc                    entries, percent-encoded; a record names its place here
 *     x-reduct-labels: trestle-id,mqtt-topic,…      names of labels, likewise
 *     x-reduct-start-ts: 1700000000000000           µs; records say how much later they are
 *     x-reduct-0-12: 200,text/plain,0=a,1=b         ENTRY-LATER: length, content type, labels that differ from those
 *     x-reduct-0-16: 180,,0=c                       of the record before of the same entry; `1=` takes one away
 *
 * The server sorts by entry and time, applies the differences and cuts the body in this order: records must come so.
 */
export class BatchWriter {
  readonly #bounds: BatchBounds
  readonly #entries = new Map<string, number>()
  readonly #names = new Map<string, number>()
  readonly #values: string[] = []
  #headerBytes = 0
  #bytes = 0
  #last: Item | null = null
  items: Item[] = []

  constructor(bounds: BatchBounds) {
    this.#bounds = bounds
  }

  /** Adds a record; false when it has no room. The first always has. Records of an entry come in the order of time. */
  add(item: Item): boolean {
    const { payload } = item.delivery
    if (this.items.length > 0) {
      if (this.items.length >= this.#bounds.records) return false
      if (this.#bytes + payload.byteLength > this.#bounds.bytes) return false
      // Without the differences: an upper bound that spares taking a record out again.
      if (this.#headerBytes + widthOf(item) > this.#bounds.headerBytes) return false
    }
    const before = this.#last?.entry === item.entry ? this.#last : null
    const value = this.#valueOf(item, before)
    if (!this.#entries.has(item.entry)) {
      this.#entries.set(item.entry, this.#entries.size)
      this.#headerBytes += item.entry.length * 3
    }
    this.#values.push(value)
    this.#headerBytes += value.length + recordNameBytes
    this.#bytes += payload.byteLength
    this.#last = item
    this.items.push(item)
    return true
  }

  /** Whether all of these can be added. */
  hasRoomFor(items: readonly Item[]): boolean {
    let bytes = this.#bytes
    let headerBytes = this.#headerBytes
    for (const item of items) {
      bytes += item.delivery.payload.byteLength
      headerBytes += widthOf(item)
    }
    const { bytes: maxBytes, headerBytes: maxHeaderBytes, records } = this.#bounds
    return this.items.length + items.length <= records && bytes <= maxBytes && headerBytes <= maxHeaderBytes
  }

  /** Name, value, name, value. */
  headers(): string[] {
    const start = this.#start()
    const headers = ['x-reduct-entries', [...this.#entries.keys()].map(encodeURIComponent).join(',')]
    if (this.#names.size > 0) headers.push('x-reduct-labels', [...this.#names.keys()].map(encodeName).join(','))
    headers.push('x-reduct-start-ts', String(start))
    for (const [at, item] of this.items.entries())
      headers.push(`x-reduct-${this.suffixOf(item, start)}`, this.#values[at]!)
    return headers
  }

  /** How the server names the records of this request in its answer. */
  bySuffix(): Map<string, Item> {
    const start = this.#start()
    return new Map(this.items.map((item) => [this.suffixOf(item, start), item]))
  }

  suffixOf(item: Item, start: number): string {
    return `${this.#entries.get(item.entry)}-${item.timestamp - start}`
  }

  body(): Uint8Array[] {
    if (this.items.length === 1) return [this.items[0]!.delivery.payload]
    return [Buffer.concat(this.items.map(({ delivery }) => delivery.payload))]
  }

  #start(): number {
    let start = Number.POSITIVE_INFINITY
    for (const { timestamp } of this.items) if (timestamp < start) start = timestamp
    return start
  }

  #valueOf({ contentType, delivery, labels }: Item, before: Item | null): string {
    let value = `${delivery.payload.byteLength},${before?.contentType === contentType ? '' : contentType}`
    for (const [name, label] of labels) {
      if (before?.labels.get(name) !== label) value += `,${this.#indexOf(name)}=${label}`
    }
    if (before !== null) {
      for (const name of before.labels.keys()) if (!labels.has(name)) value += `,${this.#indexOf(name)}=`
    }
    return value
  }

  #indexOf(name: string): number {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    this.#names.set(name, this.#names.size)
    this.#headerBytes += name.length + 3
    return this.#names.size - 1
  }
}

/** `x-reduct-NN-NNNNNNNNNN: ` and the end of the line. */
const recordNameBytes = 36

function widthOf({ contentType, entry, labels }: Item): number {
  let width = recordNameBytes + contentType.length + entry.length * 3 + 12
  for (const [name, value] of labels) width += name.length + value.length + 8
  return width
}

/** The labels of a record: what travels of MQTT, then the rule's own. *Errors*: E606, a name that cannot be a label. */
export function labelsOf(delivery: Delivery, hub: string, all: boolean): Map<string, string> {
  const labels = new Map<string, string>()
  if (all) {
    for (const [name, value] of asciiHeadersOf(delivery, hub)) labels.set(name, value)
  } else {
    labels.set('trestle-id', delivery.id)
    labels.set('trestle-hops', hopsThrough(delivery.message.properties, hub))
    for (const [name, value] of delivery.headers) {
      putLabel(labels, name, typeof value === 'string' ? value : Buffer.from(value).toString('utf8'))
    }
  }
  const own = delivery.options?.['labels']
  if (typeof own === 'object' && own !== null) {
    for (const [name, value] of Object.entries(own)) if (value !== null) putLabel(labels, name, String(value))
  }
  return labels
}

/** A rule's label. One that is not plain ASCII goes percent-encoded under `NAME*`, as all of the hub's do. */
function putLabel(labels: Map<string, string>, name: string, value: string): void {
  if (!/^[A-Za-z0-9_.-]+$/.test(name) || /^(trestle-|mqtt-|content-type$)/.test(name)) {
    const advice = 'a label of a rule has letters, digits, `.`, `_` and `-`, and does not begin with trestle- or mqtt-'
    throw new TrestleError('E606', `\`${name}\` cannot be the name of a label`, { detail: { advice } })
  }
  if (value === '') return
  if (/^(?! )[ -~]*(?<! )$/.test(value) && !/["\\]/.test(value)) {
    labels.set(name, value.includes(',') ? `"${value}"` : value)
  } else labels.set(`${name}*`, encodeURIComponent(value))
}

const encodeName = (name: string): string => encodeURIComponent(name).replaceAll('*', '%2A')

/** What the record says it is: the rule's word, the publisher's, else what can be told from who made the payload. */
export function contentTypeOf({ message, options, payload }: Delivery): string {
  const named = options?.['content_type'] ?? message.properties?.contentType
  if (typeof named === 'string' && /^[\x21-\x2b\x2d-\x7e]+( ?[\x21-\x2b\x2d-\x7e]+)*$/.test(named)) return named
  if (payload !== message.payload) return 'application/json'
  return message.properties?.payloadFormat === 1 ? 'text/plain' : 'application/octet-stream'
}
