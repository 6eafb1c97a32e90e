import type { DocumentPath } from '../document/source-document.ts'
import type { Piece } from '../topic/overlap.ts'

/**
 * What the rules need from the rest of the hub, so that the engine can be built and tested without it: schemas to
 * check payloads against (the registry's, in the product) and the sinks a target may name.
 */

/** What a schema knows of a payload's fields, for the checker of expressions. */
export type Shape =
  | { readonly kind: 'any' | 'null' | 'bool' | 'number' | 'int' | 'bytes' | 'timestamp' }
  /** `numbers`: going in, a number is taken too (a time, an enum). */
  | { readonly kind: 'string'; readonly numbers?: true }
  | { readonly kind: 'list'; readonly items: Shape }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, Shape>; readonly open: boolean }

/** Where a payload breaks its schema. *Shape*: `path` is a JSON pointer; `message` reads on after the field's name. */
export interface SchemaFault {
  readonly path: string
  readonly message: string
  readonly keyword: string
}

export interface PayloadSchema {
  readonly subject: string
  readonly version: number
  /** What the wire format names it by. */
  readonly id: number
  readonly format: SchemaFormat
  /** The first fault of a decoded payload; null when it fits. */
  check(value: unknown): SchemaFault | null
  /** What is known of the payload's fields. */
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
  /**
   * What stands before an encoded payload in Confluent's wire format: a zero byte, the id, and for Protobuf the indexes
   * of the message. *Shape*: never changed.
   */
  readonly frame: Uint8Array
}

export type SchemaFormat = 'json-schema' | 'avro' | 'protobuf' | 'sparkplug'

/** A payload in Confluent's wire format, opened. */
export interface Framed {
  readonly schema: PayloadSchema
  /** Where the encoded payload begins. */
  readonly offset: number
}

export interface Schemas {
  /**
   * `telemetry` (newest version) or `telemetry@3`; of Protobuf also `telemetry#plant.Reading`, a message other than
   * the first. null when there is none.
   */
  resolve(name: string): PayloadSchema | null
  list(): readonly PayloadSchema[]
  /**
   * Reads what stands before a payload in Confluent's wire format; null when it is none, or of an unknown id. An id may
   * be of several subjects: then it is read as that of `subject`, if it is one of these.
   */
  unframe(bytes: Uint8Array, subject?: string): Framed | null
  /** The schema that a record's header `__value_schema_id` names, by id or by GUID; null when it is none, or unknown. */
  ofHeader?(bytes: Uint8Array, subject?: string): PayloadSchema | null
  /** Whether the id a payload is framed with is being asked for elsewhere, so that it may soon be known. */
  awaits?(bytes: Uint8Array): boolean
}

/** What a rule's target may say for one configured sink. */
export interface SinkInfo {
  /** The connector's type, for messages. */
  readonly type: string
  /** The target field that becomes `Owed.target`; null when the connector has none. */
  readonly targetField: string | null
  /** JSON Schema of the target's further fields; null when there are none. */
  readonly targetOptions: Readonly<Record<string, unknown>> | null
}

/** What a rule sends somewhere and may meet again. */
export interface WayBack {
  /** The target of the rule that begins it. */
  readonly path: DocumentPath
  /** What it passes between this rule and the next, for people; none when the rule publishes. */
  readonly via: readonly string[]
  /** The topics it comes back under. */
  readonly topics: readonly (readonly Piece[])[]
}
