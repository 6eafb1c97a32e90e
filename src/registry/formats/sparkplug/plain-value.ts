import { isArrayType, readArray } from './array-value.ts'
import { integerForms, type TypeName, typeNameOf } from './data-type.ts'
import { fromBits } from './integer.ts'
import { Malformed, type WireReader } from './wire-reader.ts'

/** Plain data of any shape. */
export type Fields = Record<string, unknown>

/** Gives an object an own field, `__proto__` included. */
export function setField(fields: Fields, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(fields, name, { value, writable: true, enumerable: true, configurable: true })
  } else fields[name] = value
}

/** Deepest templates and property sets within one another. */
export const maxDepth = 16
/** Most metrics, cells, properties and parameters of one payload. */
export const maxItems = 50_000

/** What may still be read of a payload. */
export class Budget {
  #items = maxItems

  /** *Errors*: Malformed when there is too much. */
  spend(depth: number): void {
    if (this.#items-- === 0) throw new Malformed(`has more than ${maxItems} metrics, cells and properties`)
    if (depth > maxDepth) throw new Malformed(`is nested deeper than ${maxDepth}`)
  }
}

/** A value as the wire has it, before its type is known: which kind of field, and what was in it. */
export interface WireValue {
  readonly form: 'int' | 'long' | 'float' | 'double' | 'boolean' | 'string' | 'nested'
  readonly value: number | bigint | boolean | string | WireReader
}

/** Reads the field of a `oneof value` whose first number is `first`; null when the field is none of the six scalars. */
export function readScalar(reader: WireReader, tag: number, first: number): WireValue | null {
  switch (tag - first * 8) {
    case 0:
      return { form: 'int', value: reader.uint32() }
    case 8:
      return { form: 'long', value: reader.uint64() }
    case 2 * 8 + 5:
      return { form: 'float', value: reader.float() }
    case 3 * 8 + 1:
      return { form: 'double', value: reader.double() }
    case 4 * 8:
      return { form: 'boolean', value: reader.bool() }
    case 5 * 8 + 2:
      return { form: 'string', value: reader.string() }
    default:
      return null
  }
}

const textTypes: ReadonlySet<string> = new Set(['String', 'Text', 'UUID'])

/** A value of a type, without sets, which each have a file. *Errors*: Malformed when the two do not go together. */
export function plainValue(type: TypeName, { form, value }: WireValue): unknown {
  const integer = integerForms.get(type)
  if (integer !== undefined) {
    if (form === 'int' || form === 'long') return fromBits(value as number | bigint, integer, form === 'long')
  } else if (type === 'Float' || type === 'Double') {
    if (form === 'float' || form === 'double') return value
  } else if (type === 'Boolean') {
    if (form === 'boolean') return value
  } else if (textTypes.has(type)) {
    if (form === 'string') return value
  } else if (type === 'Bytes' || type === 'File') {
    if (form === 'nested') return (value as WireReader).rest()
  } else if (isArrayType(type)) {
    if (form === 'nested') return readArray(type, (value as WireReader).rest())
  } else if (type === 'Unknown') return form === 'nested' ? (value as WireReader).rest() : value
  throw new Malformed(`has a ${form} where a value of type ${type} belongs`)
}

export const typeOf = (number: number | null): TypeName => (number === null ? 'Unknown' : typeNameOf(number))
