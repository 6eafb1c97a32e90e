import type { Code } from '../../contract/codes.ts'
import { suggest } from '../../document/suggest.ts'
import type { CallNode, Node } from './ast.ts'
import { wordFor } from './foreign-words.ts'
import type { Accepts, FunctionRow } from './functions/row.ts'
import { methods, namespaces, plainFunctions } from './functions/table.ts'
import { macroNames } from './macros.ts'
import type { Dependence, Names } from './names.ts'
import { bool, dyn, familyOf, joinTypes, nothing, optionalOf, printType, type Type } from './type.ts'

/** What the checking of calls needs of the checker around it. */
export interface TypeChecker {
  readonly names: Names
  /** What the whole expression depends on, of the message. */
  depends: Dependence
  report(code: Code, offset: number, message: string, suggestion?: string): Type
  check(node: Node): Type
  checkValue(node: Node): Type
  /** Whether a name is a value here: a name of the rule, or a macro's variable. */
  isValue(name: string): boolean
}

/** Methods of an optional, and how many arguments each takes; they are part of the language, not of the table. */
const optionalMethods: Readonly<Record<string, number>> = { orValue: 1, or: 1, hasValue: 0, value: 0 }

/** Chooses the function of a call, checks its arguments and gives the type of its result. */
export function checkCall(checker: TypeChecker, node: CallNode): Type {
  const { receiver } = node
  if (receiver?.kind === 'name' && namespaces.has(receiver.name) && !checker.isValue(receiver.name)) {
    node.namespaced = true
    if (receiver.name === 'optional') return checkOptionalMaker(checker, node)
    return checkRow(checker, node, plainFunctions.get(`${receiver.name}.${node.name}`), node.args)
  }
  if (receiver === null) return checkRow(checker, node, plainFunctions.get(node.name), node.args)
  const type = checker.check(receiver)
  if (type.kind === 'optional') return checkOptionalMethod(checker, node, type.of)
  const row = methods.get(node.name)
  if (row === undefined && Object.hasOwn(optionalMethods, node.name)) {
    for (const argument of node.args) checker.check(argument)
    return checker.report('E204', node.at, `.${node.name}() is for optional values, as payload.?x gives`)
  }
  return checkRow(checker, node, row, [receiver, ...node.args])
}

/** Functions that say something of an optional itself. */
const takesOptional: ReadonlySet<string> = new Set(['type', 'dyn'])

/** `args`: the receiver first, where there is one. */
function checkRow(checker: TypeChecker, node: CallNode, row: FunctionRow | undefined, args: readonly Node[]): Type {
  if (row === undefined) {
    // What looks like a macro's variable would be told as an unknown name, too.
    const looksLikeMacro = node.receiver !== null && node.args.length > 1 && node.args[0]!.kind === 'name'
    if (!looksLikeMacro) for (const argument of node.args) checker.check(argument)
    return unknownFunction(checker, node)
  }
  node.row = row
  if (row.ofMessage && checker.depends !== 'item') checker.depends = 'message'
  const types = args.map((argument) => {
    if (argument === node.receiver) return argument.type
    return takesOptional.has(row.name) ? checker.check(argument) : checker.checkValue(argument)
  })
  const accepted = row.receiver === null ? row.args : [row.receiver, ...row.args]
  const least = accepted.length - row.optional
  if (args.length < least || (args.length > accepted.length && !row.variadic)) {
    const implied = row.receiver === null ? 0 : 1
    const wanted = row.optional === 0 ? `${least - implied}` : `${least - implied} to ${accepted.length - implied}`
    return checker.report('E204', node.at, `${row.name}() takes ${wanted} arguments, not ${args.length - implied}`)
  }
  for (const [index, type] of types.entries()) {
    const accepts = accepted[Math.min(index, accepted.length - 1)]!
    if (!fits(type, accepts)) {
      checker.report('E204', args[index]!.at, `${row.name}() needs ${accepts.phrase} here, not ${printType(type)}`)
    }
  }
  proveConstants(checker, row, args)
  return typeof row.result === 'function' ? row.result(types) : row.result
}

const fits = (type: Type, accepts: Accepts): boolean =>
  type.kind === 'dyn' || accepts.families.includes('any') || accepts.families.includes(familyOf(type))

/** Arguments that no message changes are judged at load. */
function proveConstants(checker: TypeChecker, row: FunctionRow, args: readonly Node[]): void {
  if (row.prove === null || !args.some(({ kind }) => kind === 'literal')) return
  const fault = row.prove(args.map((argument) => (argument.kind === 'literal' ? argument.value : undefined)))
  if (fault !== null) checker.report('E204', args[fault.at]!.at, fault.message, fault.suggestion)
}

function unknownFunction(checker: TypeChecker, node: CallNode): Type {
  const { name, receiver } = node
  if (node.namespaced && receiver?.kind === 'name') {
    const legal = [...plainFunctions.keys()].filter((key) => key.startsWith(`${receiver.name}.`))
    const whole = `${receiver.name}.${name}`
    return checker.report('E203', node.at, `unknown function \`${whole}\``, suggest(whole, legal))
  }
  const table = receiver === null ? plainFunctions : methods
  const other = receiver === null ? methods : plainFunctions
  if (other.has(name)) {
    const form = receiver === null ? `x.${name}(…)` : `${name}(x)`
    return checker.report('E203', node.at, `\`${name}\` is written ${form}`)
  }
  const legal = receiver === null ? table.keys() : [...table.keys(), ...macroNames]
  return checker.report('E203', node.at, `unknown function \`${name}\``, wordFor(name) ?? suggest(name, legal))
}

function checkOptionalMaker(checker: TypeChecker, node: CallNode): Type {
  const types = node.args.map((argument) => checker.checkValue(argument))
  if ((node.name === 'of' || node.name === 'ofNonZeroValue') && types.length === 1) return optionalOf(types[0]!)
  if (node.name === 'none' && types.length === 0) return optionalOf(nothing)
  return checker.report('E203', node.at, 'there are optional.of(x), optional.ofNonZeroValue(x) and optional.none()')
}

function checkOptionalMethod(checker: TypeChecker, node: CallNode, of: Type): Type {
  const count = Object.hasOwn(optionalMethods, node.name) ? optionalMethods[node.name] : undefined
  const types = node.args.map((argument) =>
    node.name === 'or' ? checker.check(argument) : checker.checkValue(argument),
  )
  if (count === undefined) {
    return checker.report(
      'E204',
      node.at,
      `this value may be absent: say what then, with .orValue(…), before .${node.name}()`,
    )
  }
  const [alternative] = types
  if (types.length !== count) {
    return checker.report('E204', node.at, `${node.name}() takes ${count} arguments, not ${types.length}`)
  }
  if (node.name === 'hasValue') return bool
  if (node.name === 'value' || alternative === undefined) return of === nothing ? dyn : of
  if (node.name === 'orValue') return joinTypes(of, alternative)
  if (alternative.kind === 'optional') return joinTypes(optionalOf(of), alternative)
  return checker.report(
    'E204',
    node.args[0]!.at,
    'or() takes another optional value; for a plain one there is .orValue(…)',
  )
}
