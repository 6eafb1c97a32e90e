import { type MapValue, setField } from '../expression/value.ts'
import { maxDepth } from './plain-data.ts'

/**
 * What a binary decoder has read, as expressions keep it: integers are numbers while that is exact, and nothing is
 * nested too deep to be walked. Changes the value in place.
 */
export function settle(value: unknown, depth = 0): unknown {
  if (typeof value === 'bigint') return settleInteger(value)
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

const maxInt64 = 2n ** 63n - 1n

function settleInteger(value: bigint): unknown {
  if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
  if (value > maxInt64 || value < -maxInt64 - 1n) throw new Error(`the integer ${value} does not fit 64 bits`)
  return value
}
