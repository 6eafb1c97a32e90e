import type { DocumentPath } from '../document/source-document.ts'
import { toData, toJson } from './encoding/plain-data.ts'
import { compileExpression, constantExpression, type Expression } from './expression/expression.ts'
import type { Names } from './expression/names.ts'
import type { Evaluate, Scope, Site } from './expression/scope.ts'
import { dyn } from './expression/type.ts'
import { failed, isInherited, isMap, kindOf, type MapValue, setField } from './expression/value.ts'
import type { RuleFaults } from './rule-faults.ts'

/**
 * What a rule makes of the payload (`set:` or `payload:`), as plain data. The payload itself is never changed: other
 * rules see it as it was published.
 */
export interface Body {
  readonly evaluate: Evaluate
  /** `set:` always gives an object. */
  readonly isObject: boolean
  /** Each edit of `set:` by its path, null where it removes; none for `payload:`. For those who explain. */
  readonly edits: ReadonlyMap<string, Evaluate | null>
}

/** What a body is compiled for. */
export interface BodyEnvironment {
  readonly names: Names
  readonly faults: RuleFaults
  /** For more than JSON: the data keeps bytes and integers as they are. */
  readonly rich: boolean
  /** What `set` edits: the payload, or the item of a `for_each`. */
  readonly base: Evaluate
  readonly baseName: string
}

/** `set:` or `payload:` of a rule or of a target; null when there is neither. */
export function compileBody(
  raw: { readonly set?: unknown; readonly payload?: unknown },
  path: DocumentPath,
  env: BodyEnvironment,
): Body | null {
  if (raw.set !== undefined && 'payload' in raw) {
    env.faults.atKey(
      [...path, 'payload'],
      'E201',
      '`payload` replaces what `set` edits; a rule or a target has one of them',
    )
  }
  if (raw.set !== undefined) return compileSet(raw.set as object, [...path, 'set'], env)
  return 'payload' in raw ? compileReplacement(raw.payload, [...path, 'payload'], env) : null
}

interface Edit {
  readonly field: string
  /** A name that prototypes know, too. */
  readonly inherited: boolean
  /** Removed in earnest: more than JSON's printer will look at the object. */
  readonly deletes: boolean
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
function compileSet(set: object, path: DocumentPath, env: BodyEnvironment): Body {
  const root = new Branch(env.baseName, path)
  gather(root, set, path, env)
  const edits = root.edits(env.rich)
  const { base } = env
  return {
    isObject: true,
    edits: new Map(listOf(edits, '')),
    evaluate: (scope) => {
      const payload = base(scope)
      return payload === failed ? failed : applyEdits(scope, payload, edits)
    },
  }
}

const listOf = (edits: Edits, prefix: string): [string, Evaluate | null][] =>
  edits.list.flatMap(({ field, value, below }): [string, Evaluate | null][] =>
    below === null ? [[prefix + field, value]] : listOf(below, `${prefix}${field}.`),
  )

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

  edits(rich: boolean): Edits {
    const leaves = [...this.leaves].map(
      ([field, value]): Edit => ({
        field,
        inherited: isInherited(field),
        deletes: rich || isInherited(field),
        value,
        below: null,
      }),
    )
    const branches = [...this.branches].map(
      ([field, branch]): Edit => ({
        field,
        inherited: isInherited(field),
        deletes: false,
        value: null,
        below: branch.edits(rich),
      }),
    )
    return { list: [...leaves, ...branches], site: { origin: { path: this.path }, offset: 0 }, label: this.label }
  }
}

function gather(branch: Branch, entries: object, path: DocumentPath, env: BodyEnvironment): void {
  const { faults } = env
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
    } else if (nested) gather(reach(parent, [field], at)!, value as object, at, env)
    else parent.leaves.set(field, value === null ? null : plainValue(compileValue(value, at, env), at, env))
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
  for (const { field, inherited, deletes, value, below } of edits.list) {
    if (below !== null) {
      const inner = Object.hasOwn(copy, field) ? copy[field] : undefined
      if (inner === undefined && !puts(below)) continue
      const edited = applyEdits(scope, inner, below)
      if (edited === failed) return failed
      setField(copy, field, edited)
    } else if (value === null) {
      // JSON prints no undefined fields, and unlike `delete` this keeps the object in its fast form.
      if (deletes) delete copy[field]
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
function compileReplacement(value: unknown, path: DocumentPath, env: BodyEnvironment): Body {
  const compiled = compileValue(value, path, env)
  const plain = env.rich ? toData : toJson
  const site: Site = { origin: { path }, offset: 0 }
  const evaluate: Evaluate = (scope) => {
    const result = compiled.evaluate(scope)
    // Bytes as the whole payload are sent as they are; inside JSON they would be base64.
    return result instanceof Uint8Array ? result : plain(scope, site, result)
  }
  return { evaluate, isObject: isMap(value) || Array.isArray(value), edits: new Map() }
}

function compileValue(value: unknown, path: DocumentPath, env: BodyEnvironment): Expression {
  const { names, faults } = env
  if (typeof value === 'string') {
    const { compiled, faults: found } = compileExpression({ text: value, origin: { path } }, names)
    faults.expression(path, found)
    return compiled ?? constantExpression(null)
  }
  if (typeof value !== 'object' || value === null) return constantExpression(value)
  const list = Array.isArray(value)
  const entries = Object.entries(value).map(([key, item]): [string, Evaluate] => {
    return [key, compileValue(item, [...path, list ? Number(key) : key], env).evaluate]
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

function plainValue({ evaluate, type }: Expression, path: DocumentPath, { rich }: BodyEnvironment): Evaluate {
  const plain = rich ? toData : toJson
  if (type.kind === 'string' || type.kind === 'bool') return evaluate
  const site: Site = { origin: { path }, offset: 0 }
  return (scope) => {
    const value = evaluate(scope)
    if (typeof value === 'number' && Number.isFinite(value)) return value
    return value === failed ? failed : plain(scope, site, value)
  }
}
