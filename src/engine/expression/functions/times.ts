import type { Scope, Site } from '../scope.ts'
import { makeTimestamp } from '../time-value.ts'
import { int, string, timestamp } from '../type.ts'
import { Duration, failed, type Timestamp } from '../value.ts'
import {
  aDuration,
  aNumber,
  aString,
  aTimestamp,
  brief,
  either,
  type FunctionRow,
  method,
  overspent,
  type Prove,
  plain,
} from './row.ts'
import { isKnownZone, noZone, zoneOf } from './zone.ts'

const moment = either('a timestamp or a duration', aTimestamp, aDuration)

/** A literal that names the zone at `at` must name one. */
const zoneAt =
  (at: number): Prove =>
  (constants) => {
    const name = constants[at]
    return typeof name === 'string' && zoneOf(name) === null ? { at, message: noZone(name) } : null
  }

/** Part of a date in UTC, or in the zone that is named. */
const part = (name: string, summary: string, example: string, read: (local: Date) => number): FunctionRow =>
  method(
    name,
    aTimestamp,
    [aString],
    int,
    [summary, example],
    (scope, site, time: Timestamp, zone?: string) => {
      const local = localTime(scope, site, time, zone)
      return local === failed ? failed : read(local)
    },
    { optional: 1, prove: zoneAt(1) },
  )

/** Part of a time of day, which spans have too: there the whole span in that unit, towards zero. */
const clock = (
  name: string,
  summary: string,
  example: string,
  read: (local: Date) => number,
  ofSpan: (ms: number) => number,
): FunctionRow =>
  method(
    name,
    moment,
    [aString],
    int,
    [summary, example],
    (scope, site, time: Timestamp | Duration, zone?: string) => {
      if (time instanceof Duration) {
        if (zone !== undefined) return scope.fail(site, 'a duration lies in no time zone')
        return Math.trunc(ofSpan(time.durationMs + time.nanosOfMs / 1e6)) + 0
      }
      const local = localTime(scope, site, time, zone)
      return local === failed ? failed : read(local)
    },
    { optional: 1, prove: zoneAt(1) },
  )

const dayMs = 86_400_000
const dayOfYear = (local: Date): number => {
  const first = new Date(local)
  first.setUTCMonth(0, 1)
  return Math.floor(local.getTime() / dayMs) - Math.floor(first.getTime() / dayMs)
}

/** CEL's accessors of timestamps and durations, and what devices and lakes need beside them. *Source*: CEL language definition. */
export const timeFunctions: readonly FunctionRow[] = [
  part(
    'getFullYear',
    'The year, in UTC or in a zone like `Europe/Oslo` or `+02:00`.',
    'timestamp("2026-01-02T03:04:05Z").getFullYear() == 2026',
    (local) => local.getUTCFullYear(),
  ),
  part('getMonth', 'The month, January being 0.', 'timestamp("2026-01-02T03:04:05Z").getMonth() == 0', (local) =>
    local.getUTCMonth(),
  ),
  part('getDate', 'The day of the month, from 1.', 'timestamp("2026-01-02T03:04:05Z").getDate() == 2', (local) =>
    local.getUTCDate(),
  ),
  part(
    'getDayOfMonth',
    'The day of the month, from 0.',
    'timestamp("2026-01-02T03:04:05Z").getDayOfMonth() == 1',
    (local) => local.getUTCDate() - 1,
  ),
  part(
    'getDayOfWeek',
    'The day of the week, Sunday being 0.',
    'timestamp("2026-01-02T03:04:05Z").getDayOfWeek() == 5',
    (local) => local.getUTCDay(),
  ),
  part(
    'getDayOfYear',
    'The day of the year, from 0.',
    'timestamp("2026-02-01T00:00:00Z").getDayOfYear() == 31',
    dayOfYear,
  ),
  clock(
    'getHours',
    'The hour of the day, or all hours of a duration.',
    'timestamp("2026-01-02T03:04:05Z").getHours("+02:00") == 5',
    (local) => local.getUTCHours(),
    (ms) => ms / 3_600_000,
  ),
  clock(
    'getMinutes',
    'The minute of the hour, or all minutes of a duration.',
    'duration("1h1m").getMinutes() == 61',
    (local) => local.getUTCMinutes(),
    (ms) => ms / 60_000,
  ),
  clock(
    'getSeconds',
    'The second of the minute, or all seconds of a duration.',
    'duration("1m1s").getSeconds() == 61',
    (local) => local.getUTCSeconds(),
    (ms) => ms / 1000,
  ),
  clock(
    'getMilliseconds',
    'The milliseconds beyond the second.',
    'duration("1.5s").getMilliseconds() == 500',
    (local) => local.getUTCMilliseconds(),
    (ms) => ms % 1000,
  ),
  plain(
    'timestamp_ms',
    [aNumber],
    timestamp,
    [
      'The time so many milliseconds after 1970, as most devices count.',
      'timestamp_ms(1767323045678) == timestamp("2026-01-02T03:04:05.678Z")',
    ],
    (scope, site, ms: number | bigint) => {
      const whole = Math.floor(Number(ms))
      return (
        makeTimestamp(whole, Math.floor((Number(ms) - whole) * 1e6)) ??
        scope.fail(site, `${ms} ms is out of the range of years 1 to 9999`)
      )
    },
  ),
  method(
    'epoch_ms',
    aTimestamp,
    [],
    int,
    ['Milliseconds since 1970.', 'timestamp("1970-01-01T00:00:01.5Z").epoch_ms() == 1500'],
    (_scope, _site, time: Timestamp) => time.epochMs,
  ),
  method(
    'floor_to',
    aTimestamp,
    [aDuration],
    timestamp,
    [
      'The beginning of the window of this length that the time lies in, counted from 1970 in UTC.',
      'timestamp("2026-01-02T03:44:05Z").floor_to(duration("15m")) == timestamp("2026-01-02T03:30:00Z")',
    ],
    (scope, site, time: Timestamp, window: Duration) => {
      if (window.durationMs < 1 || window.nanosOfMs > 0) return scope.fail(site, 'a window is whole milliseconds long')
      const start = Math.floor(time.epochMs / window.durationMs) * window.durationMs
      return makeTimestamp(start) ?? scope.fail(site, 'the window begins out of the range of years 1 to 9999')
    },
  ),
  method(
    'strftime',
    aTimestamp,
    [aString, aString],
    string,
    [
      'The time as text: `%Y %m %d %H %M %S %L` (ms) `%j %y %a %A %b %B %z %s %%`, in UTC or in a zone.',
      'timestamp("2026-01-02T03:04:05Z").strftime("%Y/%m/%d") == "2026/01/02"',
    ],
    strftime,
    {
      optional: 1,
      prove: (constants) => {
        const wrong = typeof constants[1] === 'string' ? unknownVerb(constants[1]) : null
        return wrong === null ? zoneAt(2)(constants) : { at: 1, message: wrong }
      },
    },
  ),
]

