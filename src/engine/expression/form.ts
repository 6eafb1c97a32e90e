import type { Scope } from './scope.ts'
import { asMap, dyn, familyOf, mixed, type Type } from './type.ts'
import { KeyedMap, type MapKey, type MapValue, none, Some, setField, toUint, Uint } from './value.ts'

/** Changes the form of a value (see value.ts); null where both forms are the same. */
export type Convert = ((scope: Scope, value: unknown) => unknown) | null

/** From the form of one static type to that of another, which the checker has found it to fit. */
export function converter(from: Type, to: Type): Convert {
  if (from === to) return null
  const known = converters.get(from)?.get(to)
  if (known !== undefined) return known
  const made = makeConverter(from, to)
  // Types can be shared many times over in what a rule writes, so that each pair may be worked out once only.
  let row = converters.get(from)
  if (row === undefined) {
    row = new WeakMap()
    converters.set(from, row)
  }
  row.set(to, made)
  return made
}

const converters = new WeakMap<Type, WeakMap<Type, Convert>>()

function makeConverter(from: Type, to: Type): Convert {
  // Beside what comes from the message an integer is one of JSON's numbers.
  if (from.kind === 'int') return to.kind === 'int' || to.kind === 'double' || to === dyn ? null : intToDynamic
  if (from.kind === 'uint') return to.kind === 'uint' ? null : uintToDynamic
  if (from.kind === 'optional') return makeOptional(from.of, to)
  if (from.kind === 'list') {
    const item = converter(from.of, to.kind === 'list' ? to.of : to === dyn ? dyn : mixed)
    return item === null ? null : (scope, value) => convertList(scope, value, item)
  }
  if (familyOf(from) !== 'map') return null
  const target = to.kind === 'map' ? to.of : to === dyn ? dyn : mixed
  if (from.kind === 'record') return makeRecord(from.fields, target)
  const item = converter(asMap(from).of, target)
  return item === null ? null : (scope, value) => convertMap(scope, value, () => item)
}

const intToDynamic: Convert = (_scope, value) => (Number.isInteger(value) ? BigInt(value as number) : value)
const uintToDynamic: Convert = (_scope, value) =>
  typeof value === 'bigint' || Number.isInteger(value) ? new Uint(BigInt(value as number | bigint)) : value

function makeOptional(of: Type, to: Type): Convert {
  const inner = converter(of, to.kind === 'optional' ? to.of : to === dyn ? dyn : mixed)
  const present = (scope: Scope, value: unknown): unknown => (inner === null ? value : inner(scope, value))
  if (to.kind === 'optional') return inner && ((scope, value) => (value === none ? none : present(scope, value)))
  return (scope, value) => (value === none ? none : new Some(present(scope, value)))
}

function makeRecord(fields: ReadonlyMap<string, Type>, target: Type): Convert {
  const byField = new Map<string, Convert>()
  for (const [name, type] of fields) {
    const convert = converter(type, target)
    if (convert !== null) byField.set(name, convert)
  }
  if (byField.size === 0) return null
  return (scope, value) => convertMap(scope, value, (name) => byField.get(name as string) ?? null)
}

function convertList(scope: Scope, value: unknown, item: NonNullable<Convert>): unknown {
  // A spent budget ends the work; whoever asks for it next fails.
  if (!Array.isArray(value) || !scope.spend(value.length * 2)) return value
  return value.map((each) => item(scope, each))
}

function convertMap(scope: Scope, value: unknown, of: (key: MapKey) => Convert): unknown {
  const keyed = value instanceof KeyedMap
  const entries: [MapKey, unknown][] = keyed ? [...value.keyed] : Object.entries(value as MapValue)
  if (!scope.spend(entries.length * 8)) return value
  const changed = entries.map(([key, each]): [MapKey, unknown] => [key, of(key)?.(scope, each) ?? each])
  if (keyed) return new KeyedMap(new Map(changed))
  const made: MapValue = {}
  for (const [key, each] of changed) setField(made, key as string, each)
  return made
}

/**
 * A value as it leaves its expression: integers as numbers while exact, all keys text. Shares what needs no change
 * no less than it was shared, but goes through every part: the budget pays, and ends it.
 */
export function toPlain(scope: Scope, value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint) return toUint(value.unsigned)
  if (Array.isArray(value)) return scope.spend(value.length * 2) ? value.map((item) => toPlain(scope, item)) : value
  const keyed = value instanceof KeyedMap
  if (!keyed && Object.getPrototypeOf(value) !== Object.prototype) return value
  const entries: [MapKey, unknown][] = keyed ? [...value.keyed] : Object.entries(value)
  const made: MapValue = {}
  if (!scope.spend(entries.length * 8)) return made
  for (const [key, item] of entries) setField(made, String(key), toPlain(scope, item))
  return made
}
