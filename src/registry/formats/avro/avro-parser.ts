import { type FormatFault, faultAt, flattenReferences, type ReferencedSchema, tooManyReferences } from '../format.ts'
import { parseJsonText } from '../json-text.ts'
import { type AvroField, type AvroNode, logicalOf, primitives, type RecordNode } from './avro-node.ts'

/** Largest `fixed`. *Unit*: bytes. */
const maxFixedBytes = 65_536
/** All types of a schema and its references. */
const maxNodes = 20_000

type Path = readonly (string | number)[]
type Source = Readonly<Record<string, unknown>>

/** Reads an Avro schema; the named types of `references` are known to it. *Errors*: as one fault, E302 or E303. */
export function parseAvro(text: string, references: readonly ReferencedSchema[]): AvroNode | FormatFault {
  const flat = flattenReferences(references)
  if (flat === null) return tooManyReferences
  const parser = new AvroParser()
  for (const reference of flat) {
    const read = parser.text(reference.text)
    if (isFault(read)) return { ...faultAt([], `reference ${reference.name}: ${read.message}`), code: read.code }
  }
  return parser.text(text)
}

export const isFault = (read: AvroNode | FormatFault): read is FormatFault => 'code' in read

class Refused extends Error {
  readonly fault: FormatFault

  constructor(fault: FormatFault) {
    super(fault.message)
    this.fault = fault
  }
}

const refuse = (path: Path, message: string, code: FormatFault['code'] = 'E302'): never => {
  throw new Refused(faultAt(path, message, code))
}

const isSource = (value: unknown): value is Source =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const plainName = /^[A-Za-z_][A-Za-z0-9_]*$/
const fullName = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/

class AvroParser {
  readonly #named = new Map<string, AvroNode>()
  #nodes = 0

  text(text: string): AvroNode | FormatFault {
    const parsed = parseJsonText(text)
    if ('fault' in parsed) return parsed.fault
    try {
      return this.#read(parsed.value, '', [])
    } catch (thrown) {
      if (thrown instanceof Refused) return thrown.fault
      throw thrown
    }
  }

  /** *Shape*: `space` is the namespace around, '' for none. */
  #read(schema: unknown, space: string, path: Path): AvroNode {
    if (++this.#nodes > maxNodes) refuse(path, `describes more than ${maxNodes} types`, 'E303')
    if (typeof schema === 'string') return this.#reference(schema, space, path, {})
    if (Array.isArray(schema)) return this.#union(schema, space, path)
    if (!isSource(schema)) return refuse(path, 'a type is a name, an object with a `type`, or a list of types')
    const { type } = schema
    const at = [...path, 'type']
    if (typeof type !== 'string') {
      if (type === undefined) return refuse(path, 'lacks its `type`')
      return this.#read(type, space, at)
    }
    switch (type) {
      case 'record':
      case 'error':
        return this.#record(schema, space, path)
      case 'enum':
        return this.#enum(schema, space, path)
      case 'fixed':
        return this.#fixed(schema, space, path)
      case 'array':
        return {
          kind: 'array',
          items: this.#read(schema['items'] ?? refuse(path, 'lacks its `items`'), space, [...path, 'items']),
        }
      case 'map':
        return {
          kind: 'map',
          values: this.#read(schema['values'] ?? refuse(path, 'lacks its `values`'), space, [...path, 'values']),
        }
      default:
        return this.#reference(type, space, at, schema)
    }
  }

