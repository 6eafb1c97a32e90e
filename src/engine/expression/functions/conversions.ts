import { isUtf8 } from 'node:buffer'
import type { Scope, Site } from '../scope.ts'
import { makeDuration, makeTimestamp } from '../time-value.ts'
import { bool, bytes, double, duration, dyn, int, string, timestamp, typeType, uint } from '../type.ts'
import { typeOfValue } from '../type-value.ts'
import { Duration, isAnyMap, KeyedMap, kindOf, Timestamp, TypeValue, toInt, toUint, Uint } from '../value.ts'
import { anything, brief, type FunctionRow, method, overspent, type Prove, plain, sized } from './row.ts'
import { countCodePoints, walkSteps } from './text-units.ts'
import { notATime, readTimestamp } from './times.ts'

/** Conversions between types, `type` and `size`. *Source*: CEL language definition, "Standard Definitions". */
export const conversionFunctions: readonly FunctionRow[] = [
  plain(
    'int',
    [anything],
    int,
    ['A whole number, from a number (towards zero), text, or a time in seconds.', 'int("42") == 42'],
    toInteger,
  ),
  plain('uint', [anything], uint, ['A whole number without a sign.', 'uint(42) == 42u'], toUnsigned),
  plain('double', [anything], double, ['A number, from text or a whole number.', 'double("1.5") == 1.5'], toDouble),
  plain('string', [anything], string, ['As text.', 'string(42) == "42"'], toText),
  plain('bool', [anything], bool, ['True or false, from text.', 'bool("true")'], toBool),
  plain(
    'bytes',
    [anything],
    bytes,
    ['Text in UTF-8.', 'bytes("ü") == b"\\xc3\\xbc"'],
    (scope, site, value: unknown) => {
      if (value instanceof Uint8Array) return value
      if (typeof value !== 'string') return cannot(scope, site, value, 'bytes')
      return scope.spend(4 + (value.length >> 1)) ? new Uint8Array(Buffer.from(value)) : overspent(scope, site)
    },
  ),
  plain(
    'timestamp',
    [anything],
    timestamp,
    ['A time, from RFC 3339 or from seconds since 1970.', 'timestamp("1970-01-01T01:00:00+01:00") == timestamp(0)'],
    toTimestamp,
    { prove: timeText((text) => (readTimestamp(text) instanceof Timestamp ? null : notATime(text))) },
  ),
  plain(
    'duration',
    [anything],
    duration,
    [
      'A span of time, from text like `1h30m`, `2.5s`, `-10ms`, `1us`, `1ns`.',
      'duration("1h30m") == duration("5400s")',
    ],
    toDuration,
    { prove: timeText((text) => (readDuration(text) instanceof Duration ? null : notASpan(text))) },
  ),
  plain(
    'type',
    [anything],
    typeType,
    ['The type of a value.', 'type(1) == int && type(1.5) == double'],
    (_scope, _site, value: unknown) => typeOfValue(value),
    { dynamic: true },
  ),
  plain(
    'dyn',
    [anything],
    dyn,
    ['The same value, of a type only the message will tell.', 'dyn(1) == 1.0'],
    (_scope, _site, value: unknown) => value,
    { dynamic: true },
  ),
  plain('size', [sized], int, ['How many characters, bytes, elements or fields.', 'size("ü") == 1'], size),
  method('size', sized, [], int, ['The same, written as a method.', '[1, 2].size() == 2'], size),
]

const cannot = (scope: Scope, site: Site, value: unknown, wanted: string) =>
  scope.fail(site, `${kindOf(value)} cannot become ${wanted}`)

/** Judges a literal text at load. */
function timeText(faultOf: (text: string) => string | null): Prove {
  return ([text]) => {
    const message = typeof text === 'string' ? faultOf(text) : null
    return message === null ? null : { at: 0, message }
  }
}

const beyondInt = (scope: Scope, site: Site, value: unknown) => scope.fail(site, `${value} does not fit 64 bits`)

function toInteger(scope: Scope, site: Site, value: unknown): unknown {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value + 0
    // Like the other implementations, which cannot tell 2^63 from what was rounded to it.
    return Math.abs(value) < 2 ** 63 ? toInt(BigInt(Math.trunc(value))) : beyondInt(scope, site, value)
  }
  if (typeof value === 'bigint') return toInt(value) ?? beyondInt(scope, site, value)
  if (value instanceof Uint) return toInt(value.unsigned) ?? beyondInt(scope, site, value.unsigned)
  if (value instanceof Timestamp) return Math.floor(value.epochMs / 1000)
  if (typeof value !== 'string') return cannot(scope, site, value, 'an integer')
  if (!/^[+-]?\d{1,20}$/.test(value)) return scope.fail(site, `${brief(value)} is not an integer`)
  return toInt(BigInt(value.replace('+', ''))) ?? beyondInt(scope, site, value)
}

const beyondUint = (scope: Scope, site: Site, value: unknown) =>
  scope.fail(site, `${value} does not fit 64 bits without a sign`)

