import type { BindNode, MacroName, MacroNode, Node, Variable } from './ast.ts'
import { syntaxError, type Token } from './lexer.ts'
import { dyn } from './type.ts'

/** How a macro is written: `body` and, before it, perhaps a condition that chooses the elements. */
interface Form {
  readonly name: MacroName
  /** How many names it gives to an element: the element, or its key and its value. */
  readonly variables: 1 | 2
  readonly mayFilter: boolean
}

const one = (name: MacroName, mayFilter = false): Form => ({ name, variables: 1, mayFilter })
const two = (name: MacroName, mayFilter = false): Form => ({ name, variables: 2, mayFilter })

/** The macros by the word they are written with. *Source*: CEL language definition, "Macros"; cel-go `ext`. */
const forms: ReadonlyMap<string, readonly Form[]> = new Map([
  ['all', [one('all'), two('all')]],
  ['exists', [one('exists'), two('exists')]],
  ['exists_one', [one('existsOne'), two('existsOne')]],
  ['existsOne', [one('existsOne'), two('existsOne')]],
  ['map', [one('map', true)]],
  ['filter', [one('filter')]],
  ['transformList', [two('map', true)]],
  ['transformMap', [two('transformMap', true)]],
  ['transformMapEntry', [two('transformMapEntry', true)]],
  ['sortBy', [one('sortBy')]],
  ['optMap', [one('optMap')]],
  ['optFlatMap', [one('optFlatMap')]],
])

/** The words macros are written with, for suggestions and references. */
export const macroNames: readonly string[] = [...forms.keys()]

/** A method call as the macro it is; null when it is an ordinary call. *Errors*: E202. */
export function readMacro(of: Node, name: Token, args: readonly Node[]): MacroNode | null {
  const written = forms.get(name.text)
  if (written === undefined) return null
  const counts = (form: Form): boolean =>
    args.length === form.variables + 1 || (form.mayFilter && args.length === form.variables + 2)
  const form = written.find(counts)
  if (form === undefined) {
    throw syntaxError(
      name.at,
      `${name.text}() takes ${written.map(describe).join(' or ')}, not ${args.length} arguments`,
    )
  }
  const variables = args.slice(0, form.variables).map((node) => readVariable(node, name.text))
  const [first, second] = variables
  if (second !== undefined && first!.name === second.name) {
    throw syntaxError(args[1]!.at, `${name.text}() needs two different names`)
  }
  const filter = args.length === form.variables + 2 ? args[form.variables]! : null
  const body = args[args.length - 1]!
  return { kind: 'macro', at: name.at, name: form.name, of, variables, filter, body, type: dyn }
}

const describe = ({ variables, mayFilter }: Form): string =>
  `${variables === 1 ? 'a name' : 'two names'}, ${mayFilter ? 'perhaps a condition, ' : ''}and an expression`

/** `cel.bind(name, value, body)`; null for any other call. *Errors*: E202. */
export function readBind(receiver: Node, name: Token, args: readonly Node[]): BindNode | null {
  if (receiver.kind !== 'name' || receiver.name !== 'cel' || name.text !== 'bind') return null
  const [variable, value, body] = args
  if (args.length !== 3 || variable === undefined || value === undefined || body === undefined) {
    throw syntaxError(name.at, 'cel.bind() takes a name, its value, and an expression')
  }
  return { kind: 'bind', at: name.at, variable: readVariable(variable, 'cel.bind'), value, body, type: dyn }
}

function readVariable(node: Node, macro: string): Variable {
  if (node.kind !== 'name' || node.root) throw syntaxError(node.at, `${macro}() begins with a simple name`)
  return { name: node.name, local: { value: undefined }, type: dyn }
}
