import { isUtf8 } from 'node:buffer'
import type { Scope, Site } from '../scope.ts'
import { string } from '../type.ts'
import { Duration, failed, isAnyMap, keysOf, kindOf, readMap, Timestamp, TypeValue, Uint } from '../value.ts'
import { aList, aString, type FunctionRow, method, overspent } from './row.ts'

/** `format` of CEL's strings extension. *Source*: cel-spec, `doc/extensions/strings.md`. */
export const formatFunctions: readonly FunctionRow[] = [
  method(
    'format',
    aString,
    [aList],
    string,
    [
      'The text with values in place of `%s %d %f %e %x %X %o %b`; `%.2f` has two decimals, `%%` is a percent sign.',
      '"%s is %.1f".format(["press-7", 21.46]) == "press-7 is 21.5"',
    ],
    format,
    {
      dynamic: true,
      prove: ([text]) => {
        const parsed = typeof text === 'string' ? parseFormat(text) : []
        return typeof parsed === 'string' ? { at: 0, message: parsed } : null
      },
    },
  ),
]

type Verb = 's' | 'd' | 'f' | 'e' | 'x' | 'X' | 'o' | 'b'
type Piece = string | { readonly verb: Verb; readonly precision: number }

const maxPrecision = 100
const maxFormats = 256
const formats = new Map<string, readonly Piece[] | string>()

/** Its pieces, or what is wrong with it; formats are few and kept. */
function parseFormat(text: string): readonly Piece[] | string {
  const known = formats.get(text)
  if (known !== undefined) return known
  const pieces = parsePieces(text)
  if (formats.size >= maxFormats) formats.delete(formats.keys().next().value!)
  if (text.length <= 1_000) formats.set(text, pieces)
  return pieces
}

function parsePieces(text: string): readonly Piece[] | string {
  const pieces: Piece[] = []
  for (const [piece, precision, verb] of text.matchAll(/[^%]+|%(?:\.(\d*))?(.?)/gs)) {
    if (piece === '%%') pieces.push('%')
    else if (piece[0] !== '%') pieces.push(piece)
    else if (verb === undefined || verb === '' || !'sdfexXob'.includes(verb)) {
      return `${piece} is no part of a format; there are %s %d %f %e %x %X %o %b %%`
    } else if (precision !== undefined && (Number(precision) > maxPrecision || !'fe'.includes(verb))) {
      return `${piece}: only %f and %e have a precision, of ${maxPrecision} at most`
    } else pieces.push({ verb: verb as Verb, precision: precision === undefined ? 6 : Number(precision) })
  }
  return pieces
}

function format(scope: Scope, site: Site, text: string, values: readonly unknown[]): unknown {
  if (!scope.spend(text.length >> 1)) return overspent(scope, site)
  const pieces = parseFormat(text)
  if (typeof pieces === 'string') return scope.fail(site, pieces)
  let made = ''
  let used = 0
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      made += piece
      continue
    }
    if (used >= values.length) return scope.fail(site, `the format takes more than the ${values.length} values it got`)
    const shown = show(scope, site, piece.verb, piece.precision, values[used++])
    if (shown === failed) return failed
    if (typeof shown !== 'string') return scope.fail(site, `%${piece.verb} cannot show ${kindOf(values[used - 1])}`)
    made += shown
  }
  return scope.spend(made.length >> 4) ? made : overspent(scope, site)
}

/** undefined for a value of a kind the verb does not show. */
function show(
  scope: Scope,
  site: Site,
  verb: Verb,
  precision: number,
  value: unknown,
): string | typeof failed | undefined {
  if (!scope.spend(10)) return overspent(scope, site)
  if (verb === 's') return textOf(scope, site, value, 0)
  if (!scope.spend(precision)) return overspent(scope, site)
  if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Uint) {
    return showNumber(verb, precision, value instanceof Uint ? value.unsigned : value)
  }
  if (verb === 'b' && typeof value === 'boolean') return value ? '1' : '0'
  if ((verb === 'x' || verb === 'X') && (typeof value === 'string' || value instanceof Uint8Array)) {
    if (!scope.spend(value.length >> 2)) return overspent(scope, site)
    const hex = Buffer.from(value as Uint8Array).toString('hex')
    return verb === 'X' ? hex.toUpperCase() : hex
  }
  return undefined
}

