import type { ByteSource } from '../binary/byte-source.ts'
import { fail, failIn, failRead, unread, unreadIn } from '../binary/failure.ts'
import { isInherited, setOwn } from '../binary/own-field.ts'
import { type FieldNode, type FieldType, isNullValue, isPackable, type MessageNode, wireTypeOf } from './proto-node.ts'
import { enumReader, lengthOf, nameless, type Read, scalarReaders } from './proto-scalar.ts'
import { skipField } from './proto-skip.ts'
import { maxDepth } from './proto-writer.ts'
import { wellKnownReaders } from './well-known-reader.ts'

type Fields = Record<string, unknown>

/** Reads a field into a message; false when it cannot be read. */
type ReadField = (source: ByteSource, into: Fields, wireType: number) => boolean

/**
 * Fields that are shown though they are not there, for every byte of a payload and to begin with: an empty message is
 * two bytes, and its schema may give it thousands of fields.
 */
const shownPerByte = 20
const shownAtLeast = 100_000
/** Objects with more fields than this are no longer cheap to make. */
const manyFields = 128

/** Reads the fields of a message up to the source's end, or (in a group) its end tag; into a message that is there. */
interface MessageReader {
  /** null for messages with a form of their own. */
  fields: ((source: ByteSource, into: Fields | null, group: number) => Fields | typeof unread) | null
  /** For messages with a form of their own; they cannot be merged, and the last one counts. */
  whole: Read | null
}

/** Turns messages into functions, each once. */
export class ProtoReaders {
  readonly #messages = new Map<MessageNode, MessageReader>()
  /** How deep the message being read is. */
  #depth = 0
  #shown = 0

  /** Begins a payload of so many bytes. */
  begin(bytes: number): void {
    this.#depth = 0
    this.#shown = shownAtLeast + bytes * shownPerByte
  }

  /** A whole message, up to the source's end. */
  message(node: MessageNode): Read {
    const reader = this.#reader(node)
    return (source) => (reader.whole !== null ? reader.whole(source) : reader.fields!(source, null, 0))
  }

  #reader(node: MessageNode): MessageReader {
    const known = this.#messages.get(node)
    if (known !== undefined) return known
    const reader: MessageReader = { fields: null, whole: null }
    this.#messages.set(node, reader)
    const own = wellKnownReaders.get(node.name)
    if (own !== undefined) reader.whole = own
    else {
      // Made when it is first needed: a file may lead through thousands of messages to the last one.
      reader.fields = (source, merged, group) => {
        reader.fields = this.#fields(node)
        return reader.fields(source, merged, group)
      }
    }
    return reader
  }

  #fields(node: MessageNode): NonNullable<MessageReader['fields']> {
    const shown = node.fields.filter(isShown)
    const template = Object.fromEntries(shown.map((field) => [field.name, field.repeated ? null : zeroOf(field)]))
    const cost = shown.length > manyFields ? shown.length * 4 : shown.length
    const lists = shown.filter(({ repeated, key }) => repeated && key === null).map(({ name }) => name)
    const maps = shown.filter(({ key }) => key !== null).map(({ name }) => name)
    const required = node.fields.filter(({ presence }) => presence === 'required').map(({ name }) => name)
    const known = new Map(node.fields.map((field) => [field.number, this.#field(node, field)]))
    return (source, merged, group) => {
      if (++this.#depth > maxDepth) return failRead('depth', `is nested deeper than ${maxDepth}`)
      const into = merged ?? { ...template }
      if (merged === null) {
        this.#shown -= cost
        if (this.#shown < 0) return failRead('binary', 'has far more fields than bytes')
        // Never inherited: the template has them as its own.
        for (let at = 0; at < lists.length; at++) into[lists[at]!] = []
        for (let at = 0; at < maps.length; at++) into[maps[at]!] = {}
      }
      for (;;) {
        if (source.position >= source.end && group === 0) break
        source.varint()
        const wireType = source.low & 7
        const number = (source.low >>> 3) | (source.high << 29)
        if (source.cutOff) return failRead('binary', 'is cut off')
        if (wireType === 4 && number === group && group !== 0) break
        const read = known.get(number)
        const done = read === undefined ? skipField(source, number, wireType, 0) : read(source, into, wireType)
        if (!done) return unread
      }
      this.#depth--
      for (const name of required)
        if (!Object.hasOwn(into, name)) return failRead('required', 'is missing') && unreadIn(name)
      return into
    }
  }

  #field(node: MessageNode, field: FieldNode): ReadField {
    const others = node.oneofs.find((members) => members.includes(field))?.filter((one) => one !== field) ?? []
    if (field.key !== null) return this.#map(field)
    const read = this.#value(field)
    const wireType = wireTypeOf(field.type, field.delimited)
    if (field.repeated) return listReader(field, read, wireType)
    const rivals = others.map(({ name }) => name)
    const { name, number, type } = field
    const put = isInherited(name)
      ? setOwn
      : (into: Fields, key: string, value: unknown) => {
          into[key] = value
        }
    return (source, into, given) => {
      if (!fits(given, wireType, type)) return skipField(source, number, given, 0)
      const before = type.kind === 'message' && Object.hasOwn(into, name) ? into[name] : null
      const value = read(source, before, given)
      if (value === unread || source.cutOff)
        return value !== unread && source.cutOff ? fail('binary', 'is cut off') || failIn(name) : failIn(name)
      if (value === nameless) return true
      for (const rival of rivals) delete into[rival]
      put(into, name, value)
      return true
    }
  }

  /** *Shape*: `before` is the message that is already there, to be merged into. */
  #value({ type, number }: FieldNode): ReadValue {
    if (isNullValue(type)) return readNull
    if (type.kind === 'enum') return enumReader(type.enum)
    if (type.kind !== 'message') return scalarReaders[type.kind]
    const reader = this.#reader(type.message)
    return (source, before, wireType) => {
      if (wireType === 3) return this.#group(source, reader, before, number)
      const end = endOf(source)
      if (end < 0) return failRead('binary', 'is cut off')
      const outer = source.end
      source.end = end
      const value = reader.whole !== null ? reader.whole(source) : reader.fields!(source, before as Fields | null, 0)
      source.end = outer
      source.position = end
      return value
    }
  }

  /** Messages with a form of their own stand behind their length, in every file that Protobuf itself ships. */
  #group(source: ByteSource, reader: MessageReader, before: unknown, number: number): unknown {
    if (reader.fields === null) return failRead('binary', 'stands between tags, which is not done for this type')
    return reader.fields(source, before as Fields | null, number)
  }

  #map(field: FieldNode): ReadField {
    const { name, number, type } = field
    const readKey = scalarReaders[field.key!]
    const readValue = this.#value({ ...field, repeated: false })
    const [keyWire, valueWire] = [wireTypeOf({ kind: field.key! }, false), wireTypeOf(type, false)]
    const emptyKey = field.key === 'string' ? '' : field.key === 'bool' ? 'false' : '0'
    const empty = this.#emptyValue(type)
    return (source, into, wireType) => {
      if (wireType !== 2) return skipField(source, number, wireType, 0)
      const end = endOf(source)
      if (end < 0) return fail('binary', 'is cut off') || failIn(name)
      const outer = source.end
      source.end = end
      let key: unknown = emptyKey
      let value: unknown
      while (source.position < end && !source.cutOff) {
        source.varint()
        const { low } = source
        let done: unknown = true
        if (low === ((1 << 3) | keyWire)) done = key = readKey(source)
        else if (low === ((2 << 3) | valueWire)) done = value = readValue(source, null, valueWire)
        else if (!skipField(source, low >>> 3, low & 7, 0)) done = unread
        if (done === unread) return failIn(String(key)) || failIn(name)
      }
      if (source.cutOff) return fail('binary', 'is cut off') || failIn(name)
      source.end = outer
      value ??= empty(source)
      if (value === unread) return failIn(String(key)) || failIn(name)
      if (value !== nameless) setOwn(into[name] as Fields, String(key), value)
      return true
    }
  }

  /** What an entry without a value has. */
  #emptyValue(type: FieldType): Read {
    if (type.kind !== 'message') return () => zeroOfType(type)
    const reader = this.#reader(type.message)
    return (source) => {
      const { end } = source
      source.end = source.position
      const value = reader.whole !== null ? reader.whole(source) : reader.fields!(source, null, 0)
      source.end = end
      return value
    }
  }
}

