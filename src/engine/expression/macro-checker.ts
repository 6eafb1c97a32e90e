import type { BindNode, MacroNode, Node, Variable } from './ast.ts'
import type { TypeChecker } from './call-checker.ts'
import { asMap, dyn, familyOf, int, listOf, mapOf, nothing, optionalOf, printType, type Type } from './type.ts'

/** What the checking of macros needs of the checker around it. */
export interface MacroChecker extends TypeChecker {
  checkWith(variables: readonly Variable[], node: Node): Type
  mustBeBool(type: Type, at: number, operator: string): Type
}

/** Gives a macro's variables the types of what it goes through, and answers the type of its result. */
export function checkMacro(checker: MacroChecker, node: MacroNode): Type {
  const of = checker.check(node.of)
  if (node.name === 'optMap' || node.name === 'optFlatMap') return checkOptional(checker, node, of)
  const range = of.kind === 'optional' ? checker.checkValue(node.of) : of
  const [key, value] = elementsOf(checker, range, node)
  const [first, second] = node.variables
  first!.type = second === undefined && range.kind === 'list' ? value : key
  if (second !== undefined) second.type = value
  if (node.filter !== null)
    checker.mustBeBool(checker.checkWith(node.variables, node.filter), node.filter.at, node.name)
  const body = checker.checkWith(node.variables, node.body)
  return resultOf(checker, node, body, key)
}

/** The types of a key (or index) and of a value. */
function elementsOf(checker: TypeChecker, range: Type, node: MacroNode): readonly [Type, Type] {
  const known = (type: Type): Type => (type === nothing ? dyn : type)
  if (range.kind === 'list') return [int, known(range.of)]
  if (familyOf(range) === 'map') return [known(asMap(range).key), known(asMap(range).of)]
  if (range.kind !== 'dyn') {
    checker.report('E204', node.at, `${node.name}() goes through a list or an object, not ${printType(range)}`)
  } else if (node.name === 'sortBy') return [dyn, dyn]
  return [dyn, dyn]
}

function resultOf(checker: MacroChecker, node: MacroNode, body: Type, key: Type): Type {
  const first = node.variables[0]!.type
  switch (node.name) {
    case 'all':
    case 'exists':
    case 'existsOne':
      return checker.mustBeBool(body, node.body.at, node.name)
    case 'filter':
      checker.mustBeBool(body, node.body.at, node.name)
      return listOf(first)
    case 'sortBy':
      return listOf(first)
    case 'transformMap':
      return mapOf(body, key)
    case 'transformMapEntry': {
      const entry = node.body
      if (familyOf(body) === 'map' || body.kind === 'dyn') return mapOf(asMap(body).of, asMap(body).key)
      return checker.report('E204', entry.at, `transformMapEntry() makes maps of one entry, not ${printType(body)}`)
    }
    default:
      return listOf(body)
  }
}

function checkOptional(checker: MacroChecker, node: MacroNode, of: Type): Type {
  const variable = node.variables[0]!
  if (of.kind !== 'optional') {
    variable.type = of
    checker.checkWith(node.variables, node.body)
    return checker.report('E204', node.at, `.${node.name}() is for optional values, as payload.?x gives`)
  }
  variable.type = of.of === nothing ? dyn : of.of
  const body = checker.checkWith(node.variables, node.body)
  if (node.name === 'optMap') return optionalOf(body)
  if (body.kind === 'optional') return body
  return checker.report(
    'E204',
    node.body.at,
    `optFlatMap() needs an optional value here, not ${printType(body)}; or write optMap()`,
  )
}

export function checkBind(checker: MacroChecker, node: BindNode): Type {
  node.variable.type = checker.check(node.value)
  return checker.checkWith([node.variable], node.body)
}
