/**
 * Values of expressions at run time, and how each CEL type is represented.
 *
 * | CEL | where the static type says so | where it does not (`dyn`, `number`) |
 * | --- | --- | --- |
 * | int | number while exact (2^53), else bigint | bigint, however small |
 * | uint | number while exact, else bigint | `Uint` |
 * | double, JSON's numbers | number | number |
 * | optional | the value itself, or `none` | `Some`, or `none` |
 * | bool, string, null, list | as `JSON.parse` gives them | the same |
 * | map | plain object; with any key that is no string, `KeyedMap` | the same |
 * | bytes, timestamp, duration, type | `Uint8Array`, `Timestamp`, `Duration`, `TypeValue` | the same |
 *
 * So a plain number is an int only where the checker knows it, and JSON data is never touched. Where a value of static
 * type int, uint or optional goes to a place without that type (`dyn(1)`, `[1, 'a']`, `c ? 1 : 2.0`) the compiler
 * changes its form (form.ts). Functions get the static form (`number | bigint`); a row with `dynamic: true` gets the
 * second one and can tell ints from doubles. A row's body answers in the form of the row's result type: `toInt(…)`
 * for `int` and `uint`; a bigint, `Uint` or number for `dyn`. An expression's own result is plain again: ints are
 * numbers while exact.
 *
 * Two symbols stand outside: `failed`, which every operation hands on (the reason lies in the Scope), and `none`, the
 * empty optional. Being symbols, they fall out of the `typeof` test of every fast path, so that only slow paths ask.
 */
import { compareMoments, Duration, Timestamp } from './time-value.ts'

export { Duration, Timestamp }

export const failed: unique symbol = Symbol('failed')
export const none: unique symbol = Symbol('none')

/** An unsigned integer where no static type tells. */
export class Uint {
  readonly unsigned: bigint

  constructor(unsigned: bigint) {
    this.unsigned = unsigned
  }
}

/** A present optional where no static type tells. */
export class Some {
  readonly present: unknown

  constructor(present: unknown) {
    this.present = present
  }
}

/** What `type(x)` gives; one object per type, so that `===` compares. */
export class TypeValue {
  readonly typeName: string

  constructor(typeName: string) {
    this.typeName = typeName
  }

  toJSON(): string {
    return this.typeName
  }
}

/** A key of a map: strings and bools as they are, integers as numbers while exact. */
export type MapKey = string | boolean | number | bigint

/** A map of which at least one key is no string; in JSON its keys are text, as protobuf writes them. */
export class KeyedMap {
  readonly keyed: ReadonlyMap<MapKey, unknown>

  constructor(keyed: ReadonlyMap<MapKey, unknown>) {
    this.keyed = keyed
  }

  toJSON(): MapValue {
    const made: MapValue = {}
    for (const [key, value] of this.keyed) setField(made, String(key), value)
    return made
  }
}

export type MapValue = Record<string, unknown>

/** What has own properties but is no map. */
const notMaps = [Uint8Array, Timestamp, Duration, KeyedMap, Uint, Some, TypeValue] as const

/** A map with string keys, as JSON has them. */
export function isMap(value: unknown): value is MapValue {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || !notMaps.some((kind) => value instanceof kind)
}

/** A value's kind as a person reads it. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value === none || value instanceof Some) return 'optional'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'bigint' || value instanceof Uint) return 'number'
  if (typeof value !== 'object') return typeof value
  if (Array.isArray(value)) return 'list'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Timestamp) return 'timestamp'
  if (value instanceof Duration) return 'duration'
  return value instanceof TypeValue ? 'type' : value instanceof KeyedMap ? 'map' : 'object'
}

const ownNames = new Set('epochMs nanosOfMs durationMs unsigned present typeName keyed'.split(' '))

/** Names that exist on our containers without being data; reading those asks for an own property first. */
export const isInherited = (name: string): boolean =>
  name in Object.prototype ||
  name in Array.prototype ||
  ownNames.has(name) ||
  notMaps.some((kind) => name in kind.prototype)

/** An object's own field; undefined when it has none, whatever its prototype says. */
export const ownField = (map: MapValue, name: string): unknown => (Object.hasOwn(map, name) ? map[name] : undefined)

/** Gives an object an own field, `__proto__` included. */
export function setField(map: MapValue, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(map, name, { value, writable: true, enumerable: true, configurable: true })
  } else map[name] = value
}

