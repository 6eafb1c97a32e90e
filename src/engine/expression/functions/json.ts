import { isUtf8 } from 'node:buffer'
import type { Scope, Site } from '../scope.ts'
import { dyn, listOf, string } from '../type.ts'
import {
  Duration,
  failed,
  isAnyMap,
  keysOf,
  kindOf,
  type MapValue,
  readMap,
  setField,
  Timestamp,
  Uint,
} from '../value.ts'
import { anything, aString, brief, type FunctionRow, overspent, plain, stringOrBytes } from './row.ts'

/** Deepest nesting that is read or written. */
const maxDepth = 256

/** Data within text: JSON in a string field, a line of comma-separated values. */
export const jsonFunctions: readonly FunctionRow[] = [
  plain(
    'parse_json',
    [stringOrBytes],
    dyn,
    ['The data of a JSON text.', 'parse_json(\'{"a": [1, 2]}\').a[1] == 2'],
    parseJson,
  ),
  plain(
    'to_json',
    [anything],
    string,
    ['The value as JSON text: bytes as base64, times as RFC 3339.', 'to_json({"a": [1, true]}) == \'{"a":[1,true]}\''],
    (scope, site, value: unknown) => {
      const data = toJson(scope, site, value, 0)
      return data === failed ? failed : JSON.stringify(data)
    },
    { dynamic: true },
  ),
  plain(
    'parse_csv_line',
    [aString, aString],
    listOf(string),
    [
      'The cells of one line of comma-separated values, or with another separator.',
      'parse_csv_line(\'7,"a, b",ok\') == ["7", "a, b", "ok"]',
    ],
    parseCsvLine,
    {
      optional: 1,
      prove: ([, separator]) =>
        typeof separator === 'string' && separator.length !== 1 ? { at: 1, message: oneSeparator } : null,
    },
  ),
]

const oneSeparator = 'a separator is one character'

function parseJson(scope: Scope, site: Site, source: string | Uint8Array): unknown {
  if (!scope.spend(source.length >> 1)) return overspent(scope, site)
  if (source instanceof Uint8Array && !isUtf8(source)) return scope.fail(site, 'this is not JSON: it is not UTF-8')
  const text = typeof source === 'string' ? source : Buffer.from(source).toString()
  if (depthOf(text) > maxDepth) return scope.fail(site, `this JSON nests deeper than ${maxDepth}`)
  try {
    return JSON.parse(text) as unknown
  } catch (thrown) {
    // The engine's words quote the text as it is, line ends and all.
    const why = (thrown as Error).message.replace(/\p{Cc}/gu, ' ')
    return scope.fail(site, `${brief(text)} is not JSON: ${why}`)
  }
}

/** How deep brackets outside of strings nest. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === 0x22) quoted = !quoted
    else if (quoted) at += unit === 0x5c ? 1 : 0
    else if (unit === 0x5b || unit === 0x7b) deepest = Math.max(deepest, ++depth)
    else if (unit === 0x5d || unit === 0x7d) depth--
  }
  return deepest
}

/** `JSON.rawJSON` prints a number's digits as they are; TypeScript's library does not know it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

/** What `JSON.stringify` prints as it is; every part is paid for, however often it is shared. */
function toJson(scope: Scope, site: Site, value: unknown, depth: number): unknown {
  if (!scope.spend(8)) return overspent(scope, site)
  if (typeof value === 'string') return scope.spend(value.length >> 2) ? value : overspent(scope, site)
  if (typeof value === 'boolean' || value === null) return value
  if (typeof value === 'number') {
    return Number.isFinite(value) ? value : scope.fail(site, `${value} cannot be written as JSON`)
  }
  if (typeof value === 'bigint' || value instanceof Uint) {
    const digits = String(value instanceof Uint ? value.unsigned : value)
    return scope.spend(16) ? rawJSON(digits) : overspent(scope, site)
  }
  if (value instanceof Timestamp || value instanceof Duration) {
    return scope.spend(30) ? value.toJSON() : overspent(scope, site)
  }
  if (value instanceof Uint8Array) {
    return scope.spend(4 + (value.length >> 3)) ? Buffer.from(value).toString('base64') : overspent(scope, site)
  }
  if (depth >= maxDepth) return scope.fail(site, `this value nests deeper than ${maxDepth}`)
  if (Array.isArray(value)) {
    const list: unknown[] = []
    for (const item of value) {
      const made = toJson(scope, site, item, depth + 1)
      if (made === failed) return failed
      list.push(made)
    }
    return list
  }
  if (!isAnyMap(value)) return scope.fail(site, `${kindOf(value)} cannot be written as JSON`)
  const map: MapValue = {}
  for (const key of keysOf(value)) {
    const made = toJson(scope, site, readMap(value, key), depth + 1)
    if (made === failed || !scope.spend(10 + (String(key).length >> 4)))
      return made === failed ? failed : overspent(scope, site)
    setField(map, String(key), made)
  }
  return map
}

/** *Source*: RFC 4180. */
function parseCsvLine(scope: Scope, site: Site, text: string, separator = ','): unknown {
  if (separator.length !== 1) return scope.fail(site, oneSeparator)
  if (!scope.spend(text.length)) return overspent(scope, site)
  const cells: string[] = []
  for (let at = 0; ; at++) {
    if (text[at] === '"') {
      let cell = ''
      for (at++; ; at++) {
        const end = text.indexOf('"', at)
        if (end === -1) return scope.fail(site, `a quote is never closed in ${brief(text)}`)
        cell += text.slice(at, end)
        at = end + 1
        if (text[at] !== '"') break
        cell += '"'
      }
      cells.push(cell)
      if (at < text.length && text[at] !== separator) {
        return scope.fail(site, `a cell goes on behind its closing quote in ${brief(text)}`)
      }
    } else {
      const next = text.indexOf(separator, at)
      const end = next === -1 ? text.length : next
      cells.push(text.slice(at, end))
      at = end
    }
    if (at >= text.length) return cells
  }
}
