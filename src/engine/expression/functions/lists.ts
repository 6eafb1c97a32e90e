import type { Scope, Site } from '../scope.ts'
import { compareMoments } from '../time-value.ts'
import { bool, double, dyn, familyOf, int, listOf, optionalOf, type Type } from '../type.ts'
import { compareStrings, Duration, equals, failed, kindOf, none, Timestamp, Uint } from '../value.ts'
import { aList, anInteger, aString, either, type FunctionRow, method, overspent, plain, someBytes } from './row.ts'

const sameList = ([type]: readonly Type[]): Type => (type?.kind === 'list' ? type : listOf(dyn))
const sameOf = ([type]: readonly Type[]): Type =>
  type?.kind === 'list' || type?.kind === 'bytes' || type?.kind === 'string' ? type : dyn
const elementOf = ([type]: readonly Type[]): Type => optionalOf(type?.kind === 'list' ? type.of : dyn)

/** Levels of nesting. */
const maxFlattened = 256

const listOrBytes = either('a list or bytes', aList, someBytes)
const reversible = either('a string, a list or bytes', aString, aList, someBytes)

/** CEL's lists and sets extensions. *Source*: cel-go `ext/lists.go`, `ext/sets.go`. */
export const listFunctions: readonly FunctionRow[] = [
  method(
    'slice',
    listOrBytes,
    [anInteger, anInteger],
    sameOf,
    ['The elements or bytes from one position to before another, or to the end.', '[1, 2, 3, 4].slice(1, 3) == [2, 3]'],
    slice,
    { optional: 1 },
  ),
  method(
    'first',
    aList,
    [],
    elementOf,
    ['The first element; absent from an empty list.', '[1, 2].first().value() == 1'],
    pick(0),
  ),
  method(
    'last',
    aList,
    [],
    elementOf,
    ['The last element; absent from an empty list.', '[1, 2].last().value() == 2'],
    pick(-1),
  ),
  method(
    'flatten',
    aList,
    [anInteger],
    flatType,
    [
      'With the elements of inner lists in their place, one level deep or so many.',
      '[1, [2, [3]]].flatten() == [1, 2, [3]]',
    ],
    (scope, site, list: unknown[], depth = 1) => {
      if (depth < 0) return scope.fail(site, 'a list is flattened by 0 levels or more')
      if (depth > maxFlattened) return scope.fail(site, `a list is flattened by ${maxFlattened} levels at most`)
      const flat: unknown[] = []
      return flatten(scope, list, depth, flat) ? flat : overspent(scope, site)
    },
    { optional: 1 },
  ),
  method(
    'reverse',
    reversible,
    [],
    sameOf,
    ['The characters, elements or bytes in the opposite order.', '"abc".reverse() == "cba"'],
    reverse,
  ),
  method(
    'sort',
    aList,
    [],
    sameList,
    ['In ascending order; all of one type.', '[3, 1, 2].sort() == [1, 2, 3]'],
    (scope, site, list: unknown[]) => sortBy(scope, site, list, list),
  ),
  method(
    'distinct',
    aList,
    [],
    sameList,
    ['Every element once, at its first place.', '[1, 2, 1].distinct() == [1, 2]'],
    distinct,
  ),
  plain(
    'lists.range',
    [anInteger],
    listOf(int),
    ['The whole numbers from 0 to before the given one.', 'lists.range(3) == [0, 1, 2]'],
    (scope, site, count: number) => {
      if (count < 0) return scope.fail(site, 'a range has no negative length')
      if (!scope.spend(count / 2)) return overspent(scope, site)
      const range: number[] = []
      for (let at = 0; at < count; at++) range.push(at)
      return range
    },
  ),
  plain(
    'math.sum',
    [aList],
    double,
    ['The sum of a list of numbers.', 'math.sum([1.5, 2, 3]) == 6.5'],
    (scope, site, list: unknown[]) => total(scope, site, list, 'math.sum'),
  ),
  plain(
    'math.mean',
    [aList],
    double,
    ['The mean of a list of numbers.', 'math.mean([1, 2, 6]) == 3'],
    (scope, site, list: unknown[]) => {
      if (list.length === 0) return scope.fail(site, 'math.mean of an empty list')
      const sum = total(scope, site, list, 'math.mean')
      return sum === failed ? failed : sum / list.length
    },
  ),
  plain(
    'sets.contains',
    [aList, aList],
    bool,
    ['Whether the first list has every element of the second.', 'sets.contains([1, 2, 3], [2, 3, 3])'],
    (scope, site, list: unknown[], part: unknown[]) => answer(scope, site, containsAll(scope, list, part)),
  ),
  plain(
    'sets.equivalent',
    [aList, aList],
    bool,
    ['Whether both lists have the same elements, however often.', 'sets.equivalent([1, 2, 1], [2, 1])'],
    (scope, site, left: unknown[], right: unknown[]) =>
      answer(scope, site, containsAll(scope, left, right) && containsAll(scope, right, left)),
  ),
  plain(
    'sets.intersects',
    [aList, aList],
    bool,
    ['Whether the lists have an element in common.', 'sets.intersects([1, 2], [2, 3])'],
    (scope, site, left: unknown[], right: unknown[]) =>
      answer(
        scope,
        site,
        right.some((item) => has(scope, left, item)),
      ),
  ),
]

function flatType(types: readonly Type[]): Type {
  const [list] = types
  if (types.length > 1 || list?.kind !== 'list') return listOf(dyn)
  return list.of.kind === 'list' ? list.of : familyOf(list.of) === 'any' ? listOf(dyn) : list
}

