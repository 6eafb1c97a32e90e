import { canonicalJson, scalarText } from './unique-items.ts'

/** Lists up to here are compared value by value, which is faster. */
export const maxComparedValues = 64

/** `enum` by a set: ajv compares with every value of the list, so that huge lists and long payloads multiply. */
export const enumeration = {
  keyword: 'enum',
  schemaType: 'array',
  error: { message: 'must be equal to one of the allowed values' },
  compile(values: readonly unknown[]): (value: unknown) => boolean {
    const allowed = new Set(values.map(textOf))
    return (value) => allowed.has(textOf(value))
  },
} as const

const textOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? canonicalJson(value) : scalarText(value)

/** Whether a schema holds a list for which the set pays, or an empty one, which ajv refuses. */
export function needsSet(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false
  if (Array.isArray(schema)) return schema.some(needsSet)
  return Object.entries(schema).some(([name, value]) =>
    name === 'enum' && Array.isArray(value) ? value.length > maxComparedValues || value.length === 0 : needsSet(value),
  )
}
