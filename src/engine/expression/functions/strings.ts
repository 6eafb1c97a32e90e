import { RE2JS } from '@bufbuild/re2'
import type { Scope, Site } from '../scope.ts'
import { bool, int, listOf, string } from '../type.ts'
import { kindOf } from '../value.ts'
import { aList, anInteger, aString, type FunctionRow, method, spentBudget } from './row.ts'

/**
 * CEL's string functions and its strings extension. Positions count code points, not UTF-16 units.
 * *Source*: CEL language definition, "Standard Definitions"; cel-go `ext/strings.go`.
 */
export const stringFunctions: readonly FunctionRow[] = [
  method('startsWith', aString, [aString], bool, (_scope, _site, text: string, part: string) => text.startsWith(part)),
  method('endsWith', aString, [aString], bool, (_scope, _site, text: string, part: string) => text.endsWith(part)),
  method('contains', aString, [aString], bool, (scope, site, text: string, part: string) =>
    scope.spend(text.length >> 4) ? text.includes(part) : scope.fail(site, spentBudget),
  ),
  method('matches', aString, [aString], bool, matches),
  method('lowerAscii', aString, [], string, (scope, site, text: string) =>
    sizeable(scope, site, text.length, () => text.replace(/[A-Z]+/g, (part) => part.toLowerCase())),
  ),
  method('upperAscii', aString, [], string, (scope, site, text: string) =>
    sizeable(scope, site, text.length, () => text.replace(/[a-z]+/g, (part) => part.toUpperCase())),
  ),
  method('trim', aString, [], string, (scope, site, text: string) =>
    sizeable(scope, site, text.length, () => text.trim()),
  ),
  method('reverse', aString, [], string, (scope, site, text: string) =>
    sizeable(scope, site, text.length * 4, () => Array.from(text).reverse().join('')),
  ),
  method('charAt', aString, [anInteger], string, (scope, site, text: string, at: number) =>
    substring(scope, site, text, at, Math.min(at + 1, countCodePoints(text))),
  ),
  method('substring', aString, [anInteger, anInteger], string, substring, 1),
  method('indexOf', aString, [aString, anInteger], int, indexOf, 1),
  method('lastIndexOf', aString, [aString], int, (scope, site, text: string, part: string) =>
    sizeable(scope, site, text.length, () => toCodePoints(text, text.lastIndexOf(part))),
  ),
  method('replace', aString, [aString, aString, anInteger], string, replace, 1),
  method('split', aString, [aString, anInteger], listOf(string), split, 1),
  method('join', aList, [aString], string, join, 1),
]

/** Runs `make` when the budget allows for that many characters. */
function sizeable(scope: Scope, site: Site, characters: number, make: () => unknown): unknown {
  return scope.spend(characters >> 2) ? make() : scope.fail(site, spentBudget)
}

const surrogate = /[\ud800-\udfff]/

/** *Unit*: code points. */
export function countCodePoints(text: string): number {
  if (!surrogate.test(text)) return text.length
  let count = 0
  for (const _ of text) count++
  return count
}

/** An index of UTF-16 units as one of code points; -1 stays. */
const toCodePoints = (text: string, unit: number): number => (unit <= 0 ? unit : countCodePoints(text.slice(0, unit)))

/** An index of code points as one of UTF-16 units; null when it lies outside the text. */
function toUnits(text: string, at: number): number | null {
  if (at < 0 || at > text.length) return null
  if (!surrogate.test(text)) return at
  let units = 0
  for (let left = at; left > 0; left--) {
    if (units >= text.length) return null
    units += text.codePointAt(units)! > 0xffff ? 2 : 1
  }
  return units
}

function substring(scope: Scope, site: Site, text: string, from: number, to?: number): unknown {
  if (!scope.spend(text.length >> 2)) return scope.fail(site, spentBudget)
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
  if (!scope.spend(text.length >> 2)) return scope.fail(site, spentBudget)
  const start = toUnits(text, from)
  if (start === null) return scope.fail(site, `${from} lies outside a string of ${countCodePoints(text)}`)
  return toCodePoints(text, text.indexOf(part, start))
}

function replace(scope: Scope, site: Site, text: string, old: string, by: string, limit = -1): unknown {
  if (!scope.spend(text.length)) return scope.fail(site, spentBudget)
  const pieces = old === '' ? ['', ...Array.from(text), ''] : text.split(old)
  const replaced = limit < 0 ? pieces.length - 1 : Math.min(limit, pieces.length - 1)
  if (!scope.spend(replaced * by.length)) return scope.fail(site, spentBudget)
  return (
    pieces
      .slice(0, replaced)
      .map((piece) => piece + by)
      .join('') + pieces.slice(replaced).join(old)
  )
}

function split(scope: Scope, site: Site, text: string, separator: string, limit = -1): unknown {
  if (!scope.spend(text.length)) return scope.fail(site, spentBudget)
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
  return scope.spend(list.length + length) ? list.join(separator) : scope.fail(site, spentBudget)
}

const maxPatternLength = 1_000
const maxPatterns = 256
const patterns = new Map<string, RE2JS | string>()

/** A pattern in RE2 syntax, which takes linear time whatever it is; or what is wrong with it. */
export function compilePattern(pattern: string): RE2JS | string {
  const known = patterns.get(pattern)
  if (known !== undefined) return known
  if (pattern.length > maxPatternLength) return `a pattern may have ${maxPatternLength} characters at most`
  let compiled: RE2JS | string
  try {
    compiled = RE2JS.compile(pattern)
  } catch (thrown) {
    compiled = (thrown as Error).message
  }
  // Messages may bring their own patterns; the oldest give way.
  if (patterns.size >= maxPatterns) patterns.delete(patterns.keys().next().value!)
  patterns.set(pattern, compiled)
  return compiled
}

function matches(scope: Scope, site: Site, text: string, pattern: string): unknown {
  if (!scope.spend(text.length * (1 + (pattern.length >> 3)))) return scope.fail(site, spentBudget)
  const compiled = compilePattern(pattern)
  if (typeof compiled === 'string') return scope.fail(site, `not a pattern RE2 knows: ${compiled}`)
  return compiled.test(text)
}
