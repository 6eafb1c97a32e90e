import { LinearPattern } from '../../../document/linear-pattern.ts'
import type { Scope, Site } from '../scope.ts'
import { bool, listOf, optionalOf, string } from '../type.ts'
import { failed, none } from '../value.ts'
import { anInteger, aString, type FunctionRow, method, overspent, type Prove, plain } from './row.ts'

/** The pattern among the arguments, where it is a literal, must be one. */
const patternAt =
  (at: number, maxGroups = Infinity): Prove =>
  (constants) => {
    const pattern = constants[at]
    if (typeof pattern !== 'string') return null
    const compiled = compilePattern(pattern)
    if (typeof compiled === 'string') return { at, message: `not a pattern RE2 knows: ${compiled}` }
    return compiled.groups > maxGroups ? { at, message: tooManyGroups } : null
  }

/**
 * Regular expressions in RE2 syntax, linear in the text's length whatever the pattern.
 * *Source*: CEL language definition, "Regular Expressions"; cel-go `ext/regex.go`.
 */
export const patternFunctions: readonly FunctionRow[] = [
  method(
    'matches',
    aString,
    [aString],
    bool,
    [
      'Whether the pattern is found in the text; `^` and `$` hold it to the whole.',
      '"press-7".matches("^[a-z]+-[0-9]+$")',
    ],
    matches,
    { prove: patternAt(1) },
  ),
  plain(
    'matches',
    [aString, aString],
    bool,
    ['The same, written as a function.', 'matches("press-7", "-[0-9]")'],
    matches,
    { prove: patternAt(1) },
  ),
  plain(
    'regex.replace',
    [aString, aString, aString, anInteger],
    string,
    [
      'The text with what the pattern finds replaced, at most so many times; `\\1` stands for the first group.',
      "regex.replace('foo bar', '(fo)o (ba)r', r'\\2 \\1') == 'ba fo'",
    ],
    replace,
    { optional: 1, prove: patternAt(1) },
  ),
  plain(
    'regex.extract',
    [aString, aString],
    optionalOf(string),
    [
      'The first match, or its one group; absent when there is none.',
      "regex.extract('press-7 ok', 'press-([0-9]+)').orValue('') == '7'",
    ],
    extract,
    { prove: patternAt(1, 1) },
  ),
  plain(
    'regex.extractAll',
    [aString, aString],
    listOf(string),
    ['All matches, or the one group of each.', "regex.extractAll('id:123, id:456', 'id:([0-9]+)') == ['123', '456']"],
    extractAll,
    { prove: patternAt(1, 1) },
  ),
]

const tooManyGroups = 'the pattern has more than one group, so which to extract is not clear; write (?:…)'

/** *Unit*: characters. */
const maxPatternLength = 1_000
const maxPatterns = 256
const patterns = new Map<string, LinearPattern | string>()

/** A pattern in RE2 syntax; or what is wrong with it. */
export function compilePattern(pattern: string): LinearPattern | string {
  const known = patterns.get(pattern)
  if (known !== undefined) return known
  if (pattern.length > maxPatternLength) return `a pattern may have ${maxPatternLength} characters at most`
  const compiled = LinearPattern.compile(pattern)
  // Messages may bring their own patterns; the oldest give way.
  if (patterns.size >= maxPatterns) patterns.delete(patterns.keys().next().value!)
  patterns.set(pattern, compiled)
  return compiled
}

/** The compiled pattern; one that a message brings along must be paid for. */
function ready(scope: Scope, site: Site, pattern: string): LinearPattern | typeof failed {
  let compiled = patterns.get(pattern)
  if (compiled === undefined) {
    if (!scope.spend(5_000 + 100 * pattern.length)) return overspent(scope, site)
    compiled = compilePattern(pattern)
  }
  return typeof compiled === 'string' ? scope.fail(site, `not a pattern RE2 knows: ${compiled}`) : compiled
}

function matches(scope: Scope, site: Site, text: string, pattern: string): unknown {
  const compiled = ready(scope, site, pattern)
  if (compiled === failed) return failed
  const found = compiled.test(text, scope)
  return found || scope.spend(0) ? found : overspent(scope, site)
}

/** The match, or the one group in it; null when the group took no part. */
function partOf(text: string, found: readonly number[], groups: number): string | null {
  const start = found[2 * groups]!
  return start === -1 ? null : text.slice(start, found[2 * groups + 1]!)
}

function extract(scope: Scope, site: Site, text: string, pattern: string): unknown {
  const compiled = ready(scope, site, pattern)
  if (compiled === failed) return failed
  if (compiled.groups > 1) return scope.fail(site, tooManyGroups)
  const found = compiled.find(text, 0, scope)
  if (found === null) return scope.spend(0) ? none : overspent(scope, site)
  return partOf(text, found, compiled.groups) ?? none
}

function extractAll(scope: Scope, site: Site, text: string, pattern: string): unknown {
  const compiled = ready(scope, site, pattern)
  if (compiled === failed) return failed
  if (compiled.groups > 1) return scope.fail(site, tooManyGroups)
  const parts: string[] = []
  for (const found of compiled.findAll(text, scope)) {
    const part = partOf(text, found, compiled.groups)
    if (part !== null) parts.push(part)
  }
  return scope.spend(parts.length) ? parts : overspent(scope, site)
}

function replace(scope: Scope, site: Site, text: string, pattern: string, by: string, count = -1): unknown {
  if (count === 0) return text
  const compiled = ready(scope, site, pattern)
  if (compiled === failed) return failed
  if (!scope.spend(40 + (by.length >> 1))) return overspent(scope, site)
  const parts = replacementParts(by, compiled.groups)
  if (typeof parts === 'string') return scope.fail(site, parts)
  let replaced = ''
  let from = 0
  let left = count < 0 ? Infinity : count
  for (const found of compiled.findAll(text, scope)) {
    replaced += text.slice(from, found[0])
    for (const part of parts) replaced += typeof part === 'string' ? part : (partOf(text, found, part) ?? '')
    if (!scope.spend(replaced.length >> 8)) break
    from = found[1]!
    if (--left <= 0) break
  }
  return scope.spend((replaced.length + text.length) >> 4) ? replaced + text.slice(from) : overspent(scope, site)
}

/** `\2 of \1` as pieces of text and numbers of groups; or what is wrong with it. */
function replacementParts(by: string, groups: number): (string | number)[] | string {
  const parts: (string | number)[] = []
  for (const [piece, escaped] of by.matchAll(/\\(.?)|[^\\]+/gs)) {
    if (escaped === undefined) parts.push(piece)
    else if (escaped === '\\') parts.push('\\')
    else if (!/^\d$/.test(escaped)) return "in the replacement, \\ stands before a group's number or another \\"
    else if (Number(escaped) > groups) return `the pattern has ${groups} groups, and no \\${escaped}`
    else parts.push(Number(escaped))
  }
  return parts
}
