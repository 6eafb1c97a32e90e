import type { ReferencedSchema } from '../format.ts'
import {
  type EnumDescriptor,
  type FieldDescriptor,
  type FileDescriptor,
  fileDescriptors,
  type MessageDescriptor,
  typeNumbers,
} from './descriptor-proto.ts'
import { lowerCamel } from './descriptor-text.ts'
import type { EnumDeclaration, FieldDeclaration, MessageDeclaration } from './proto-file.ts'
import { linkProto } from './proto-linker.ts'
import type { FieldNode, FieldType, MessageNode } from './proto-node.ts'
import { parseProto } from './proto-parser.ts'

/**
 * Protobuf's own description of a file, in base64, as clients ask for that have no parser (`format=serialized`). null for
 * what it cannot say: a text that does not compile, or one of an edition.
 */
export function descriptorOf(text: string, references: readonly ReferencedSchema[]): string | null {
  const linked = linkProto(text, references)
  if ('code' in linked) return null
  const file = parseProto(text)
  if (!/^proto[23]$/.test(file.edition)) return null
  const nodes = new Map(linked.map((node) => [node.indexes.join(), node]))
  const describer = new Describer(nodes, file.edition)
  const described: FileDescriptor = {
    name: 'default',
    package: file.package,
    dependency: file.imports.map(({ path }) => path),
    public_dependency: file.imports.flatMap((one, at) => (one.public ? [at] : [])),
    message_type: file.messages.map((message) => describer.message(message, [message.index])),
    enum_type: file.enums.map(enumOf),
    syntax: file.edition,
  }
  const bytes = fileDescriptors().encode(described)
  return bytes === null ? null : Buffer.from(bytes).toString('base64')
}

class Describer {
  readonly #nodes: ReadonlyMap<string, MessageNode>
  readonly #isProto3: boolean

  constructor(nodes: ReadonlyMap<string, MessageNode>, edition: string) {
    this.#nodes = nodes
    this.#isProto3 = edition === 'proto3'
  }

  message(message: MessageDeclaration, indexes: readonly number[]): MessageDescriptor {
    const node = this.#nodes.get(indexes.join())!
    const fields = new Map(node.fields.map((field) => [field.number, field]))
    const entries: MessageDescriptor[] = []
    const oneofs = message.oneofs.map(({ name }) => name)
    const described = message.fields.map((field) => {
      const linked = fields.get(field.number)!
      if (field.key === null) return this.#field(field, linked, oneofs)
      const entry = entryOf(field, linked)
      entries.push(entry)
      const name = { name: field.name, number: field.number, json_name: jsonName(field) }
      return { ...name, label: 3, type: typeNumbers['message']!, type_name: `.${node.name}.${entry.name}` }
    })
    return {
      name: message.name,
      field: described,
      nested_type: this.#nested(message, indexes, entries),
      enum_type: message.enums.map(enumOf),
      extension_range: message.extensions.map(([start, last]) => ({ start, end: last + 1 })),
      oneof_decl: oneofs.map((name) => ({ name })),
      reserved_range: message.reserved.ranges.map(([start, last]) => ({ start, end: last + 1 })),
      reserved_name: [...message.reserved.names],
    }
  }

  /** In the order of the file, which is how they are counted on the wire. */
  #nested(message: MessageDeclaration, indexes: readonly number[], entries: MessageDescriptor[]): MessageDescriptor[] {
    const own = new Map(message.messages.map((nested) => [nested.index, nested]))
    const rest = entries.values()
    return Array.from({ length: own.size + entries.length }, (_, index) => {
      const nested = own.get(index)
      return nested === undefined ? rest.next().value! : this.message(nested, [...indexes, index])
    })
  }

  /** *Shape*: `oneofs` grows by those that proto3's `optional` stands for, which come behind the others. */
  #field(field: FieldDeclaration, linked: FieldNode, oneofs: string[]): FieldDescriptor {
    const { name, number, label, oneof, options, group } = field
    const isOptional = this.#isProto3 && label === 'optional'
    if (isOptional) oneofs.push(`_${name}`)
    const at = isOptional ? oneofs.length - 1 : oneof === null ? -1 : oneofs.indexOf(oneof)
    const packed = options.get('packed')
    const initial = options.get('default')
    return {
      name,
      number,
      label: label === 'repeated' ? 3 : label === 'required' ? 2 : 1,
      ...typeOf(linked.type, group),
      json_name: jsonName(field),
      ...(at < 0 ? {} : { oneof_index: at }),
      ...(isOptional ? { proto3_optional: true } : {}),
      ...(packed === undefined ? {} : { options: { packed: packed === 'true' } }),
      ...(initial === undefined ? {} : { default_value: initial }),
    }
  }
}

const jsonName = ({ name, options }: FieldDeclaration): string => options.get('json_name') ?? lowerCamel(name)

function typeOf(type: FieldType, group: boolean): Pick<FieldDescriptor, 'type' | 'type_name'> {
  if (type.kind === 'message')
    return { type: typeNumbers[group ? 'group' : 'message']!, type_name: `.${type.message.name}` }
  if (type.kind === 'enum') return { type: typeNumbers['enum']!, type_name: `.${type.enum.name}` }
  return { type: typeNumbers[type.kind]! }
}

/** A map is a list of messages of a key and a value. *Source*: protobuf, descriptor.proto, map_entry. */
function entryOf({ name, key }: FieldDeclaration, { type }: FieldNode): MessageDescriptor {
  const camel = lowerCamel(name)
  return {
    name: `${camel.charAt(0).toUpperCase()}${camel.slice(1)}Entry`,
    field: [
      { name: 'key', number: 1, label: 1, type: typeNumbers[key!]!, json_name: 'key' },
      { name: 'value', number: 2, label: 1, ...typeOf(type, false), json_name: 'value' },
    ],
    options: { map_entry: true },
  }
}

const enumOf = ({ name, values, options }: EnumDeclaration): EnumDescriptor => ({
  name,
  value: values.map((value) => ({ name: value.name, number: value.number })),
  ...(options.get('allow_alias') === 'true' ? { options: { allow_alias: true } } : {}),
})
