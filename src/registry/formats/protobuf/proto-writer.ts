import type { ByteSink } from '../binary/byte-sink.ts'
import { fail, failIn, told } from '../binary/failure.ts'
import { isInherited } from '../binary/own-field.ts'
import { type FieldNode, type FieldType, isNullValue, type MessageNode, wireTypeOf } from './proto-node.ts'
import { enumWriter, scalarWriters, type Write } from './proto-scalar.ts'
import { wellKnownWriters } from './well-known-writer.ts'

/** Messages in messages. *Source*: the limit of Protobuf's own parsers. */
export const maxDepth = 100

/**
 * Fields that writing one payload may look at: a list of a hundred thousand empty messages is short, and the file may
 * give each of them thousands of fields.
 */
export const maxFields = 1_000_000

/** Turns messages into functions, each once. They write what a message holds, without its length. */
export class ProtoWriters {
  readonly #messages = new Map<MessageNode, Write>()
  /** How deep the message being written is; the door sets it to 0. */
  depth = 0
  /** Fields that may still be looked at; the door sets it to `maxFields`. */
  left = maxFields

  message(node: MessageNode): Write {
    const known = this.#messages.get(node)
    if (known !== undefined) return known
    let write: Write | null = null
    const deep: Write = (sink, value) => {
      if (++this.depth > maxDepth) return fail('depth', `is nested deeper than ${maxDepth}`)
      // Made when it is first needed: a file may lead through thousands of messages to the last one.
      write ??= wellKnownWriters.get(node.name) ?? this.#fields(node)
      const written = write(sink, value)
      this.depth--
      return written
    }
    this.#messages.set(node, deep)
    return deep
  }

  #fields(node: MessageNode): Write {
    const fields = node.fields.map((field) => ({
      ...field,
      inherited: isInherited(field.name),
      write: this.#field(field),
    }))
    const oneofs = node.oneofs.filter((members) => members.length > 1)
    return (sink, value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
        return fail('type', `must be an object, not ${told(value)}`)
      }
      const values = value as Readonly<Record<string, unknown>>
      this.left -= fields.length
      if (this.left < 0) return fail('size', `has more than ${maxFields} fields`)
      for (const members of oneofs) if (!oneAtMost(members, values)) return false
      for (let at = 0; at < fields.length; at++) {
        const field = fields[at]!
        const item = field.inherited ? itemOf(values, field) : (values[field.name] ?? itemOf(values, field))
        if (item === undefined || (item === null && !takesNull(field))) {
          if (field.presence === 'required') return fail('required', 'is missing') || failIn(field.name)
        } else if (!field.write(sink, item)) return failIn(field.name)
      }
      return true
    }
  }

  /** A field with its tags; writes nothing for what is not there and zero alike. */
  #field(field: FieldNode): Write {
    if (field.key !== null) return mapWriter(field, scalarWriters[field.key], this.#value(field.type))
    const value = this.#value(field.type)
    if (field.repeated) return field.packed ? packedWriter(field, value) : repeatedWriter(field, tagged(field, value))
    return field.presence === 'implicit' ? implicitWriter(field, value) : tagged(field, value)
  }

  #value(type: FieldType): Write {
    if (type.kind === 'message') return this.message(type.message)
    if (isNullValue(type)) return writeNull
    return type.kind === 'enum' ? enumWriter(type.enum) : scalarWriters[type.kind]
  }
}

/** By its name, or by that of Protobuf's JSON. */
function itemOf(values: Readonly<Record<string, unknown>>, { name, jsonName }: FieldNode): unknown {
  const found = Object.hasOwn(values, name) ? values[name] : undefined
  return found === undefined && jsonName !== name && Object.hasOwn(values, jsonName) ? values[jsonName] : found
}

/** null is nothing, except to those types that have it for a value. */
const takesNull = ({ type, repeated }: FieldNode): boolean =>
  !repeated && (isNullValue(type) || (type.kind === 'message' && type.message.name === 'google.protobuf.Value'))

