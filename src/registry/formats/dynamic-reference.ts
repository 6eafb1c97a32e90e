import { type FormatFault, faultAt } from './format.ts'

/**
 * `$dynamicRef` and `$recursiveRef` where they can lead to one place alone, as plain `$ref`s: ajv follows dynamic ones
 * only to roots. *Errors*: E303, as a fault, where one of several places is no root: ajv would misjudge payloads.
 *
 * *Source*: JSON Schema 2020-12 core §8.2.3.2: with one `$dynamicAnchor` of the name there is nothing dynamic about it.
 */
export function settleReferences(schemas: readonly unknown[]): readonly unknown[] | FormatFault {
  if (!schemas.some((schema) => /"\$(dynamic|recursive)Ref"/.test(JSON.stringify(schema)))) return schemas
  const anchors = new Map<string, Anchor>()
  for (const schema of schemas) countAnchors(schema, true, anchors)
  const settled = schemas.map((schema) => settle(schema, anchors))
  const text = JSON.stringify(settled)
  const lost = [...anchors].find(([name, { count, inner }]) => {
    return count > 1 && inner && new RegExp(`"\\$dynamicRef":"[^"]*#${name.replace(/[^\w-]/g, '.')}"`).test(text)
  })
  if (lost === undefined) return settled
  return faultAt([], `$dynamicRef to ${lost[0]} may lead to places that are no roots, which is not supported`, 'E303')
}

interface Anchor {
  count: number
  /** One of them stands within a schema, not at the root of one. */
  inner: boolean
  /** It stands at the very top, where ajv does not see anchors. */
  top: boolean
}

/** Where each name is a `$dynamicAnchor`; under `$recursiveAnchor`, where that is set. */
function countAnchors(schema: unknown, isRoot: boolean, anchors: Map<string, Anchor>): void {
  if (typeof schema !== 'object' || schema === null) return
  const root = isRoot || '$id' in schema
  for (const [name, value] of Object.entries(schema)) {
    const anchor = name === '$dynamicAnchor' && typeof value === 'string' ? value : null
    if (anchor === null && (name !== '$recursiveAnchor' || value !== true)) {
      countAnchors(value, false, anchors)
      continue
    }
    const known = anchors.get(anchor ?? name)
    const inner = (known?.inner ?? false) || !root
    anchors.set(anchor ?? name, { count: (known?.count ?? 0) + 1, inner, top: isRoot })
  }
}

const values = new Set(['const', 'enum', 'default', 'examples'])

function settle(schema: unknown, anchors: ReadonlyMap<string, Anchor>): unknown {
  if (typeof schema !== 'object' || schema === null) return schema
  if (Array.isArray(schema)) return schema.map((item) => settle(item, anchors))
  return Object.fromEntries(
    Object.entries(schema).map(([name, value]) => {
      if (isSettled(name, value, anchors) && !('$ref' in schema)) return ['$ref', plainly(value, anchors)]
      return [name, values.has(name) ? value : settle(value, anchors)]
    }),
  )
}

function plainly(reference: string, anchors: ReadonlyMap<string, Anchor>): string {
  const hash = reference.indexOf('#')
  const top = anchors.get(reference.slice(hash + 1))?.top === true
  return top ? reference.slice(0, hash + 1) : reference
}

function isSettled(name: string, value: unknown, anchors: ReadonlyMap<string, Anchor>): value is string {
  if (typeof value !== 'string') return false
  if (name === '$recursiveRef') return !anchors.has('$recursiveAnchor')
  return name === '$dynamicRef' && (anchors.get(value.slice(value.indexOf('#') + 1))?.count ?? 0) < 2
}