/** A value as a map's key: 1, 1u and 1.0 are one key; undefined for what cannot be one. */
export function keyOf(value: unknown): MapKey | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value + 0
    return Number.isInteger(value) ? BigInt(value) : undefined
  }
  const integer = value instanceof Uint ? value.unsigned : value
  return typeof integer === 'bigint' ? plainInteger(integer) : undefined
}

/** A map's value of a key, own fields only; undefined when there is none. */
export function readMap(map: MapValue | KeyedMap, key: unknown): unknown {
  const wanted = keyOf(key)
  if (wanted === undefined) return undefined
  if (map instanceof KeyedMap) return map.keyed.get(wanted)
  return typeof wanted === 'string' ? ownField(map, wanted) : undefined
}

/** The keys of a map of either form. */
export const keysOf = (map: MapValue | KeyedMap): MapKey[] =>
  map instanceof KeyedMap ? [...map.keyed.keys()] : Object.keys(map)

export const isAnyMap = (value: unknown): value is MapValue | KeyedMap => value instanceof KeyedMap || isMap(value)

/** What evaluation may still cost. */
export interface Budget {
  /** Takes `steps` off; false when nothing is left. */
  spend(steps: number): boolean
}

/**
 * CEL equality: numbers by value whatever their type, lists and maps by their parts, different kinds are not equal.
 * Huge values use up the budget; the answer is worth nothing when it is spent.
 */
export function equals(left: unknown, right: unknown, budget: Budget): boolean {
  if (left === right) return true
  if (typeof left === 'bigint' || left instanceof Uint) return equalsInteger(integerOf(left), right)
  if (typeof right === 'bigint' || right instanceof Uint) return equalsInteger(integerOf(right), left)
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (!budget.spend(4)) return false
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length || !budget.spend(left.length >> 1)) return false
    return left.every((item, at) => equals(item, right[at], budget))
  }
  if (left instanceof Uint8Array) {
    return right instanceof Uint8Array && budget.spend(left.length >> 6) && Buffer.compare(left, right) === 0
  }
  if (left instanceof Timestamp) return right instanceof Timestamp && compareMoments(left, right) === 0
  if (left instanceof Duration) return right instanceof Duration && compareMoments(left, right) === 0
  if (left instanceof Some) return right instanceof Some && equals(left.present, right.present, budget)
  if (!isAnyMap(left) || !isAnyMap(right)) return false
  const keys = keysOf(left)
  if (keys.length !== keysOf(right).length || !budget.spend(30 + 6 * keys.length)) return false
  return keys.every((key) => {
    const other = readMap(right, key)
    return other !== undefined && equals(readMap(left, key), other, budget)
  })
}

const integerOf = (value: bigint | Uint): bigint => (typeof value === 'bigint' ? value : value.unsigned)

/** Exact: neither side is rounded. */
function equalsInteger(left: bigint, right: unknown): boolean {
  if (typeof right === 'number') return Number.isInteger(right) && BigInt(right) === left
  return right instanceof Uint ? right.unsigned === left : right === left
}

const minInt64 = -(2n ** 63n)
const maxInt64 = 2n ** 63n - 1n
const maxUint64 = 2n ** 64n - 1n

const plainInteger = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value

/** An int in its static form: a number while that is exact, else a bigint; null beyond 64 bits. */
export const toInt = (value: bigint): number | bigint | null =>
  value < minInt64 || value > maxInt64 ? null : plainInteger(value)

/** A uint in its static form: a number while that is exact, else a bigint; null below zero and beyond 64 bits. */
export const toUint = (value: bigint): number | bigint | null =>
  value < 0n || value > maxUint64 ? null : plainInteger(value)

/** Order of two strings by code point, which is the order of their UTF-8 bytes. */
export function compareStrings(left: string, right: string): number {
  if (left === right) return 0
  const length = Math.min(left.length, right.length)
  for (let at = 0; at < length; at++) {
    const a = left.charCodeAt(at)
    const b = right.charCodeAt(at)
    if (a === b) continue
    // Surrogates (0xd800 to 0xdfff) stand for code points above 0xffff but sort below 0xe000 as units.
    const lift = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)
    return lift(a) - lift(b)
  }
  return left.length - right.length
}