/** What a loop over values answers, unless the budget was spent on the way. */
const answer = (scope: Scope, site: Site, found: boolean): unknown => (scope.spend(0) ? found : overspent(scope, site))

function has(scope: Scope, list: readonly unknown[], wanted: unknown): boolean {
  if (!scope.spend(list.length + 1)) return false
  return list.some((item) => equals(item, wanted, scope))
}

const containsAll = (scope: Scope, list: readonly unknown[], part: readonly unknown[]): boolean =>
  part.every((item) => has(scope, list, item))

function pick(at: number) {
  return (_scope: Scope, _site: Site, list: unknown[]): unknown => (list.length === 0 ? none : list.at(at))
}

function slice(scope: Scope, site: Site, list: unknown[] | Uint8Array, from: number, to = list.length): unknown {
  if (from < 0 || to > list.length || from > to) {
    return scope.fail(
      site,
      `${from} to ${to} lies outside ${list.length} ${Array.isArray(list) ? 'elements' : 'bytes'}`,
    )
  }
  return scope.spend(6 + (to - from) / 16) ? list.slice(from, to) : overspent(scope, site)
}

function flatten(scope: Scope, list: readonly unknown[], depth: number, into: unknown[]): boolean {
  if (!scope.spend(1 + list.length)) return false
  for (const item of list) {
    if (depth === 0 || !Array.isArray(item)) into.push(item)
    else if (!flatten(scope, item, depth - 1, into)) return false
  }
  return true
}

function reverse(scope: Scope, site: Site, value: string | unknown[] | Uint8Array): unknown {
  if (!scope.spend(typeof value === 'string' ? 2 * value.length : value.length >> 1)) return overspent(scope, site)
  return typeof value === 'string' ? Array.from(value).reverse().join('') : value.toReversed()
}

function distinct(scope: Scope, site: Site, list: unknown[]): unknown {
  if (!scope.spend(6 * list.length)) return overspent(scope, site)
  const seen = new Set<unknown>()
  const kept: unknown[] = []
  /** Those that `===` does not compare as CEL does. */
  const keptObjects: unknown[] = []
  for (const item of list) {
    if (typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean' || item === null) {
      // NaN equals nothing, itself included.
      if (seen.has(item) && !Number.isNaN(item)) continue
      if (typeof item === 'number' && keptObjects.some((one) => equals(one, item, scope))) continue
      seen.add(item)
    } else {
      if (has(scope, typeof item === 'object' && !(item instanceof Uint) ? keptObjects : kept, item)) continue
      keptObjects.push(item)
    }
    if (!scope.spend(keptObjects.length >> 2)) return overspent(scope, site)
    kept.push(item)
  }
  return scope.spend(0) ? kept : overspent(scope, site)
}

function total(scope: Scope, site: Site, list: readonly unknown[], name: string): number | typeof failed {
  if (!scope.spend(list.length >> 1)) return overspent(scope, site)
  let sum = 0
  for (const item of list) {
    if (typeof item !== 'number' && typeof item !== 'bigint' && !(item instanceof Uint)) {
      return scope.fail(site, `${name} needs numbers, and got a ${kindOf(item)}`)
    }
    sum += Number(item instanceof Uint ? item.unsigned : item)
  }
  return Number.isFinite(sum) ? sum : scope.fail(site, `${name} is beyond what a number holds`)
}

/** The elements in the order of their keys, those of equal keys as they stood. */
export function sortBy(scope: Scope, site: Site, list: readonly unknown[], keys: readonly unknown[]): unknown {
  const { length } = list
  if (!scope.spend(16 + 2 * length * Math.max(1, Math.ceil(Math.log2(length + 1))))) return overspent(scope, site)
  const kind = length === 0 ? null : orderOf(keys[0])
  if (kind === null && length > 0) return scope.fail(site, `a list of ${kindOf(keys[0])} has no order`)
  for (const key of keys) {
    const found = orderOf(key)
    if (found === kind) continue
    return scope.fail(site, `a list of ${kindOf(keys[0])} and ${kindOf(key)} has no order`)
  }
  const places = Array.from({ length }, (_, at) => at)
  places.sort((a, b) => compareKeys(keys[a], keys[b], scope))
  return scope.spend(0) ? places.map((at) => list[at]) : overspent(scope, site)
}

type Order = 'bool' | 'number' | 'string' | 'bytes' | 'timestamp' | 'duration'

function orderOf(value: unknown): Order | null {
  if (typeof value === 'bigint' || value instanceof Uint) return 'number'
  if (typeof value === 'number' || typeof value === 'string') return typeof value as Order
  if (typeof value === 'boolean') return 'bool'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Timestamp) return 'timestamp'
  return value instanceof Duration ? 'duration' : null
}

const plainNumber = (value: unknown): number | bigint => (value instanceof Uint ? value.unsigned : (value as number))

function compareKeys(left: unknown, right: unknown, scope: Scope): number {
  if (typeof left === 'string') {
    // Long common beginnings are what comparing costs.
    return scope.spend(Math.min(left.length, (right as string).length) >> 3) ? compareStrings(left, right as string) : 0
  }
  if (left instanceof Uint8Array) {
    return scope.spend(left.length >> 6) ? Buffer.compare(left, right as Uint8Array) : 0
  }
  if (left instanceof Timestamp || left instanceof Duration) return compareMoments(left, right as typeof left)
  const a = plainNumber(left)
  const b = plainNumber(right)
  return a < b ? -1 : a > b ? 1 : 0
}
