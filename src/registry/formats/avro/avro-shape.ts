import type { Shape } from '../../shape.ts'
import type { AvroNode, FixedNode, PrimitiveNode } from './avro-node.ts'

const maxDepth = 32
const any: Shape = { kind: 'any' }
const string: Shape = { kind: 'string' }

/** What the checker of expressions is told of a type. What may also be null has the shape of what else it may be. */
export function avroShape(node: AvroNode, depth = 0): Shape {
  if (depth > maxDepth) return any
  switch (node.kind) {
    case 'null':
      return { kind: 'null' }
    case 'boolean':
      return { kind: 'bool' }
    case 'int':
    case 'long':
      // Times are text.
      return node.logical === null ? { kind: 'int' } : string
    case 'float':
    case 'double':
      return { kind: 'number' }
    case 'bytes':
    case 'fixed':
      return bytesShape(node)
    case 'array':
      return { kind: 'list', items: avroShape(node.items, depth + 1) }
    case 'map':
      return { kind: 'object', fields: new Map(), open: true }
    case 'union':
      return unionShape(node.branches, depth)
    case 'record': {
      const fields = node.fields.map((field) => [field.name, avroShape(field.node, depth + 1)] as const)
      return { kind: 'object', fields: new Map(fields), open: false }
    }
    default:
      return string
  }
}

function bytesShape({ logical }: FixedNode | PrimitiveNode): Shape {
  if (logical === null) return { kind: 'bytes' }
  return logical.kind === 'duration' ? duration : string
}

const duration: Shape = {
  kind: 'object',
  fields: new Map(['months', 'days', 'millis'].map((part) => [part, { kind: 'int' }])),
  open: false,
}

function unionShape(branches: readonly AvroNode[], depth: number): Shape {
  const shapes = branches.filter(({ kind }) => kind !== 'null').map((branch) => avroShape(branch, depth + 1))
  const [first, ...others] = shapes
  if (first === undefined) return { kind: 'null' }
  if (others.length === 0) return first
  const kinds = new Set(shapes.map(({ kind }) => kind))
  if (kinds.size === 1 && first.kind !== 'object' && first.kind !== 'list') return first
  return [...kinds].every((kind) => kind === 'int' || kind === 'number') ? { kind: 'number' } : any
}
