/**
 * `$dynamicRef` and `$recursiveRef` where they can lead to one place alone, as plain `$ref`s: ajv follows dynamic ones
 * only to the root of a schema. What can lead to several places is left to it.
 *
 * *Source*: JSON Schema 2020-12 core §8.2.3.2: with one `$dynamicAnchor` of the name there is nothing dynamic about it.
 */
export function settleReferences<S>(schema: S, others: Iterable<unknown>): S {
  const text = JSON.stringify(schema)
  if (!text.includes('"$dynamicRef"') && !text.includes('"$recursiveRef"')) return schema
  const anchors = new Map<string, number>()
  for (const one of [schema, ...others]) countAnchors(one, anchors)
  // The root's own is what ajv does follow, and finds under no other name; unless a plain anchor shares it.
  const own = (schema as { $dynamicAnchor?: unknown }).$dynamicAnchor
  if (typeof own === 'string' && !text.includes(`"$anchor":${JSON.stringify(own)}`)) anchors.set(own, Infinity)
  return settle(schema, anchors) as S
}

/** How often each name is a `$dynamicAnchor`; under `$recursiveAnchor`, how often that is set. */
function countAnchors(schema: unknown, anchors: Map<string, number>): void {
  if (typeof schema !== 'object' || schema === null) return
  for (const [name, value] of Object.entries(schema)) {
    if (name === '$dynamicAnchor' && typeof value === 'string') anchors.set(value, (anchors.get(value) ?? 0) + 1)
    else if (name === '$recursiveAnchor' && value === true) anchors.set(name, (anchors.get(name) ?? 0) + 1)
    else countAnchors(value, anchors)
  }
}

const values = new Set(['const', 'enum', 'default', 'examples'])

function settle(schema: unknown, anchors: ReadonlyMap<string, number>): unknown {
  if (typeof schema !== 'object' || schema === null) return schema
  if (Array.isArray(schema)) return schema.map((item) => settle(item, anchors))
  return Object.fromEntries(
    Object.entries(schema).map(([name, value]) => {
      if (isSettled(name, value, anchors) && !('$ref' in schema)) return ['$ref', value]
      return [name, values.has(name) ? value : settle(value, anchors)]
    }),
  )
}

function isSettled(name: string, value: unknown, anchors: ReadonlyMap<string, number>): boolean {
  if (typeof value !== 'string') return false
  if (name === '$recursiveRef') return !anchors.has('$recursiveAnchor')
  return name === '$dynamicRef' && (anchors.get(value.slice(value.indexOf('#') + 1)) ?? 0) < 2
}
