import type { DocumentPath } from '../document/source-document.ts'
import { compileExpression, constantExpression, type Expression } from './expression/expression.ts'
import { spentBudget } from './expression/functions/row.ts'
import type { Names } from './expression/names.ts'
import type { Evaluate, Scope, Site } from './expression/scope.ts'
import { dyn } from './expression/type.ts'
import { failed, isInherited, isMap, kindOf, type MapValue, setField, Timestamp } from './expression/value.ts'
import type { RuleFaults } from './rule-file.ts'

/**
 * What a rule makes of the payload (`set:` or `payload:`), as data that `JSON.stringify` prints. The payload itself is
 * never changed: other rules see it as it was published.
 */
export interface Body {
  readonly evaluate: Evaluate
  /** `set:` always gives an object. */
  readonly isObject: boolean
}

interface Edit {
  readonly field: string
  /** A name that prototypes know, too. */
  readonly inherited: boolean
  /** null removes the field. */
  readonly value: Evaluate | null
  /** Edits of the field's own fields, instead of a value. */
  readonly below: Edits | null
}
interface Edits {
  readonly list: readonly Edit[]
  readonly site: Site
  /** `payload.a.b`, for messages. */
  readonly label: string
}

/** `set:`: an expression per field; `a.b` and nested maps reach into objects, null removes. */
export function compileSet(set: Readonly<Record<string, unknown>>, names: Names, faults: RuleFaults): Body {
  const root = new Branch('payload', ['set'])
  gather(root, set, ['set'], names, faults)
  const edits = root.edits()
  return {
    isObject: true,
    evaluate: (scope) => {
      const payload = scope.payload()
      return payload === failed ? failed : applyEdits(scope, payload, edits)
    },
  }
}

/** Edits while they are gathered: one branch per object they reach into. */
class Branch {
  readonly label: string
  readonly path: DocumentPath
  readonly leaves = new Map<string, Evaluate | null>()
  readonly branches = new Map<string, Branch>()

  constructor(label: string, path: DocumentPath) {
    this.label = label
    this.path = path
  }

  edits(): Edits {
    const leaves = [...this.leaves].map(
      ([field, value]): Edit => ({
        field,
        inherited: isInherited(field),
        value,
        below: null,
      }),
    )
    const branches = [...this.branches].map(
      ([field, branch]): Edit => ({
        field,
        inherited: isInherited(field),
        value: null,
        below: branch.edits(),
      }),
    )
    return { list: [...leaves, ...branches], site: { origin: { path: this.path }, offset: 0 }, label: this.label }
  }
}

function gather(branch: Branch, entries: object, path: DocumentPath, names: Names, faults: RuleFaults): void {
  for (const [key, value] of Object.entries(entries)) {
    const at = [...path, key]
    const steps = key.split('.')
    if (steps.includes('')) {
      faults.atKey(at, 'E201', `\`${key}\` is no path of fields`)
      continue
    }
    const field = steps.pop()!
    const parent = reach(branch, steps, at)
    const nested = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (parent === null || parent.leaves.has(field) || (parent.branches.has(field) && !nested)) {
      faults.atKey(at, 'E201', `two edits of \`${key}\` contradict each other`)
    } else if (nested) gather(reach(parent, [field], at)!, value as object, at, names, faults)
    else parent.leaves.set(field, value === null ? null : jsonValue(compileValue(value, at, names, faults), at))
  }
}

/** The branch at the end of `steps`; null when a value stands in its way. */
function reach(from: Branch, steps: readonly string[], path: DocumentPath): Branch | null {
  let branch = from
  for (const step of steps) {
    if (branch.leaves.has(step)) return null
    let next = branch.branches.get(step)
    if (next === undefined) {
      next = new Branch(`${branch.label}.${step}`, path)
      branch.branches.set(step, next)
    }
    branch = next
  }
  return branch
}

