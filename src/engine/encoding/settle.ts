import { type MapValue, setField } from '../expression/value.ts'

/** Deepest nesting that is read or written. */
export const maxDepth = 256

/**
 * What a binary decoder has read, as expressions keep it: integers are numbers while that is exact, and nothing is
 * nested too deep to be walked. Changes the value in place.
 */
export function settle(value: unknown, depth = 0): unknown {
  if (typeof value === 'bigint') {
    const settled = settleInteger(value)
    if (settled === null) throw new Error(`the integer ${value} does not fit 64 bits`)
    return settled
  }
  if (value === undefined) return null
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (depth > maxDepth) throw new Error(`it is nested deeper than ${maxDepth}`)
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const item: unknown = value[at]
      if (typeof item === 'bigint' || typeof item === 'object' || item === undefined)
        value[at] = settle(item, depth + 1)
    }
    return value
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  const map = value as MapValue
  for (const name of Object.keys(map)) {
    const item = map[name]
    if (typeof item === 'bigint' || typeof item === 'object' || item === undefined) {
      setField(map, name, settle(item, depth + 1))
    }
  }
  return map
}

const maxUint64 = 2n ** 64n - 1n
const minInt64 = -(2n ** 63n)

/** A number while that is exact; null beyond what 64 bits hold, signed or not. */
export function settleInteger(value: bigint): number | bigint | null {
  if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
  return value > maxUint64 || value < minInt64 ? null : value
}
