/**
 * Values of expressions at run time.
 *
 * *Shape*: JSON data as `JSON.parse` gives it (numbers, strings, booleans, null, arrays, plain objects), `Uint8Array`
 * for bytes, `Timestamp`, and `bigint` for integers beyond 2^53. Two symbols stand outside: `failed`, which every
 * operation hands on (the reason lies in the Scope), and `none`, the empty optional. Being symbols, they fall out of
 * the `typeof` test of every fast path, so that only slow paths ask for them.
 */
export const failed: unique symbol = Symbol('failed')
export const none: unique symbol = Symbol('none')

/** A point in time. JSON and text show it as RFC 3339. *Unit*: ms since the epoch. */
export class Timestamp {
  readonly epochMs: number

  constructor(epochMs: number) {
    this.epochMs = epochMs
  }

  toJSON(): string {
    return new Date(this.epochMs).toISOString()
  }
}

export type MapValue = Record<string, unknown>

export const isMap = (value: unknown): value is MapValue =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array) &&
  !(value instanceof Timestamp)

/** A value's kind as a person reads it. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'bigint') return 'number'
  if (typeof value !== 'object') return typeof value
  if (Array.isArray(value)) return 'list'
  if (value instanceof Uint8Array) return 'bytes'
  return value instanceof Timestamp ? 'timestamp' : 'object'
}

/** Names that exist on our containers without being data; reading those asks for an own property first. */
export const isInherited = (name: string): boolean =>
  name in Object.prototype ||
  name in Array.prototype ||
  name in Uint8Array.prototype ||
  name in Timestamp.prototype ||
  name === 'epochMs'

/** An object's own field; undefined when it has none, whatever its prototype says. */
export const ownField = (map: MapValue, name: string): unknown => (Object.hasOwn(map, name) ? map[name] : undefined)

/** Gives an object an own field, `__proto__` included. */
export function setField(map: MapValue, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(map, name, { value, writable: true, enumerable: true, configurable: true })
  } else map[name] = value
}

/**
 * CEL equality: numbers by value whatever their type, lists and maps by their parts, different kinds are not equal.
 * Huge values use up the budget; the answer is worth nothing when it is spent.
 */
export function equals(left: unknown, right: unknown, budget: Budget): boolean {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    return typeof left === 'bigint' ? equalsNumber(left, right) : typeof right === 'bigint' && equalsNumber(right, left)
  }
  if (!budget.spend(1)) return false
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false
    return left.every((item, at) => equals(item, right[at], budget))
  }
  if (left instanceof Uint8Array) {
    return right instanceof Uint8Array && Buffer.compare(left, right) === 0
  }
  if (left instanceof Timestamp) return right instanceof Timestamp && left.epochMs === right.epochMs
  if (!isMap(left) || !isMap(right)) return false
  const names = Object.keys(left)
  if (names.length !== Object.keys(right).length) return false
  return names.every((name) => Object.hasOwn(right, name) && equals(left[name], right[name], budget))
}

/** Exact: neither side is rounded. */
const equalsNumber = (left: bigint, right: unknown): boolean =>
  typeof right === 'number' ? Number.isInteger(right) && BigInt(right) === left : right === left

/** What evaluation may still cost. */
export interface Budget {
  /** Takes `steps` off; false when nothing is left. */
  spend(steps: number): boolean
}

const minInt64 = -(2n ** 63n)
const maxInt64 = 2n ** 63n - 1n

/** An integer in the form we keep it: a number while that is exact, else a bigint; null beyond 64 bits. */
export function toInt(value: bigint): number | bigint | null {
  if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
  return value < minInt64 || value > maxInt64 ? null : value
}

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
