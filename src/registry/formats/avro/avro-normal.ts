import type { ReferencedSchema } from '../format.ts'
import { parseJsonText } from '../json-text.ts'
import { primitives } from './avro-node.ts'
import { isFault, parseAvro } from './avro-parser.ts'

/**
 * A schema as Confluent's `normalize=true` wants it: full names instead of namespaces, types without attributes by
 * their names alone, the attributes in one order. What readers or people go by (defaults, aliases, docs, logical
 * types) stays. *Source*: the order of Avro's parsing canonical form. Of a text that does not compile, the text itself.
 */
export function normalAvro(text: string, references: readonly ReferencedSchema[]): string {
  const parsed = parseJsonText(text)
  if ('fault' in parsed || isFault(parseAvro(text, references))) return text
  return JSON.stringify(normal(parsed.value, '', new Set()))
}

type Source = Readonly<Record<string, unknown>>

const order = ['name', 'type', 'fields', 'symbols', 'items', 'values', 'logicalType', 'size', 'precision', 'scale']

/** *Shape*: `known` are the full names defined so far. The schema has been read, so that what it says is so. */
function normal(schema: unknown, space: string, known: Set<string>): unknown {
  if (typeof schema === 'string') return reference(schema, space, known)
  if (Array.isArray(schema)) return schema.map((branch) => normal(branch, space, known))
  const source = schema as Source
  const { type } = source
  if (typeof type !== 'string') return normal(type, space, known)
  const made: Record<string, unknown> = { ...source, type: reference(type, space, known) }
  let within = space
  if (typeof source['name'] === 'string') {
    const name = fullName(source['name'], typeof source['namespace'] === 'string' ? source['namespace'] : space)
    known.add(name)
    within = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : ''
    made['name'] = name
    delete made['namespace']
    if (Array.isArray(source['aliases']))
      made['aliases'] = source['aliases'].map((one) => fullName(String(one), within))
  }
  if (Array.isArray(source['fields'])) {
    made['fields'] = (source['fields'] as Source[]).map((field) => {
      return inOrder({ ...field, type: normal(field['type'], within, known) })
    })
  }
  for (const part of ['items', 'values']) {
    if (source[part] !== undefined) made[part] = normal(source[part], within, known)
  }
  const names = Object.keys(made)
  return names.length === 1 ? made['type'] : inOrder(made)
}

function reference(name: string, space: string, known: ReadonlySet<string>): string {
  if (primitives.some((primitive) => primitive === name) || kinds.has(name)) return name
  const full = fullName(name, space)
  return known.has(full) || !known.has(name) ? full : name
}

const kinds = new Set(['record', 'error', 'enum', 'fixed', 'array', 'map'])

const fullName = (name: string, space: string): string =>
  name.includes('.') || space === '' ? name : `${space}.${name}`

function inOrder(source: Source): Source {
  const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length)
  return Object.fromEntries(Object.entries(source).sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1)))
}
