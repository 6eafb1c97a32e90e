/** A message of protobuf's text format: each field's values in order. Strings are bytes until someone says otherwise. */
export type Message = Map<string, Field[]>
export type Field = Message | Buffer | string

/** Reads protobuf's text format. *Source*: protobuf.dev, "Text Format Language Specification". */
export function readTextproto(text: string): Message {
  const reader = new Reader(text)
  const message = reader.message(null)
  return message
}

const blank = /(?:\s|#[^\n]*)*/y
const word = /\[[^\]]*\]|[-+.\w]+/y
const quoted = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/sy

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  message(close: string | null): Message {
    const message: Message = new Map()
    for (;;) {
      this.#skip()
      if (close === null ? this.#at >= this.#text.length : this.#accept(close)) return message
      const name = this.#take(word)
      const values = this.#accept(':') && this.#accept('[') ? this.#list() : [this.#value()]
      message.set(name, [...(message.get(name) ?? []), ...values])
      if (!this.#accept(',')) this.#accept(';')
    }
  }

  #list(): Field[] {
    const values: Field[] = []
    while (!this.#accept(']')) {
      values.push(this.#value())
      this.#accept(',')
    }
    return values
  }

  #value(): Field {
    if (this.#accept('{')) return this.message('}')
    this.#skip()
    const mark = this.#text[this.#at]
    if (mark !== '"' && mark !== "'") return this.#take(word)
    const parts: Buffer[] = []
    // Strings that stand beside one another are one.
    for (;;) {
      this.#skip()
      quoted.lastIndex = this.#at
      const found = quoted.exec(this.#text)
      if (found === null) return Buffer.concat(parts)
      this.#at += found[0].length
      parts.push(unescaped(found[0].slice(1, -1)))
    }
  }

  #skip(): void {
    blank.lastIndex = this.#at
    this.#at += blank.exec(this.#text)![0].length
  }

  #accept(mark: string): boolean {
    this.#skip()
    if (!this.#text.startsWith(mark, this.#at)) return false
    this.#at += mark.length
    return true
  }

  #take(pattern: RegExp): string {
    this.#skip()
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null)
      throw new Error(`textproto: unexpected ${JSON.stringify(this.#text.slice(this.#at, this.#at + 40))}`)
    this.#at += found[0].length
    return found[0]
  }
}

const simple: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 }
const escaped = /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|[^\\]+/gs

function unescaped(text: string): Buffer {
  const parts: Buffer[] = []
  for (const [whole, octal, hex, short, long, letter] of text.matchAll(escaped)) {
    if (octal !== undefined) parts.push(Buffer.of(Number.parseInt(octal, 8)))
    else if (hex !== undefined) parts.push(Buffer.of(Number.parseInt(hex, 16)))
    else if (short !== undefined || long !== undefined) {
      parts.push(Buffer.from(String.fromCodePoint(Number.parseInt((short ?? long)!, 16))))
    } else if (letter !== undefined) parts.push(letter in simple ? Buffer.of(simple[letter]!) : Buffer.from(letter))
    else parts.push(Buffer.from(whole))
  }
  return Buffer.concat(parts)
}
