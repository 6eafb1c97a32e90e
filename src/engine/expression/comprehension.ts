import type { BindNode, Local, MacroNode, Node } from './ast.ts'
import { compare, notBool } from './logic.ts'
import { MapMaker } from './map-maker.ts'
import type { NodeCompiler } from './node-compiler.ts'
import { type Evaluate, type Scope, type Site, spentBudget } from './scope.ts'
import { asMap } from './type.ts'
import { failed, isAnyMap, type KeyedMap, keysOf, kindOf, type MapKey, type MapValue, none, readMap } from './value.ts'

/** Puts the element at an index before the macro's body. */
type Bind = (range: Range, at: number) => void

/** What a macro goes through: a list, or a map by its keys. */
interface Range {
  readonly items: readonly unknown[]
  /** null for a list; else `items` are its keys. */
  readonly map: MapValue | KeyedMap | null
}

interface Loop {
  readonly bind: Bind
  /** Where `bind` puts the element, or its key. */
  readonly element: Local
  readonly filter: Evaluate | null
  readonly body: Evaluate
  readonly site: Site
  readonly name: string
  /** Steps of one turn. */
  readonly cost: number
}

/** A macro over a list or a map, which pays for every turn, by the size of what it evaluates. */
export function compileMacro(compiler: NodeCompiler, node: MacroNode): Evaluate {
  if (node.name === 'optMap' || node.name === 'optFlatMap') return compileOptionalMap(compiler, node)
  const site = compiler.site(node)
  // An object a literal spells out is gone through as a map: all its values in one form.
  const { type } = node.of
  const of = type.kind === 'record' && type.owner === '' ? asMap(type) : type
  const range = compiler.as(node.of, of)
  if (node.variables.some((variable) => variable.type.kind === 'dyn') || node.name.startsWith('transform'))
    compiler.mixes = true
  const loop: Loop = {
    bind: compileBind(node),
    element: node.variables[0]!.local,
    filter: node.filter === null ? null : compiler.compile(node.filter),
    body: compiler.compile(node.body),
    site,
    name: node.name,
    cost: 1 + weightOf(node.body) + (node.filter === null ? 0 : weightOf(node.filter)),
  }
  const run = folds[node.name]
  return (scope) => {
    const value = range(scope)
    if (value === failed) return failed
    if (Array.isArray(value)) return run(scope, { items: value, map: null }, loop)
    if (!isAnyMap(value))
      return scope.fail(site, `${node.name}() goes through a list or an object, not ${kindOf(value)}`)
    const keys = keysOf(value)
    return scope.pay(site, keys.length * 2, 0) ? run(scope, { items: keys, map: value }, loop) : failed
  }
}

/** Steps of putting an entry into a map that may become a large one. */
const mapEntryCost = 12

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

type Fold = (scope: Scope, range: Range, loop: Loop) => unknown

/** Pays for a turn and sets it up: true to go on with the body, false to leave the element out. */
function turn(scope: Scope, range: Range, loop: Loop, at: number): boolean | typeof failed {
  if (!scope.spend(loop.cost)) return scope.fail(loop.site, spentBudget)
  loop.bind(range, at)
  if (loop.filter === null) return true
  const chosen = loop.filter(scope)
  if (chosen === true || chosen === false) return chosen
  return chosen === failed ? failed : notBool(scope, loop.site, loop.name, chosen)
}

/** `all` and `exists`: the one value that decides does so whatever other elements do, failures included. */
const decide =
  (stop: boolean): Fold =>
  (scope, range, loop) => {
    let failure: { site: Site; reason: string; code: Scope['code'] } | null = null
    for (let at = 0; at < range.items.length; at++) {
      if (turn(scope, range, loop, at) === failed) return failed
      const value = loop.body(scope)
      if (value === stop) return stop
      if (value === !stop) continue
      if (scope.budget < 0) return scope.fail(loop.site, spentBudget)
      if (value !== failed) notBool(scope, loop.site, loop.name, value)
      // The first reason is the one to tell.
      failure ??= { site: scope.site, reason: scope.reason, code: scope.code }
    }
    if (failure === null) return !stop
    scope.site = failure.site
    scope.reason = failure.reason
    scope.code = failure.code
    return failed
  }

const existsOne: Fold = (scope, range, loop) => {
  let count = 0
  for (let at = 0; at < range.items.length; at++) {
    if (turn(scope, range, loop, at) === failed) return failed
    const value = loop.body(scope)
    if (value === true) count++
    else if (value !== false) return value === failed ? failed : notBool(scope, loop.site, loop.name, value)
  }
  return count === 1
}

