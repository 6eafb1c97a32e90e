/**
 * Times as text: RFC 3339, always in UTC when written, with as many decimals as are needed in threes. Exact to the
 * nanosecond, which neither a double of seconds nor a Date is.
 */

/** A point in time. *Unit*: seconds since the epoch, and the nanoseconds after them (0 to 999,999,999). */
export interface Instant {
  readonly seconds: number
  readonly nanos: number
}

/** 0001-01-01 and 9999-12-31 23:59:59, which RFC 3339 can write. *Unit*: seconds. */
export const minSeconds = -62_135_596_800
export const maxSeconds = 253_402_300_799

export const isWritable = (seconds: number): boolean => seconds >= minSeconds && seconds <= maxSeconds

/** `2026-11-20T10:15:30.120Z`; without the Z for local times. */
export function timestampText({ seconds, nanos }: Instant, suffix = 'Z'): string {
  const text = new Date(seconds * 1_000).toISOString()
  return `${text.slice(0, 19)}${fraction(nanos)}${suffix}`
}

/** `.120`, `.000120`, nothing for 0. */
export function fraction(nanos: number): string {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  if (nanos % 1_000_000 === 0) return `.${digits.slice(0, 3)}`
  return nanos % 1_000 === 0 ? `.${digits.slice(0, 6)}` : `.${digits}`
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))?$/

/** A time with its offset (`local` false) or without any (`local` true); null when the text is none. */
export function parseTimestamp(text: string, local = false): Instant | null {
  const found = rfc3339.exec(text)
  if (found === null) return null
  const [, year, month, day, hour, minute, second, decimals, sign, offsetHour, offsetMinute] = found
  if (local === (sign !== undefined || /[Zz]$/.test(text))) return null
  const days = daysOf(Number(year), Number(month), Number(day))
  const seconds = secondsOf(Number(hour), Number(minute), Number(second))
  if (days === null || seconds === null) return null
  const offset = sign === undefined ? 0 : secondsOf(Number(offsetHour), Number(offsetMinute), 0)
  if (offset === null) return null
  const at = days * 86_400 + seconds - (sign === '-' ? -offset : offset)
  return isWritable(at) ? { seconds: at, nanos: nanosOf(decimals) } : null
}

/** `2026-11-20` as days since the epoch; null when the text is no date. */
export function parseDate(text: string): number | null {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)
  return found === null ? null : daysOf(Number(found[1]), Number(found[2]), Number(found[3]))
}

export const dateText = (days: number): string => new Date(days * 86_400_000).toISOString().slice(0, 10)

/** `10:15:30.5`; null when the text is no time of a day. */
export function parseTimeOfDay(text: string): Instant | null {
  const found = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?$/.exec(text)
  if (found === null) return null
  const seconds = secondsOf(Number(found[1]), Number(found[2]), Number(found[3]))
  return seconds === null ? null : { seconds, nanos: nanosOf(found[4]) }
}

export function timeOfDayText({ seconds, nanos }: Instant): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(seconds % 60)}${fraction(nanos)}`
}

/** Digits after a decimal point as nanoseconds. */
export const nanosOf = (decimals: string | undefined): number =>
  decimals === undefined ? 0 : Number(decimals.padEnd(9, '0'))

function daysOf(year: number, month: number, day: number): number | null {
  const date = new Date(0)
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day)
  // 30 February becomes 2 March.
  const real = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && year > 0
  return real ? date.getTime() / 86_400_000 : null
}

const secondsOf = (hour: number, minute: number, second: number): number | null =>
  // Like most clocks we have no leap seconds; :60 is the second after.
  hour > 23 || minute > 59 || second > 60 ? null : hour * 3_600 + minute * 60 + second

/** An instant in another unit: `perSecond` is 1e3, 1e6 or 1e9. null when its decimals are finer than that. */
export function toUnit({ seconds, nanos }: Instant, perSecond: number): number | bigint | null {
  const nanosPerUnit = 1e9 / perSecond
  if (nanos % nanosPerUnit !== 0) return null
  const value = seconds * perSecond + nanos / nanosPerUnit
  if (Number.isSafeInteger(value)) return value
  return BigInt(seconds) * BigInt(perSecond) + BigInt(nanos / nanosPerUnit)
}

export function fromUnit(value: number | bigint, perSecond: number): Instant {
  const nanosPerUnit = 1e9 / perSecond
  if (typeof value === 'number') {
    const seconds = Math.floor(value / perSecond)
    return { seconds, nanos: (value - seconds * perSecond) * nanosPerUnit }
  }
  const per = BigInt(perSecond)
  const rest = ((value % per) + per) % per
  return { seconds: Number((value - rest) / per), nanos: Number(rest) * nanosPerUnit }
}
