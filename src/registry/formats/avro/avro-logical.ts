import { decimalText, fromTwosComplement, toTwosComplement, unscaled } from '../binary/decimal-text.ts'
import { fail, failRead, told, type unread } from '../binary/failure.ts'
import {
  dateText,
  fromUnit,
  type Instant,
  isWritable,
  parseDate,
  parseTimeOfDay,
  parseTimestamp,
  timeOfDayText,
  timestampText,
  toUnit,
} from '../binary/time-text.ts'
import type { Logical } from './avro-node.ts'

/**
 * Logical types as plain JSON. Times are RFC 3339 text, which is exact to the nanosecond and what `timestamp()` of the
 * expressions reads; going in, a number in the type's own unit will do as well. Decimals are text with all their
 * decimals; going in, a number will do that has no more of them. A duration is `{months, days, millis}`.
 */
export interface Conversion {
  /** What the underlying type stores; undefined after a failure. */
  store(value: unknown): unknown
  /** What a payload shows of what was stored. */
  show(stored: unknown): unknown | typeof unread
}

/** *Shape*: `size` is that of a `fixed`, undefined for other types. */
export function conversionOf(logical: Logical, size: number | undefined): Conversion {
  switch (logical.kind) {
    case 'date':
      return date
    case 'time':
      return timeOfDay(logical.perSecond)
    case 'timestamp':
    case 'local-timestamp':
      return timestamp(logical.perSecond, logical.kind === 'local-timestamp')
    case 'decimal':
      return decimal(logical.precision, logical.scale, size)
    case 'uuid':
      return size === undefined ? uuidText : uuidBytes
    case 'duration':
      return duration
  }
}

function refuse(wanted: string, value: unknown): undefined {
  fail('type', `must be ${wanted}, not ${told(value)}`)
  return undefined
}

/** Times of the expressions print themselves as text. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return null
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON !== 'function') return null
  const text: unknown = toJSON.call(value)
  return typeof text === 'string' ? text : null
}

const date: Conversion = {
  store(value) {
    const text = textOf(value)
    if (text === null) return value
    return parseDate(text) ?? refuse('a date as 2026-11-20', value)
  },
  show(stored) {
    const days = stored as number
    return isWritable(days * 86_400)
      ? dateText(days)
      : failRead('date', `is a date that cannot be written: day ${days}`)
  },
}

function timeOfDay(perSecond: number): Conversion {
  const day = 86_400 * perSecond
  return {
    store(value) {
      const text = textOf(value)
      if (text === null) return value
      const instant = parseTimeOfDay(text)
      const stored = instant === null ? null : toUnit(instant, perSecond)
      return stored ?? refuse(`a time of day as 10:15:30${decimalsOf(perSecond)}`, value)
    },
    show(stored) {
      const time = stored as number | bigint
      if (time < 0 || time >= day) return failRead('time', `is no time of a day: ${time}`)
      return timeOfDayText(fromUnit(time, perSecond))
    },
  }
}

function timestamp(perSecond: number, local: boolean): Conversion {
  const suffix = local ? '' : 'Z'
  const wanted = `a time as 2026-11-20T10:15:30${decimalsOf(perSecond)}${suffix}`
  return {
    store(value) {
      let text = textOf(value)
      if (text === null) return value
      // Times of the expressions are in UTC and say so.
      if (local && typeof value !== 'string') text = text.replace(/Z$/, '')
      const instant = parseTimestamp(text, local)
      const stored = instant === null ? null : toUnit(instant, perSecond)
      return stored ?? refuse(wanted, value)
    },
    show(stored) {
      const instant: Instant = fromUnit(stored as number | bigint, perSecond)
      if (isWritable(instant.seconds)) return timestampText(instant, suffix)
      return failRead('timestamp', `is a time that cannot be written: ${stored}`)
    },
  }
}

/** The most decimals of a unit, for messages. */
const decimalsOf = (perSecond: number): string =>
  perSecond === 1e3 ? '.123' : perSecond === 1e6 ? '.123456' : '.123456789'

function decimal(precision: number, scale: number, size: number | undefined): Conversion {
  const limit = 10n ** BigInt(precision)
  return {
    store(value) {
      const count =
        typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
          ? unscaled(String(value), scale)
          : null
      if (count === null) return refuse(`a number with at most ${scale} decimals`, value)
      const bytes = count < limit && -count < limit ? toTwosComplement(count, size) : null
      return bytes ?? refuse(`a number of at most ${precision} digits`, value)
    },
    show(stored) {
      const bytes = stored as Uint8Array
      // Hostile lengths: printing digits takes time that grows with their square.
      if (bytes.length > 512) return failRead('decimal', 'is a decimal of more than 512 bytes')
      return decimalText(fromTwosComplement(bytes), scale)
    },
  }
}

const uuid = /^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/

const uuidText: Conversion = {
  store: (value) => (typeof value === 'string' && uuid.test(value) ? value : refuse('a UUID', value)),
  show: (stored) => stored,
}

const uuidBytes: Conversion = {
  store(value) {
    const fits = typeof value === 'string' && uuid.test(value)
    return fits ? Buffer.from(value.replaceAll('-', ''), 'hex') : refuse('a UUID', value)
  },
  show(stored) {
    const hex = Buffer.from(stored as Uint8Array).toString('hex')
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  },
}

const durationParts = ['months', 'days', 'millis'] as const

const duration: Conversion = {
  store(value) {
    const parts = value as Readonly<Record<string, unknown>>
    const bytes = Buffer.alloc(12)
    for (const [at, part] of durationParts.entries()) {
      const amount = typeof value === 'object' && value !== null && Object.hasOwn(parts, part) ? parts[part] : undefined
      if (typeof amount !== 'number' || amount !== amount >>> 0) {
        return refuse('a duration with whole `months`, `days` and `millis`', value)
      }
      bytes.writeUInt32LE(amount, at * 4)
    }
    return bytes
  },
  show(stored) {
    const bytes = Buffer.from(stored as Uint8Array)
    return { months: bytes.readUInt32LE(0), days: bytes.readUInt32LE(4), millis: bytes.readUInt32LE(8) }
  },
}
