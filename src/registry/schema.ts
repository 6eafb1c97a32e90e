import type { Shape } from './shape.ts'

/** Where a value breaks its schema. *Shape*: `path` is a JSON pointer; `message` reads on after the field's name. */
export interface SchemaFault {
  readonly path: string
  readonly message: string
  readonly keyword: string
}

/** One version of a subject, ready to check decoded payloads. */
export interface Schema {
  readonly subject: string
  /** Counts from 1 within the subject. */
  readonly version: number
  /** The same for the same content wherever and whenever it is read. *Shape*: 31 bits, never 0. */
  readonly id: number
  readonly format: 'json-schema'
  /** The file it was read from. */
  readonly file: string
  /** The schema as it was written. */
  readonly text: string
  /** The first fault of a value; null when it fits. */
  check(value: unknown): SchemaFault | null
  /** What is known of the fields, for the checker of expressions. */
  fields(): Shape
}

/** The format's own part of a Schema, before it has a name. */
export type SchemaBody = Pick<Schema, 'check' | 'fields'>