/** A changed copy of `base`; a missing object is made where something is put into it. */
function applyEdits(scope: Scope, base: unknown, edits: Edits): unknown {
  if (base !== undefined && !isMap(base)) {
    return scope.fail(edits.site, `${edits.label} is ${kindOf(base)}, so no field can be set in it`)
  }
  const copy: MapValue = { ...base }
  for (const { field, inherited, value, below } of edits.list) {
    if (below !== null) {
      const inner = Object.hasOwn(copy, field) ? copy[field] : undefined
      if (inner === undefined && !puts(below)) continue
      const edited = applyEdits(scope, inner, below)
      if (edited === failed) return failed
      setField(copy, field, edited)
    } else if (value === null) {
      // JSON prints no undefined fields, and unlike `delete` this keeps the object in its fast form.
      if (inherited) delete copy[field]
      else if (copy[field] !== undefined) copy[field] = undefined
    } else {
      const result = value(scope)
      if (result === failed) return failed
      if (inherited) setField(copy, field, result)
      else copy[field] = result
    }
  }
  return copy
}

const puts = (edits: Edits): boolean =>
  edits.list.some(({ value, below }) => value !== null || (below !== null && puts(below)))

/** `payload:`: an expression, or a structure whose strings are expressions. */
export function compileReplacement(value: unknown, names: Names, faults: RuleFaults): Body {
  const path = ['payload']
  const compiled = compileValue(value, path, names, faults)
  const site: Site = { origin: { path }, offset: 0 }
  const evaluate: Evaluate = (scope) => {
    const result = compiled.evaluate(scope)
    // Bytes as the whole payload are sent as they are; inside JSON they would be base64.
    return result instanceof Uint8Array ? result : toJson(scope, site, result, 0)
  }
  return { evaluate, isObject: isMap(value) || Array.isArray(value) }
}

function compileValue(value: unknown, path: DocumentPath, names: Names, faults: RuleFaults): Expression {
  if (typeof value === 'string') {
    const { compiled, faults: found } = compileExpression({ text: value, origin: { path } }, names)
    faults.expression(path, found)
    return compiled ?? constantExpression(null)
  }
  if (typeof value !== 'object' || value === null) return constantExpression(value)
  const list = Array.isArray(value)
  const entries = Object.entries(value).map(([key, item]): [string, Evaluate] => {
    return [key, compileValue(item, [...path, list ? Number(key) : key], names, faults).evaluate]
  })
  const evaluate: Evaluate = (scope) => {
    const made: MapValue | unknown[] = list ? [] : {}
    for (const [key, item] of entries) {
      const result = item(scope)
      if (result === failed) return failed
      if (Array.isArray(made)) made.push(result)
      else setField(made, key, result)
    }
    return made
  }
  return { evaluate, type: dyn, depends: 'message', constant: null }
}

/** The expression's value as data JSON can print: bytes as base64, integers in full; NaN and infinities fail. */
function jsonValue({ evaluate, type }: Expression, path: DocumentPath): Evaluate {
  if (type.kind === 'string' || type.kind === 'bool') return evaluate
  const site: Site = { origin: { path }, offset: 0 }
  return (scope) => toJson(scope, site, evaluate(scope), 0)
}

/** `JSON.rawJSON` prints a number's digits as they are; TypeScript's library does not know it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

const maxDepth = 256

function toJson(scope: Scope, site: Site, value: unknown, depth: number): unknown {
  if (typeof value === 'number')
    return Number.isFinite(value) ? value : scope.fail(site, `${value} cannot be written as JSON`)
  if (typeof value === 'bigint') return rawJSON(String(value))
  if (typeof value !== 'object' || value === null || value instanceof Timestamp) return value
  if (depth > maxDepth) return scope.fail(site, `nested deeper than ${maxDepth}`)
  if (value instanceof Uint8Array) {
    return scope.spend(value.length >> 2) ? Buffer.from(value).toString('base64') : scope.fail(site, spentBudget)
  }
  const entries = Object.entries(value)
  if (!scope.spend(entries.length)) return scope.fail(site, spentBudget)
  const made: MapValue | unknown[] = Array.isArray(value) ? [] : {}
  for (const [key, item] of entries) {
    const result = toJson(scope, site, item, depth + 1)
    if (result === failed) return failed
    if (Array.isArray(made)) made.push(result)
    else setField(made, key, result)
  }
  return made
}
