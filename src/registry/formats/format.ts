import type { Code } from '../../contract/codes.ts'
import type { SchemaBody, SchemaFormat } from '../schema.ts'

/** Largest schema that is compiled, each of its references for itself. *Unit*: bytes. */
export const maxSchemaBytes = 262_144
/** Deepest nesting of a schema, in any of the languages. */
export const maxSchemaDepth = 64
/** How many schemas one may lean on, directly or through others. */
export const maxReferences = 200
/** What they may have together. *Unit*: bytes. */
export const maxReferencedBytes = 8 * maxSchemaBytes

/**
 * What is wrong with a schema, and where in it. *Shape*: `path` leads from the root of a JSON text to the value;
 * `line` and `column` (both from 1) are given where the text is no JSON, and count more than the path.
 */
export interface FormatFault {
  readonly code: Code
  readonly message: string
  readonly path: readonly (string | number)[]
  readonly line?: number
  readonly column?: number
}

/** A schema that another one imports, with its text at hand. */
export interface ReferencedSchema {
  /** What the other one calls it: an import's path, an Avro name, a `$ref`. */
  readonly name: string
  readonly text: string
  readonly references: readonly ReferencedSchema[]
}

/** One schema language. */
export interface Format {
  readonly name: SchemaFormat
  /** Of a file in `schemas/`, without its dot. */
  readonly extension: string
  /** What MQTT 5's content type says of a payload in the schema's own encoding. */
  readonly contentType: string
  /** *Errors*: as faults, E302 and E303. Nothing is ever fetched: what is imported stands in `references`. */
  compile(text: string, references: readonly ReferencedSchema[]): SchemaBody | FormatFault[]
  /**
   * The same text for the same schema, however it is laid out: what registering it again is found by. Of a text that
   * does not compile, the text itself.
   */
  canonical(text: string, references: readonly ReferencedSchema[]): string
  /** As Confluent's `normalize=true`: also without what the language lets one write in several ways. */
  normalize(text: string, references: readonly ReferencedSchema[]): string
}

/** All references below one another, each name once, the innermost first; null when there are too many. */
export function flattenReferences(references: readonly ReferencedSchema[]): ReferencedSchema[] | null {
  const found = new Map<string, ReferencedSchema>()
  let left = maxReferencedBytes
  const open = new Set<ReferencedSchema>()
  const visit = (list: readonly ReferencedSchema[]): boolean =>
    list.every((reference) => {
      if (found.has(reference.name) || open.has(reference)) return true
      open.add(reference)
      if (open.size > maxReferences || !visit(reference.references)) return false
      found.set(reference.name, reference)
      left -= reference.text.length
      return found.size <= maxReferences && left >= 0
    })
  return visit(references) ? [...found.values()] : null
}

/** A fault at a value of a JSON text. */
export const faultAt = (path: readonly (string | number)[], message: string, code: Code = 'E302'): FormatFault => ({
  code,
  message,
  path,
})

export const tooManyReferences = faultAt(
  [],
  `leans on more than ${maxReferences} other schemas, or ${maxReferencedBytes} bytes of them`,
  'E303',
)

/** What a text larger than `maxSchemaBytes` is told. */
export const tooLarge = faultAt([], `larger than ${maxSchemaBytes} bytes`, 'E303')