  #reference(name: string, space: string, path: Path, schema: Source): AvroNode {
    const kind = primitives.find((primitive) => primitive === name)
    if (kind !== undefined) return { kind, logical: logicalOf(schema, kind, 0) }
    const known = this.#named.get(qualified(name, space)) ?? this.#named.get(name)
    return known ?? refuse(path, `type ${JSON.stringify(name)} is not known`)
  }

  #union(branches: readonly unknown[], space: string, path: Path): AvroNode {
    if (branches.length === 0) refuse(path, 'a union has at least one type')
    const seen = new Set<string>()
    const read = branches.map((branch, at): AvroNode => {
      const here = [...path, at]
      const node = this.#read(branch, space, here)
      if (node.kind === 'union') refuse(here, 'a union stands directly in a union')
      const key = 'name' in node ? node.name : node.kind
      if (seen.has(key)) refuse(here, `the union already has a type ${key}`)
      seen.add(key)
      return node
    })
    return { kind: 'union', branches: read }
  }

  #record(schema: Source, space: string, path: Path): RecordNode {
    const name = this.#nameOf(schema, space, path)
    const node: RecordNode = { kind: 'record', name, fields: [] }
    this.#define(name, node, path)
    const { fields } = schema
    if (!Array.isArray(fields)) return refuse([...path, 'fields'], 'a record has a list of `fields`')
    const seen = new Set<string>()
    const within = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : ''
    node.fields = fields.map((field: unknown, at): AvroField => {
      const here = [...path, 'fields', at]
      if (!isSource(field)) return refuse(here, 'a field is an object with `name` and `type`')
      const fieldName = field['name']
      if (typeof fieldName !== 'string' || !plainName.test(fieldName)) {
        return refuse([...here, 'name'], `${JSON.stringify(fieldName)} cannot name a field`)
      }
      if (seen.has(fieldName)) refuse([...here, 'name'], `the record already has a field ${fieldName}`)
      seen.add(fieldName)
      const type = field['type'] ?? refuse(here, 'the field lacks its `type`')
      const read = this.#read(type, within, [...here, 'type'])
      return { name: fieldName, node: read, default: field['default'], path: here }
    })
    return node
  }

  #enum(schema: Source, space: string, path: Path): AvroNode {
    const { symbols } = schema
    const at = [...path, 'symbols']
    if (!Array.isArray(symbols)) return refuse(at, 'an enum has a list of `symbols`')
    const seen = new Set<unknown>()
    for (const [index, symbol] of symbols.entries()) {
      const fits = typeof symbol === 'string' && plainName.test(symbol)
      if (!fits) refuse([...at, index], `${JSON.stringify(symbol)} cannot be a symbol`)
      if (seen.has(symbol)) refuse([...at, index], `the enum already has the symbol ${symbol}`)
      seen.add(symbol)
    }
    const fallback = schema['default']
    if (fallback !== undefined && !seen.has(fallback)) refuse([...path, 'default'], 'is none of the symbols')
    const name = this.#nameOf(schema, space, path)
    return this.#define(name, { kind: 'enum', name, symbols: symbols as string[] }, path)
  }

  #fixed(schema: Source, space: string, path: Path): AvroNode {
    const { size } = schema
    if (!Number.isInteger(size) || (size as number) < 0) refuse([...path, 'size'], 'a fixed has a `size` in bytes')
    if ((size as number) > maxFixedBytes) refuse([...path, 'size'], `larger than ${maxFixedBytes} bytes`, 'E303')
    const name = this.#nameOf(schema, space, path)
    const logical = logicalOf(schema, 'fixed', size as number)
    return this.#define(name, { kind: 'fixed', name, size: size as number, logical }, path)
  }

  #nameOf(schema: Source, space: string, path: Path): string {
    const { name, namespace } = schema
    if (typeof name !== 'string' || !fullName.test(name)) {
      return refuse(
        [...path, 'name'],
        name === undefined ? 'lacks its `name`' : `${JSON.stringify(name)} cannot name a type`,
      )
    }
    if (
      namespace !== undefined &&
      namespace !== null &&
      (typeof namespace !== 'string' || (!/^$/.test(namespace) && !fullName.test(namespace)))
    ) {
      refuse([...path, 'namespace'], `${JSON.stringify(namespace)} cannot be a namespace`)
    }
    const full = qualified(name, typeof namespace === 'string' ? namespace : space)
    if (primitives.some((primitive) => primitive === full))
      refuse([...path, 'name'], `${full} names a type of Avro's own`)
    return full
  }

  #define<N extends AvroNode>(name: string, node: N, path: Path): N {
    if (this.#named.has(name)) refuse([...path, 'name'], `type ${name} is defined twice`)
    this.#named.set(name, node)
    return node
  }
}

const qualified = (name: string, space: string): string =>
  name.includes('.') || space === '' ? name : `${space}.${name}`
