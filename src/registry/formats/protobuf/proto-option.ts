import { refuse, type Tokens, told } from './proto-token.ts'

/** Braces in braces of an option's value. */
const maxNesting = 64

/** `option name = value;`, after its first word. */
export function option(tokens: Tokens, options: Map<string, string>): void {
  assignment(tokens, options)
  tokens.expect(';')
}

/** `[name = value, …]`, or nothing. */
export function fieldOptions(tokens: Tokens): Map<string, string> {
  const options = new Map<string, string>()
  if (!tokens.accept('[')) return options
  do assignment(tokens, options)
  while (tokens.accept(','))
  tokens.expect(']')
  return options
}

function assignment(tokens: Tokens, options: Map<string, string>): void {
  const name = optionName(tokens)
  tokens.expect('=')
  if (tokens.next.text === '{') {
    const before = new Map<string, string>()
    aggregate(tokens, name ?? '', before)
    if (name !== null) for (const [key, value] of before) options.set(key, value)
    return
  }
  const value = scalar(tokens)
  // Some options are lists and may be set again; none of these matters here.
  if (name !== null) options.set(name, value)
}

/** null for custom options: `(mine).part`. */
function optionName(tokens: Tokens): string | null {
  let custom = false
  let name = ''
  do {
    if (tokens.accept('(')) {
      custom = true
      tokens.path('an option')
      tokens.expect(')')
    } else name += (name === '' ? '' : '.') + tokens.name('an option').text
  } while (tokens.accept('.'))
  return custom ? null : name
}

function scalar(tokens: Tokens): string {
  const sign = tokens.accept('-') ? '-' : tokens.accept('+') ? '' : ''
  if (tokens.next.kind === 'string') return tokens.string('a value')
  const { kind, text } = tokens.next
  if (kind !== 'name' && kind !== 'number') refuse(tokens.next, `expected a value, not ${told(tokens.next)}`)
  if (kind === 'name') return sign + tokens.path('a value')
  tokens.take()
  return sign + text
}

/** `{ field_presence: EXPLICIT }` of plain names is what `features` has; anything deeper is read over. */
function aggregate(tokens: Tokens, prefix: string, found: Map<string, string>): void {
  tokens.expect('{')
  while (!tokens.accept('}')) {
    if (tokens.next.kind !== 'name' || tokens.afterNext.text !== ':') {
      skipRest(tokens)
      return
    }
    const name = tokens.take().text
    tokens.expect(':')
    if (/^[{[<]$/.test(tokens.next.text)) {
      skipRest(tokens)
      return
    }
    found.set(`${prefix}.${name}`, scalar(tokens))
    if (!tokens.accept(',')) tokens.accept(';')
  }
}

/** Everything up to the brace that closes this one. */
function skipRest(tokens: Tokens): void {
  for (let depth = 1; depth > 0; ) {
    const token = tokens.take()
    if (token.kind === 'end') refuse(token, 'the braces are not closed')
    if (token.kind !== 'symbol') continue
    if (token.text === '{') depth++
    else if (token.text === '}') depth--
    if (depth > maxNesting) refuse(token, `nested deeper than ${maxNesting}`, 'E303')
  }
}

/** Reads over a pair of braces and all that is in it. */
export function skipValue(tokens: Tokens, open: string, close: string): void {
  tokens.expect(open)
  for (let depth = 1; depth > 0; ) {
    const token = tokens.take()
    if (token.kind === 'end') refuse(token, `\`${close}\` is missing`)
    if (token.kind === 'symbol') depth += token.text === open ? 1 : token.text === close ? -1 : 0
  }
}
