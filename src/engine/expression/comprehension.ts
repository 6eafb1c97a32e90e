import type { BindNode, MacroNode, Node } from './ast.ts'
import { type Bind, folds, type Loop, type Range } from './folds.ts'
import type { NodeCompiler } from './node-compiler.ts'
import type { Evaluate, Scope } from './scope.ts'
import { asMap, familyOf } from './type.ts'
import { failed, isAnyMap, keysOf, kindOf, none, readMap } from './value.ts'

/** A macro over a list or a map, which pays for every turn, by the size of what it evaluates. */
export function compileMacro(compiler: NodeCompiler, node: MacroNode): Evaluate {
  if (node.name === 'optMap' || node.name === 'optFlatMap') return compileOptionalMap(compiler, node)
  const site = compiler.site(node)
  // An object a literal spells out is gone through as a map: all its values in one form.
  const { type } = node.of
  const of = type.kind === 'record' && type.owner === '' ? asMap(type) : type
  const range = compiler.as(node.of, of)
  if (mayMix(node)) compiler.mixes = true
  const loop: Loop = {
    bind: compileBind(node),
    element: node.variables[0]!.local,
    filter: node.filter === null ? null : compiler.compile(node.filter),
    body: compiler.compile(node.body),
    site,
    name: node.name,
    cost: 1 + weightOf(node.body) + (node.filter === null ? 0 : weightOf(node.filter)),
  }
  const fold = folds[node.name]
  const run = (scope: Scope, over: Range): unknown => {
    const result = fold(scope, over, loop)
    // The message is not held on to between messages.
    for (const { local } of node.variables) local.value = undefined
    return result
  }
  return (scope) => {
    const value = range(scope)
    if (value === failed) return failed
    if (Array.isArray(value)) return run(scope, { items: value, map: null })
    if (!isAnyMap(value))
      return scope.fail(site, `${node.name}() goes through a list or an object, not ${kindOf(value)}`)
    const keys = keysOf(value)
    return scope.pay(site, keys.length * 4, 0) ? run(scope, { items: keys, map: value }) : failed
  }
}

/** Whether keys or indexes lose their type in the macro, or become the keys of its map. */
function mayMix({ name, of, variables, type }: MacroNode): boolean {
  const [first] = variables
  const keys = variables.length === 2 || familyOf(of.type) === 'map'
  if (keys && (first!.type.kind === 'dyn' || first!.type.kind === 'number')) return true
  return name.startsWith('transformMap') && asMap(type).key.kind !== 'string'
}

/** What nested macros cost they pay themselves. */
function weightOf(node: Node): number {
  switch (node.kind) {
    case 'literal':
    case 'name':
      return 1
    case 'select':
    case 'unary':
    case 'macro':
      return 1 + weightOf(node.of)
    case 'index':
      return 1 + weightOf(node.of) + weightOf(node.index)
    case 'binary':
      return 1 + weightOf(node.left) + weightOf(node.right)
    case 'choice':
      return 1 + weightOf(node.condition) + Math.max(weightOf(node.yes), weightOf(node.no))
    case 'bind':
      return 1 + weightOf(node.value) + weightOf(node.body)
    case 'list':
      return 1 + total(node.items)
    case 'map':
      return 1 + total(node.keys) + total(node.values)
    case 'call':
      return 2 + total(node.args) + (node.receiver === null ? 0 : weightOf(node.receiver))
  }
}

const total = (nodes: readonly Node[]): number => nodes.reduce((sum, node) => sum + weightOf(node), 0)

function compileBind(node: MacroNode): Bind {
  const [first, second] = node.variables as readonly [MacroNode['variables'][number], MacroNode['variables'][number]?]
  const keyForm = keyFormOf(first.type.kind)
  if (second === undefined) {
    return ({ items, map }, at) => {
      first.local.value = map === null ? items[at] : keyForm(items[at])
    }
  }
  return ({ items, map }, at) => {
    first.local.value = keyForm(map === null ? at : items[at])
    second.local.value = map === null ? items[at] : readMap(map, items[at])
  }
}

/** Keys and indexes are integers: where no static type says so, in the form that does. */
const keyFormOf = (kind: string): ((key: unknown) => unknown) =>
  kind === 'int' || kind === 'uint' || kind === 'string'
    ? (key) => key
    : (key) => (typeof key === 'number' ? BigInt(key) : key)

/** `optional.optMap(x, body)`: the body of what is there, else none. */
function compileOptionalMap(compiler: NodeCompiler, node: MacroNode): Evaluate {
  const of = compiler.compile(node.of)
  const body = compiler.compile(node.body)
  const { local } = node.variables[0]!
  return (scope) => {
    const value = of(scope)
    if (value === none || value === failed) return value
    local.value = value
    const result = body(scope)
    local.value = undefined
    return result
  }
}

export function compileBinding(compiler: NodeCompiler, node: BindNode): Evaluate {
  const value = compiler.compile(node.value)
  const body = compiler.compile(node.body)
  const { local } = node.variable
  return (scope) => {
    const bound = value(scope)
    if (bound === failed) return failed
    local.value = bound
    const result = body(scope)
    local.value = undefined
    return result
  }
}
