/** What an Avro schema says, with every name resolved. *Source*: Apache Avro 1.12 specification. */
export type AvroNode = PrimitiveNode | FixedNode | EnumNode | ArrayNode | MapNode | UnionNode | RecordNode

export interface PrimitiveNode {
  readonly kind: (typeof primitives)[number]
  readonly logical: Logical | null
}

export interface FixedNode {
  readonly kind: 'fixed'
  readonly name: string
  readonly size: number
  readonly logical: Logical | null
}

export interface EnumNode {
  readonly kind: 'enum'
  readonly name: string
  readonly symbols: readonly string[]
}

export interface ArrayNode {
  readonly kind: 'array'
  readonly items: AvroNode
}

export interface MapNode {
  readonly kind: 'map'
  readonly values: AvroNode
}

export interface UnionNode {
  readonly kind: 'union'
  readonly branches: readonly AvroNode[]
}

export interface RecordNode {
  readonly kind: 'record'
  readonly name: string
  /** Empty until the record has been read: its fields may be of its own type. */
  fields: readonly AvroField[]
}

export interface AvroField {
  readonly name: string
  readonly node: AvroNode
  /** As the schema writes it: bytes as text of the units 0 to 255. undefined when there is none. */
  readonly default: unknown
  /** Where it stands in the schema. */
  readonly path: readonly (string | number)[]
}

export const primitives = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const

/** What a value means beyond its bytes. *Shape*: `perSecond` is the unit of times, 1e3, 1e6 or 1e9. */
export type Logical =
  | { readonly kind: 'date' | 'uuid' | 'duration' }
  | { readonly kind: 'time' | 'timestamp' | 'local-timestamp'; readonly perSecond: number }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }

const timeUnits: Readonly<Record<string, number>> = { millis: 1e3, micros: 1e6, nanos: 1e9 }

/** What `logicalType` says of a type; null where it says nothing valid, which the specification wants ignored. */
export function logicalOf(schema: Readonly<Record<string, unknown>>, kind: string, size: number): Logical | null {
  const name = schema['logicalType']
  if (typeof name !== 'string') return null
  if (name === 'date' && kind === 'int') return { kind: 'date' }
  if (name === 'uuid' && (kind === 'string' || (kind === 'fixed' && size === 16))) return { kind: 'uuid' }
  if (name === 'duration' && kind === 'fixed' && size === 12) return { kind: 'duration' }
  if (name === 'decimal' && (kind === 'bytes' || kind === 'fixed')) return decimalOf(schema, kind, size)
  const [, of, unit] = /^(time|timestamp|local-timestamp)-(millis|micros|nanos)$/.exec(name) ?? []
  if (unit === undefined) return null
  const wanted = of === 'time' && unit === 'millis' ? 'int' : 'long'
  if (kind !== wanted || (of === 'time' && unit === 'nanos')) return null
  return { kind: of as 'time', perSecond: timeUnits[unit]! }
}

/** More digits are no measurement, and arithmetic on them costs. */
const maxPrecision = 1_000

function decimalOf(schema: Readonly<Record<string, unknown>>, kind: string, size: number): Logical | null {
  const { precision, scale = 0 } = schema as { precision?: unknown; scale?: unknown }
  if (!Number.isInteger(precision) || !Number.isInteger(scale)) return null
  const [digits, decimals] = [precision as number, scale as number]
  const room = kind === 'fixed' ? Math.floor(Math.log10(2) * (8 * size - 1)) : maxPrecision
  if (digits < 1 || digits > Math.min(room, maxPrecision) || decimals < 0 || decimals > digits) return null
  return { kind: 'decimal', precision: digits, scale: decimals }
}
