import {
  type EnumDescriptor,
  type FieldDescriptor,
  type FileDescriptor,
  fileDescriptors,
  type MessageDescriptor,
  maxFieldNumber,
  type RangeDescriptor,
  typeNumbers,
} from './descriptor-proto.ts'

/**
 * The text of a file that comes as Protobuf's own description of it, in base64: so clients register that have compiled
 * it. null when it is none. What payloads do not depend on (services, extensions, custom options) is left out.
 */
export function textOfDescriptor(base64: string): string | null {
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(base64)) return null
  const file = fileDescriptors().decode(Buffer.from(base64, 'base64'), '') as FileDescriptor | undefined
  if (file === undefined || (file.message_type ?? []).length + (file.enum_type ?? []).length === 0) return null
  // Editions have features, which this does not know how to say.
  if (file.edition !== undefined) return null
  return new Printer(file).print()
}

const typeNames = new Map(Object.entries(typeNumbers).map(([name, number]) => [number, name]))

class Printer {
  readonly #file: FileDescriptor
  readonly #isProto3: boolean
  readonly #lines: string[] = []
  #indent = ''

  constructor(file: FileDescriptor) {
    this.#file = file
    this.#isProto3 = file.syntax === 'proto3'
  }

  print(): string {
    const { dependency = [], public_dependency = [], message_type = [], enum_type = [] } = this.#file
    this.#line(`syntax = ${JSON.stringify(this.#file.syntax || 'proto2')};`)
    if (this.#file.package) this.#line(`package ${this.#file.package};`)
    for (const [at, path] of dependency.entries())
      this.#line(`import ${public_dependency.includes(at) ? 'public ' : ''}${JSON.stringify(path)};`)
    for (const message of message_type) this.#message(message)
    for (const one of enum_type) this.#enum(one)
    return `${this.#lines.join('\n')}\n`
  }

  #line(text: string): void {
    this.#lines.push(`${this.#indent}${text}`)
  }

  #block(head: string, inside: () => void): void {
    const indent = this.#indent
    this.#line(`${head} {`)
    this.#indent += '  '
    inside()
    this.#indent = indent
    this.#line('}')
  }

  #message(message: MessageDescriptor): void {
    this.#block(`message ${message.name ?? ''}`, () => this.#inside(message))
  }

  #inside(message: MessageDescriptor): void {
    const { field = [], nested_type = [], enum_type = [], oneof_decl = [] } = message
    const done = new Set<number>()
    // Messages are counted on the wire as they stand here, and those of maps and groups stand where their field does.
    let printed = 0
    const messagesTo = (end: number): void => {
      for (; printed < end; printed++) {
        const nested = nested_type[printed]!
        if (!field.some((one) => isOfType(one, nested))) this.#message(nested)
      }
    }
    for (const one of enum_type) this.#enum(one)
    for (const one of field) {
      const { oneof_index: at } = one
      messagesTo(nested_type.findIndex((nested) => isOfType(one, nested)))
      if (at === undefined || one.proto3_optional === true) this.#field(one, message, false)
      else if (!done.has(at)) {
        done.add(at)
        this.#block(`oneof ${oneof_decl[at]?.name ?? ''}`, () => {
          for (const member of field) if (member.oneof_index === at) this.#field(member, message, true)
        })
      }
    }
    messagesTo(nested_type.length)
    this.#ranges('reserved', message.reserved_range)
    this.#ranges('extensions', message.extension_range)
    const { reserved_name = [] } = message
    if (reserved_name.length > 0)
      this.#line(`reserved ${reserved_name.map((name) => JSON.stringify(name)).join(', ')};`)
  }

  #ranges(word: string, ranges: readonly RangeDescriptor[] = []): void {
    for (const { start = 0, end = 0 } of ranges) {
      const last = end - 1
      this.#line(`${word} ${start}${last === start ? '' : ` to ${last >= maxFieldNumber ? 'max' : last}`};`)
    }
  }

  #field(field: FieldDescriptor, around: MessageDescriptor, inOneof: boolean): void {
    const { name = '', number = 0, type_name } = field
    const target = around.nested_type?.find((nested) => nested.name === lastName(type_name))
    const label = inOneof ? '' : this.#label(field)
    if (target?.options?.map_entry === true) {
      const [key, value] = target.field ?? []
      this.#line(`map<${typeOf(key)}, ${typeOf(value)}> ${name} = ${number}${this.#options(field)};`)
    } else if (field.type === typeNumbers['group'] && target !== undefined)
      this.#block(`${label}group ${target.name} = ${number}`, () => this.#inside(target))
    else this.#line(`${label}${typeOf(field)} ${name} = ${number}${this.#options(field)};`)
  }

  #label({ label, proto3_optional }: FieldDescriptor): string {
    if (label === 3) return 'repeated '
    if (label === 2) return 'required '
    return this.#isProto3 && proto3_optional !== true ? '' : 'optional '
  }

  #options({ default_value, options, type, json_name, name = '' }: FieldDescriptor): string {
    const said: string[] = []
    if (default_value !== undefined) said.push(`default = ${defaultText(default_value, type)}`)
    if (options?.packed !== undefined) said.push(`packed = ${options.packed}`)
    if (json_name !== undefined && json_name !== lowerCamel(name)) said.push(`json_name = ${JSON.stringify(json_name)}`)
    return said.length === 0 ? '' : ` [${said.join(', ')}]`
  }

  #enum({ name = '', value = [], options }: EnumDescriptor): void {
    this.#block(`enum ${name}`, () => {
      if (options?.allow_alias === true) this.#line('option allow_alias = true;')
      for (const { name: word = '', number = 0 } of value) this.#line(`${word} = ${number};`)
    })
  }
}

/** Whether a nested message is written as this field: the entry of a map, or a group. */
const isOfType = ({ type, type_name }: FieldDescriptor, nested: MessageDescriptor): boolean =>
  (nested.options?.map_entry === true || type === typeNumbers['group']) && lastName(type_name) === nested.name

const typeOf = (field: FieldDescriptor | undefined): string => field?.type_name ?? typeNames.get(field?.type ?? 0) ?? ''

/** Strings are quoted; those of bytes are escaped already. */
function defaultText(text: string, type: number | undefined): string {
  if (type === typeNumbers['string']) return JSON.stringify(text)
  return type === typeNumbers['bytes'] ? `"${text.replaceAll('"', '\\"')}"` : text
}

const lastName = (name: string | undefined): string => name?.split('.').at(-1) ?? ''

/** The name in Protobuf's JSON. *Source*: protobuf, json_name. */
export const lowerCamel = (name: string): string =>
  name.replace(/_+([A-Za-z0-9])?/g, (_, letter: string | undefined) => letter?.toUpperCase() ?? '')
