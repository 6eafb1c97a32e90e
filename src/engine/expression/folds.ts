import type { Local, MacroNode } from './ast.ts'
import { compare, notBool } from './logic.ts'
import { MapMaker } from './map-maker.ts'
import { type Evaluate, type Scope, type Site, spentBudget } from './scope.ts'
import { failed, isAnyMap, type KeyedMap, keysOf, kindOf, type MapKey, type MapValue, readMap } from './value.ts'

/** Puts the element at an index before the macro's body. */
export type Bind = (range: Range, at: number) => void

/** What a macro goes through: a list, or a map by its keys. */
export interface Range {
  readonly items: readonly unknown[]
  /** null for a list; else `items` are its keys. */
  readonly map: MapValue | KeyedMap | null
}

/** A macro, compiled. */
export interface Loop {
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

/** Steps of putting an entry into a map that may become a large one. */
const mapEntryCost = 12

/** Goes through a range and answers the macro's value, or `failed`. */
export type Fold = (scope: Scope, range: Range, loop: Loop) => unknown

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

/** What each macro does with the elements. */
export const folds: Readonly<Record<Exclude<MacroNode['name'], 'optMap' | 'optFlatMap'>, Fold>> = {
  all: decide(false),
  exists: decide(true),
  existsOne,
  map: listOf,
  filter,
  transformMap: mapOf,
  transformMapEntry: mapOfEntries,
  sortBy,
}
