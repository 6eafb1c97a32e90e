import type { Shape } from '../../shape.ts'
import type { FieldNode, FieldType, MessageNode } from './proto-node.ts'

/** Types told to the checker; beyond, and where a message stands in itself again, anything may be read. */
const maxShapes = 10_000
/** Deeper than a payload can be. */
const maxDepth = 100
const any: Shape = { kind: 'any' }
const anyObject: Shape = { kind: 'object', fields: new Map(), open: true }

/** What the checker of expressions is told of a message. */
export const protoShape = (node: MessageNode): Shape => new Shaper().message(node)

class Shaper {
  readonly #open = new Set<MessageNode>()
  #left = maxShapes

  message(node: MessageNode): Shape {
    const known = wellKnown.get(node.name)
    if (known !== undefined) return known
    if (this.#open.has(node) || this.#open.size >= maxDepth || --this.#left < 0) return any
    this.#open.add(node)
    const fields = node.fields.map((field) => [field.name, this.#field(field)] as const)
    this.#open.delete(node)
    return { kind: 'object', fields: new Map(fields), open: false }
  }

  #field(field: FieldNode): Shape {
    if (--this.#left < 0) return any
    if (field.key !== null) return anyObject
    const shape = this.#value(field.type)
    return field.repeated ? { kind: 'list', items: shape } : shape
  }

  #value(type: FieldType): Shape {
    switch (type.kind) {
      case 'message':
        return this.message(type.message)
      case 'enum':
        return type.enum.name === 'google.protobuf.NullValue' ? { kind: 'null' } : { kind: 'string', numbers: true }
      case 'bool':
      case 'string':
      case 'bytes':
        return { kind: type.kind }
      case 'float':
      case 'double':
        return { kind: 'number' }
      default:
        return { kind: 'int' }
    }
  }
}

const string: Shape = { kind: 'string' }
const int: Shape = { kind: 'int' }

const wellKnown: ReadonlyMap<string, Shape> = new Map(
  Object.entries({
    Timestamp: string,
    Duration: string,
    FieldMask: string,
    StringValue: string,
    BytesValue: { kind: 'bytes' },
    BoolValue: { kind: 'bool' },
    DoubleValue: { kind: 'number' },
    FloatValue: { kind: 'number' },
    Int32Value: int,
    Int64Value: int,
    UInt32Value: int,
    UInt64Value: int,
    Struct: anyObject,
    Value: any,
    ListValue: { kind: 'list', items: any },
  } satisfies Record<string, Shape>).map(([name, shape]) => [`google.protobuf.${name}`, shape]),
)
