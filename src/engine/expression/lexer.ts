import { TrestleError } from '../../contract/error.ts'
import { toInt, toUint } from './value.ts'

/** One word of an expression. `at` and `end` count characters in the text it was read from. */
export interface Token {
  readonly kind: 'name' | 'field' | 'literal' | 'operator' | 'end'
  readonly text: string
  readonly value: unknown
  readonly numeric: 'int' | 'uint' | 'double' | null
  readonly at: number
  readonly end: number
}

/** A fault of syntax at `offset`. */
export const syntaxError = (offset: number, message: string): TrestleError =>
  new TrestleError('E202', message, { detail: { offset } })

const space = /(?:\s|\/\/[^\n]*)*/y
const name = /[A-Za-z_][A-Za-z0-9_]*/y
const quotedField = /`([A-Za-z0-9_./ -]+)`/y
const hex = /0[xX]([0-9a-fA-F]+)/y
const decimal = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?/y
const prefix = /(?:[rR][bB]?|[bB][rR]?)?(?="|')/y
const operator = /\[\?|\.\?|&&|\|\||==|!=|<=|>=|[-+*/%!<>?:.,()[\]{}]/y

/**
 * Reads the words of a CEL expression from `start` on: to the end of the text, or, inside a template, to the `}` that
 * no `{` has opened. *Errors*: E202 with `detail.offset`. *Source*: CEL language definition, "Syntax".
 */
export function tokenize(text: string, start: number, inTemplate: boolean): Token[] {
  const tokens: Token[] = []
  let depth = 0
  let at = start
  for (;;) {
    at += lengthOf(space, text, at)
    if (at >= text.length) {
      if (inTemplate) throw syntaxError(start, 'this expression has no closing }')
      tokens.push(make('end', '', at, at))
      return tokens
    }
    const token = readToken(text, at)
    if (token.kind === 'operator') {
      if (token.text === '{') depth++
      else if (token.text === '}' && depth-- === 0 && inTemplate) {
        tokens.push(make('end', '', at, at))
        return tokens
      }
    }
    tokens.push(token)
    at = token.end
  }
}

const make = (kind: Token['kind'], text: string, at: number, end: number): Token => ({
  kind,
  text,
  value: undefined,
  numeric: null,
  at,
  end,
})

function lengthOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0].length ?? 0
}

function readToken(text: string, at: number): Token {
  prefix.lastIndex = at
  const quoted = prefix.exec(text)
  if (quoted !== null) return readString(text, at, quoted[0].toLowerCase())
  const named = lengthOf(name, text, at)
  if (named > 0) return make('name', text.slice(at, at + named), at, at + named)
  const number = readNumber(text, at)
  if (number !== null) return number
  quotedField.lastIndex = at
  const field = quotedField.exec(text)
  if (field !== null) return make('field', field[1]!, at, at + field[0].length)
  const mark = lengthOf(operator, text, at)
  if (mark > 0) return make('operator', text.slice(at, at + mark), at, at + mark)
  if (text.startsWith('${', at)) {
    throw syntaxError(at, 'an expression stands here bare, without the dollar sign and braces of a template')
  }
  const single =
    text[at] === '=' ? ' (equality is ==)' : text[at] === '&' ? ' (and is &&)' : text[at] === '|' ? ' (or is ||)' : ''
  throw syntaxError(at, `unexpected character ${JSON.stringify(String.fromCodePoint(text.codePointAt(at)!))}${single}`)
}

function readNumber(text: string, at: number): Token | null {
  hex.lastIndex = at
  const hexadecimal = hex.exec(text)
  decimal.lastIndex = at
  const found = hexadecimal ?? decimal.exec(text)
  if (found === null) return null
  const isDouble = hexadecimal === null && /[.eE]/.test(found[0])
  const unsigned = !isDouble && /[uU]/.test(text[at + found[0].length] ?? '')
  const end = at + found[0].length + (unsigned ? 1 : 0)
  if (/[A-Za-z_]/.test(text[end] ?? '')) throw syntaxError(end, 'a number ends before a letter')
  if (isDouble) return { kind: 'literal', text: found[0], value: Number(found[0]), numeric: 'double', at, end }
  if (unsigned) {
    const value = toUint(BigInt(found[0]))
    if (value === null) throw syntaxError(at, 'this integer does not fit 64 bits')
    return { kind: 'literal', text: text.slice(at, end), value, numeric: 'uint', at, end }
  }
  // One beyond the largest: only its negative exists, and the parser folds the sign in.
  const value = BigInt(found[0])
  const kept = value === 2n ** 63n ? value : toInt(value)
  if (kept === null) throw syntaxError(at, 'this integer does not fit 64 bits')
  return { kind: 'literal', text: found[0], value: kept, numeric: 'int', at, end }
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
}
const numericEscape = /[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})/y

function readString(text: string, at: number, prefixText: string): Token {
  const raw = prefixText.includes('r')
  const asBytes = prefixText.includes('b')
  const open = at + prefixText.length
  const quote = text.startsWith(text[open]!.repeat(3), open) ? text[open]!.repeat(3) : text[open]!
  const chunks: Buffer[] = []
  let value = ''
  let here = open + quote.length
  const flush = (): void => {
    if (!asBytes) return
    chunks.push(Buffer.from(value))
    value = ''
  }
  while (!text.startsWith(quote, here)) {
    const character = text[here]
    if (character === undefined || (quote.length === 1 && /[\n\r]/.test(character))) {
      throw syntaxError(at, 'this string has no closing quote')
    }
    if (character !== '\\' || raw) {
      value += character
      here++
      continue
    }
    const escaped = readEscape(text, here, asBytes)
    if (asBytes && escaped.byte) {
      flush()
      chunks.push(Buffer.of(escaped.codePoint))
    } else value += String.fromCodePoint(escaped.codePoint)
    here = escaped.end
  }
  const end = here + quote.length
  flush()
  const result = asBytes ? new Uint8Array(Buffer.concat(chunks)) : value
  return { kind: 'literal', text: text.slice(at, end), value: result, numeric: null, at, end }
}

/** `byte`: the escape names one byte (in bytes literals), not a code point. */
function readEscape(text: string, at: number, asBytes: boolean): { codePoint: number; end: number; byte: boolean } {
  const letter = text[at + 1] ?? ''
  const simple = Object.hasOwn(simpleEscapes, letter) ? simpleEscapes[letter] : undefined
  if (simple !== undefined) return { codePoint: simple.codePointAt(0)!, end: at + 2, byte: false }
  numericEscape.lastIndex = at + 1
  const found = numericEscape.exec(text)
  if (found === null) throw syntaxError(at, `unknown escape \\${letter}`)
  const [whole, byteHex, short, long, octal] = found
  const codePoint = octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt((byteHex ?? short ?? long)!, 16)
  const unicode = short !== undefined || long !== undefined
  if (unicode && asBytes) throw syntaxError(at, 'a bytes literal has no \\u escapes; write \\x')
  if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff)) {
    throw syntaxError(at, 'this is not a Unicode character')
  }
  return { codePoint, end: at + 1 + whole.length, byte: !unicode }
}
