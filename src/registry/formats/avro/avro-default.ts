import { ByteSink } from '../binary/byte-sink.ts'
import { fail, failIn, failure, told } from '../binary/failure.ts'
import { type FormatFault, faultAt } from '../format.ts'
import type { AvroField, AvroNode } from './avro-node.ts'
import { enumWriter, fixedWriter, primitiveWriters } from './avro-primitive.ts'

/** What all defaults of one schema may take together. *Unit*: bytes. */
const maxDefaultBytes = 1_048_576
/** And how many values they may have: a default may ask for the defaults of its own fields. */
const maxDefaultValues = 100_000

/**
 * What stands in a payload for the fields that a value lacks: the field's default, in bytes; for one without, null
 * where null is allowed, because in plain JSON what is not there and what is null are often the same.
 */
export class Defaults {
  readonly faults: FormatFault[] = []
  readonly #sink = new ByteSink()
  #bytes = 0
  #values = 0

  /** null when the field must be there. */
  of(field: AvroField): Uint8Array | null {
    const { node } = field
    if (field.default === undefined) {
      const index = node.kind === 'union' ? node.branches.findIndex(({ kind }) => kind === 'null') : -1
      if (index >= 0) return Uint8Array.of(index * 2)
      return node.kind === 'null' ? new Uint8Array(0) : null
    }
    this.#sink.position = 0
    if (!this.#write(this.#sink, node, field.default)) {
      const where = failure.steps.length === 0 ? '' : ` at ${failure.steps.toReversed().join('.')}`
      this.faults.push(faultAt([...field.path, 'default'], `the default of ${field.name}${where} ${failure.message}`))
      return null
    }
    const bytes = this.#sink.take()
    this.#bytes += bytes.length
    if (this.#bytes > maxDefaultBytes) this.faults.push(faultAt(field.path, 'the defaults are too large', 'E303'))
    return bytes
  }

  /** Defaults are written as Avro writes them: bytes as text of the units 0 to 255, logical types as what they store. */
  #write(sink: ByteSink, node: AvroNode, value: unknown): boolean {
    if (++this.#values > maxDefaultValues || sink.position > maxDefaultBytes) return fail('default', 'is too large')
    switch (node.kind) {
      case 'bytes':
        return this.#bytesOf(value, (bytes) => primitiveWriters.bytes(sink, bytes))
      case 'fixed':
        return this.#bytesOf(value, (bytes) => fixedWriter(node.size)(sink, bytes))
      case 'enum':
        return enumWriter(node.symbols)(sink, value)
      case 'array':
        return this.#array(sink, node.items, value)
      case 'map':
        return this.#map(sink, node.values, value)
      case 'record':
        return this.#record(sink, node.fields, value)
      case 'union':
        return this.#union(sink, node.branches, value)
      default:
        return primitiveWriters[node.kind](sink, value)
    }
  }

  #bytesOf(value: unknown, write: (bytes: Uint8Array) => boolean): boolean {
    const bytes = latin1(value)
    return bytes === null ? fail('type', `must be a text of the units 0 to 255, not ${told(value)}`) : write(bytes)
  }

  #array(sink: ByteSink, items: AvroNode, value: unknown): boolean {
    if (!Array.isArray(value)) return fail('type', `must be a list, not ${told(value)}`)
    if (value.length > 0) sink.zigzag(value.length)
    for (const [at, item] of value.entries()) if (!this.#write(sink, items, item)) return failIn(at)
    sink.byte(0)
    return true
  }

  #map(sink: ByteSink, values: AvroNode, value: unknown): boolean {
    if (!isObject(value)) return fail('type', `must be an object, not ${told(value)}`)
    const entries = Object.entries(value)
    if (entries.length > 0) sink.zigzag(entries.length)
    for (const [name, item] of entries) {
      if (!primitiveWriters.string(sink, name) || !this.#write(sink, values, item)) return failIn(name)
    }
    sink.byte(0)
    return true
  }

  #record(sink: ByteSink, fields: readonly AvroField[], value: unknown): boolean {
    if (!isObject(value)) return fail('type', `must be an object, not ${told(value)}`)
    for (const { name, node, default: fallback } of fields) {
      const item = Object.hasOwn(value, name) ? value[name] : fallback
      if (item === undefined) return fail('required', 'is missing') || failIn(name)
      if (!this.#write(sink, node, item)) return failIn(name)
    }
    return true
  }

  /** *Source*: Avro 1.12: any branch; before that only the first, which therefore is tried first. */
  #union(sink: ByteSink, branches: readonly AvroNode[], value: unknown): boolean {
    const start = sink.position
    for (const [index, branch] of branches.entries()) {
      sink.zigzag(index)
      if (this.#write(sink, branch, value)) return true
      sink.position = start
    }
    return fail('union', 'fits no branch of the union')
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function latin1(value: unknown): Uint8Array | null {
  if (typeof value !== 'string') return null
  const bytes = Buffer.from(value, 'latin1')
  return bytes.toString('latin1') === value ? bytes : null
}
