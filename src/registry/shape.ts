/** What a schema knows of the values that fit it: enough to check expressions, no more. */
export type Shape =
  | { readonly kind: 'any' | 'null' | 'bool' | 'number' | 'int' | 'bytes' | 'timestamp' }
  /** `numbers`: going in, a number is taken too (a time, an enum). */
  | { readonly kind: 'string'; readonly numbers?: true }
  | { readonly kind: 'list'; readonly items: Shape }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, Shape>; readonly open: boolean }

type SchemaNode = Readonly<Record<string, unknown>>

const any: Shape = { kind: 'any' }
const maxDepth = 32
/** Shapes of one schema; a schema that leads back to itself has no end of them. */
const maxShapes = 10_000

/**
 * The shape of a JSON Schema. An object is open, so that any field may be read of it, when the schema names none or
 * says so itself (`additionalProperties` true or a schema, `patternProperties`); where it says nothing, a field
 * that it does not name is more likely a slip than meant. What may also be null has the shape of what else it may be.
 * `references` are the other schemas it may lead into, by name.
 */
export const shapeOf = (schema: unknown, references: ReadonlyMap<string, unknown> = new Map()): Shape =>
  new Reader(schema, references, { left: maxShapes }).read(schema, 0)

class Reader {
  readonly #root: unknown
  readonly #references: ReadonlyMap<string, unknown>
  readonly #budget: { left: number }

  constructor(root: unknown, references: ReadonlyMap<string, unknown>, budget: { left: number }) {
    this.#root = root
    this.#references = references
    this.#budget = budget
  }

  read(schema: unknown, depth: number): Shape {
    if (!isNode(schema) || depth > maxDepth || --this.#budget.left < 0) return any
    const other = this.#other(schema['$ref'])
    if (other !== null) return other.reader.read(other.schema, depth + 1)
    if (typeof schema['$ref'] === 'string') return this.read(this.#resolve(schema['$ref']), depth + 1)
    const type = typeOf(schema)
    if (type === 'object') return this.#object(schema, depth)
    if (type === 'array') return { kind: 'list', items: this.read(schema['items'], depth + 1) }
    if (type === 'string' || type === 'null') return { kind: type }
    if (type === 'number' || type === 'integer') return { kind: 'number' }
    return type === 'boolean' ? { kind: 'bool' } : any
  }

  #object(schema: SchemaNode, depth: number): Shape {
    const fields = new Map<string, Shape>()
    let open = false
    let closed = false
    for (const part of this.#parts(schema, 0)) {
      for (const [name, field] of Object.entries(isNode(part['properties']) ? part['properties'] : {})) {
        fields.set(name, this.read(field, depth + 1))
      }
      const more = part['additionalProperties'] ?? part['unevaluatedProperties']
      if (more === false) closed = true
      else if (
        more !== undefined ||
        part['patternProperties'] !== undefined ||
        branching.some((word) => word in part)
      ) {
        open = true
      }
    }
    return { kind: 'object', fields, open: !closed && (open || fields.size === 0) }
  }

  /** The schema and all that must hold beside it. */
  #parts(schema: SchemaNode, depth: number): SchemaNode[] {
    if (depth > maxDepth || --this.#budget.left < 0) return []
    const target = typeof schema['$ref'] === 'string' ? this.#resolve(schema['$ref']) : null
    const all = Array.isArray(schema['allOf']) ? schema['allOf'] : []
    return [schema, ...[target, ...all].filter(isNode).flatMap((part) => this.#parts(part, depth + 1))]
  }

  /** Where a reference leads out of this schema: what it finds there, and who reads on. */
  #other(reference: unknown): { reader: Reader; schema: unknown } | null {
    if (typeof reference !== 'string') return null
    const [name = '', fragment = ''] = reference.split('#')
    const root = name === '' ? undefined : this.#references.get(name)
    if (root === undefined) return null
    const reader = new Reader(root, this.#references, this.#budget)
    return { reader, schema: reader.#resolve(`#${fragment}`) }
  }

  /** A reference within the same schema; anything else is unknown. */
  #resolve(reference: string): unknown {
    if (reference === '#') return this.#root
    if (!reference.startsWith('#/')) return undefined
    let at: unknown = this.#root
    for (const step of reference.slice(2).split('/')) {
      const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
      at = (isNode(at) || Array.isArray(at)) && Object.hasOwn(at, name) ? (at as SchemaNode)[name] : undefined
    }
    return at
  }
}

/** Keywords under which further fields may be described; what they say depends on the value. */
const branching = ['anyOf', 'oneOf', 'if', 'dependentSchemas']

const isNode = (value: unknown): value is SchemaNode =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The one type a schema allows beside null; undefined when there are several or none is said. */
function typeOf(schema: SchemaNode): unknown {
  const { type } = schema
  if (Array.isArray(type)) {
    const some = type.length === 1 ? type : type.filter((one) => one !== 'null')
    return some.length === 1 ? some[0] : undefined
  }
  if (type !== undefined) return type
  if ('const' in schema || Array.isArray(schema['enum'])) {
    const values = 'const' in schema ? [schema['const']] : (schema['enum'] as unknown[])
    const types = new Set(values.map(jsonType))
    return types.size === 1 ? [...types][0] : undefined
  }
  return isNode(schema['properties']) ? 'object' : undefined
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
