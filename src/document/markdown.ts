import type { SchemaNode } from './problem.ts'

export interface TableOptions {
  /** Put before each field's name: `api` prints `api.address`. */
  prefix?: string
  /** Leaves fields out, by their full name. */
  without?: readonly string[]
}

/**
 * A schema as a Markdown table, one row a field, fields of maps and of entries of lists below their parent
 * (`sasl.mechanism`, `listeners[].type`). All prose comes from the schema.
 */
export function printTable(schema: SchemaNode, options: TableOptions = {}): string {
  const rows = rowsOf(schema, options.prefix ?? '').filter(([name]) => !options.without?.includes(name!))
  if (rows.length === 0) return '*No fields.*\n'
  return markdownTable(
    ['Field', 'Type', 'Default', 'Meaning', 'Example'],
    rows.map(([name, ...rest]) => [code(name!), ...rest]),
  )
}

/** Any table; cells are Markdown already, but may hold what would break a table. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

export const code = (text: string) => (text === '' ? '' : text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``)

function rowsOf(schema: SchemaNode, prefix: string): string[][] {
  const properties = (schema['properties'] ?? {}) as Record<string, SchemaNode>
  const required = (schema['required'] ?? []) as string[]
  return Object.entries(properties).flatMap(([key, field]) => {
    const name = prefix === '' ? key : `${prefix}.${key}`
    return [rowOf(name, field, required.includes(key)), ...innerRows(field, name)]
  })
}

/** Rows of what is inside a field: a map's fields, those of a list's entries, those of every alternative (each once). */
function innerRows(field: SchemaNode, name: string): string[][] {
  const branches = ['anyOf', 'oneOf', 'allOf'].flatMap((word) => (field[word] ?? []) as SchemaNode[])
  const items = field['items'] as SchemaNode | undefined
  const rows = [
    ...rowsOf(field, name),
    ...(items === undefined ? [] : [...rowsOf(items, `${name}[]`), ...innerRows(items, `${name}[]`)]),
    ...branches.flatMap((branch) => [...rowsOf(branch, name), ...innerRows(branch, name)]),
  ]
  return [...new Map(rows.map((row) => [row[0], row])).values()]
}

function rowOf(name: string, field: SchemaNode, required: boolean): string[] {
  const meaning = [field['description'] ?? '', field['secret'] === true ? '**Secret.**' : '', boundsOf(field)]
  const examples = (field['examples'] ?? []) as unknown[]
  const usual = field['default']
  const isEmptyMap = typeof usual === 'object' && usual !== null && Object.keys(usual).length === 0
  return [
    name,
    kindOf(field, false),
    usual === undefined ? (required ? '**required**' : '–') : isEmptyMap ? '–' : code(inline(usual)),
    meaning.filter((part) => part !== '').join(' '),
    examples.map((example) => code(inline(example))).join(', '),
  ]
}

const kinds: Record<string, [one: string, many: string]> = {
  string: ['string', 'strings'],
  number: ['number', 'numbers'],
  integer: ['integer', 'integers'],
  boolean: ['boolean', 'booleans'],
  object: ['map', 'maps'],
  array: ['list', 'lists'],
  null: ['null', 'nulls'],
}
const quantities: Record<string, string> = { bytes: 'size (bytes)', ms: 'time (ms)', s: 'time (s)' }

function kindOf(field: SchemaNode, many: boolean): string {
  if (typeof field['quantity'] === 'string') return quantities[field['quantity']] ?? 'number'
  if (field['format'] === 'path') return many ? 'paths' : 'path'
  if (Array.isArray(field['enum'])) return field['enum'].map((word) => code(String(word))).join(', ')
  if ('const' in field) return code(String(field['const']))
  const union = (field['anyOf'] ?? field['oneOf']) as SchemaNode[] | undefined
  if (union !== undefined) return [...new Set(union.map((branch) => kindOf(branch, many)))].join(' or ')
  const types = [field['type'] ?? []].flat() as string[]
  if (types[0] === 'array' && typeof field['items'] === 'object') {
    return `${many ? 'lists' : 'list'} of ${kindOf(field['items'] as SchemaNode, true)}`
  }
  return types.map((type) => kinds[type]?.[many ? 1 : 0] ?? type).join(' or ') || 'any'
}

function boundsOf(field: SchemaNode): string {
  const { minimum, maximum } = field as { minimum?: number; maximum?: number }
  if (minimum !== undefined && maximum !== undefined) return `(${minimum} to ${maximum})`
  // That a count is at least 0 or 1 goes without saying.
  if (minimum !== undefined && minimum > 1) return `(at least ${minimum})`
  return maximum === undefined ? '' : `(at most ${maximum})`
}

const inline = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
