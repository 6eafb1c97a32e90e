import type { Scalar } from 'yaml'

/**
 * Where the character at `offset` of a scalar's content stands in the file's text. The first character of a quoted
 * string is behind its quote; an offset past the end is the place just behind the last character.
 *
 * The text of a scalar is cut into lines, each line into the characters it contributes; the lines are then found in
 * the value one after the other. What lies between two of them is a fold (one space) or line breaks, so that one
 * procedure serves plain, quoted, literal and folded scalars. *Source*: YAML 1.2.2 §7.3, §8.1.
 */
export function contentOffset(scalar: Scalar, text: string, offset: number): number {
  const start = scalar.range?.[0] ?? 0
  const end = scalar.range?.[1] ?? start
  if (typeof scalar.value !== 'string') return Math.min(start + offset, end)
  const { value } = scalar
  let at = 0
  let last = start
  for (const line of linesOf(scalar, text, start, end)) {
    const from = findLine(value, line.characters, at)
    if (from === -1) continue
    // Asked for a fold or a line break before this line: the end of the line above is the nearest place.
    if (offset < from) return last
    if (offset < from + line.characters.length) return line.offsets[offset - from]!
    at = from + line.characters.length
    last = line.end
  }
  return last
}

interface Line {
  /** What this line contributes to the value. */
  characters: string
  /** For each of them, its place in the text. */
  offsets: number[]
  /** The place behind the last. */
  end: number
}

/** Where `characters` continue the value at or after `at`, with nothing but white space between; -1 if nowhere. */
function findLine(value: string, characters: string, at: number): number {
  for (let from = at; from <= value.length; from++) {
    if (value.startsWith(characters, from)) return from
    const skipped = value[from]
    if (skipped !== ' ' && skipped !== '\n' && skipped !== '\t') return -1
  }
  return -1
}

function linesOf(scalar: Scalar, text: string, start: number, end: number): Line[] {
  switch (scalar.type) {
    case 'BLOCK_LITERAL':
    case 'BLOCK_FOLDED':
      return blockLines(text, start, end)
    case 'QUOTE_DOUBLE':
    case 'QUOTE_SINGLE':
      return flowLines(text, start + 1, end - 1, scalar.type === 'QUOTE_DOUBLE' ? '\\' : "'")
    default:
      return flowLines(text, start, end, '')
  }
}

function blockLines(text: string, start: number, end: number): Line[] {
  const header = text.slice(start, text.indexOf('\n', start))
  const body = splitLines(text, start + header.length + 1, end)
  const indents = body.filter(([from, to]) => text.slice(from, to).trim() !== '').map(([from]) => indentAt(text, from))
  // With an indentation indicator (`|2`) the first line may be indented further than the block: the least is the block's.
  const indent = /[1-9]/.test(header.slice(0, 3)) ? Math.min(...indents) : (indents[0] ?? 0)
  return body.map(([from, to]) => verbatim(text, Math.min(from + indent, to), to)).filter(hasCharacters)
}

function indentAt(text: string, from: number): number {
  let at = from
  while (text[at] === ' ') at++
  return at - from
}

function verbatim(text: string, from: number, to: number): Line {
  return { characters: text.slice(from, to), offsets: Array.from({ length: to - from }, (_, i) => from + i), end: to }
}

const hasCharacters = (line: Line) => line.characters.length > 0

/** Lines of a plain or quoted scalar: blanks at inner line ends belong to nobody; `escaping` is the character that escapes. */
function flowLines(text: string, start: number, end: number, escaping: string): Line[] {
  const lines = splitLines(text, start, end)
  return lines
    .map(([from, to], index) => {
      let [first, behind] = [from, to]
      if (index > 0) while (first < behind && isBlank(text[first])) first++
      if (index < lines.length - 1) while (behind > first && isBlank(text[behind - 1])) behind--
      if (escaping === '') return verbatim(text, first, behind)
      return unescaped(text, first, behind, escaping)
    })
    .filter(hasCharacters)
}

const isBlank = (character: string | undefined) => character === ' ' || character === '\t'

function unescaped(text: string, from: number, to: number, escaping: string): Line {
  const line: Line = { characters: '', offsets: [], end: to }
  for (let at = from; at < to; ) {
    const [meaning, length] = text[at] === escaping ? escaped(text, at, to) : [text[at]!, 1]
    for (let unit = 0; unit < meaning.length; unit++) line.offsets.push(at)
    line.characters += meaning
    at += length
  }
  return line
}

const letters: Record<string, string> = {
  0: '\0',
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  N: '\u0085',
  _: '\u00a0',
  L: '\u2028',
  P: '\u2029',
}
const hexDigits: Record<string, number> = { x: 2, u: 4, U: 8 }

/** The character an escape stands for and its length in the text; a backslash at the line's end stands for nothing. */
function escaped(text: string, at: number, to: number): [meaning: string, length: number] {
  const next = text[at + 1]
  if (text[at] === "'") return ["'", 2]
  if (next === undefined || at + 1 >= to) return ['', 1]
  const digits = hexDigits[next]
  if (digits === undefined) return [letters[next] ?? next, 2]
  const point = Number.parseInt(text.slice(at + 2, at + 2 + digits), 16)
  return [point <= 0x10ffff ? String.fromCodePoint(point) : '', 2 + digits]
}

/** Pairs of first offset and the offset behind the last character of each line, without its line break. */
function splitLines(text: string, start: number, end: number): [from: number, to: number][] {
  const lines: [number, number][] = []
  for (let from = start; from <= end; ) {
    const found = text.indexOf('\n', from)
    const stop = found === -1 || found >= end ? end : found
    lines.push([from, stop > from && text[stop - 1] === '\r' && stop < end ? stop - 1 : stop])
    from = stop + 1
  }
  return lines
}
