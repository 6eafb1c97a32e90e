import type { Shape } from './shape.ts'

/** Where a value breaks its schema. *Shape*: `path` is a JSON pointer; `message` reads on after the field's name. */
export interface SchemaFault {
  readonly path: string
  readonly message: string
  readonly keyword: string
}

export type SchemaFormat = 'json-schema' | 'avro' | 'protobuf' | 'sparkplug'

/** A schema's own part, before it has a name: what its format makes of the text. */
export interface SchemaBody {
  /** The first fault of a decoded payload; null when it fits. */
  check(value: unknown): SchemaFault | null
  /** What is known of the fields, for the checker of expressions. */
  fields(): Shape
  /**
   * A payload in the schema's own encoding (JSON, Avro binary, Protobuf) as plain data: bytes as `Uint8Array`, integers
   * beyond 2^53 as `bigint`. undefined when it is not of this schema; `fault` says why.
   */
  decode(bytes: Uint8Array, topic: string): unknown
  /**
   * Plain data in the schema's own encoding behind what is to stand `before` it (a frame), in fresh bytes; null when it does
   * not fit; `fault` says why. A value that was checked just before is not gone through again: it must not change in between.
   */
  encode(value: unknown, before?: Uint8Array): Uint8Array | null
  /** Why the last `decode` or `encode` could not. */
  readonly fault: SchemaFault | null
}

/** A schema that another one imports or refers to. *Source*: Confluent's `references`. */
export interface SchemaReference {
  /** What the schema calls it: an import's path, an Avro name, a `$ref`. */
  readonly name: string
  readonly subject: string
  readonly version: number
}

/** One version of a subject, ready to check, read and write payloads. */
export interface Schema extends SchemaBody {
  readonly subject: string
  /** Counts from 1 within the subject. */
  readonly version: number
  /** What the wire format names it by: the same text is the same id in every subject. *Shape*: 31 bits, never 0. */
  readonly id: number
  readonly format: SchemaFormat
  /** Names it in every registry of the world: what Confluent's header form carries. *Shape*: a UUID. */
  readonly guid: string
  /** The file it was read from; null when it came over the API or from another registry. */
  readonly file: string | null
  /** The schema as it was written. */
  readonly text: string
  readonly references: readonly SchemaReference[]
  /**
   * What stands before an encoded payload in Confluent's wire format: a zero byte, the id, and for Protobuf the indexes
   * of the message. *Shape*: never changed.
   */
  readonly frame: Uint8Array
  /** The value of Confluent's header `__value_schema_id`, which stands in for the frame. *Shape*: never changed. */
  readonly header: Uint8Array
}

/** A body that holds several messages, as a file of Protobuf does. */
export interface ManyMessages extends SchemaBody {
  /** By full name, `plant.Reading`; the indexes lead to it in the file, outermost first. */
  messages(): readonly { readonly name: string; readonly indexes: readonly number[] }[]
  /** The body of one of them; null when there is none of this name. */
  select(name: string): SchemaBody | null
}

/** A body with its name; made so that `fault` stays the body's own. */
export const schemaOf = (body: SchemaBody, name: Omit<Schema, keyof SchemaBody>): Schema =>
  Object.assign(Object.create(body) as SchemaBody, name)