const listOf: Fold = (scope, range, loop) => {
  const made: unknown[] = []
  for (let at = 0; at < range.items.length; at++) {
    const chosen = turn(scope, range, loop, at)
    if (chosen === failed) return failed
    if (!chosen) continue
    const value = loop.body(scope)
    if (value === failed) return failed
    if (!scope.pay(loop.site, 0, 8)) return failed
    made.push(value)
  }
  return made
}

const filter: Fold = (scope, range, loop) => {
  const made: unknown[] = []
  for (let at = 0; at < range.items.length; at++) {
    if (turn(scope, range, loop, at) === failed) return failed
    const value = loop.body(scope)
    if (value === true) made.push(loop.element.value)
    else if (value !== false) return value === failed ? failed : notBool(scope, loop.site, loop.name, value)
  }
  return made
}

const mapOf: Fold = (scope, range, loop) => {
  const made = new MapMaker()
  for (let at = 0; at < range.items.length; at++) {
    const chosen = turn(scope, range, loop, at)
    if (chosen === failed) return failed
    if (!chosen) continue
    const value = loop.body(scope)
    if (value === failed) return failed
    if (!scope.pay(loop.site, mapEntryCost, 16)) return failed
    made.add(range.map === null ? at : (range.items[at] as MapKey), value)
  }
  return made.finish()
}

const mapOfEntries: Fold = (scope, range, loop) => {
  const made = new MapMaker()
  for (let at = 0; at < range.items.length; at++) {
    const chosen = turn(scope, range, loop, at)
    if (chosen === failed) return failed
    if (!chosen) continue
    const value = loop.body(scope)
    if (value === failed) return failed
    if (!isAnyMap(value))
      return scope.fail(loop.site, `transformMapEntry() makes maps of one entry, not ${kindOf(value)}`)
    for (const key of keysOf(value)) {
      if (!scope.pay(loop.site, mapEntryCost, 16)) return failed
      if (!made.add(key, readMap(value, key)))
        return scope.fail(loop.site, `the key ${JSON.stringify(String(key))} stands twice`)
    }
  }
  return made.finish()
}

const sortBy: Fold = (scope, range, loop) => {
  if (range.map !== null) return scope.fail(loop.site, 'sortBy() sorts lists')
  const keyed: { key: unknown; item: unknown }[] = []
  for (let at = 0; at < range.items.length; at++) {
    if (turn(scope, range, loop, at) === failed) return failed
    const key = loop.body(scope)
    if (key === failed) return failed
    if (!scope.pay(loop.site, 0, 16)) return failed
    keyed.push({ key, item: range.items[at] })
  }
  const comparisons = keyed.length * Math.ceil(Math.log2(keyed.length + 1))
  if (!scope.pay(loop.site, comparisons, 0)) return failed
  const { odd } = sortKeyed(scope, keyed)
  if (odd !== null) return scope.fail(loop.site, `cannot sort ${kindOf(odd[0])} with ${kindOf(odd[1])}`)
  return scope.budget < 0 ? scope.fail(loop.site, spentBudget) : keyed.map(({ item }) => item)
}

/** Sorts in place, by the keys; `odd` are two that have no order. */
function sortKeyed(scope: Scope, keyed: { key: unknown }[]): { odd: [unknown, unknown] | null } {
  let odd: [unknown, unknown] | null = null
  keyed.sort((a, b) => {
    const order = compare(scope, a.key, b.key)
    if (order === undefined) odd ??= [a.key, b.key]
    return order ?? 0
  })
  return { odd }
}

const folds: Readonly<Record<Exclude<MacroNode['name'], 'optMap' | 'optFlatMap'>, Fold>> = {
  all: decide(false),
  exists: decide(true),
  existsOne,
  map: listOf,
  filter,
  transformMap: mapOf,
  transformMapEntry: mapOfEntries,
  sortBy,
}

/** `optional.optMap(x, body)`: the body of what is there, else none. */
function compileOptionalMap(compiler: NodeCompiler, node: MacroNode): Evaluate {
  const of = compiler.compile(node.of)
  const body = compiler.compile(node.body)
  const { local } = node.variables[0]!
  return (scope) => {
    const value = of(scope)
    if (value === none || value === failed) return value
    local.value = value
    return body(scope)
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
    return body(scope)
  }
}
