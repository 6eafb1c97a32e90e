import { flattenReferences } from '../../formats/format.ts'
import type { EnumDeclaration, FieldDeclaration, MessageDeclaration } from '../../formats/protobuf/proto-file.ts'
import { parseProto } from '../../formats/protobuf/proto-parser.ts'
import { ProtoRefused } from '../../formats/protobuf/proto-token.ts'
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
    const file = parse(text)
    const types = this.#types(file.messages, file.enums)
    declare(types, file.package, '', imported, declared)
    return { package: file.package, types }
  }

  #types(messages: readonly MessageDeclaration[], enums: readonly EnumDeclaration[]): ProtoType[] {
    return [
      ...messages.map((message) => this.#message(message)),
      ...enums.map(({ name }): ProtoEnum => ({ kind: 'enum', name })),
    ]
  }

  #message({ name, fields, messages, enums }: MessageDeclaration): ProtoMessage {
    const byTag = new Map<number, ProtoField>()
    const oneofs = new Map<string, ProtoField[]>()
    for (const field of fields) {
      const read = fieldOf(field)
      byTag.set(read.tag, read)
      if (read.oneof === null) continue
      const members = oneofs.get(read.oneof)
      if (members === undefined) oneofs.set(read.oneof, [read])
      else members.push(read)
    }
    return { kind: 'message', name, id: this.#ids++, fields: byTag, oneofs, nested: this.#types(messages, enums) }
  }
}

function fieldOf({ name, number, type, key, label, oneof, options }: FieldDeclaration): ProtoField {
  // Editions say so what proto2 said by its label.
  const required = options.get('features.field_presence') === 'LEGACY_REQUIRED'
  return { tag: number, name, type, keyType: key, label: oneof !== null ? null : required ? 'required' : label, oneof }
}

function parse(text: string) {
  try {
    return parseProto(text)
  } catch (thrown) {
    if (!(thrown instanceof ProtoRefused)) throw thrown
    throw new Incomparable(`not a Protobuf schema: ${thrown.message}`)
  }
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
