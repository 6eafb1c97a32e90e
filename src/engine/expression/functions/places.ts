import type { Scope, Site } from '../scope.ts'
import { bool, double, string } from '../type.ts'
import { aList, aNumber, anInteger, type FunctionRow, overspent, plain } from './row.ts'

/** Mean radius of the Earth. *Unit*: m. *Source*: IUGG. */
const earthRadius = 6_371_008.8
const letters = '0123456789bcdefghjkmnpqrstuvwxyz'

/** Places on Earth, by latitude and longitude in degrees. */
export const placeFunctions: readonly FunctionRow[] = [
  plain(
    'geo.distance',
    [aNumber, aNumber, aNumber, aNumber],
    double,
    [
      'Metres between two places (latitude, longitude, latitude, longitude) along the great circle.',
      'math.round(geo.distance(59.91, 10.75, 60.39, 5.32) / 1000) == 305',
    ],
    distance,
  ),
  plain(
    'geo.hash',
    [aNumber, aNumber, anInteger],
    string,
    [
      'The geohash of a place (latitude, longitude), 9 characters long or as many.',
      'geo.hash(57.64911, 10.40744, 6) == "u4pruy"',
    ],
    geohash,
    { optional: 1 },
  ),
  plain(
    'geo.within',
    [aNumber, aNumber, aList],
    bool,
    [
      'Whether a place (latitude, longitude) lies in the area between corners of [latitude, longitude].',
      'geo.within(1, 1, [[0, 0], [0, 3], [3, 3], [3, 0]])',
    ],
    within,
  ),
]

const radians = (degrees: number): number => (degrees * Math.PI) / 180

/** Why two numbers are no place; null when they are one. */
function placeFault(latitude: number, longitude: number): string | null {
  if (!(latitude >= -90 && latitude <= 90)) return `a latitude lies between -90 and 90, and this is ${latitude}`
  return longitude >= -180 && longitude <= 180
    ? null
    : `a longitude lies between -180 and 180, and this is ${longitude}`
}

/** *Source*: the haversine formula. */
function distance(scope: Scope, site: Site, lat1: number, lon1: number, lat2: number, lon2: number): unknown {
  const [a, b, c, d] = [Number(lat1), Number(lon1), Number(lat2), Number(lon2)]
  const fault = placeFault(a, b) ?? placeFault(c, d)
  if (fault !== null) return scope.fail(site, fault)
  const half =
    Math.sin(radians(c - a) / 2) ** 2 + Math.cos(radians(a)) * Math.cos(radians(c)) * Math.sin(radians(d - b) / 2) ** 2
  return 2 * earthRadius * Math.asin(Math.min(1, Math.sqrt(half)))
}

/** *Source*: geohash.org; bits of longitude and latitude in turn, five to a letter. */
function geohash(scope: Scope, site: Site, latitude: number, longitude: number, length = 9): unknown {
  const fault = placeFault(Number(latitude), Number(longitude))
  if (fault !== null) return scope.fail(site, fault)
  if (length < 1 || length > 12) return scope.fail(site, 'a geohash has 1 to 12 characters')
  const ranges: { readonly value: number; low: number; high: number }[] = [
    { value: Number(longitude), low: -180, high: 180 },
    { value: Number(latitude), low: -90, high: 90 },
  ]
  let text = ''
  for (let letter = 0; letter < length; letter++) {
    let bits = 0
    for (let bit = 0; bit < 5; bit++) {
      const range = ranges[(letter * 5 + bit) % 2]!
      const middle = (range.low + range.high) / 2
      const upper = range.value >= middle
      bits = bits * 2 + (upper ? 1 : 0)
      range[upper ? 'low' : 'high'] = middle
    }
    text += letters[bits]!
  }
  return scope.spend(2 * length) ? text : overspent(scope, site)
}

/** How often a line to the east crosses the border: an odd number from within. */
function within(scope: Scope, site: Site, latitude: number, longitude: number, corners: readonly unknown[]): unknown {
  const [y, x] = [Number(latitude), Number(longitude)]
  if (!scope.spend(2 * corners.length)) return overspent(scope, site)
  if (corners.length < 3) return scope.fail(site, 'an area has three corners or more')
  if (!corners.every(isCorner)) return scope.fail(site, 'a corner is [latitude, longitude]')
  let inside = false
  for (const [at, [y1, x1]] of corners.entries()) {
    const [y2, x2] = corners[at === 0 ? corners.length - 1 : at - 1]!
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside
  }
  return inside
}

const isCorner = (corner: unknown): corner is [number, number] =>
  Array.isArray(corner) && corner.length === 2 && corner.every((degree) => typeof degree === 'number')
