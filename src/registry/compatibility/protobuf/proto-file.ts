import { flattenReferences, maxSchemaBytes, maxSchemaDepth } from '../../formats/format.ts'
import type { SchemaText } from '../incompatibility.ts'
import { Incomparable } from '../pair-memo.ts'
import { Tokens } from './tokens.ts'

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

/**
 * Reads what files declare, into one numbering, so that pairs of their messages have names. It is no compiler: what
 * does not bear on compatibility is passed over, and time is linear in the text. *Errors*: Incomparable.
 */
export class ProtoReader {
  #ids = 0

  read({ text, references }: SchemaText): ProtoFile {
    const declared = new Map<string, Declared>()
    for (const reference of flattenReferences(references) ?? []) this.#file(reference.text, reference.text, declared)
    return { ...this.#file(text, null, declared), declared }
  }

  #file(text: string, imported: string | null, declared: Map<string, Declared>): Omit<ProtoFile, 'declared'> {
    if (text.length > maxSchemaBytes) throw new Incomparable(`larger than ${maxSchemaBytes} bytes`)
    const tokens = new Tokens(text)
    const types: ProtoType[] = []
    let name = ''
    while (tokens.next !== '') {
      if (tokens.has('package')) {
        name = tokens.take()
        tokens.expect(';')
      } else if (!this.#type(tokens, types, 0) && !tokens.has(';')) tokens.skipStatement()
    }
    declare(types, name, '', imported, declared)
    return { package: name, types }
  }

  /** A message or an enum; false when something else comes. */
  #type(tokens: Tokens, types: ProtoType[], depth: number): boolean {
    // Editions from 2024 on say who may use a type.
    if (tokens.next === 'export' || tokens.next === 'local') tokens.take()
    if (tokens.has('message')) {
      types.push(this.#message(tokens, tokens.take(), depth))
      return true
    }
    if (!tokens.has('enum')) return false
    types.push({ kind: 'enum', name: tokens.take() })
    tokens.skipStatement()
    return true
  }

  #message(tokens: Tokens, name: string, depth: number): ProtoMessage {
    if (depth > maxSchemaDepth) throw new Incomparable('nested too deeply')
    const fields = new Map<number, ProtoField>()
    const oneofs = new Map<string, ProtoField[]>()
    const nested: ProtoType[] = []
    const add = (oneof: string | null): void => {
      const field = this.#field(tokens, oneof, nested, depth)
      fields.set(field.tag, field)
      if (oneof !== null) oneofs.get(oneof)!.push(field)
    }
    tokens.expect('{')
    while (!tokens.has('}')) {
      if (tokens.has('oneof')) {
        const oneof = tokens.take()
        oneofs.set(oneof, [])
        tokens.expect('{')
        while (!tokens.has('}')) {
          if (tokens.next === 'option') tokens.skipStatement()
          else if (!tokens.has(';')) add(oneof)
        }
      } else if (passedOver.has(tokens.next)) tokens.skipStatement()
      else if (!this.#type(tokens, nested, depth + 1) && !tokens.has(';')) add(null)
    }
    return { kind: 'message', name, id: this.#ids++, fields, oneofs, nested }
  }

  #field(tokens: Tokens, oneof: string | null, nested: ProtoType[], depth: number): ProtoField {
    let label: Label | null = labels.has(tokens.next) ? (tokens.take() as Label) : null
    let keyType: string | null = null
    let type = tokens.take()
    if (type === 'map' && tokens.has('<')) {
      keyType = tokens.take()
      tokens.expect(',')
      type = tokens.take()
      tokens.expect('>')
    }
    let name = tokens.take()
    tokens.expect('=')
    const tag = Number(tokens.take())
    if (!Number.isInteger(tag)) throw new Incomparable(`not a Protobuf schema: ${name} has no number`)
    if (tokens.next === '[' && isRequired(tokens)) label = 'required'
    if (type === 'group') {
      nested.push(this.#message(tokens, name, depth + 1))
      type = name
      name = name.toLowerCase()
    } else tokens.expect(';')
    return { tag, name, type, keyType, label: oneof === null ? label : null, oneof }
  }
}

const labels = new Set(['optional', 'required', 'repeated'])
const passedOver = new Set(['option', 'extensions', 'reserved', 'extend'])

/** Passes a field's options, in which an edition says what `required` said before. */
function isRequired(tokens: Tokens): boolean {
  let open = 0
  let [before, last, required] = ['', '', false]
  do {
    const taken = tokens.take()
    if (taken === '[' || taken === '{') open++
    if (taken === ']' || taken === '}') open--
    if (taken === 'LEGACY_REQUIRED' && last === '=' && before === 'features.field_presence') required = true
    before = last
    last = taken
  } while (open > 0)
  return required
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
