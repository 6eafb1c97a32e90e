import type { Node } from './ast.ts'
import type { Evaluate, Scope, Site } from './scope.ts'
import {
  failed,
  isAnyMap,
  isInherited,
  isMap,
  KeyedMap,
  keyOf,
  kindOf,
  type MapValue,
  none,
  ownField,
  readMap,
} from './value.ts'

/**
 * `of.field`. JSON data holds no undefined, so for a name no prototype knows, one load answers both what and whether;
 * for the others (`constructor`, `length`, `__proto__` …) only an own property counts.
 */
export function compileSelect(of: Evaluate, field: string, site: Site, label: string): Evaluate {
  if (isInherited(field)) {
    return (scope) => {
      const base = of(scope)
      const value = isMap(base) ? ownField(base, field) : undefined
      return value === undefined ? missing(scope, base, field, site, label) : value
    }
  }
  return (scope) => {
    const base = of(scope)
    if (typeof base === 'object' && base !== null) {
      const value = (base as MapValue)[field]
      if (value !== undefined) return value
    }
    return missing(scope, base, field, site, label)
  }
}

function missing(scope: Scope, base: unknown, field: string, site: Site, label: string): unknown {
  if (base === failed) return failed
  if (base instanceof KeyedMap) {
    const value = readMap(base, field)
    if (value !== undefined) return value
  }
  if (isAnyMap(base)) return scope.fail(site, `${label} has no field \`${field}\``)
  return scope.fail(site, `${label} is ${kindOf(base)} and has no field \`${field}\``)
}

/** `has(of.field)`; fails when `of` is no object, as CEL says. */
export function compileHas(of: Evaluate, field: string, site: Site, label: string): Evaluate {
  return (scope) => {
    const base = of(scope)
    if (isAnyMap(base)) return readMap(base, field) !== undefined
    return base === none ? false : missing(scope, base, field, site, label)
  }
}

/** `of.?field`, and `.field` of an optional: the value, or `none`. */
export function compileOptionalSelect(of: Evaluate, field: string, site: Site, label: string): Evaluate {
  const slow = (scope: Scope, base: unknown): unknown => {
    if (base === none) return none
    const map = isMap(base)
    if (!map && !(base instanceof KeyedMap)) return missing(scope, base, field, site, label)
    // Null is a value, too.
    const value = map ? ownField(base, field) : readMap(base, field)
    return value === undefined ? none : value
  }
  if (isInherited(field)) return (scope) => slow(scope, of(scope))
  return (scope) => {
    const base = of(scope)
    if (typeof base === 'object' && base !== null) {
      const value = (base as MapValue)[field]
      if (value !== undefined) return value
    }
    return slow(scope, base)
  }
}

/** `of[index]`, `of[?index]`, and `[index]` of an optional. */
export function compileIndex(of: Evaluate, index: Evaluate, optional: boolean, site: Site, label: string): Evaluate {
  return (scope) => {
    const base = of(scope)
    if (base === failed || base === none) return base
    const key = index(scope)
    if (key === failed) return failed
    if (Array.isArray(base)) {
      const at = typeof key === 'number' ? key : typeof key === 'string' || typeof key === 'boolean' ? null : keyOf(key)
      if (typeof at !== 'number' || !Number.isInteger(at)) {
        return scope.fail(site, `a list is read by a whole number, not by ${kindOf(key)}`)
      }
      if (at >= 0 && at < base.length) return base[at]
      return optional ? none : scope.fail(site, `${label} has ${base.length} elements, so no element ${at}`)
    }
    if (!isAnyMap(base)) return scope.fail(site, `${label} is ${kindOf(base)} and has no elements`)
    if (typeof key !== 'string' && isMap(base)) {
      if (optional && keyOf(key) !== undefined) return none
      return scope.fail(site, `an object is read by a string, not by ${kindOf(key)}`)
    }
    const value = readMap(base, key)
    if (value !== undefined) return value
    return optional ? none : absentKey(scope, site, label, key)
  }
}

function absentKey(scope: Scope, site: Site, label: string, key: unknown): typeof failed {
  if (typeof key === 'string') return scope.fail(site, `${label} has no field ${JSON.stringify(key.slice(0, 80))}`)
  const plain = keyOf(key)
  if (plain === undefined) return scope.fail(site, `a map has no keys that are ${kindOf(key)}`)
  return scope.fail(site, `${label} has no field ${String(plain)}`)
}

/** How messages name a value: `payload.a.b` where the text says so. */
export function labelOf(node: Node): string {
  if (node.kind === 'name') return node.name
  if (node.kind === 'select') return `${labelOf(node.of)}.${node.field}`
  return node.kind === 'index' ? `${labelOf(node.of)}[…]` : 'the value'
}
