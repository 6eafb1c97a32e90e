import type { Header } from '../contract/message.ts'
import type { DocumentPath } from '../document/source-document.ts'
import { more } from './expression/checker.ts'
import { constantExpression, type Expression } from './expression/expression.ts'
import type { Dependence, Names } from './expression/names.ts'
import { asText, compileTemplate, hasExpression, type Template } from './expression/template.ts'
import { familyOf, printType, string } from './expression/type.ts'
import { failed, type MapValue, setField } from './expression/value.ts'
import type { RuleFaults } from './rule-faults.ts'

/** What templates of a rule are compiled with. */
export interface TextEnvironment {
  readonly names: Names
  readonly faults: RuleFaults
}

export function compileTemplateAt(
  text: string,
  path: DocumentPath,
  { names, faults }: TextEnvironment,
): Template | null {
  const { compiled, faults: found } = compileTemplate(text, { path }, names)
  faults.expression(path, found)
  return compiled
}

/** A template whose value is text, as keys and addresses are. */
export function compileText(value: unknown, path: DocumentPath, env: TextEnvironment): Expression {
  if (typeof value === 'number' || typeof value === 'boolean') return constantExpression(String(value), string)
  if (typeof value !== 'string' || value === '') {
    env.faults.at(path, 'E201', `${String(path.at(-1))}: expected text`)
    return constantExpression(null)
  }
  const template = compileTemplateAt(value, path, env)
  if (template === null) return constantExpression(null)
  if (typeof template.constant?.value === 'string') return template
  const family = familyOf(template.type)
  if (family === 'list' || family === 'map' || family === 'null') {
    env.faults.at(path, 'E204', `${printType(template.type)} cannot become text`)
  }
  return { ...template, constant: null, evaluate: asText(template.evaluate, { origin: { path }, offset: 0 }) }
}

/** One of a few values, written down or given by one `${…}`. */
export function compileChoice(
  value: unknown,
  family: 'bool' | 'number',
  legal: readonly unknown[],
  path: DocumentPath,
  env: TextEnvironment,
): Expression {
  const expected = `expected ${legal.join(', ')} or one \${…} that gives one of them`
  if (typeof value === 'string' && hasExpression(value)) {
    const template = compileTemplateAt(value, path, env)
    if (template !== null && !['any', family].includes(familyOf(template.type))) {
      env.faults.at(path, 'E204', `${expected}, not ${printType(template.type)}`)
    }
    return template ?? constantExpression(legal[0])
  }
  if (!legal.includes(value)) env.faults.at(path, 'E201', expected)
  return constantExpression(value)
}

/** A map of headers, with `further` ones that the rule does not name itself. */
export function compileHeaders(
  value: unknown,
  path: DocumentPath,
  further: readonly Header[],
  env: TextEnvironment,
): Expression {
  if (value === undefined) return constantExpression(further)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    env.faults.at(path, 'E201', 'headers: expected a map of names and values')
    return constantExpression([])
  }
  const entries = Object.entries(value).map(([name, text]) => [name, compileText(text, [...path, name], env)] as const)
  const expressions = entries.map(([, expression]) => expression)
  const named = new Set(entries.map(([name]) => name.toLowerCase()))
  const added = further.filter(([name]) => !named.has(name.toLowerCase()))
  return combined(expressions, (values) => [
    ...entries.map(([name], at): Header => [name, values[at] as string]),
    ...added,
  ])
}

/** Data in which strings are templates: options of a target. */
export function compileData(value: unknown, path: DocumentPath, env: TextEnvironment): Expression {
  if (typeof value === 'string' && hasExpression(value)) {
    return compileTemplateAt(value, path, env) ?? constantExpression(null)
  }
  if (typeof value !== 'object' || value === null) return constantExpression(value)
  if (Array.isArray(value)) {
    return combined(
      value.map((item, at) => compileData(item, [...path, at], env)),
      (values) => values,
    )
  }
  const entries = Object.entries(value).map(([name, item]) => [name, compileData(item, [...path, name], env)] as const)
  const expressions = entries.map(([, expression]) => expression)
  return combined(expressions, (values) => {
    const made: MapValue = {}
    for (const [at, [name]] of entries.entries()) setField(made, name, values[at])
    return made
  })
}

/** What several expressions together make; a constant when all of them are. */
function combined(expressions: readonly Expression[], make: (values: unknown[]) => unknown): Expression {
  if (expressions.every((expression) => expression.constant !== null)) {
    return constantExpression(make(expressions.map((expression) => expression.constant!.value)))
  }
  const depends = expressions.reduce<Dependence>((least, expression) => more(least, expression.depends), 'topic')
  return {
    ...constantExpression(null),
    constant: null,
    depends,
    evaluate: (scope) => {
      const values: unknown[] = []
      for (const { evaluate } of expressions) {
        const value = evaluate(scope)
        if (value === failed) return failed
        values.push(value)
      }
      return make(values)
    },
  }
}
