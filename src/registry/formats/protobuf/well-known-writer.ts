import type { ByteSink } from '../binary/byte-sink.ts'
import { fail, failIn, told } from '../binary/failure.ts'
import { parseTimestamp } from '../binary/time-text.ts'
import { scalars, wireTypeOf } from './proto-node.ts'
import { scalarWriters, type Write } from './proto-scalar.ts'
import { parseSpan } from './well-known-time.ts'

/** Deepest nesting of a `Value`. */
export const maxValueDepth = 100

/** Messages that plain data has other forms for. *Source*: protobuf.dev, ProtoJSON format. */
export const wellKnownWriters: ReadonlyMap<string, Write> = new Map<string, Write>([
  ['google.protobuf.Timestamp', timestamp],
  ['google.protobuf.Duration', duration],
  ['google.protobuf.FieldMask', fieldMask],
  ['google.protobuf.Struct', (sink, value) => struct(sink, value, 0)],
  ['google.protobuf.ListValue', (sink, value) => list(sink, value, 0)],
  ['google.protobuf.Value', (sink, value) => anyValue(sink, value, 0)],
  ...scalars.flatMap((scalar): [string, Write][] => {
    const name = wrapperOf(scalar)
    return name === null ? [] : [[name, wrapper(wireTypeOf({ kind: scalar }, false), scalarWriters[scalar])]]
  }),
])

/** `google.protobuf.Int64Value` of `int64`; null for scalars without a wrapper. */
export function wrapperOf(scalar: string): string | null {
  if (/^(s|s?f)(int|ixed)/.test(scalar)) return null
  const name = scalar.startsWith('uint') ? `UInt${scalar.slice(4)}` : scalar.charAt(0).toUpperCase() + scalar.slice(1)
  return `google.protobuf.${name}Value`
}

/** Text, or a time of the expressions, which prints itself as text. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return null
  const { toJSON } = value as { toJSON?: unknown }
  const text: unknown = typeof toJSON === 'function' ? toJSON.call(value) : null
  return typeof text === 'string' ? text : null
}

/** The two fields of a time: seconds and nanoseconds, zeros left out. */
function twoParts(sink: ByteSink, seconds: number, nanos: number): true {
  if (seconds !== 0) {
    sink.byte(8)
    scalarWriters.int64(sink, seconds)
  }
  if (nanos !== 0) {
    sink.byte(16)
    scalarWriters.int32(sink, nanos)
  }
  return true
}

function timestamp(sink: ByteSink, value: unknown): boolean {
  const text = textOf(value)
  const instant = text === null ? null : parseTimestamp(text)
  if (instant === null) return fail('type', `must be a time as 2026-11-20T10:15:30.123Z, not ${told(value)}`)
  return twoParts(sink, instant.seconds, instant.nanos)
}

function duration(sink: ByteSink, value: unknown): boolean {
  const text = textOf(value)
  const span = text === null ? null : parseSpan(text)
  if (span === null) return fail('type', `must be a duration as 1.5s, not ${told(value)}`)
  return twoParts(sink, span.seconds, span.nanos)
}

function fieldMask(sink: ByteSink, value: unknown): boolean {
  if (typeof value !== 'string') return fail('type', `must be paths with commas between, not ${told(value)}`)
  for (const path of value === '' ? [] : value.split(',')) {
    sink.byte(10)
    const written = path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    if (!scalarWriters.string(sink, written)) return false
  }
  return true
}

/** A plain value for a message of one field; zero is the empty message. */
function wrapper(wireType: number, write: Write): Write {
  return (sink, value) => {
    const before = sink.position
    sink.byte(8 | wireType)
    if (!write(sink, value)) return false
    for (let at = before + 1; at < sink.position; at++) if (sink.buffer[at] !== 0) return true
    sink.position = before
    return true
  }
}

type Nested = (sink: ByteSink, value: unknown, depth: number) => boolean

function measured(sink: ByteSink, tag: number, write: Nested, value: unknown, depth: number): boolean {
  sink.byte(tag)
  sink.byte(0)
  const start = sink.position
  if (!write(sink, value, depth)) return false
  sink.putLength(start)
  return true
}

function struct(sink: ByteSink, value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    return fail('type', `must be an object, not ${told(value)}`)
  }
  for (const pair of Object.entries(value)) {
    if (pair[1] !== undefined && !measured(sink, 10, entry, pair, depth)) return failIn(pair[0])
  }
  return true
}

function entry(sink: ByteSink, value: unknown, depth: number): boolean {
  const [name, item] = value as [string, unknown]
  sink.byte(10)
  return scalarWriters.string(sink, name) && measured(sink, 18, anyValue, item, depth)
}

function list(sink: ByteSink, value: unknown, depth: number): boolean {
  if (!Array.isArray(value)) return fail('type', `must be a list, not ${told(value)}`)
  for (const [at, item] of value.entries()) if (!measured(sink, 10, anyValue, item, depth)) return failIn(at)
  return true
}

/** Any JSON. *Shape*: a oneof of null 1, number 2, text 3, boolean 4, object 5 and list 6. */
function anyValue(sink: ByteSink, value: unknown, depth: number): boolean {
  if (depth > maxValueDepth) return fail('depth', `is nested deeper than ${maxValueDepth}`)
  if (value === null) {
    sink.byte(8)
    sink.byte(0)
    return true
  }
  switch (typeof value) {
    case 'number':
    case 'bigint':
      sink.byte(17)
      return Number.isNaN(value) ? fail('type', 'must be a finite number') : scalarWriters.double(sink, value)
    case 'string':
      sink.byte(26)
      return scalarWriters.string(sink, value)
    case 'boolean':
      sink.byte(32)
      return scalarWriters.bool(sink, value)
    default:
      if (Array.isArray(value)) return measured(sink, 50, list, value, depth + 1)
      return measured(sink, 42, struct, value, depth + 1)
  }
}
