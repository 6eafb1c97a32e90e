/** The data types by their number. *Source*: Sparkplug 3.0, 6.4.16 "Data Types". */
export const typeNames = [
  'Unknown',
  'Int8',
  'Int16',
  'Int32',
  'Int64',
  'UInt8',
  'UInt16',
  'UInt32',
  'UInt64',
  'Float',
  'Double',
  'Boolean',
  'String',
  'DateTime',
  'Text',
  'UUID',
  'DataSet',
  'Bytes',
  'File',
  'Template',
  'PropertySet',
  'PropertySetList',
  'Int8Array',
  'Int16Array',
  'Int32Array',
  'Int64Array',
  'UInt8Array',
  'UInt16Array',
  'UInt32Array',
  'UInt64Array',
  'FloatArray',
  'DoubleArray',
  'BooleanArray',
  'StringArray',
  'DateTimeArray',
] as const

export type TypeName = (typeof typeNames)[number]

const numbers: ReadonlyMap<string, number> = new Map(typeNames.map((name, number) => [name, number]))

/** `Unknown` where a number means nothing yet. */
export const typeNameOf = (number: number): TypeName => typeNames[number] ?? 'Unknown'

/** -1 of a name that is none. */
export const typeNumberOf = (name: string): number => numbers.get(name) ?? -1

export interface IntegerForm {
  readonly bits: 8 | 16 | 32 | 64
  readonly signed: boolean
}

/** Types whose values are integers, and how wide they are. */
export const integerForms: ReadonlyMap<string, IntegerForm> = new Map<string, IntegerForm>([
  ['Int8', { bits: 8, signed: true }],
  ['Int16', { bits: 16, signed: true }],
  ['Int32', { bits: 32, signed: true }],
  ['Int64', { bits: 64, signed: true }],
  ['UInt8', { bits: 8, signed: false }],
  ['UInt16', { bits: 16, signed: false }],
  ['UInt32', { bits: 32, signed: false }],
  ['UInt64', { bits: 64, signed: false }],
  ['DateTime', { bits: 64, signed: false }],
])

/** A number while exact, else a bigint. */
export const plain = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
