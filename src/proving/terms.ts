import { compileExpression } from '../engine/expression/expression.ts'
import { type Token, tokenize } from '../engine/expression/lexer.ts'
import type { Names } from '../engine/expression/names.ts'
import type { Scope } from '../engine/expression/scope.ts'
import { failed } from '../engine/expression/value.ts'
import { plainOf } from './plain-value.ts'

/** A part of a condition: its text, where it begins in the whole, what stands before it, and what it was. */
export interface Term {
  readonly text: string
  /** *Unit*: characters into the condition. */
  readonly at: number
  /** `&&` or `||`; null for the first. */
  readonly joined: string | null
  readonly value: unknown
  /** Why it has no value. */
  readonly failure: string | null
  /** Both sides of a comparison, where they are no literals. */
  readonly operands: readonly { readonly text: string; readonly value: unknown }[]
}

/** The parts between a condition's outermost `&&` and `||`, each with its value for the scope's message. */
export function termsOf(condition: string, names: Names, scope: Scope): Term[] {
  const cuts = outermost(condition, ['&&', '||'])
  const starts = [0, ...cuts.map(({ end }) => end)]
  return starts.map((start, index) => {
    const written = condition.slice(start, cuts[index]?.at ?? condition.length)
    const text = written.trim()
    const { value, failure } = evaluateText(text, names, scope)
    return {
      text,
      at: start + written.length - written.trimStart().length,
      joined: index === 0 ? null : cuts[index - 1]!.text,
      value,
      failure,
      operands: operandsOf(text, names, scope),
    }
  })
}

const comparisons = ['==', '!=', '<', '<=', '>', '>=', 'in']

function operandsOf(term: string, names: Names, scope: Scope): Term['operands'] {
  const [cut, second] = outermost(term, comparisons)
  if (second !== undefined) return []
  const sides = cut === undefined ? [term] : [term.slice(0, cut.at).trim(), term.slice(cut.end).trim()]
  return sides
    .filter((text) => isReference(text))
    .map((text) => ({ text, ...evaluateText(text, names, scope) }))
    .filter(({ failure, value }) => failure === null && (cut !== undefined || typeof value !== 'boolean'))
    .map(({ text, value }) => ({ text, value }))
}

/** It holds a name: literals explain themselves. */
const isReference = (text: string): boolean => tokensOf(text).some(({ kind }) => kind === 'name')

function evaluateText(text: string, names: Names, scope: Scope): { value: unknown; failure: string | null } {
  const { compiled } = compileExpression({ text, origin: { path: [] } }, names)
  if (compiled === null) return { value: null, failure: 'it cannot be looked at by itself' }
  const value = compiled.evaluate(scope)
  return value === failed ? { value: null, failure: scope.reason } : { value: plainOf(value), failure: null }
}

/** These operators where no bracket holds them; none of them when the expression is a choice. */
function outermost(text: string, operators: readonly string[]): Token[] {
  const found: Token[] = []
  let depth = 0
  for (const token of tokensOf(text)) {
    if (token.kind === 'end') break
    if (['(', '[', '{', '[?'].includes(token.text) && token.kind === 'operator') depth++
    else if ([')', ']', '}'].includes(token.text) && token.kind === 'operator') depth--
    else if (depth === 0 && token.text === '?' && token.kind === 'operator') return []
    else if (depth === 0 && operators.includes(token.text) && token.kind !== 'literal') found.push(token)
  }
  return found
}

/** Text that was compiled has words. */
function tokensOf(text: string): Token[] {
  try {
    return tokenize(text, 0, false)
  } catch {
    // A part that cannot be read by itself is shown whole.
    return []
  }
}
