import { type ExpressionFault, more } from './checker.ts'
import { type CompiledText, compileExpression, constantExpression, type Expression } from './expression.ts'
import { toText } from './functions/conversions.ts'
import type { Dependence, Names } from './names.ts'
import type { Evaluate, Origin, Site } from './scope.ts'
import { familyOf, printType, string } from './type.ts'
import { failed, kindOf } from './value.ts'

/** Text with `${…}`, compiled. */
export interface Template extends Expression {
  /** The parts from left to right: fixed text, or an expression; what stands between the topic's slashes can be seen in it. */
  readonly parts: readonly (string | { readonly text: string; readonly expression: Expression })[]
}

/**
 * Compiles text in which `${expression}` stands for a value. Text that is one whole `${…}` keeps the value's type;
 * in all other text values become text, and what cannot (null, lists, objects) is a failure of the message, never the
 * word "null". `$${` stands for the two characters `${`.
 */
export function compileTemplate(text: string, origin: Origin, names: Names): CompiledText<Template> {
  const parts: (string | { text: string; expression: Expression; at: number })[] = []
  const faults: ExpressionFault[] = []
  let fixed = ''
  let at = 0
  while (at < text.length) {
    const open = text.indexOf('${', at)
    if (open === -1) break
    if (text[open - 1] === '$' && open > at) {
      fixed += `${text.slice(at, open - 1)}\${`
      at = open + 2
      continue
    }
    fixed += text.slice(at, open)
    if (fixed !== '') parts.push(fixed)
    fixed = ''
    const {
      compiled,
      faults: found,
      end,
    } = compileExpression({ text, origin, start: open + 2, inTemplate: true }, names)
    faults.push(...found)
    if (compiled !== null) parts.push({ text: text.slice(open + 2, end), expression: compiled, at: open + 2 })
    at = end + 1
  }
  fixed += text.slice(at)
  if (fixed !== '') parts.push(fixed)
  const [only] = parts
  const pieces = parts.filter((part) => typeof part !== 'string')
  if (parts.length > 1) faults.push(...pieces.flatMap(cannotBeText))
  if (faults.length > 0) return { compiled: null, faults }
  if (parts.length > 1) return { compiled: { ...joined(parts, origin), parts }, faults }
  if (typeof only === 'object') return { compiled: { ...only.expression, parts }, faults }
  return { compiled: { ...constantExpression(only ?? '', string), parts }, faults }
}

/** Whether a text holds an expression at all. */
export const hasExpression = (text: string): boolean => text.includes('${')

function cannotBeText(piece: { expression: Expression; at: number }): ExpressionFault[] {
  const family = familyOf(piece.expression.type)
  if (family !== 'list' && family !== 'map' && family !== 'null') return []
  return [{ code: 'E204', offset: piece.at, message: `${printType(piece.expression.type)} cannot become text` }]
}

function joined(parts: readonly (string | { expression: Expression; at: number })[], origin: Origin): Expression {
  const evaluates: Evaluate[] = []
  let depends: Dependence = 'nothing'
  for (const part of parts) {
    if (typeof part === 'string') evaluates.push(() => part)
    else {
      depends = more(depends, part.expression.depends)
      evaluates.push(asText(part.expression.evaluate, { origin, offset: part.at }))
    }
  }
  const evaluate: Evaluate = (scope) => {
    let text = ''
    for (let at = 0; at < evaluates.length; at++) {
      const piece = evaluates[at]!(scope)
      if (piece === failed) return failed
      text += piece as string
    }
    return text
  }
  return { evaluate, type: string, depends, constant: null }
}

/** An expression whose value becomes text. */
export function asText(evaluate: Evaluate, site: Site): Evaluate {
  return (scope) => {
    const value = evaluate(scope)
    if (typeof value === 'string' || value === failed) return value
    return value === null ? scope.fail(site, `${kindOf(value)} cannot become text`) : toText(scope, site, value)
  }
}
