import { PulsarFault } from '../fault.ts'
import type { WireReader } from './reader.ts'
import type { WireWriter } from './writer.ts'

/** How a field's value stands on the wire; `long` keeps all 64 bits as a bigint. */
type Kind = 'int' | 'long' | 'flag' | 'text' | 'bytes' | 'nested'

/** One field of a message: its number, its kind, what it is when it does not come. */
export interface Field<Value> {
  readonly number: number
  readonly kind: Kind
  readonly many: boolean
  readonly shape: Coded | null
  readonly fallback: Value
}

/** What a nested field needs of its shape. */
interface Coded {
  encode(writer: WireWriter, values: object): void
  decode(reader: WireReader, end: number): object
}

const field = <Value>(number: number, kind: Kind, fallback: Value, shape: Coded | null = null): Field<Value> => ({
  number,
  kind,
  many: false,
  shape,
  fallback,
})

type OrGiven<Value, Given> = [Given] extends [undefined] ? Value | undefined : Value

/** Any whole number and any enum. The second parameter is what it is when it does not come; without it: undefined. */
export const int = <Given extends number | undefined = undefined>(number: number, given?: Given) =>
  field(number, 'int', given as OrGiven<number, Given>)
export const long = <Given extends bigint | undefined = undefined>(number: number, given?: Given) =>
  field(number, 'long', given as OrGiven<bigint, Given>)
export const flag = <Given extends boolean | undefined = undefined>(number: number, given?: Given) =>
  field(number, 'flag', given as OrGiven<boolean, Given>)
export const text = <Given extends string | undefined = undefined>(number: number, given?: Given) =>
  field(number, 'text', given as OrGiven<string, Given>)
/** *Shape*: read as a view into the frame. */
export const bytes = (number: number) => field<Uint8Array | undefined>(number, 'bytes', undefined)
export const nested = <Values extends object>(number: number, shape: Shape<Values>) =>
  field<Values | undefined>(number, 'nested', undefined, shape as unknown as Coded)
/** A repeated field; an empty list when it does not come. */
export const many = <Value>(one: Field<Value>): Field<readonly Exclude<Value, undefined>[]> => ({
  ...one,
  many: true,
  fallback: [],
})

type Fields = Readonly<Record<string, Field<unknown>>>
type ValueOf<One> = One extends Field<infer Value> ? Value : never
type Absent<Given extends Fields> = {
  [Name in keyof Given]: undefined extends ValueOf<Given[Name]> ? Name : never
}[keyof Given]

/** What a message is in memory: every field is there when it was read; those without a fallback may be left out when written. */
export type ValuesOf<Given extends Fields> = {
  readonly [Name in Exclude<keyof Given, Absent<Given>>]: ValueOf<Given[Name]>
} & { readonly [Name in Absent<Given>]?: ValueOf<Given[Name]> }

/**
 * A message of the protocol as a table of its fields: reads and writes what the table says. For what is rare: the
 * fields of every single message are written by hand (entry.ts, single-message.ts).
 */
export class Shape<Values extends object> {
  readonly #fields: readonly (readonly [name: string, field: Field<unknown>])[]
  readonly #byNumber: (readonly [name: string, field: Field<unknown>])[] = []
  /** A message without any field; copying it is far cheaper than making it, and gives all messages one hidden class. */
  readonly #empty: Readonly<Record<string, unknown>>

  constructor(fields: Fields) {
    this.#fields = Object.entries(fields)
    for (const entry of this.#fields) this.#byNumber[entry[1].number] = entry
    this.#empty = Object.fromEntries(this.#fields.map(([name, one]) => [name, one.many ? nothing : one.fallback]))
  }

  /** Writes the fields that are given. */
  encode(writer: WireWriter, values: Partial<Values>): void {
    for (const [name, one] of this.#fields) {
      const value = (values as Record<string, unknown>)[name]
      if (value === undefined) continue
      if (!one.many) encodeField(writer, one, value)
      else for (const item of value as readonly unknown[]) encodeField(writer, one, item)
    }
  }

  /** Reads up to `end`; unknown fields are passed over. *Errors*: PulsarFault `protocol`. */
  decode(reader: WireReader, end: number): Values {
    const values: Record<string, unknown> = { ...this.#empty }
    while (reader.at < end) {
      const tag = reader.varint()
      const entry = this.#byNumber[tag >>> 3]
      if (entry === undefined) {
        reader.skip(tag & 7)
        continue
      }
      const [name, one] = entry
      if (!one.many) {
        values[name] = decodeField(reader, one)
        continue
      }
      if (values[name] === nothing) values[name] = []
      if (isPacked(one, tag & 7)) decodePacked(reader, one, values[name] as unknown[])
      else (values[name] as unknown[]).push(decodeField(reader, one))
    }
    if (reader.at > end) throw new PulsarFault('protocol', '', 'a field of a message is longer than the message')
    return values as Values
  }
}

export const shape = <const Given extends Fields>(fields: Given): Shape<ValuesOf<Given>> => new Shape(fields)

const nothing: readonly unknown[] = Object.freeze([])

const isLengthed = (kind: Kind): boolean => kind === 'text' || kind === 'bytes' || kind === 'nested'
const isPacked = (one: Field<unknown>, wireType: number): boolean => wireType === 2 && !isLengthed(one.kind)

function encodeField(writer: WireWriter, one: Field<unknown>, value: unknown): void {
  writer.varint((one.number << 3) | (isLengthed(one.kind) ? 2 : 0))
  if (one.kind === 'int') writer.varint(value as number)
  else if (one.kind === 'long') writer.varint64(value as bigint)
  else if (one.kind === 'flag') writer.byte(value === true ? 1 : 0)
  else if (one.kind === 'text') writer.text(value as string)
  else if (one.kind === 'bytes') {
    writer.varint((value as Uint8Array).length)
    writer.bytes(value as Uint8Array)
  } else {
    const mark = writer.begin()
    one.shape!.encode(writer, value as object)
    writer.end(mark)
  }
}

function decodeField(reader: WireReader, one: Field<unknown>): unknown {
  switch (one.kind) {
    case 'int':
      return reader.varint()
    case 'long':
      return reader.varint64()
    case 'flag':
      return reader.varint() !== 0
    case 'text':
      return reader.text()
    case 'bytes':
      return reader.bytes()
    case 'nested': {
      const end = reader.limit()
      return one.shape!.decode(reader, end)
    }
  }
}

function decodePacked(reader: WireReader, one: Field<unknown>, into: unknown[]): void {
  const end = reader.limit()
  while (reader.at < end) into.push(decodeField(reader, one))
}
