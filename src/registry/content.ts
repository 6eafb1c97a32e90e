import { createHash } from 'node:crypto'
import type { FormatFault, ReferencedSchema } from './formats/format.ts'
import { formats } from './formats/formats.ts'
import type { SchemaBody, SchemaFormat, SchemaReference } from './schema.ts'

/** What Confluent's registry keeps beside a schema; only kept and given back here. */
export interface Metadata {
  readonly tags?: Readonly<Record<string, readonly string[]>>
  readonly properties?: Readonly<Record<string, string>>
  readonly sensitive?: readonly string[]
}

/** A schema as it is registered, before it has an id. */
export interface SchemaText {
  readonly format: SchemaFormat
  readonly text: string
  readonly references: readonly SchemaReference[]
  readonly metadata: Metadata | null
  /** Confluent's data contracts: kept for clients that run them. */
  readonly ruleSet: Readonly<Record<string, unknown>> | null
}

/** One schema with its id, whatever subjects it stands under; compiled when it is first needed. */
export class Content implements SchemaText {
  readonly id: number
  readonly format: SchemaFormat
  readonly text: string
  readonly references: readonly SchemaReference[]
  readonly metadata: Metadata | null
  readonly ruleSet: Readonly<Record<string, unknown>> | null
  /** The texts behind `references`, and those behind these. */
  readonly referenced: readonly ReferencedSchema[]
  #key: string | null
  #compiled: SchemaBody | readonly FormatFault[] | null = null
  #guid: string | null = null

  constructor(
    id: number,
    schema: SchemaText,
    referenced: readonly ReferencedSchema[],
    key = keyOf(schema, referenced),
  ) {
    this.id = id
    this.format = schema.format
    this.text = schema.text
    this.references = schema.references
    this.metadata = schema.metadata
    this.ruleSet = schema.ruleSet
    this.referenced = referenced
    this.#key = key ?? null
  }

  /** What registering the same again is found by. */
  get key(): string {
    this.#key ??= keyOf(this, this.referenced)
    return this.#key
  }

  /** The same under another id; what is compiled stays so. */
  numbered(id: number): Content {
    const other = new Content(id, this, this.referenced, this.key)
    other.#compiled = this.#compiled
    return other
  }

  /** The body, or what is wrong with the text. */
  get compiled(): SchemaBody | readonly FormatFault[] {
    this.#compiled ??= formats.get(this.format)?.compile(this.text, this.referenced) ?? [unknownFormat]
    return this.#compiled
  }

  /** null when the text does not compile. */
  get body(): SchemaBody | null {
    const { compiled } = this
    return isFaults(compiled) ? null : compiled
  }

  /** Names the schema in every registry of the world. *Source*: Confluent's `Schema.getGuid`: MD5 as a UUID. */
  get guid(): string {
    this.#guid ??= guidOf(this)
    return this.#guid
  }
}

const unknownFormat: FormatFault = { code: 'E303', message: 'its schema language is not known', path: [] }

export const isFaults = (compiled: SchemaBody | readonly FormatFault[]): compiled is readonly FormatFault[] =>
  Array.isArray(compiled)

/** Equal for schemas that differ in their layout only. */
export function keyOf(schema: SchemaText, referenced: readonly ReferencedSchema[]): string {
  const { format, text, references, metadata, ruleSet } = schema
  const hash = createHash('sha256')
  if (format !== 'json-schema') hash.update(`${format}\0`)
  hash.update(formats.get(format)?.canonical(text, referenced) ?? text)
  if (references.length > 0)
    hash.update(`\0${JSON.stringify(references.map(({ name, subject, version }) => [name, subject, version]))}`)
  if (metadata !== null || ruleSet !== null) hash.update(`\0${JSON.stringify([metadata, ruleSet])}`)
  return hash.digest('hex')
}

/** An id from the content alone, so that two hubs with the same files give them the same ids. */
export const idOfKey = (key: string): number => Number.parseInt(key.slice(0, 8), 16) & 0x7fffffff || 1

function guidOf({ text, references, metadata, ruleSet }: SchemaText): string {
  const hash = createHash('md5').update(text)
  for (const { name, subject, version } of references) {
    const number = Buffer.alloc(4)
    number.writeInt32BE(version)
    hash.update(name).update(subject).update(number)
  }
  if (metadata !== null) {
    hash.update(Buffer.of(1))
    for (const [name, tags] of sorted(metadata.tags)) hash.update(name).update(tags.join(''))
    for (const [name, value] of sorted(metadata.properties)) hash.update(name).update(value)
    for (const field of [...(metadata.sensitive ?? [])].sort()) hash.update(field)
  }
  if (ruleSet !== null) hash.update(Buffer.of(1)).update(JSON.stringify(ruleSet))
  const hex = hash.digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

const sorted = <T>(map: Readonly<Record<string, T>> = {}): [string, T][] =>
  Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1))
