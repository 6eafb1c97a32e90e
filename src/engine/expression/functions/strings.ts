import type { Scope, Site } from '../scope.ts'
import { bool, int, listOf, string } from '../type.ts'
import { kindOf } from '../value.ts'
import { afford, aList, anInteger, aString, type FunctionRow, method, overspent, plain } from './row.ts'
import { countCodePoints, surrogate, toCodePoints, toUnits, walkSteps } from './text-units.ts'

/**
 * CEL's string functions and its strings extension. Positions count code points, not UTF-16 units.
 * *Source*: CEL language definition, "Standard Definitions"; cel-go `ext/strings.go`.
 */
export const stringFunctions: readonly FunctionRow[] = [
  method(
    'startsWith',
    aString,
    [aString],
    bool,
    ['Whether it begins so.', '"press-7".startsWith("press")'],
    (scope, site, text: string, part: string) => afford(scope, site, part.length >> 3, () => text.startsWith(part)),
  ),
  method(
    'endsWith',
    aString,
    [aString],
    bool,
    ['Whether it ends so.', '"press-7".endsWith("-7")'],
    (scope, site, text: string, part: string) => afford(scope, site, part.length >> 3, () => text.endsWith(part)),
  ),
  method(
    'contains',
    aString,
    [aString],
    bool,
    ['Whether it stands somewhere within.', '"press-7".contains("ss")'],
    (scope, site, text: string, part: string) =>
      afford(scope, site, searchSteps(text, part), () => text.includes(part)),
  ),
  method(
    'lowerAscii',
    aString,
    [],
    string,
    ['With A to Z as a to z, the rest as it is.', '"TacoCÆt".lowerAscii() == "tacocÆt"'],
    (scope, site, text: string) => afford(scope, site, text.length, () => inAscii(text, /[A-Z]+/g, 'toLowerCase')),
  ),
  method(
    'upperAscii',
    aString,
    [],
    string,
    ['With a to z as A to Z, the rest as it is.', '"press-7".upperAscii() == "PRESS-7"'],
    (scope, site, text: string) => afford(scope, site, text.length, () => inAscii(text, /[a-z]+/g, 'toUpperCase')),
  ),
  method(
    'trim',
    aString,
    [],
    string,
    ['Without the white space around it.', '" press-7\\n".trim() == "press-7"'],
    (scope, site, text: string) => afford(scope, site, text.length >> 4, () => trim(text)),
  ),
  method(
    'charAt',
    aString,
    [anInteger],
    string,
    ['One character; nothing at the end.', '"press-7".charAt(6) == "7"'],
    (scope, site, text: string, at: number) =>
      substring(scope, site, text, at, Math.min(at + 1, countCodePoints(text))),
  ),
  method(
    'substring',
    aString,
    [anInteger, anInteger],
    string,
    ['From one position to before another, or to the end.', '"press-7".substring(0, 5) == "press"'],
    substring,
    { optional: 1 },
  ),
  method(
    'indexOf',
    aString,
    [aString, anInteger],
    int,
    ['Where it stands first, searched from a position on; -1 when nowhere.', '"a/b/c".indexOf("/", 2) == 3'],
    indexOf,
    { optional: 1 },
  ),
  method(
    'lastIndexOf',
    aString,
    [aString, anInteger],
    int,
    ['Where it stands last, at a position or before; -1 when nowhere.', '"a/b/c".lastIndexOf("/") == 3'],
    lastIndexOf,
    { optional: 1 },
  ),
  method(
    'replace',
    aString,
    [aString, aString, anInteger],
    string,
    ['With one text replaced by another, at most so many times.', '"a/b/c".replace("/", ".", 1) == "a.b/c"'],
    replace,
    { optional: 1 },
  ),
  method(
    'split',
    aString,
    [aString, anInteger],
    listOf(string),
    ['Its pieces between the separators, at most so many.', '"a/b/c".split("/") == ["a", "b", "c"]'],
    split,
    { optional: 1 },
  ),
  method(
    'join',
    aList,
    [aString],
    string,
    ['Strings put together, with a separator between them.', '["a", "b"].join("/") == "a/b"'],
    join,
    { optional: 1 },
  ),
  method(
    'pad_start',
    aString,
    [anInteger, aString],
    string,
    ['Filled up at the front to so many characters, with spaces or the given text.', '"7".pad_start(3, "0") == "007"'],
    (scope, site, text: string, width: number, fill?: string) => pad(scope, site, text, width, fill, true),
    { optional: 1 },
  ),
  method(
    'pad_end',
    aString,
    [anInteger, aString],
    string,
    ['Filled up at the end to so many characters.', '"7".pad_end(3, ".") == "7.."'],
    (scope, site, text: string, width: number, fill?: string) => pad(scope, site, text, width, fill, false),
    { optional: 1 },
  ),
  plain(
    'strings.quote',
    [aString],
    string,
    ['In double quotes, with what cannot be printed escaped.', "strings.quote('a\\n') == r'\"a\\n\"'"],
    (scope, site, text: string) => afford(scope, site, text.length >> 1, () => quote(text)),
  ),
]

