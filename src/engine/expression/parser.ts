import type { TrestleError } from '../../contract/error.ts'
import type { BinaryOperator, CallNode, Node } from './ast.ts'
import { wordFor } from './foreign-words.ts'
import { syntaxError, type Token, tokenize } from './lexer.ts'
import { readBind, readMacro } from './macros.ts'
import { bool, bytes, double, dyn, int, nullType, string, type Type, uint } from './type.ts'

/** Longest expression that is read. *Unit*: characters. */
export const maxExpressionLength = 16_384
/** Deepest nesting that is read: parsing, checking and evaluating recurse as deep. */
export const maxExpressionDepth = 64

/** Words that CEL keeps for itself; they may name fields (`payload.if`) but not variables. */
const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
)

const levels: readonly (readonly BinaryOperator[])[] = [
  ['||'],
  ['&&'],
  ['==', '!=', '<', '<=', '>', '>=', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
]

export interface Parsed {
  readonly node: Node
  /** Where the text of the expression ends: the end of the string, or its `}`. */
  readonly end: number
}

/**
 * Parses the CEL expression that begins at `start` of `text`; in a template it ends at its closing brace.
 * *Errors*: E202 with `detail.offset`. *Source*: CEL language definition, "Grammar".
 */
export function parseExpression(text: string, start = 0, inTemplate = false): Parsed {
  if (text.length > maxExpressionLength) throw syntaxError(start, `longer than ${maxExpressionLength} characters`)
  const parser = new Parser(tokenize(text, start, inTemplate))
  return parser.whole()
}

class Parser {
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  whole(): Parsed {
    const node = this.#expression()
    const rest = this.#peek()
    if (rest.kind !== 'end') throw unexpected(rest, 'an operator or the end')
    return { node, end: rest.at }
  }

  #peek(): Token {
    return this.#tokens[this.#next]!
  }

  #take(): Token {
    const token = this.#tokens[this.#next]!
    if (token.kind !== 'end') this.#next++
    return token
  }

  #sees(text: string): boolean {
    const token = this.#peek()
    return token.text === text && (token.kind === 'operator' || (text === 'in' && token.kind === 'name'))
  }

  #accept(text: string): boolean {
    if (!this.#sees(text)) return false
    this.#next++
    return true
  }

  #expect(text: string): Token {
    const token = this.#take()
    if (token.text !== text || token.kind !== 'operator') throw unexpected(token, `\`${text}\``)
    return token
  }

  #expression(): Node {
    if (++this.#depth > maxExpressionDepth)
      throw syntaxError(this.#peek().at, `nested deeper than ${maxExpressionDepth}`)
    const condition = this.#binary(0)
    let node = condition
    if (this.#sees('?')) {
      const at = this.#take().at
      const yes = this.#binary(0)
      this.#expect(':')
      node = { kind: 'choice', at, condition, yes, no: this.#expression(), type: dyn }
    }
    this.#depth--
    return node
  }

  /** One level of precedence; chains lean left, and may be as long as the text allows. */
  #binary(level: number): Node {
    const operators = levels[level]
    if (operators === undefined) return this.#unary()
    let left = this.#binary(level + 1)
    let length = 0
    for (;;) {
      const operator = operators.find((word) => this.#sees(word))
      if (operator === undefined) return left
      if (++length > 512) throw syntaxError(this.#peek().at, 'a chain of more than 512 operators')
      const at = this.#take().at
      left = { kind: 'binary', at, operator, left, right: this.#binary(level + 1), type: dyn }
    }
  }

  #unary(): Node {
    const token = this.#peek()
    if (!this.#sees('!') && !this.#sees('-')) return this.#member()
    if (++this.#depth > maxExpressionDepth) throw syntaxError(token.at, `nested deeper than ${maxExpressionDepth}`)
    this.#take()
    const operand = this.#peek()
    // `-5` is a literal, `-5.abs()` and `-(5)` are not; this is also how the smallest integer is written.
    if (token.text === '-' && operand.numeric !== null && operand.numeric !== 'uint') {
      this.#take()
      const value = negated(operand.value as number | bigint)
      this.#depth--
      return this.#suffixes({ kind: 'literal', at: token.at, value, type: numericTypes[operand.numeric] })
    }
    const of = this.#unary()
    this.#depth--
    return { kind: 'unary', at: token.at, operator: token.text === '!' ? '!' : '-', of, type: dyn }
  }

  #member(): Node {
    return this.#suffixes(this.#primary())
  }

  #suffixes(primary: Node): Node {
    let node = primary
    let length = 0
    for (;;) {
      if (++length > maxExpressionDepth)
        throw syntaxError(this.#peek().at, `more than ${maxExpressionDepth} accesses in a row`)
      if (this.#sees('.') || this.#sees('.?')) {
        const optional = this.#take().text === '.?'
        const field = this.#take()
        if (field.kind !== 'name' && field.kind !== 'field') throw unexpected(field, 'the name of a field')
        if (!optional && field.kind === 'name' && this.#accept('(')) node = this.#call(node, field)
        else node = select(node, field, optional)
      } else if (this.#sees('[') || this.#sees('[?')) {
        const open = this.#take()
        const index = this.#expression()
        this.#expect(']')
        node = { kind: 'index', at: open.at, of: node, index, optional: open.text === '[?', type: dyn }
      } else return node
    }
  }

  #call(receiver: Node | null, name: Token): Node {
    const args = this.#arguments()
    if (receiver === null && name.text === 'has') return hasTest(name, args)
    const macro = receiver === null ? null : (readBind(receiver, name, args) ?? readMacro(receiver, name, args))
    if (macro !== null) return macro
    const node: CallNode = {
      kind: 'call',
      at: name.at,
      receiver,
      name: name.text,
      args,
      row: null,
      namespaced: false,
      type: dyn,
    }
    return node
  }

  #arguments(): Node[] {
    const items: Node[] = []
    while (!this.#accept(')')) {
      items.push(this.#expression())
      if (this.#sees(')')) continue
      if (!this.#accept(',')) throw unexpected(this.#peek(), '`,` or `)`')
      if (this.#sees(')')) throw unexpected(this.#peek(), 'an argument')
    }
    return items
  }

  #list(open: Token): Node {
    const items: Node[] = []
    const optional = new Set<number>()
    // `[?` is one word; of later items the mark stands alone.
    let marked = open.text === '[?'
    while (marked || !this.#accept(']')) {
      if (marked || this.#accept('?')) optional.add(items.length)
      marked = false
      items.push(this.#expression())
      if (!this.#accept(',') && !this.#sees(']')) throw unexpected(this.#peek(), '`,` or `]`')
    }
    return { kind: 'list', at: open.at, items, optional, type: dyn }
  }

  #primary(): Node {
    const token = this.#take()
    if (token.kind === 'literal') return literal(token)
    if (token.kind === 'name') return this.#named(token)
    if (token.kind === 'operator') {
      if (token.text === '(') {
        const node = this.#expression()
        this.#expect(')')
        return node
      }
      if (token.text === '[' || token.text === '[?') return this.#list(token)
      if (token.text === '{') return this.#map(token)
      if (token.text === '.' && this.#peek().kind === 'name') return this.#named(this.#take(), true)
    }
    throw unexpected(token, 'a value')
  }

  #named(token: Token, root = false): Node {
    const { at, text } = token
    if (text === 'true' || text === 'false') return { kind: 'literal', at, value: text === 'true', type: bool }
    if (text === 'null') return { kind: 'literal', at, value: null, type: nullType }
    if (text === 'in' || reserved.has(text)) throw syntaxError(at, `\`${text}\` is a reserved word`)
    if (this.#accept('(')) return this.#call(null, token)
    if (this.#sees('{')) throw syntaxError(at, `\`${text}{…}\` would make a message; a map is written {"field": value}`)
    return { kind: 'name', at, name: text, root, local: null, type: dyn }
  }

  #map(open: Token): Node {
    const keys: Node[] = []
    const values: Node[] = []
    const optional = new Set<number>()
    while (!this.#accept('}')) {
      if (this.#accept('?')) optional.add(keys.length)
      keys.push(this.#expression())
      this.#expect(':')
      values.push(this.#expression())
      if (!this.#accept(',') && !this.#sees('}')) throw unexpected(this.#peek(), '`,` or `}`')
    }
    return { kind: 'map', at: open.at, keys, values, optional, type: dyn }
  }
}

const numericTypes: Readonly<Record<'int' | 'uint' | 'double', Type>> = { int, uint, double }

function literal(token: Token): Node {
  if (token.numeric === 'int' && token.value === 2n ** 63n)
    throw syntaxError(token.at, 'this integer does not fit 64 bits')
  const type = token.numeric !== null ? numericTypes[token.numeric] : token.value instanceof Uint8Array ? bytes : string
  return { kind: 'literal', at: token.at, value: token.value, type }
}

const select = (of: Node, { at, text }: Token, optional: boolean): Node => ({
  kind: 'select',
  at,
  of,
  field: text,
  optional,
  test: false,
  denotes: null,
  type: dyn,
})

/** Minus zero is no integer, and JSON would print it as 0 anyway. */
const negated = (value: number | bigint): number | bigint => (value === 0 ? 0 : -value)

function hasTest(name: Token, args: readonly Node[]): Node {
  const [field] = args
  if (args.length !== 1 || field === undefined || field.kind !== 'select' || field.test) {
    throw syntaxError(name.at, 'has() takes one field, as in has(payload.temperature)')
  }
  return { ...field, optional: false, test: true, type: bool }
}

function unexpected(token: Token, wanted: string): TrestleError {
  if (token.kind === 'end') return syntaxError(token.at, `ends where ${wanted} is expected`)
  const meant = token.kind === 'name' ? wordFor(token.text) : undefined
  const hint = meant === undefined ? '' : ` (here that is ${meant})`
  return syntaxError(token.at, `expected ${wanted}, found \`${token.text}\`${hint}`)
}
