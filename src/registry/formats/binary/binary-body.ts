import type { SchemaBody, SchemaFault } from '../../schema.ts'
import type { Shape } from '../../shape.ts'
import { type ByteSink, sink, writeWithin } from './byte-sink.ts'
import { failureAsFault, unread } from './failure.ts'

/** What a binary encoding makes of one schema. */
export interface BinaryCodec {
  /** Called before each payload is written. */
  beginWrite(): void
  /** False when the value does not fit, with the reason in `failure`. */
  readonly write: (sink: ByteSink, value: unknown) => boolean
  /** A whole payload; `unread` when it is not of this schema, with the reason in `failure`. */
  read(bytes: Uint8Array): unknown
  shape(): Shape
}

/**
 * The schema of a binary encoding: to check a value is to write it, and what was just checked need not be written again.
 * Closures, not a class: schemas with a name are made from a body by inheritance, which private fields do not survive.
 */
export function binaryBody(codec: BinaryCodec): SchemaBody {
  const { write } = codec
  let shape: Shape | null = null
  let fault: SchemaFault | null = null
  const put = (value: unknown): boolean => {
    sink.begin()
    codec.beginWrite()
    const written = writeWithin(write, value)
    fault = written ? null : failureAsFault()
    if (written) sink.hold(codec, value)
    return written
  }
  return {
    get fault() {
      return fault
    },
    check(value) {
      put(value)
      return fault
    },
    encode: (value, before) => (sink.holds(codec, value) || put(value) ? sink.take(before) : null),
    decode(bytes) {
      const value = codec.read(bytes)
      fault = value === unread ? failureAsFault() : null
      return value === unread ? undefined : value
    },
    fields() {
      shape ??= codec.shape()
      return shape
    },
  }
}
