import protobuf from 'protobufjs'
import { flattenReferences, maxSchemaBytes } from '../../formats/format.ts'
import type { SchemaText } from '../incompatibility.ts'
import { Incomparable } from '../pair-memo.ts'

export type Label = 'optional' | 'required' | 'repeated'

export interface ProtoField {
  readonly tag: number
  readonly name: string
  /** As written; for a map its value's. */
  readonly type: string
  /** null when it is no map. */
  readonly keyType: string | null
  /** null when none is written, and within a oneof. */
  readonly label: Label | null
  /** null when in none; proto3's `optional` makes none. */
  readonly oneof: string | null
}

export interface ProtoMessage {
  readonly kind: 'message'
  readonly name: string
  readonly id: number
  readonly fields: ReadonlyMap<number, ProtoField>
  readonly oneofs: ReadonlyMap<string, readonly ProtoField[]>
  readonly nested: readonly ProtoType[]
}

export interface ProtoEnum {
  readonly kind: 'enum'
  readonly name: string
}

export type ProtoType = ProtoMessage | ProtoEnum

/** A declared type, and what must be known to compare it with another of its name. */
export interface Declared {
  readonly type: ProtoType
  readonly package: string
  /** Without the package. */
  readonly localName: string
  /** The text it stands in, when that is not the schema itself. */
  readonly imported: string | null
}

/** A schema's file with the types it can name. */
export interface ProtoFile {
  readonly package: string
  readonly types: readonly ProtoType[]
  /** By full name, of the file and all it imports. */
  readonly declared: ReadonlyMap<string, Declared>
}

/** Reads files into one numbering, so that pairs of their messages have names. *Errors*: Incomparable. */
export class ProtoReader {
  #ids = 0

  read({ text, references }: SchemaText): ProtoFile {
    const declared = new Map<string, Declared>()
    for (const reference of flattenReferences(references) ?? []) this.#file(reference.text, reference.text, declared)
    return { ...this.#file(text, null, declared), declared }
  }

  #file(text: string, imported: string | null, declared: Map<string, Declared>): Omit<ProtoFile, 'declared'> {
    const { root, name } = parse(text)
    const space = name === '' ? root : root.lookup(name)
    const types = space instanceof protobuf.Namespace ? this.#types(space) : []
    declare(types, name, '', imported, declared)
    return { package: name, types }
  }

  #types(space: protobuf.NamespaceBase): ProtoType[] {
    return space.nestedArray.flatMap((nested): ProtoType[] => {
      if (nested instanceof protobuf.Enum) return [{ kind: 'enum', name: nested.name }]
      return nested instanceof protobuf.Type ? [this.#message(nested)] : []
    })
  }

  #message(type: protobuf.Type): ProtoMessage {
    const fields = new Map<number, ProtoField>()
    const oneofs = new Map<string, ProtoField[]>()
    for (const field of type.fieldsArray) {
      const oneof = field.partOf === null || isSynthetic(field) ? null : field.partOf.name
      const read: ProtoField = {
        tag: field.id,
        name: field.name,
        type: field.type,
        keyType: field instanceof protobuf.MapField ? field.keyType : null,
        label: oneof === null ? labelOf(field) : null,
        oneof,
      }
      fields.set(read.tag, read)
      if (oneof === null) continue
      const members = oneofs.get(oneof)
      if (members === undefined) oneofs.set(oneof, [read])
      else members.push(read)
    }
    return { kind: 'message', name: type.name, id: this.#ids++, fields, oneofs, nested: this.#types(type) }
  }
}

/** protobufjs puts proto3's `optional` into a oneof of its own. */
const isSynthetic = (field: protobuf.Field): boolean => field.options?.['proto3_optional'] === true

/** Syntax of a file, as protobufjs notes it at what it reads and does not tell in its types. */
const editionOf = (field: protobuf.Field): unknown => {
  for (let at: protobuf.ReflectionObject | null = field; at !== null; at = at.parent) {
    const edition = (at as { readonly _edition?: unknown })._edition
    if (typeof edition === 'string') return edition
  }
  return 'proto2'
}

function labelOf(field: protobuf.Field): Label | null {
  if (field instanceof protobuf.MapField) return null
  if (field.rule === 'repeated' || field.rule === 'required') return field.rule
  if (field.options?.['features.field_presence'] === 'LEGACY_REQUIRED') return 'required'
  return isSynthetic(field) || editionOf(field) === 'proto2' ? 'optional' : null
}

function declare(
  types: readonly ProtoType[],
  space: string,
  outer: string,
  imported: string | null,
  declared: Map<string, Declared>,
): void {
  for (const type of types) {
    const localName = outer === '' ? type.name : `${outer}.${type.name}`
    declared.set(space === '' ? localName : `${space}.${localName}`, { type, package: space, localName, imported })
    if (type.kind === 'message') declare(type.nested, space, localName, imported, declared)
  }
}

/** Reads only: nothing is generated from what is read. */
function parse(text: string): { root: protobuf.Root; name: string } {
  if (text.length > maxSchemaBytes) throw new Incomparable(`larger than ${maxSchemaBytes} bytes`)
  try {
    const { root, package: name } = protobuf.parse(text, { keepCase: true })
    return { root, name: name ?? '' }
  } catch (thrown) {
    throw new Incomparable(`not a Protobuf schema: ${(thrown as Error).message}`)
  }
}