function toUnsigned(scope: Scope, site: Site, value: unknown): unknown {
  if (typeof value === 'number') {
    const whole = Math.trunc(value)
    if (Number.isSafeInteger(whole) && whole >= 0) return whole + 0
    return whole >= 0 && whole < 2 ** 64 ? toUint(BigInt(whole)) : beyondUint(scope, site, value)
  }
  if (typeof value === 'bigint') return toUint(value) ?? beyondUint(scope, site, value)
  if (value instanceof Uint) return toUint(value.unsigned)
  if (typeof value !== 'string') return cannot(scope, site, value, 'an unsigned integer')
  if (!/^\d{1,20}$/.test(value)) return scope.fail(site, `${brief(value)} is not an unsigned integer`)
  return toUint(BigInt(value)) ?? beyondUint(scope, site, value)
}

function toDouble(scope: Scope, site: Site, value: unknown): unknown {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Uint) return Number(value.unsigned)
  if (typeof value !== 'string') return cannot(scope, site, value, 'a number')
  if (value.length > 400) return scope.fail(site, `${brief(value)} is too long for a number`)
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value) || /^(?:NaN|[+-]?Infinity)$/.test(value)) {
    return Number(value)
  }
  return scope.fail(site, `${brief(value)} is not a number`)
}

/** A value as text: what `string()` and a template's `${…}` give. */
export function toText(scope: Scope, site: Site, value: unknown): unknown {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof Timestamp || value instanceof Duration) {
    return scope.spend(30) ? value.toJSON() : overspent(scope, site)
  }
  if (value instanceof Uint) return String(value.unsigned)
  if (value instanceof TypeValue) return value.typeName
  if (!(value instanceof Uint8Array)) return cannot(scope, site, value, 'text')
  if (!scope.spend(8 + (value.length >> 3))) return overspent(scope, site)
  return isUtf8(value) ? Buffer.from(value).toString() : scope.fail(site, 'these bytes are not UTF-8')
}

const truths = new Set(['1', 't', 'true', 'True', 'TRUE'])
const untruths = new Set(['0', 'f', 'false', 'False', 'FALSE'])

function toBool(scope: Scope, site: Site, value: unknown): unknown {
  if (typeof value === 'boolean') return value
  if (typeof value !== 'string') return cannot(scope, site, value, 'a bool')
  if (truths.has(value)) return true
  return untruths.has(value) ? false : scope.fail(site, `${brief(value)} is neither true nor false`)
}

function toTimestamp(scope: Scope, site: Site, value: unknown): unknown {
  if (value instanceof Timestamp) return value
  const outside = () => scope.fail(site, `${value} is out of the range of years 1 to 9999`)
  if (typeof value === 'number' || typeof value === 'bigint') {
    const whole = Math.floor(Number(value))
    return makeTimestamp(whole * 1000, Math.floor((Number(value) - whole) * 1e9)) ?? outside()
  }
  if (typeof value !== 'string') return cannot(scope, site, value, 'a timestamp')
  if (!scope.spend(30)) return overspent(scope, site)
  const read = readTimestamp(value)
  if (read === '') return outside()
  return read ?? scope.fail(site, notATime(value))
}

/** *Unit*: ns. */
const spanUnits: Readonly<Record<string, bigint>> = {
  h: 3_600_000_000_000n,
  m: 60_000_000_000n,
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ns: 1n,
}

/** *Source*: Go's `time.ParseDuration`. null when it is none; an empty string when it is out of range. */
function readDuration(text: string): Duration | null | '' {
  if (text.length > 128) return null
  if (/^[+-]?0$/.test(text)) return new Duration(0)
  if (!/^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|m|s|us|µs|μs|ns))+$/.test(text)) return null
  let nanos = 0n
  for (const [, whole = '', fraction = '', unit] of text.matchAll(/(\d*)(?:\.(\d*))?(h|ms|m|s|us|µs|μs|ns)/g)) {
    const size = spanUnits[unit!]!
    nanos += BigInt(whole || '0') * size + (BigInt(fraction || '0') * size) / 10n ** BigInt(fraction.length)
  }
  if (text.startsWith('-')) nanos = -nanos
  const ms = nanos / 1_000_000n
  if (ms > 10n ** 14n || ms < -(10n ** 14n)) return ''
  return makeDuration(Number(ms), Number(nanos - ms * 1_000_000n)) ?? ''
}

const notASpan = (text: string): string => `${brief(text)} is no span of time: write 1h30m, 2.5s or 10ms`

function toDuration(scope: Scope, site: Site, value: unknown): unknown {
  if (value instanceof Duration) return value
  if (typeof value !== 'string') return cannot(scope, site, value, 'a duration')
  if (!scope.spend(30)) return overspent(scope, site)
  const read = readDuration(value)
  if (read === '') return scope.fail(site, `${brief(value)} is out of the range of durations, some 292 years`)
  return read ?? scope.fail(site, notASpan(value))
}

function size(scope: Scope, site: Site, value: unknown): unknown {
  if (typeof value === 'string') {
    return scope.spend(walkSteps(value)) ? countCodePoints(value) : overspent(scope, site)
  }
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length
  if (value instanceof KeyedMap) return value.keyed.size
  if (!isAnyMap(value)) return cannot(scope, site, value, 'a size')
  const count = Object.keys(value).length
  return scope.spend(4 * count) ? count : overspent(scope, site)
}