function showNumber(verb: Verb, precision: number, value: number | bigint): string | undefined {
  if (verb === 'f' || verb === 'e') {
    const number = Number(value)
    if (!Number.isFinite(number)) return String(number)
    return verb === 'f' ? fixed(number, precision) : scientific(number, precision)
  }
  if (verb === 'd') return typeof value === 'bigint' ? String(value) : plainText(value)
  // JSON's whole numbers are doubles, and mean integers.
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return undefined
  const whole = BigInt(value)
  if (verb === 'b') return whole.toString(2)
  if (verb === 'o') return whole.toString(8)
  return verb === 'x' ? whole.toString(16) : whole.toString(16).toUpperCase()
}

/** Without an exponent, as many digits as tell it from its neighbours. */
function plainText(value: number): string {
  const text = String(value)
  const read = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (read === null) return text
  const [, sign, first, rest = '', exponent] = read
  const places = Number(exponent)
  const digits = first! + rest
  if (places < 0) return `${sign}0.${'0'.repeat(-places - 1)}${digits}`
  return sign + digits.padEnd(places + 1, '0')
}

/** Ties go to the even digit, as in Go; `toFixed` sends them up. */
function fixed(value: number, precision: number): string {
  const size = Math.abs(value)
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  if (size >= 1e21) return `${sign}${BigInt(size)}${precision > 0 ? `.${'0'.repeat(precision)}` : ''}`
  const rounded = size.toFixed(precision)
  const exact = size.toFixed(Math.min(100, precision + 30))
  const cut = exact.slice(0, precision === 0 ? exact.indexOf('.') : exact.indexOf('.') + 1 + precision)
  const tie = /^\.?50*$/.test(exact.slice(cut.length))
  return sign + (tie && /[02468]$/.test(cut) ? cut : rounded)
}

const scientific = (value: number, precision: number): string =>
  value.toExponential(precision).replace(/e([+-])(\d)$/, 'e$10$2')

const maxDepth = 64

/** What `%s` shows; undefined for what it cannot. */
function textOf(scope: Scope, site: Site, value: unknown, depth: number): string | typeof failed | undefined {
  if (typeof value === 'string') return scope.spend(value.length >> 4) ? value : overspent(scope, site)
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return plainText(value)
  if (value instanceof Uint) return String(value.unsigned)
  if (value instanceof Timestamp || value instanceof Duration) return value.toJSON()
  if (value instanceof TypeValue) return value.typeName
  if (value instanceof Uint8Array) {
    if (!scope.spend(value.length >> 3)) return overspent(scope, site)
    return isUtf8(value) ? Buffer.from(value).toString() : scope.fail(site, 'these bytes are not UTF-8')
  }
  if (depth > maxDepth) return scope.fail(site, `a value nested deeper than ${maxDepth} is not shown`)
  if (Array.isArray(value)) return listText(scope, site, value, depth)
  return isAnyMap(value) ? mapText(scope, site, value, depth) : undefined
}

function listText(
  scope: Scope,
  site: Site,
  list: readonly unknown[],
  depth: number,
): string | typeof failed | undefined {
  const parts: string[] = []
  for (const item of list) {
    if (!scope.spend(4)) return overspent(scope, site)
    const text = textOf(scope, site, item, depth + 1)
    if (typeof text !== 'string') return text
    parts.push(text)
  }
  return `[${parts.join(', ')}]`
}

function mapText(
  scope: Scope,
  site: Site,
  map: Parameters<typeof keysOf>[0],
  depth: number,
): string | typeof failed | undefined {
  const parts: [key: string, text: string][] = []
  for (const key of keysOf(map)) {
    if (!scope.spend(12 + (String(key).length >> 4))) return overspent(scope, site)
    const text = textOf(scope, site, readMap(map, key), depth + 1)
    if (typeof text !== 'string') return text
    parts.push([String(key), text])
  }
  parts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${parts.map(([key, text]) => `${key}: ${text}`).join(', ')}}`
}
