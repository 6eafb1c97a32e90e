import type { EnumDeclaration } from './proto-file.ts'
import { fieldOptions, option } from './proto-option.ts'
import { refuse, type Tokens } from './proto-token.ts'

/** *Source*: protobuf, field numbers have 29 bits. */
export const maxFieldNumber = 536_870_911

/** `5, 9 to 11, 20 to max;` */
export function ranges(tokens: Tokens, last = maxFieldNumber): [number, number][] {
  const found: [number, number][] = []
  do {
    const first = tokens.integer('a number')
    const end = !tokens.accept('to') ? first : tokens.accept('max') ? last : tokens.integer('a number')
    found.push([first, end])
  } while (tokens.accept(','))
  fieldOptions(tokens)
  tokens.expect(';')
  return found
}

/** In quotes, or from edition 2023 on without. */
export function reservedNames(tokens: Tokens, names: Set<string>): void {
  do names.add(tokens.next.kind === 'name' ? tokens.take().text : tokens.string('a name'))
  while (tokens.accept(','))
  tokens.expect(';')
}

/** An enum, after its first word. */
export function enumeration(tokens: Tokens): EnumDeclaration {
  const name = tokens.name('the name of an enum')
  const values: { name: string; number: number }[] = []
  const options = new Map<string, string>()
  tokens.expect('{')
  while (!tokens.accept('}')) {
    const { next, afterNext } = tokens
    if (next.kind === 'end') refuse(next, 'the enum does not end')
    if (tokens.accept(';')) continue
    if (next.text === 'option' && afterNext.text !== '=' && tokens.accept('option')) option(tokens, options)
    else if (next.text === 'reserved' && afterNext.text !== '=' && tokens.accept('reserved')) {
      if (tokens.next.kind === 'number' || tokens.next.text === '-') ranges(tokens, 2 ** 31 - 1)
      else reservedNames(tokens, new Set())
    } else {
      const value = tokens.name('a value of the enum')
      tokens.expect('=')
      const number = tokens.integer('the number of a value')
      if (number !== (number | 0)) refuse(value, `${number} is no number of 32 bits`)
      fieldOptions(tokens)
      tokens.expect(';')
      values.push({ name: value.text, number })
    }
  }
  return { name: name.text, values, options, line: name.line, column: name.column }
}