/** Most text is ASCII, which the engine changes as a whole. */
const inAscii = (text: string, letters: RegExp, change: 'toLowerCase' | 'toUpperCase'): string =>
  isAsciiText.test(text) ? text[change]() : text.replace(letters, (part) => part[change]())

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what ASCII is
const isAsciiText = /^[\x00-\x7f]*$/

/** A search may look at a part's characters at every place of the text: 50,000 within 100,000 took 0.4 s. */
const searchSteps = (text: string, part: string): number => (text.length * (2 + part.length)) / 256

/** A text may consist of separators. */
const pieceSteps = (text: string, separator: string): number =>
  text.length / Math.max(1, separator.length) + searchSteps(text, separator)

/** *Source*: Unicode's White_Space, which has U+0085 and lacks U+FEFF, unlike JavaScript's. */
const isSpace = (unit: number): boolean =>
  (unit >= 0x09 && unit <= 0x0d) ||
  unit === 0x20 ||
  unit === 0x85 ||
  unit === 0xa0 ||
  unit === 0x1680 ||
  (unit >= 0x2000 && unit <= 0x200a) ||
  unit === 0x2028 ||
  unit === 0x2029 ||
  unit === 0x202f ||
  unit === 0x205f ||
  unit === 0x3000

function trim(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const escapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is escaped
const quote = (text: string): string => `"${text.toWellFormed().replace(/["\\\x07-\x0d]/g, (one) => escapes[one]!)}"`

function pad(scope: Scope, site: Site, text: string, width: number, fill = ' ', front: boolean): unknown {
  if (!scope.spend(walkSteps(text) + fill.length)) return overspent(scope, site)
  const missing = width - countCodePoints(text)
  if (missing <= 0) return text
  if (fill === '') return scope.fail(site, 'there is nothing to fill up with')
  // Multiplied, not shifted: what a message names may be beyond 32 bits, and a shift would make it cheap.
  const plain = !surrogate.test(fill)
  if (!scope.spend(plain ? missing / 16 : 4 * missing)) return overspent(scope, site)
  const fills = plain ? [] : Array.from(fill)
  const filling = plain
    ? fill.repeat(Math.ceil(missing / fill.length)).slice(0, missing)
    : Array.from({ length: missing }, (_, at) => fills[at % fills.length]!).join('')
  return front ? filling + text : text + filling
}

function substring(scope: Scope, site: Site, text: string, from: number, to?: number): unknown {
  if (!scope.spend(walkSteps(text))) return overspent(scope, site)
  const start = toUnits(text, from)
  const end = to === undefined ? text.length : toUnits(text, to)
  if (start === null || end === null || start > end) {
    return scope.fail(
      site,
      `${from}${to === undefined ? '' : ` to ${to}`} lies outside a string of ${countCodePoints(text)}`,
    )
  }
  return text.slice(start, end)
}

function indexOf(scope: Scope, site: Site, text: string, part: string, from = 0): unknown {
  if (!scope.spend(walkSteps(text) + searchSteps(text, part))) return overspent(scope, site)
  const start = toUnits(text, from)
  if (start === null) return scope.fail(site, `${from} lies outside a string of ${countCodePoints(text)}`)
  return toCodePoints(text, text.indexOf(part, start))
}

function lastIndexOf(scope: Scope, site: Site, text: string, part: string, from?: number): unknown {
  // Unlike the search forwards it knows no short cuts.
  if (!scope.spend(walkSteps(text) + 2 * searchSteps(text, part))) return overspent(scope, site)
  const start = from === undefined ? text.length : toUnits(text, from)
  if (start === null) return scope.fail(site, `${from} lies outside a string of ${countCodePoints(text)}`)
  return toCodePoints(text, text.lastIndexOf(part, start))
}

function replace(scope: Scope, site: Site, text: string, old: string, by: string, limit = -1): unknown {
  if (!scope.spend(pieceSteps(text, old))) return overspent(scope, site)
  const pieces = old === '' ? ['', ...Array.from(text), ''] : text.split(old)
  const replaced = limit < 0 ? pieces.length - 1 : Math.min(limit, pieces.length - 1)
  if (!scope.spend(replaced + (replaced * by.length) / 16)) return overspent(scope, site)
  return (
    pieces
      .slice(0, replaced)
      .map((piece) => piece + by)
      .join('') + pieces.slice(replaced).join(old)
  )
}

function split(scope: Scope, site: Site, text: string, separator: string, limit = -1): unknown {
  if (!scope.spend(pieceSteps(text, separator))) return overspent(scope, site)
  if (limit === 0) return []
  const pieces = separator === '' ? Array.from(text) : text.split(separator)
  if (limit < 0 || pieces.length <= limit) return pieces
  return [...pieces.slice(0, limit - 1), pieces.slice(limit - 1).join(separator)]
}

function join(scope: Scope, site: Site, list: readonly unknown[], separator = ''): unknown {
  let length = list.length * separator.length
  for (const item of list) {
    if (typeof item !== 'string')
      return scope.fail(site, `join needs a list of strings, and it holds a ${kindOf(item)}`)
    length += item.length
  }
  return scope.spend(list.length + length / 16) ? list.join(separator) : overspent(scope, site)
}
