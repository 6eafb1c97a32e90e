/**
 * `uniqueItems` in linear time: ajv compares every pair of objects, so that one message of a hundred thousand small
 * objects would hold the hub for minutes.
 */
export const uniqueItems = {
  keyword: 'uniqueItems',
  type: 'array',
  schemaType: 'boolean',
  error: { message: 'must not hold the same item twice' },
  validate(wanted: boolean, items: readonly unknown[]): boolean {
    if (!wanted) return true
    const seen = new Set<unknown>()
    for (const item of items)
      seen.add(typeof item === 'object' && item !== null ? canonicalJson(item) : scalarText(item))
    return seen.size === items.length
  },
} as const

/** Strings are marked, so that none can look like the text of an object. */
export const scalarText = (item: unknown): unknown => (typeof item === 'string' ? `"${item}` : item)

/** JSON with the names of each object in order: equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${canonicalJson(item)}`).join(',')}}`
}