/** A moment as a `Date` whose UTC fields are those of the zone. */
function localTime(scope: Scope, site: Site, time: Timestamp, zone: string | undefined): Date | typeof failed {
  if (zone === undefined) return new Date(time.epochMs)
  // What a zone costs that was never asked for before.
  if (!scope.spend(isKnownZone(zone) ? 30 : 5_000)) return overspent(scope, site)
  const offsetAt = zoneOf(zone)
  return offsetAt === null ? scope.fail(site, noZone(zone)) : new Date(time.epochMs + offsetAt(time.epochMs))
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = 'January February March April May June July August September October November December'.split(' ')
const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0')

/** *Unit*: `offset` in ms. */
type Verb = (local: Date, offset: number) => string

/** *Source*: C's `strftime`; `%L` is Ruby's. */
const verbs: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ['Y', (local) => pad(local.getUTCFullYear(), 4)],
  ['y', (local) => pad(local.getUTCFullYear() % 100)],
  ['m', (local) => pad(local.getUTCMonth() + 1)],
  ['d', (local) => pad(local.getUTCDate())],
  ['j', (local) => pad(dayOfYear(local) + 1, 3)],
  ['H', (local) => pad(local.getUTCHours())],
  ['M', (local) => pad(local.getUTCMinutes())],
  ['S', (local) => pad(local.getUTCSeconds())],
  ['L', (local) => pad(local.getUTCMilliseconds(), 3)],
  ['a', (local) => days[local.getUTCDay()]!.slice(0, 3)],
  ['A', (local) => days[local.getUTCDay()]!],
  ['b', (local) => months[local.getUTCMonth()]!.slice(0, 3)],
  ['B', (local) => months[local.getUTCMonth()]!],
  [
    'z',
    (_local, offset) =>
      `${offset < 0 ? '-' : '+'}${pad(Math.floor(Math.abs(offset) / 3_600_000))}${pad(Math.floor(Math.abs(offset) / 60_000) % 60)}`,
  ],
  ['s', (local, offset) => String(Math.floor((local.getTime() - offset) / 1000))],
  ['%', () => '%'],
])

function unknownVerb(pattern: string): string | null {
  for (const [, verb] of pattern.matchAll(/%(.?)/gs)) {
    if (!verbs.has(verb!)) return `%${verb} is no part of a time; there are %${[...verbs.keys()].join(' %')}`
  }
  return null
}

function strftime(scope: Scope, site: Site, time: Timestamp, pattern: string, zone?: string): unknown {
  if (!scope.spend(5 * pattern.length)) return overspent(scope, site)
  const wrong = unknownVerb(pattern)
  if (wrong !== null) return scope.fail(site, wrong)
  const local = localTime(scope, site, time, zone)
  if (local === failed) return failed
  const offset = local.getTime() - time.epochMs
  return pattern.replace(/%(.)/gs, (_, verb: string) => verbs.get(verb)!(local, offset))
}

const timestampText = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/

/** *Source*: RFC 3339. null when it is none; an empty string when it is out of CEL's range. */
export function readTimestamp(text: string): Timestamp | null | '' {
  const read = text.length > 64 ? null : timestampText.exec(text)
  if (read === null) return /^\d{5,}-\d\d-\d\d[Tt]/.test(text.slice(0, 64)) ? '' : null
  const [year, month, day, hour, minute, second] = read.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  const rolls = date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59
  const zone = read[8]!
  const ahead =
    zone.length === 1 ? 0 : (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4))) * (zone[0] === '-' ? -1 : 1)
  if (rolls || Math.abs(ahead) >= 1440) return null
  return makeTimestamp(date.getTime() - ahead * 60_000, Number((read[7] ?? '').padEnd(9, '0'))) ?? ''
}

export const notATime = (text: string): string =>
  `${brief(text)} is no time as RFC 3339 writes it: 2026-01-02T03:04:05Z`
