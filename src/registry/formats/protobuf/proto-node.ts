/** What a Protobuf schema says, with every name and feature resolved. */

export interface MessageNode {
  /** With its package: `plant.Reading.Unit`. */
  readonly name: string
  /** Where it stands in its file, outermost first. */
  readonly indexes: readonly number[]
  /** By number. Empty until the file is linked: messages may hold each other. */
  fields: readonly FieldNode[]
  /** The names of fields of which a value has one at most. */
  oneofs: readonly (readonly FieldNode[])[]
}

export interface EnumNode {
  readonly name: string
  readonly numbers: ReadonlyMap<string, number>
  /** Of several names for one number, the first. */
  readonly names: ReadonlyMap<number, string>
  /** A number without a name is no value of it. */
  readonly closed: boolean
}

/** What a name may stand for. */
export type TypeNode = { readonly message: MessageNode } | { readonly enum: EnumNode }

export interface FieldNode {
  /** As the file has it; what payloads are shown with. */
  readonly name: string
  /** The name in Protobuf's JSON, `lowerCamel`; payloads may use it too. */
  readonly jsonName: string
  readonly number: number
  readonly type: FieldType
  readonly repeated: boolean
  /** Of repeated numbers: all in one. */
  readonly packed: boolean
  /** Of a map: the scalar of its keys. null when it is none. */
  readonly key: Scalar | null
  /** `implicit`: not there and zero are the same. */
  readonly presence: 'implicit' | 'explicit' | 'required'
  readonly oneof: string | null
  /** What an explicit field that is not there is shown as; undefined to leave it out. */
  readonly default: unknown
  /** Of a message: between two tags instead of behind its length. */
  readonly delimited: boolean
}

export type FieldType =
  | { readonly kind: Scalar }
  | { readonly kind: 'message'; readonly message: MessageNode }
  | { readonly kind: 'enum'; readonly enum: EnumNode }

export const scalars = [
  'double',
  'float',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
  'bytes',
] as const
export type Scalar = (typeof scalars)[number]

/** How a value stands on the wire: 0 varint, 1 eight bytes, 2 behind its length, 3 between tags, 5 four bytes. */
export type WireType = 0 | 1 | 2 | 3 | 5

const eightBytes = new Set<string>(['double', 'fixed64', 'sfixed64'])
const fourBytes = new Set<string>(['float', 'fixed32', 'sfixed32'])
const lengths = new Set<string>(['string', 'bytes'])

export function wireTypeOf(type: FieldType, delimited: boolean): WireType {
  if (type.kind === 'message') return delimited ? 3 : 2
  if (lengths.has(type.kind)) return 2
  if (eightBytes.has(type.kind)) return 1
  return fourBytes.has(type.kind) ? 5 : 0
}

/** The enum whose one value is JSON's null. */
export const isNullValue = (type: FieldType): boolean =>
  type.kind === 'enum' && type.enum.name === 'google.protobuf.NullValue'

/** Values that may stand packed. */
export const isPackable = (type: FieldType): boolean => type.kind !== 'message' && !lengths.has(type.kind)
