import { Duration, none, Some, Timestamp, TypeValue, Uint } from './value.ts'

/** The words that denote types in expressions, and what they stand for. */
const denoted: ReadonlyMap<string, TypeValue> = new Map(
  [
    'bool',
    'int',
    'uint',
    'double',
    'string',
    'bytes',
    'list',
    'map',
    'null_type',
    'type',
    'optional_type',
    'google.protobuf.Timestamp',
    'google.protobuf.Duration',
  ].map((name) => [name, new TypeValue(name)]),
)

/** The type a word denotes; null when it denotes none. */
export const denotedType = (name: string): TypeValue | null => denoted.get(name) ?? null

/** What `type(x)` gives, of a value in the form that tells numbers apart. */
export const typeOfValue = (value: unknown): TypeValue => denoted.get(typeName(value))!

function typeName(value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'number':
      return 'double'
    case 'bigint':
      return 'int'
    case 'string':
      return 'string'
    default:
      return value === null ? 'null_type' : value === none ? 'optional_type' : objectTypeName(value as object)
  }
}

function objectTypeName(value: object): string {
  if (Array.isArray(value)) return 'list'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp'
  if (value instanceof Duration) return 'google.protobuf.Duration'
  if (value instanceof Uint) return 'uint'
  if (value instanceof Some) return 'optional_type'
  if (value instanceof TypeValue) return 'type'
  return 'map'
}
