import { type Metric, type Recognise, readMetric, UnknownMetric } from './metric.ts'
import { Budget } from './plain-value.ts'
import { Malformed, WireReader } from './wire-reader.ts'

/** A payload as the wire has it, its metrics with their names. */
export interface RawPayload {
  readonly timestamp: number | bigint | null
  readonly seq: number | bigint | null
  readonly uuid: string | null
  readonly body: Uint8Array | null
  readonly metrics: readonly Metric[]
}

/** What stands in a payload, and where. */
export class PayloadFault extends Error {
  /** *Shape*: JSON pointer. */
  readonly path: string
  /** Nobody has told who a metric is, so that a birth would help. */
  readonly wantsBirth: boolean

  constructor(message: string, path: string, wantsBirth: boolean) {
    super(message)
    this.path = path
    this.wantsBirth = wantsBirth
  }
}

const readerOf = (bytes: Uint8Array): WireReader =>
  new WireReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))

/** *Source*: Sparkplug 3.0, 6.4.4 and 6.4.5. *Errors*: PayloadFault. */
export function readPayload(bytes: Uint8Array, recognise: Recognise): RawPayload {
  const reader = readerOf(bytes)
  const budget = new Budget()
  const metrics: Metric[] = []
  let [timestamp, seq] = [null as number | bigint | null, null as number | bigint | null]
  let [uuid, body] = [null as string | null, null as Uint8Array | null]
  let inMetric = false
  try {
    while (reader.more) {
      const tag = reader.tag()
      if (tag === 8) timestamp = reader.uint64()
      else if (tag === 18) {
        inMetric = true
        metrics.push(readMetric(reader.nested(), budget, recognise, 0))
        inMetric = false
      } else if (tag === 24) seq = reader.uint64()
      else if (tag === 34) uuid = reader.string()
      else if (tag === 42) body = reader.nested().rest()
      else reader.skip(tag & 7)
    }
  } catch (thrown) {
    const path = inMetric ? `/metrics/${metrics.length}` : ''
    if (thrown instanceof UnknownMetric) throw new PayloadFault(thrown.message, path, true)
    if (thrown instanceof Malformed) throw new PayloadFault(thrown.message, path, false)
    throw thrown
  }
  return { timestamp, seq, uuid, body, metrics }
}

/** The sequence number alone; null when there is none. *Errors*: Malformed. */
export function readSeq(bytes: Uint8Array): number | null {
  const reader = readerOf(bytes)
  let seq: number | bigint | null = null
  while (reader.more) {
    const tag = reader.tag()
    if (tag === 24) seq = reader.uint64()
    else reader.skip(tag & 7)
  }
  return typeof seq === 'number' ? seq : null
}
