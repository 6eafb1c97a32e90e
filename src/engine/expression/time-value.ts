/**
 * Points in time and spans of time, exact to the nanosecond. Both keep whole milliseconds and the nanoseconds beyond
 * them as two plain numbers, so that they calculate and compare without bigints.
 */
const nanosPerMs = 1_000_000

/** 0001-01-01T00:00:00Z and the last millisecond of 9999. *Source*: google/protobuf/timestamp.proto. */
const minEpochMs = -62_135_596_800_000
const maxEpochMs = 253_402_300_799_999
/** What 64 bits of nanoseconds hold, as the other implementations of CEL do. */
const maxSpanMs = 9_223_372_036_854
const maxSpanNanos = 775_807

/** A point in time. JSON and text show it as RFC 3339. */
export class Timestamp {
  /** *Unit*: ms since the epoch. */
  readonly epochMs: number
  /** *Unit*: ns beyond `epochMs`, 0 to 999,999. */
  readonly nanosOfMs: number

  constructor(epochMs: number, nanosOfMs = 0) {
    this.epochMs = epochMs
    this.nanosOfMs = nanosOfMs
  }

  /** RFC 3339 in UTC, with 0, 3, 6 or 9 digits of a second. */
  toJSON(): string {
    const text = new Date(this.epochMs).toISOString()
    const ms = text.slice(-5, -1)
    return `${text.slice(0, -5)}${fraction(Number(ms.slice(1)) * nanosPerMs + this.nanosOfMs)}Z`
  }
}

/** A span of time, negative ones included: `durationMs` is rounded down, `nanosOfMs` is never negative. */
export class Duration {
  /** *Unit*: ms. */
  readonly durationMs: number
  /** *Unit*: ns beyond `durationMs`, 0 to 999,999. */
  readonly nanosOfMs: number

  constructor(durationMs: number, nanosOfMs = 0) {
    this.durationMs = durationMs
    this.nanosOfMs = nanosOfMs
  }

  /** Seconds as protobuf's JSON writes them: `90s`, `-1.5s`. */
  toJSON(): string {
    const negative = this.durationMs < 0
    const borrow = negative && this.nanosOfMs > 0
    const ms = negative ? -this.durationMs - (borrow ? 1 : 0) : this.durationMs
    const nanos = borrow ? nanosPerMs - this.nanosOfMs : this.nanosOfMs
    const digits = fraction((ms % 1000) * nanosPerMs + nanos)
    return `${negative ? '-' : ''}${Math.floor(ms / 1000)}${digits.replace(/0+$/, '')}s`
  }
}

/** `.5` as `.500`; nothing for zero. *Unit*: ns of a second. */
function fraction(nanos: number): string {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  return `.${digits.endsWith('000000') ? digits.slice(0, 3) : digits.endsWith('000') ? digits.slice(0, 6) : digits}`
}

/** A timestamp within CEL's years 1 to 9999; null beyond. `nanos` may be any whole number. */
export function makeTimestamp(epochMs: number, nanos = 0): Timestamp | null {
  const carried = Math.floor(nanos / nanosPerMs)
  const ms = epochMs + carried
  return ms >= minEpochMs && ms <= maxEpochMs ? new Timestamp(ms, nanos - carried * nanosPerMs) : null
}

/** A duration within 64 bits of nanoseconds; null beyond. `nanos` may be any whole number. */
export function makeDuration(durationMs: number, nanos = 0): Duration | null {
  const carried = Math.floor(nanos / nanosPerMs)
  const ms = durationMs + carried
  const rest = nanos - carried * nanosPerMs
  if (ms > maxSpanMs || (ms === maxSpanMs && rest > maxSpanNanos)) return null
  if (ms < -maxSpanMs - 1 || (ms === -maxSpanMs - 1 && rest < nanosPerMs - maxSpanNanos - 1)) return null
  return new Duration(ms, rest)
}

type Moment = Timestamp | Duration

const msOf = (moment: Moment): number => (moment instanceof Timestamp ? moment.epochMs : moment.durationMs)

/** Below, at or above zero; of two timestamps or two durations. */
export const compareMoments = (left: Moment, right: Moment): number =>
  msOf(left) - msOf(right) || left.nanosOfMs - right.nanosOfMs

/**
 * `+` and `-` of timestamps and durations: undefined for two that do not go together (a sum of timestamps), null for
 * a result out of range.
 */
export function calculateMoments(operator: '+' | '-', left: Moment, right: Moment): Moment | null | undefined {
  const ms = operator === '+' ? msOf(left) + msOf(right) : msOf(left) - msOf(right)
  const nanos = operator === '+' ? left.nanosOfMs + right.nanosOfMs : left.nanosOfMs - right.nanosOfMs
  const points = Number(left instanceof Timestamp) + Number(right instanceof Timestamp)
  if (points === 0) return makeDuration(ms, nanos)
  if (operator === '-' && points === 2) return makeDuration(ms, nanos)
  if (points === 2 || (operator === '-' && right instanceof Timestamp)) return undefined
  return makeTimestamp(ms, nanos)
}
