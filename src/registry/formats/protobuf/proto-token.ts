import { type FormatFault, faultAt } from '../format.ts'

/** A word of a `.proto` file. *Shape*: `text` of a string is what it means, without quotes. */
export interface Token {
  readonly kind: 'name' | 'number' | 'string' | 'symbol' | 'end'
  readonly text: string
  readonly line: number
  readonly column: number
}

/** What the parser throws and the door catches. */
export class ProtoRefused extends Error {
  readonly fault: FormatFault

  constructor(fault: FormatFault) {
    super(fault.message)
    this.fault = fault
  }
}

/** Gives up at a token. *Errors*: always throws. */
export function refuse(
  at: { line: number; column: number },
  message: string,
  code: FormatFault['code'] = 'E302',
): never {
  throw new ProtoRefused({ ...faultAt([], message, code), line: at.line, column: at.column })
}

/** Words beyond this make no schema. */
const maxTokens = 100_000

const word =
  /([A-Za-z_][A-Za-z0-9_]*)|((?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?f?))|("(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')|([{}()[\]<>=;,:.+\-/])/y
const blank = /(?:[ \t\r\n\f\v]+|\/\/[^\n]*)*/y

/** Splits a text into words, without comments. *Errors*: throws ProtoRefused. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let line = 1
  let lineStart = 0
  let position = 0
  // Remembered, since looking for it anew at each word of a long line would be quadratic.
  let lineEnd = text.indexOf('\n')
  const skip = (to: number): void => {
    while (lineEnd >= 0 && lineEnd < to) {
      line++
      lineStart = lineEnd + 1
      lineEnd = text.indexOf('\n', lineStart)
    }
    position = to
  }
  for (;;) {
    blank.lastIndex = position
    blank.test(text)
    skip(Math.max(blank.lastIndex, position))
    const place = { line, column: position - lineStart + 1 }
    if (text.startsWith('/*', position)) {
      const end = text.indexOf('*/', position + 2)
      if (end < 0) refuse(place, 'the comment does not end')
      skip(end + 2)
      continue
    }
    if (position >= text.length) {
      tokens.push({ kind: 'end', text: '', ...place })
      return tokens
    }
    if (tokens.length >= maxTokens) refuse(place, `has more than ${maxTokens} words`, 'E303')
    word.lastIndex = position
    const found = word.exec(text)
    if (found === null) return refuse(place, unreadableAt(text, position))
    const [whole, name, number, string] = found
    const kind =
      name !== undefined ? 'name' : number !== undefined ? 'number' : string !== undefined ? 'string' : 'symbol'
    tokens.push({ kind, text: kind === 'string' ? unquoted(whole) : whole, ...place })
    skip(word.lastIndex)
  }
}

function unreadableAt(text: string, position: number): string {
  if (/["']/.test(text[position]!)) return 'the text does not end on its line'
  return `${JSON.stringify(String.fromCodePoint(text.codePointAt(position)!))} has no meaning here`
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' }

/** *Shape*: the bytes of `\x` and octal escapes as the units 0 to 255. */
const unquoted = (quoted: string): string =>
  quoted
    .slice(1, -1)
    .replace(/\\(?:[xX]([0-9a-fA-F]{1,2})|([0-7]{1,3})|u([0-9a-fA-F]{4})|(.))/gs, (_, hex, octal, unicode, plain) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex as string, 16))
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal as string, 8) & 255)
      if (unicode !== undefined) return String.fromCharCode(Number.parseInt(unicode as string, 16))
      return escapes[plain as string] ?? (plain as string)
    })

/** The words in turn. */
export class Tokens {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get next(): Token {
    return this.#tokens[this.#at]!
  }

  get afterNext(): Token {
    return this.#tokens[Math.min(this.#at + 1, this.#tokens.length - 1)]!
  }

  take(): Token {
    const token = this.next
    if (token.kind !== 'end') this.#at++
    return token
  }

  /** Whether the next word is this symbol or name; it is taken then. */
  accept(text: string): boolean {
    const { next } = this
    if (next.text !== text || next.kind === 'string') return false
    this.#at++
    return true
  }

  expect(text: string): Token {
    const { next } = this
    if (!this.accept(text)) refuse(next, `expected \`${text}\`, not ${told(next)}`)
    return next
  }

  name(what: string): Token {
    const { next } = this
    if (next.kind !== 'name') refuse(next, `expected ${what}, not ${told(next)}`)
    // The one name that objects do not take as a plain one; nobody means it.
    if (next.text === '__proto__') refuse(next, '`__proto__` is refused as a name', 'E303')
    return this.take()
  }

  string(what: string): string {
    const { next } = this
    if (next.kind !== 'string') refuse(next, `expected ${what} in quotes, not ${told(next)}`)
    let text = ''
    while (this.next.kind === 'string') text += this.take().text
    return text
  }

  /** `a.b.C`, with a dot before it or not. */
  path(what: string): string {
    let path = this.accept('.') ? '.' : ''
    path += this.name(what).text
    while (this.accept('.')) path += `.${this.name(what).text}`
    return path
  }

  /** A whole number, decimal, hexadecimal or octal, with its sign. */
  integer(what: string): number {
    const { next } = this
    const negative = this.accept('-')
    const { kind, text } = this.take()
    if (kind !== 'number' || !/^(0[xX][0-9a-fA-F]+|\d+)$/.test(text))
      refuse(next, `expected ${what}, not ${told(next)}`)
    const value = /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text)
    return negative ? -value : value
  }
}

/** A word as a message names it. */
export const told = (token: Token): string =>
  token.kind === 'end'
    ? 'the end of the file'
    : token.kind === 'string'
      ? JSON.stringify(token.text)
      : `\`${token.text}\``
