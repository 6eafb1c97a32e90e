import type { Node } from './ast.ts'
import { toPlain } from './form.ts'
import { type Evaluate, type Site, spentBudget } from './scope.ts'
import { familyOf, listOf, mapOf, string, type Type } from './type.ts'
import { failed, Uint } from './value.ts'

/**
 * An expression's evaluation whose value leaves as plain data (see value.ts). What the message holds, and what static
 * types tell, is plain already; only where forms were `mixed` is the whole value gone through.
 */
export function leaving(evaluate: Evaluate, node: Node, mixed: boolean, site: Site): Evaluate {
  const family = familyOf(node.type)
  const mayHoldParts = family === 'any' || family === 'list' || family === 'map'
  if (mixed && mayHoldParts) {
    return (scope) => {
      const value = evaluate(scope)
      if (value === failed) return failed
      const plain = toPlain(scope, value)
      return scope.budget < 0 ? scope.fail(site, spentBudget) : plain
    }
  }
  if (isRead(node) || (node.type.kind !== 'number' && family !== 'any')) return evaluate
  return (scope) => {
    const value = evaluate(scope)
    return typeof value === 'bigint' || value instanceof Uint ? toPlain(scope, value) : value
  }
}

/** A name, or a field of one. */
function isRead(node: Node): boolean {
  if (node.kind === 'select' || node.kind === 'index') return isRead(node.of)
  return node.kind === 'name' || node.kind === 'literal'
}

/** Types can be shared many times over in what a rule writes, so that each is worked out once only. */
const plainTypes = new WeakMap<Type, Type>()
const optionalHolders = new WeakMap<Type, boolean>()

/** The type of a value that has left its expression: all keys are text. */
export function plainType(type: Type): Type {
  if (type.kind !== 'list' && type.kind !== 'map' && type.kind !== 'record') return type
  const known = plainTypes.get(type)
  if (known !== undefined) return known
  const plain = makePlainType(type)
  plainTypes.set(type, plain)
  return plain
}

function makePlainType(type: Type): Type {
  if (type.kind === 'list') {
    const of = plainType(type.of)
    return of === type.of ? type : listOf(of)
  }
  if (type.kind === 'map') return mapOf(plainType(type.of), string)
  // A schema's record is data as it is; only what a literal spells out can hold other maps.
  if (type.kind !== 'record' || type.owner !== '') return type
  const fields = new Map([...type.fields].map(([name, field]) => [name, plainType(field)]))
  return { ...type, fields }
}

const _changed = (type: Type, of: Type, plain: Type, make: (of: Type) => Type): Type =>
  of === plain ? type : make(plain)

/** Whether parts of a value may be absent. */
export function holdsOptional(type: Type): boolean {
  if (type.kind === 'optional') return true
  if (type.kind !== 'list' && type.kind !== 'map' && !(type.kind === 'record' && type.owner === '')) return false
  const known = optionalHolders.get(type)
  if (known !== undefined) return known
  const parts = type.kind === 'record' ? [...type.fields.values()] : [type.of]
  const holds = parts.some(holdsOptional)
  optionalHolders.set(type, holds)
  return holds
}
