import { fail, failIn, told } from '../binary/failure.ts'
import { isInherited } from '../binary/own-field.ts'
import type { Defaults } from './avro-default.ts'
import { conversionOf } from './avro-logical.ts'
import type { AvroNode, RecordNode, UnionNode } from './avro-node.ts'
import { enumWriter, fixedWriter, primitiveWriters, type Write } from './avro-primitive.ts'
import { unionWriter } from './avro-union.ts'

/**
 * Fields that writing one payload may look at: a list of a hundred thousand empty objects is short, and the schema may
 * give each of them thousands of fields.
 */
export const maxFields = 1_000_000

/** Objects in objects that a payload of a recursive type may have. */
export const maxDepth = 128

/** Turns the types of one schema into functions, each record once. */
export class AvroWriters {
  readonly #records = new Map<RecordNode, Write>()
  readonly #defaults: Defaults
  /** How deep a recursive type is in itself; the door sets it to 0. */
  depth = 0
  /** Fields that may still be looked at; the door sets it to `maxFields`. */
  left = maxFields

  constructor(defaults: Defaults) {
    this.#defaults = defaults
  }

  of(node: AvroNode): Write {
    if ('logical' in node && node.logical !== null) {
      const { store } = conversionOf(node.logical, node.kind === 'fixed' ? node.size : undefined)
      const write = this.#plain(node)
      return (sink, value) => {
        const stored = store(value)
        return stored !== undefined && write(sink, stored)
      }
    }
    return this.#plain(node)
  }

  #plain(node: AvroNode): Write {
    switch (node.kind) {
      case 'fixed':
        return fixedWriter(node.size)
      case 'enum':
        return enumWriter(node.symbols)
      case 'array':
        return arrayWriter(this.of(node.items))
      case 'map':
        return mapWriter(this.of(node.values))
      case 'union':
        return this.#union(node)
      case 'record':
        return this.#record(node)
      default:
        return primitiveWriters[node.kind]
    }
  }

  #union(node: UnionNode): Write {
    return unionWriter(
      node,
      node.branches.map((branch) => this.of(branch)),
    )
  }

  #record(node: RecordNode): Write {
    const known = this.#records.get(node)
    if (known !== undefined) return known
    let write: Write = () => fail('type', 'is of a type that is not ready')
    // Whoever meets the record while it is being made met it in itself.
    this.#records.set(node, (sink, value) => {
      if (++this.depth > maxDepth) return fail('depth', `is nested deeper than ${maxDepth}`)
      const written = write(sink, value)
      this.depth--
      return written
    })
    write = this.#fields(node)
    this.#records.set(node, write)
    return write
  }

  #fields(node: RecordNode): Write {
    const fields = node.fields.map((field) => ({
      name: field.name,
      inherited: isInherited(field.name),
      write: this.of(field.node),
      missing: this.#defaults.of(field),
    }))
    return (sink, value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
        return fail('type', `must be an object, not ${told(value)}`)
      }
      this.left -= fields.length
      if (this.left < 0) return fail('size', `has more than ${maxFields} fields`)
      const values = value as Readonly<Record<string, unknown>>
      for (let at = 0; at < fields.length; at++) {
        const { name, inherited, write, missing } = fields[at]!
        const item = inherited && !Object.hasOwn(values, name) ? undefined : values[name]
        if (item !== undefined) {
          if (!write(sink, item)) return failIn(name)
        } else if (missing !== null) sink.bytes(missing)
        else return fail('required', 'is missing') || failIn(name)
      }
      return true
    }
  }
}

const arrayWriter =
  (write: Write): Write =>
  (sink, value) => {
    if (!Array.isArray(value)) return fail('type', `must be a list, not ${told(value)}`)
    if (value.length > 0) sink.zigzag(value.length)
    for (let at = 0; at < value.length; at++) if (!write(sink, value[at])) return failIn(at)
    sink.byte(0)
    return true
  }

const mapWriter =
  (write: Write): Write =>
  (sink, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      return fail('type', `must be an object, not ${told(value)}`)
    }
    const values = value as Readonly<Record<string, unknown>>
    // What a rule has taken out of an object stands in it as undefined.
    const names = Object.keys(values).filter((name) => values[name] !== undefined)
    if (names.length > 0) sink.zigzag(names.length)
    for (const name of names) {
      if (!primitiveWriters.string(sink, name) || !write(sink, values[name])) return failIn(name)
    }
    sink.byte(0)
    return true
  }
