import type { ByteSource } from '../binary/byte-source.ts'
import { fail, failRead, unread, unreadIn } from '../binary/failure.ts'
import { setOwn } from '../binary/own-field.ts'
import { isWritable, timestampText } from '../binary/time-text.ts'
import { type Scalar, scalars, wireTypeOf } from './proto-node.ts'
import { lengthOf, type Read, scalarReaders } from './proto-scalar.ts'
import { skipField } from './proto-skip.ts'
import { spanText } from './well-known-time.ts'
import { maxValueDepth, wrapperOf } from './well-known-writer.ts'

/** Messages that plain data has other forms for, read up to the source's end. */
export const wellKnownReaders: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['google.protobuf.Timestamp', timestamp],
  ['google.protobuf.Duration', duration],
  ['google.protobuf.FieldMask', fieldMask],
  ['google.protobuf.Struct', (source) => struct(source, 0)],
  ['google.protobuf.ListValue', (source) => list(source, 0)],
  ['google.protobuf.Value', (source) => anyValue(source, 0)],
  ...scalars.flatMap((scalar): [string, Read][] => {
    const name = wrapperOf(scalar)
    return name === null ? [] : [[name, wrapper(scalar, scalarReaders[scalar])]]
  }),
])

/** Every field up to the end: true when `take` has read it, false when it is to be read over. */
function eachField(source: ByteSource, take: (tag: number) => boolean | typeof unread): boolean {
  while (source.position < source.end) {
    source.varint()
    if (source.cutOff) return fail('binary', 'is cut off')
    const tag = source.low
    const taken = take(tag)
    if (taken === unread) return false
    if (!taken && !skipField(source, tag >>> 3, tag & 7, 0)) return false
    if (source.cutOff) return fail('binary', 'is cut off')
  }
  return true
}

/** Seconds and nanoseconds; null after a failure. */
function twoParts(source: ByteSource): { seconds: number; nanos: number } | null {
  let seconds = 0
  let nanos = 0
  const read = eachField(source, (tag) => {
    if (tag === 8) seconds = Number(scalarReaders.int64(source))
    else if (tag === 16) nanos = scalarReaders.int32(source) as number
    else return false
    return true
  })
  return read ? { seconds, nanos } : null
}

function timestamp(source: ByteSource): unknown {
  const instant = twoParts(source)
  if (instant === null) return unread
  const { seconds, nanos } = instant
  if (isWritable(seconds) && nanos >= 0 && nanos < 1e9) return timestampText(instant)
  return failRead('timestamp', `is a time that cannot be written: ${seconds} s and ${nanos} ns`)
}

function duration(source: ByteSource): unknown {
  const span = twoParts(source)
  if (span === null) return unread
  return spanText(span) ?? failRead('duration', `is no duration: ${span.seconds} s and ${span.nanos} ns`)
}

function fieldMask(source: ByteSource): unknown {
  const paths: string[] = []
  const read = eachField(source, (tag) => {
    if (tag !== 10) return false
    const path = scalarReaders.string(source)
    if (path === unread) return unread
    paths.push((path as string).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
    return true
  })
  return read ? paths.join(',') : unread
}

function wrapper(scalar: Scalar, readScalar: Read): Read {
  const wanted = 8 | wireTypeOf({ kind: scalar }, false)
  const zero: () => unknown =
    scalar === 'bool'
      ? () => false
      : scalar === 'string'
        ? () => ''
        : scalar === 'bytes'
          ? () => new Uint8Array(0)
          : () => 0
  return (source) => {
    let value = zero()
    const read = eachField(source, (tag) => {
      if (tag !== wanted) return false
      value = readScalar(source)
      return value === unread ? unread : true
    })
    return read ? value : unread
  }
}

/** Reads a message behind its length. */
function within<T>(source: ByteSource, read: (source: ByteSource) => T): T | typeof unread {
  const length = lengthOf(source)
  if (length < 0 || length > source.left) return failRead('binary', 'is cut off')
  const outer = source.end
  source.end = source.position + length
  const value = read(source)
  source.position = source.end
  source.end = outer
  return value
}

function struct(source: ByteSource, depth: number): unknown {
  const made: Record<string, unknown> = {}
  const read = eachField(source, (tag) => {
    if (tag !== 10) return false
    return within(source, () => entry(source, made, depth)) === unread ? unread : true
  })
  return read ? made : unread
}

function entry(source: ByteSource, into: Record<string, unknown>, depth: number): unknown {
  let key: unknown = ''
  let value: unknown = null
  const read = eachField(source, (tag) => {
    if (tag === 10) key = scalarReaders.string(source)
    else if (tag === 18) value = within(source, () => anyValue(source, depth))
    else return false
    return key === unread || value === unread ? unread : true
  })
  if (!read) return unreadIn(String(key === unread ? '' : key))
  setOwn(into, key as string, value)
  return true
}

function list(source: ByteSource, depth: number): unknown {
  const made: unknown[] = []
  const read = eachField(source, (tag) => {
    if (tag !== 10) return false
    const value = within(source, () => anyValue(source, depth))
    if (value === unread) return unreadIn(made.length)
    made.push(value)
    return true
  })
  return read ? made : unread
}

/** Any JSON; one that says nothing is null. */
function anyValue(source: ByteSource, depth: number): unknown {
  if (depth > maxValueDepth) return failRead('depth', `is nested deeper than ${maxValueDepth}`)
  let value: unknown = null
  const read = eachField(source, (tag) => {
    switch (tag) {
      case 8:
        source.varint()
        value = null
        break
      case 17:
        value = source.double()
        break
      case 26:
        value = scalarReaders.string(source)
        break
      case 32:
        value = scalarReaders.bool(source)
        break
      case 42:
        value = within(source, () => struct(source, depth + 1))
        break
      case 50:
        value = within(source, () => list(source, depth + 1))
        break
      default:
        return false
    }
    return value === unread ? unread : true
  })
  return read ? value : unread
}
