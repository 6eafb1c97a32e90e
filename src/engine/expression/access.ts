import type { Node } from './ast.ts'
import type { Evaluate, Scope, Site } from './scope.ts'
import { failed, isInherited, isMap, kindOf, type MapValue, none, ownField } from './value.ts'

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

function missing(scope: Scope, base: unknown, field: string, site: Site, label: string): typeof failed {
  if (base === failed) return failed
  if (isMap(base)) return scope.fail(site, `${label} has no field \`${field}\``)
  return scope.fail(site, `${label} is ${kindOf(base)} and has no field \`${field}\``)
}

/** `has(of.field)`; fails when `of` is no object, as CEL says. */
export function compileHas(of: Evaluate, field: string, site: Site, label: string): Evaluate {
  return (scope) => {
    const base = of(scope)
    if (isMap(base)) return ownField(base, field) !== undefined
    return base === none ? false : missing(scope, base, field, site, label)
  }
}

/** `of.?field`, and `.field` of an optional: the value, or `none`. */
export function compileOptionalSelect(of: Evaluate, field: string, site: Site, label: string): Evaluate {
  return (scope) => {
    const base = of(scope)
    if (base === none) return none
    if (!isMap(base)) return missing(scope, base, field, site, label)
    const value = ownField(base, field)
    return value === undefined ? none : value
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
      if (typeof key !== 'number' || !Number.isInteger(key)) {
        return scope.fail(site, `a list is read by a whole number, not by ${kindOf(key)}`)
      }
      if (key >= 0 && key < base.length) return base[key]
      return optional ? none : scope.fail(site, `${label} has ${base.length} elements, so no element ${key}`)
    }
    if (!isMap(base)) return scope.fail(site, `${label} is ${kindOf(base)} and has no elements`)
    if (typeof key !== 'string') return scope.fail(site, `an object is read by a string, not by ${kindOf(key)}`)
    const value = ownField(base, key)
    if (value !== undefined) return value
    return optional ? none : scope.fail(site, `${label} has no field ${JSON.stringify(key.slice(0, 80))}`)
  }
}

/** How messages name a value: `payload.a.b` where the text says so. */
export function labelOf(node: Node): string {
  if (node.kind === 'name') return node.name
  if (node.kind === 'select') return `${labelOf(node.of)}.${node.field}`
  return node.kind === 'index' ? `${labelOf(node.of)}[…]` : 'the value'
}