/** As a name or number it is taken, too. */
const writeNull: Write = (sink, value) => {
  if (value !== null && value !== 'NULL_VALUE' && value !== 0) return fail('type', `must be null, not ${told(value)}`)
  sink.byte(0)
  return true
}

function oneAtMost(members: readonly FieldNode[], values: Readonly<Record<string, unknown>>): boolean {
  let first: FieldNode | null = null
  for (const field of members) {
    const value = itemOf(values, field)
    if (value === undefined || value === null) continue
    if (first !== null) return fail('oneof', `cannot stand beside ${first.name}`) || failIn(field.name)
    first = field
  }
  return true
}

const tagOf = (field: FieldNode, wireType: number): number => ((field.number << 3) | wireType) >>> 0

/** A value behind its tag; messages also behind their length, or between two tags. */
function tagged(field: FieldNode, write: Write): Write {
  const wireType = wireTypeOf(field.type, field.delimited)
  const tag = tagOf(field, wireType)
  if (field.type.kind !== 'message') {
    return (sink, value) => {
      sink.varint32(tag)
      return write(sink, value)
    }
  }
  const end = tagOf(field, 4)
  return (sink, value) => {
    sink.varint32(tag)
    if (!field.delimited) return measured(sink, write, value)
    if (!write(sink, value)) return false
    sink.varint32(end)
    return true
  }
}

/** Writes a value behind its length, which is known only afterwards. */
function measured(sink: ByteSink, write: Write, value: unknown): boolean {
  sink.byte(0)
  const start = sink.position
  if (!write(sink, value)) return false
  sink.putLength(start)
  return true
}

/** What is all zeros, length included, is what a reader takes for a field that is not there. */
function implicitWriter(field: FieldNode, write: Write): Write {
  const tag = tagOf(field, wireTypeOf(field.type, false))
  return (sink, value) => {
    const before = sink.position
    sink.varint32(tag)
    const start = sink.position
    if (!write(sink, value)) return false
    for (let at = start; at < sink.position; at++) if (sink.buffer[at] !== 0) return true
    sink.position = before
    return true
  }
}

const repeatedWriter =
  (_: FieldNode, write: Write): Write =>
  (sink, value) => {
    if (!Array.isArray(value)) return fail('type', `must be a list, not ${told(value)}`)
    for (let at = 0; at < value.length; at++) if (!write(sink, value[at])) return failIn(at)
    return true
  }

function packedWriter(field: FieldNode, write: Write): Write {
  const tag = tagOf(field, 2)
  const items: Write = (sink, value) => {
    const list = value as readonly unknown[]
    for (let at = 0; at < list.length; at++) if (!write(sink, list[at])) return failIn(at)
    return true
  }
  return (sink, value) => {
    if (!Array.isArray(value)) return fail('type', `must be a list, not ${told(value)}`)
    if (value.length === 0) return true
    sink.varint32(tag)
    return measured(sink, items, value)
  }
}

/** A map is a list of messages, of a key and a value each. */
function mapWriter(field: FieldNode, key: Write, write: Write): Write {
  const tag = tagOf(field, 2)
  const keyTag = (1 << 3) | wireTypeOf({ kind: field.key! }, false)
  const valueTag = (2 << 3) | wireTypeOf(field.type, false)
  const isMessage = field.type.kind === 'message'
  const toKey = keyOf(field)
  const entry: Write = (sink, value) => {
    const [name, item] = value as [string, unknown]
    sink.varint32(keyTag)
    if (!key(sink, toKey(name))) return false
    sink.varint32(valueTag)
    return isMessage ? measured(sink, write, item) : write(sink, item)
  }
  return (sink, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      return fail('type', `must be an object, not ${told(value)}`)
    }
    for (const pair of Object.entries(value)) {
      if (pair[1] === undefined) continue
      sink.varint32(tag)
      if (!measured(sink, entry, pair)) return failIn(pair[0])
    }
    return true
  }
}

/** The names of an object's fields as keys. */
const keyOf = ({ key }: FieldNode): ((name: string) => unknown) =>
  key === 'bool' ? (name) => (name === 'true' ? true : name === 'false' ? false : name) : (name) => name
