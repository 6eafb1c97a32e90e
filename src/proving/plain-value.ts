import { kindOf, none } from '../engine/expression/value.ts'

/** A value of an expression as data that can be printed: times as text, what is absent as such. */
export function plainOf(value: unknown): unknown {
  if (value === none) return 'absent'
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(plainOf)
  if ('toJSON' in value && typeof value.toJSON === 'function') return plainOf(value.toJSON())
  const kind = kindOf(value)
  if (kind !== 'object' && kind !== 'map') return innerOf(value)
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plainOf(one)]))
}

/** What boxes of the language hold: unsigned integers, present optionals, types. */
const innerOf = (value: object): unknown => plainOf(Object.values(value)[0])
