/** Values and types as cel-spec's tests write them (cel.expr.Value, cel.expr.Type), and as expressions know them. */

import { makeDuration, makeTimestamp } from '../../../src/engine/expression/time-value.ts'
import type { Type } from '../../../src/engine/expression/type.ts'
import * as types from '../../../src/engine/expression/type.ts'
import { denotedType } from '../../../src/engine/expression/type-value.ts'
import {
  equals,
  isAnyMap,
  KeyedMap,
  keyOf,
  keysOf,
  readMap,
  Some,
  toInt,
  Uint,
} from '../../../src/engine/expression/value.ts'
import type { ProtoObject } from './run-case.ts'

const free = { spend: (): boolean => true }

const numberOf = (text: unknown): number => {
  const word = String(text).toLowerCase()
  if (word === 'nan') return Number.NaN
  return word.endsWith('inf') || word.endsWith('infinity')
    ? word.startsWith('-')
      ? -Infinity
      : Infinity
    : Number(text)
}

/** A bound value, in the form of its declared type. */
export function toValue(value: ProtoObject, type: Type): unknown {
  const dynamic = fromProto(value)
  if (type.kind === 'int') return toInt(dynamic as bigint)
  if (type.kind === 'uint') return toInt((dynamic as Uint).unsigned)
  if (type.kind === 'list')
    return (value['list_value'] as { values?: ProtoObject[] }).values?.map((item) => toValue(item, type.of)) ?? []
  if (type.kind !== 'map') return dynamic
  const { entries = [] } = value['map_value'] as { entries?: { key: ProtoObject; value: ProtoObject }[] }
  return makeMap(entries.map((entry) => [fromProto(entry.key), toValue(entry.value, type.of)]))
}

function makeMap(entries: readonly [unknown, unknown][]): unknown {
  const keyed = entries.map(([key, value]) => [keyOf(key)!, value] as const)
  return keyed.every(([key]) => typeof key === 'string') ? Object.fromEntries(keyed) : new KeyedMap(new Map(keyed))
}

/** A value in the form that tells kinds apart. */
function fromProto(value: ProtoObject): unknown {
  const [kind, content] = Object.entries(value)[0] ?? ['null_value', null]
  switch (kind) {
    case 'int64_value':
      return BigInt(content as string)
    case 'uint64_value':
      return new Uint(BigInt(content as string))
    case 'double_value':
      return numberOf(content)
    case 'bool_value':
      return content === 'true'
    case 'string_value':
      return content
    case 'bytes_value':
      return new Uint8Array(Buffer.from(content as string, 'base64'))
    case 'null_value':
      return null
    case 'type_value':
      return denotedType(content as string) ?? `unknown type ${String(content)}`
    case 'list_value':
      return ((content as { values?: ProtoObject[] }).values ?? []).map(fromProto)
    case 'map_value': {
      const { entries = [] } = content as { entries?: { key: ProtoObject; value: ProtoObject }[] }
      return makeMap(entries.map((entry) => [fromProto(entry.key), fromProto(entry.value)]))
    }
    default:
      return fromMessage(content as ProtoObject)
  }
}

function fromMessage(content: ProtoObject): unknown {
  const [name, fields] = Object.entries(content)[0] as [string, { seconds?: string; nanos?: string }]
  const ms = Number(fields.seconds ?? 0) * 1000
  if (name.includes('Duration')) return makeDuration(ms, Number(fields.nanos ?? 0))
  return name.includes('Timestamp') ? makeTimestamp(ms, Number(fields.nanos ?? 0)) : `message ${name}`
}

/** Equality that also tells the kinds of numbers apart. */
export const sameValue = (value: unknown, wanted: ProtoObject): boolean => same(value, fromProto(wanted))

function same(left: unknown, right: unknown): boolean {
  if (typeof left === 'number' && typeof right === 'number') return Object.is(left, right) || left === right
  if (kindOf(left) !== kindOf(right)) return false
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, at) => same(item, right[at]))
  }
  if (left instanceof Some && right instanceof Some) return same(left.present, right.present)
  if (!isAnyMap(left) || !isAnyMap(right)) return equals(left, right, free)
  const keys = keysOf(left)
  return keys.length === keysOf(right).length && keys.every((key) => same(readMap(left, key), readMap(right, key)))
}

function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return typeof value
  return Array.isArray(value) ? 'list' : isAnyMap(value) ? 'map' : value.constructor.name
}

const primitives: Readonly<Record<string, Type>> = {
  BOOL: types.bool,
  INT64: types.int,
  UINT64: types.uint,
  DOUBLE: types.double,
  STRING: types.string,
  BYTES: types.bytes,
}

/** A declared type; what expressions do not know is any value. */
export function toType(type: ProtoObject | undefined): Type {
  if (type === undefined) return types.dyn
  const [kind, content] = Object.entries(type)[0] ?? ['dyn', null]
  if (kind === 'primitive') return primitives[content as string] ?? types.dyn
  if (kind === 'null') return types.nullType
  if (kind === 'list_type') return types.listOf(toType((content as { elem_type?: ProtoObject }).elem_type))
  if (kind !== 'map_type') return types.dyn
  const { key_type: key, value_type: value } = content as { key_type?: ProtoObject; value_type?: ProtoObject }
  return types.mapOf(toType(value), toType(key))
}

const primitiveNames: Readonly<Record<string, string>> = {
  bool: 'BOOL',
  int: 'INT64',
  uint: 'UINT64',
  double: 'DOUBLE',
  string: 'STRING',
  bytes: 'BYTES',
}

/** A type the checker found, as the tests write it. */
export function fromType(type: Type): ProtoObject {
  const primitive = primitiveNames[type.kind]
  if (primitive !== undefined) return { primitive }
  if (type.kind === 'list') return { list_type: { elem_type: fromType(type.of) } }
  if (type.kind === 'map' || type.kind === 'record') {
    const { key, of } = types.asMap(type)
    return { map_type: { key_type: fromType(key), value_type: fromType(of) } }
  }
  if (type.kind === 'optional')
    return { abstract_type: { name: 'optional_type', parameter_types: [fromType(type.of)] } }
  return type.kind === 'null' ? { null: 'NULL_VALUE' } : { [type.kind]: {} }
}

export const printShape = (type: ProtoObject): string => JSON.stringify(type)