type ReadValue = (source: ByteSource, before: unknown, wireType: number) => unknown

/** Behind a length: where the value ends; -1 when that is beyond what is there. */
function endOf(source: ByteSource): number {
  const length = lengthOf(source)
  return length < 0 || length > source.left ? -1 : source.position + length
}

/** A message may stand either way, whatever the file says: that is how files move between the two. */
const fits = (given: number, wireType: number, type: FieldType): boolean =>
  given === wireType || (type.kind === 'message' && (given === 2 || given === 3))

/** Numbers are read packed or not, whatever the file says. */
function listReader(field: FieldNode, read: ReadValue, wireType: number): ReadField {
  const { name, number, type } = field
  const packable = isPackable(type)
  const one = (source: ByteSource, list: unknown[], given: number): boolean => {
    const value = read(source, null, given)
    if (value === unread) return failIn(list.length) || failIn(name)
    if (source.cutOff) return fail('binary', 'is cut off') || failIn(name)
    if (value !== nameless) list.push(value)
    return true
  }
  return (source, into, given) => {
    const list = into[name] as unknown[]
    if (!packable || given !== 2) {
      return fits(given, wireType, type) ? one(source, list, given) : skipField(source, number, given, 0)
    }
    const end = endOf(source)
    if (end < 0) return fail('binary', 'is cut off') || failIn(name)
    const outer = source.end
    source.end = end
    while (source.position < end) if (!one(source, list, wireType)) return false
    source.end = outer
    return true
  }
}

const readNull: Read = (source) => {
  source.varint()
  return null
}

/** Whether a field has a value even where it is not there. */
const isShown = (field: FieldNode): boolean => field.presence === 'implicit' || field.default !== undefined

const zeroOf = (field: FieldNode): unknown => field.default ?? zeroOfType(field.type)

function zeroOfType(type: FieldType): unknown {
  switch (type.kind) {
    case 'enum':
      if (isNullValue(type)) return null
      return type.enum.names.get(0) ?? [...type.enum.numbers.keys()][0]
    case 'bool':
      return false
    case 'string':
      return ''
    case 'bytes':
      return new Uint8Array(0)
    default:
      return 0
  }
}
