import { flattenReferences, maxSchemaDepth } from '../../formats/format.ts'
import type { SchemaText } from '../incompatibility.ts'
import { Incomparable } from '../pair-memo.ts'

const primitives = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const)
type Primitive = typeof primitives extends Set<infer T> ? T : never

interface AvroNamed {
  readonly id: number
  /** Without its namespace. */
  readonly name: string
  readonly fullName: string
  /** *Shape*: full names. */
  readonly aliases: readonly string[]
}

export interface AvroField {
  readonly name: string
  readonly aliases: readonly string[]
  readonly type: AvroType
  readonly hasDefault: boolean
}

export interface AvroRecord extends AvroNamed {
  readonly kind: 'record'
  readonly fields: AvroField[]
  readonly byName: Map<string, AvroField>
}

export interface AvroEnum extends AvroNamed {
  readonly kind: 'enum'
  readonly symbols: ReadonlySet<string>
  readonly default: string | null
}

export interface AvroFixed extends AvroNamed {
  readonly kind: 'fixed'
  readonly size: number
}

/** A schema with its names resolved; records may hold themselves. */
export type AvroType =
  | { readonly id: number; readonly kind: Primitive }
  | { readonly id: number; readonly kind: 'array' | 'map'; readonly of: AvroType }
  | { readonly id: number; readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | AvroRecord
  | AvroEnum
  | AvroFixed

type Fields = Readonly<Record<string, unknown>>

/** Reads schemas into one numbering, so that pairs of their types have names. *Errors*: Incomparable. */
export class AvroReader {
  #ids = 0

  read({ text, references }: SchemaText): AvroType {
    const names = new Map<string, AvroType>()
    for (const reference of flattenReferences(references) ?? []) this.#type(parse(reference.text), '', names, 0)
    return this.#type(parse(text), '', names, 0)
  }

  #type(value: unknown, namespace: string, names: Map<string, AvroType>, depth: number): AvroType {
    if (depth > 2 * maxSchemaDepth) throw new Incomparable('nested too deeply')
    if (typeof value === 'string') return this.#named(value, namespace, names)
    if (Array.isArray(value)) {
      const branches = value.map((branch) => this.#type(branch, namespace, names, depth + 1))
      return { id: this.#ids++, kind: 'union', branches }
    }
    if (typeof value !== 'object' || value === null) throw new Incomparable('not an Avro schema')
    const fields = value as Fields
    const type = own(fields, 'type')
    switch (type) {
      case 'array':
        return { id: this.#ids++, kind: 'array', of: this.#type(own(fields, 'items'), namespace, names, depth + 1) }
      case 'map':
        return { id: this.#ids++, kind: 'map', of: this.#type(own(fields, 'values'), namespace, names, depth + 1) }
      case 'record':
      case 'error':
        return this.#record(fields, namespace, names, depth)
      case 'enum':
        return this.#enum(fields, namespace, names)
      case 'fixed':
        return this.#fixed(fields, namespace, names)
      default:
        // A primitive with a logical type or properties, a name, or a schema in one more pair of braces.
        return this.#type(type, namespace, names, depth + 1)
    }
  }

  #named(name: string, namespace: string, names: Map<string, AvroType>): AvroType {
    if ((primitives as Set<string>).has(name)) return { id: this.#ids++, kind: name as Primitive }
    const type = names.get(fullNameOf(name, namespace)) ?? names.get(name)
    if (type === undefined) throw new Incomparable(`there is no type ${JSON.stringify(name)}`)
    return type
  }

  #header(fields: Fields, namespace: string): AvroNamed & { readonly space: string } {
    const name = own(fields, 'name')
    if (typeof name !== 'string') throw new Incomparable('a record, enum or fixed has no name')
    const declared = own(fields, 'namespace')
    const fullName = fullNameOf(name, typeof declared === 'string' ? declared : namespace)
    const dot = fullName.lastIndexOf('.')
    const space = dot < 0 ? '' : fullName.slice(0, dot)
    const aliases = strings(own(fields, 'aliases')).map((alias) => fullNameOf(alias, space))
    return { id: this.#ids++, name: fullName.slice(dot + 1), fullName, aliases, space }
  }

  #record(fields: Fields, namespace: string, names: Map<string, AvroType>, depth: number): AvroRecord {
    const { space, ...header } = this.#header(fields, namespace)
    const record: AvroRecord = { ...header, kind: 'record', fields: [], byName: new Map() }
    names.set(header.fullName, record)
    const declared = own(fields, 'fields')
    for (const field of Array.isArray(declared) ? (declared as unknown[]) : []) {
      if (typeof field !== 'object' || field === null) throw new Incomparable('a field is no object')
      const parts = field as Fields
      const read: AvroField = {
        name: String(own(parts, 'name')),
        aliases: strings(own(parts, 'aliases')),
        type: this.#type(own(parts, 'type'), space, names, depth + 1),
        hasDefault: Object.hasOwn(parts, 'default'),
      }
      record.fields.push(read)
      record.byName.set(read.name, read)
    }
    return record
  }

  #enum(fields: Fields, namespace: string, names: Map<string, AvroType>): AvroEnum {
    const { space: _, ...header } = this.#header(fields, namespace)
    const fallback = own(fields, 'default')
    const symbols = new Set(strings(own(fields, 'symbols')))
    const type: AvroEnum = { ...header, kind: 'enum', symbols, default: typeof fallback === 'string' ? fallback : null }
    names.set(header.fullName, type)
    return type
  }

  #fixed(fields: Fields, namespace: string, names: Map<string, AvroType>): AvroFixed {
    const { space: _, ...header } = this.#header(fields, namespace)
    const type: AvroFixed = { ...header, kind: 'fixed', size: Number(own(fields, 'size')) }
    names.set(header.fullName, type)
    return type
  }
}

/** *Source*: Avro 1.12, "Names": a name with a dot is full, another is of the enclosing namespace. */
const fullNameOf = (name: string, namespace: string): string =>
  name.includes('.') ? name.replace(/^\./, '') : namespace === '' ? name : `${namespace}.${name}`

const own = (fields: Fields, name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined)

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (thrown) {
    // An Avro name may stand for itself, without quotes, in what old clients send.
    if (/^[A-Za-z_][\w.]*$/.test(text.trim())) return text.trim()
    throw new Incomparable(`not an Avro schema: ${(thrown as Error).message}`)
  }
}
