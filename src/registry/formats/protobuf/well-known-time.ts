import { fraction, nanosOf } from '../binary/time-text.ts'

/** ±10,000 years. *Unit*: seconds. *Source*: google/protobuf/duration.proto. */
const maxDurationSeconds = 315_576_000_000

/** A duration, both parts of one sign. */
export interface Span {
  readonly seconds: number
  readonly nanos: number
}

/** `-1.500s` as Protobuf's JSON has durations; null when the text is none. */
export function parseSpan(text: string): Span | null {
  const found = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text)
  if (found === null) return null
  const sign = found[1] === '-' ? -1 : 1
  const seconds = Number(found[2])
  // Without `+ 0` the zero of `-0s` would have a sign.
  return seconds > maxDurationSeconds ? null : { seconds: sign * seconds + 0, nanos: sign * nanosOf(found[3]) + 0 }
}

/** null when the parts are no duration. */
export function spanText({ seconds, nanos }: Span): string | null {
  if (Math.abs(seconds) > maxDurationSeconds || Math.abs(nanos) > 999_999_999 || seconds * nanos < 0) return null
  const sign = seconds < 0 || nanos < 0 ? '-' : ''
  return `${sign}${Math.abs(seconds)}${fraction(Math.abs(nanos))}s`
}
