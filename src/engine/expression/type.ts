import type { Shape } from '../port.ts'

/**
 * Static types of expressions.
 *
 * `int` is CEL's int: literals, `size()`, `int()`; it divides as integers do. `uint` is `1u`. `double` is every other
 * number, JSON's included, whole or not. `number` is one of the three, and only the message will tell which; `dyn` is
 * what only the message will tell. `record` is an object whose fields a schema names, or a literal spells out.
 */
export type Type =
  | { readonly kind: PlainKind }
  | { readonly kind: 'list'; readonly of: Type }
  | { readonly kind: 'optional'; readonly of: Type }
  | MapType
  | RecordType

type PlainKind =
  | 'dyn'
  | 'null'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'number'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration'
  | 'type'

export interface MapType {
  readonly kind: 'map'
  readonly of: Type
  /** The type of its keys. */
  readonly key: Type
}

export interface RecordType {
  readonly kind: 'record'
  readonly fields: ReadonlyMap<string, Type>
  /** Fields beyond `fields` may be read. */
  readonly open: boolean
  /** Who says so, for messages: `schema telemetry@3`; empty for an object a literal spells out. */
  readonly owner: string
}

export const dyn: Type = { kind: 'dyn' }
/** One of several types that are known and have nothing in common: `[1, 'a']`. */
export const mixed: Type = { kind: 'dyn' }
/** Of the items of `[]` and the value of `optional.none()`, which there are none of: it joins with any type. */
export const nothing: Type = { kind: 'dyn' }
export const nullType: Type = { kind: 'null' }
export const bool: Type = { kind: 'bool' }
export const int: Type = { kind: 'int' }
export const uint: Type = { kind: 'uint' }
export const double: Type = { kind: 'double' }
export const number: Type = { kind: 'number' }
export const string: Type = { kind: 'string' }
export const bytes: Type = { kind: 'bytes' }
export const timestamp: Type = { kind: 'timestamp' }
export const duration: Type = { kind: 'duration' }
export const typeType: Type = { kind: 'type' }
export const listOf = (of: Type): Type => ({ kind: 'list', of })
export const mapOf = (of: Type, key: Type = string): Type => ({ kind: 'map', of, key })
export const optionalOf = (of: Type): Type => (of.kind === 'optional' ? of : { kind: 'optional', of })

/** Families in which values can be compared and calculated with one another. */
export type Family =
  | 'any'
  | 'null'
  | 'bool'
  | 'number'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration'
  | 'type'
  | 'list'
  | 'map'
  | 'optional'

const families: Readonly<Record<Type['kind'], Family>> = {
  dyn: 'any',
  null: 'null',
  bool: 'bool',
  int: 'number',
  uint: 'number',
  double: 'number',
  number: 'number',
  string: 'string',
  bytes: 'bytes',
  timestamp: 'timestamp',
  duration: 'duration',
  type: 'type',
  list: 'list',
  map: 'map',
  optional: 'optional',
  record: 'map',
}

export const familyOf = (type: Type): Family => families[type.kind]

/** Whether values of the two types can be equal at all; null can stand wherever JSON data may. */
export function comparable(left: Type, right: Type): boolean {
  const a = familyOf(left)
  const b = familyOf(right)
  return a === b || a === 'any' || b === 'any' || a === 'null' || b === 'null'
}

/** The type of a value that has one of the two types. */
export function joinTypes(left: Type, right: Type): Type {
  if (left === right || right === nothing) return left
  if (left === nothing) return right
  if (left.kind === 'optional' || right.kind === 'optional') {
    const inner = (type: Type): Type => (type.kind === 'optional' ? type.of : type)
    return optionalOf(joinTypes(inner(left), inner(right)))
  }
  if (left.kind === 'list' && right.kind === 'list') return listOf(joinTypes(left.of, right.of))
  if (familyOf(left) === 'map' && familyOf(right) === 'map') {
    const [a, b] = [asMap(left), asMap(right)]
    return mapOf(joinTypes(a.of, b.of), joinTypes(a.key, b.key))
  }
  if (left.kind === right.kind) return left
  if (left.kind === 'dyn' || right.kind === 'dyn') return left === mixed || right === mixed ? mixed : dyn
  if (familyOf(left) !== 'number' || familyOf(right) !== 'number') return mixed
  // An integer beside one of JSON's numbers is one of them.
  return left.kind !== 'uint' && right.kind !== 'uint' && left.kind !== 'number' && right.kind !== 'number'
    ? double
    : number
}

/** A map or record as a map: of whatever all its fields have in common. */
export function asMap(type: Type): MapType {
  if (type.kind === 'map') return type
  const known = maps.get(type)
  if (known !== undefined) return known
  const fields = type.kind === 'record' && !type.open ? [...type.fields.values()] : [dyn]
  const made: MapType = {
    kind: 'map',
    of: fields.reduce(joinTypes, nothing),
    key: fields.length === 0 ? nothing : string,
  }
  maps.set(type, made)
  return made
}

/** Records can be shared many times over in what a rule writes, so that each may be worked out once only. */
const maps = new WeakMap<Type, MapType>()

/** A type as a person reads it. */
export function printType(type: Type): string {
  if (type.kind === 'double') return 'number'
  if (type.kind === 'dyn') return 'any value'
  if (type.kind === 'list' || type.kind === 'map' || type.kind === 'optional') {
    return type.of.kind === 'dyn' ? type.kind : `${type.kind} of ${printType(type.of)}`
  }
  return type.kind === 'record' ? 'object' : type.kind
}

/** The type of a payload that fits a schema. What a schema uses in many places becomes one type. */
export const typeOfShape = (shape: Shape, owner: string): Type => shapeType(shape, owner, new Map())

function shapeType(shape: Shape, owner: string, known: Map<Shape, Type>): Type {
  if (shape.kind === 'any') return dyn
  if (shape.kind === 'number') return double
  if (shape.kind !== 'list' && shape.kind !== 'object') return { kind: shape.kind }
  const before = known.get(shape)
  if (before !== undefined) return before
  // Until it is known, a shape that leads back to itself is anything there.
  known.set(shape, dyn)
  const type = shape.kind === 'list' ? listOf(shapeType(shape.items, owner, known)) : record(shape, owner, known)
  known.set(shape, type)
  return type
}

function record(shape: Extract<Shape, { kind: 'object' }>, owner: string, known: Map<Shape, Type>): RecordType {
  const fields = new Map<string, Type>()
  for (const [name, field] of shape.fields) fields.set(name, shapeType(field, owner, known))
  return { kind: 'record', fields, open: shape.open, owner }
}
