import type { ReferencedSchema } from '../formats/format.ts'

/** A schema as it was written, with what it refers to. */
export interface SchemaText {
  readonly text: string
  readonly references: readonly ReferencedSchema[]
}

/** What the two schemas are called in descriptions. */
export interface Sides {
  readonly reader: 'new' | 'old'
  readonly writer: 'new' | 'old'
}

/** One thing that stands against reading, before it is worded. */
export interface Difference {
  /** As Confluent's registry names it: `TYPE_CHANGED`. */
  readonly rule: string
  readonly path: readonly string[]
  /** What else there is to say; '' when nothing. */
  readonly info: string
}

/** One thing that stands against reading, for people and for clients. */
export interface Incompatibility {
  /** As Confluent's registry names it: `TYPE_CHANGED`. */
  readonly rule: string
  /** Where in the schema. *Shape*: `/fields/0/type` of Avro, `#/properties/a` of JSON Schema, `#/Reading/3` of Protobuf. */
  readonly path: string
  readonly description: string
  /** As Confluent's registry writes it in `messages`. */
  readonly message: string
}

/** One schema language: what stands against reading, and how each of it is worded and told to clients. */
export interface Comparison {
  differences(reader: SchemaText, writer: SchemaText): readonly Difference[]
  /** *Shape*: `#/a/b` or `/a/b`, as the language's users know it. */
  path(path: readonly string[]): string
  describe(difference: Difference, path: string, sides: Sides): string
  /** As Confluent's registry writes it in `messages`. */
  message(rule: string, description: string, info: string): string
}

export const difference = (rule: string, path: readonly string[] = [], info = ''): Difference => ({ rule, path, info })

/** The same differences, seen from further out. */
export const below = (prefix: readonly string[], differences: readonly Difference[]): readonly Difference[] =>
  differences.map(({ rule, path, info }) => ({ rule, path: [...prefix, ...path], info }))
