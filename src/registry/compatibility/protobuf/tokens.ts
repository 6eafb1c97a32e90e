import { Incomparable } from '../pair-memo.ts'

/** White space, a line's comment, a string, a word or number with its dots, or a sign. */
const token =
  /\s+|\/\/[^\n]*|"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'|[+-]?\.?\w[\w.]*(?:[eE][+-]\d+)?|[{}[\]()<>=;,:/-]/y

/** The tokens of a .proto file, read once and in order. *Errors*: Incomparable at what is none. */
export class Tokens {
  readonly #text: string
  #at = 0
  #next: string

  constructor(text: string) {
    this.#text = text
    this.#next = this.#read()
  }

  /** '' at the end. */
  get next(): string {
    return this.#next
  }

  take(): string {
    const taken = this.#next
    if (taken === '') throw new Incomparable('not a Protobuf schema: it ends too early')
    this.#next = this.#read()
    return taken
  }

  /** Takes the token if it is that one. */
  has(expected: string): boolean {
    if (this.#next !== expected) return false
    this.take()
    return true
  }

  expect(expected: string): void {
    if (this.has(expected)) return
    throw new Incomparable(
      `not a Protobuf schema: ${JSON.stringify(this.#next)} instead of ${JSON.stringify(expected)}`,
    )
  }

  /** Goes past one statement, with what it holds in braces or brackets. */
  skipStatement(): void {
    let open = 0
    for (;;) {
      const taken = this.take()
      if (taken === '{' || taken === '[') open++
      else if (taken === '}' || taken === ']') {
        open--
        if (open === 0 && taken === '}') return
        if (open < 0) throw new Incomparable('not a Protobuf schema: a brace too many')
      } else if (taken === ';' && open === 0) return
    }
  }

  #read(): string {
    for (;;) {
      if (this.#at === this.#text.length) return ''
      if (this.#text.startsWith('/*', this.#at)) {
        const end = this.#text.indexOf('*/', this.#at + 2)
        if (end < 0) throw new Incomparable('not a Protobuf schema: a comment does not end')
        this.#at = end + 2
        continue
      }
      token.lastIndex = this.#at
      const found = token.exec(this.#text)?.[0]
      if (found === undefined) throw new Incomparable(`not a Protobuf schema: ${JSON.stringify(this.#text[this.#at])}`)
      this.#at += found.length
      if (found.trim() !== '' && !found.startsWith('//')) return found
    }
  }
}
