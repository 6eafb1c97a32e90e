import type { Shape } from '../../shape.ts'
import type { AvroNode, FixedNode, PrimitiveNode, RecordNode } from './avro-node.ts'

/** Types told to the checker; beyond, and where a record stands in itself again, anything may be read. */
const maxShapes = 10_000
const any: Shape = { kind: 'any' }
const string: Shape = { kind: 'string' }
const stringOrNumber: Shape = { kind: 'string', numbers: true }

/** What the checker of expressions is told of a type. What may also be null has the shape of what else it may be. */
export const avroShape = (node: AvroNode): Shape => new Shaper().of(node)

class Shaper {
  readonly #open = new Set<AvroNode>()
  #left = maxShapes

  of(node: AvroNode): Shape {
    if (--this.#left < 0) return any
    switch (node.kind) {
      case 'null':
        return { kind: 'null' }
      case 'boolean':
        return { kind: 'bool' }
      case 'int':
      case 'long':
        // Times are text.
        return node.logical === null ? { kind: 'int' } : stringOrNumber
      case 'float':
      case 'double':
        return { kind: 'number' }
      case 'bytes':
      case 'fixed':
        return bytesShape(node)
      case 'array':
        return { kind: 'list', items: this.of(node.items) }
      case 'map':
        return { kind: 'object', fields: new Map(), open: true }
      case 'union':
        return this.#union(node.branches)
      case 'record':
        return this.#record(node)
      default:
        return string
    }
  }

  #record(node: RecordNode): Shape {
    if (this.#open.has(node)) return any
    this.#open.add(node)
    const fields = node.fields.map((field) => [field.name, this.of(field.node)] as const)
    this.#open.delete(node)
    return { kind: 'object', fields: new Map(fields), open: false }
  }

  #union(branches: readonly AvroNode[]): Shape {
    const shapes = branches.filter(({ kind }) => kind !== 'null').map((branch) => this.of(branch))
    const [first, ...others] = shapes
    if (first === undefined) return { kind: 'null' }
    if (others.length === 0) return first
    if (shapes.some((shape) => shape.kind === 'string' && shape.numbers)) return unionWithNumbers(shapes)
    const kinds = new Set(shapes.map(({ kind }) => kind))
    if (kinds.size === 1 && first.kind !== 'object' && first.kind !== 'list') return first
    return [...kinds].every((kind) => kind === 'int' || kind === 'number') ? { kind: 'number' } : any
  }
}

/** Texts of which some may be numbers going in. */
const unionWithNumbers = (shapes: readonly Shape[]): Shape =>
  shapes.every(({ kind }) => kind === 'string') ? stringOrNumber : any

function bytesShape({ logical }: FixedNode | PrimitiveNode): Shape {
  if (logical === null) return { kind: 'bytes' }
  if (logical.kind === 'duration') return duration
  return logical.kind === 'decimal' ? stringOrNumber : string
}

const duration: Shape = {
  kind: 'object',
  fields: new Map(['months', 'days', 'millis'].map((part) => [part, { kind: 'int' }])),
  open: false,
}
