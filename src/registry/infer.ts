/** What samples of JSON have in common: gathered one by one, then written as a schema. */
export interface Seen {
  /** How many values stood at this place. */
  count: number
  /** How many of them were of each kind. */
  readonly kinds: Map<Kind, number>
  readonly fields: Map<string, Seen>
  /** More fields than are counted: the object is rather a map. */
  isMap: boolean
  items: Seen | null
  /** Of numbers. */
  min: number
  max: number
  /** Different strings, as long as they are few. */
  readonly words: Set<string>
  /** Formats that every string so far has had. */
  formats: readonly string[]
}

export type Kind = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object'

const maxFields = 500
const maxDepth = 32
const maxWords = 9
const maxWordLength = 40
/** Items of one list that are looked at. */
const maxItems = 1000
/** So often each word of an enumeration must have been seen, taken together. */
const repeats = 5

const formats: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['date-time', /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/],
  ['date', /^\d{4}-\d\d-\d\d$/],
  ['uuid', /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/],
  ['ipv4', /^(\d{1,3}\.){3}\d{1,3}$/],
]

export const nothingSeen = (): Seen => ({
  count: 0,
  kinds: new Map(),
  fields: new Map(),
  isMap: false,
  items: null,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  words: new Set(),
  formats: formats.map(([name]) => name),
})

/** Adds one sample. */
export function see(seen: Seen, value: unknown, depth = 0): void {
  const kind = kindOf(value)
  seen.count++
  seen.kinds.set(kind, (seen.kinds.get(kind) ?? 0) + 1)
  if (typeof value === 'number') {
    seen.min = Math.min(seen.min, value)
    seen.max = Math.max(seen.max, value)
  } else if (typeof value === 'string') seeString(seen, value)
  else if (depth < maxDepth && Array.isArray(value)) {
    seen.items ??= nothingSeen()
    for (const item of value.slice(0, maxItems)) see(seen.items, item, depth + 1)
  } else if (depth < maxDepth && kind === 'object') {
    for (const [name, field] of Object.entries(value as object)) {
      const known = seen.fields.get(name)
      if (known === undefined && seen.fields.size >= maxFields) {
        seen.isMap = true
        continue
      }
      const below = known ?? nothingSeen()
      if (known === undefined) seen.fields.set(name, below)
      see(below, field, depth + 1)
    }
  }
}

function seeString(seen: Seen, text: string): void {
  if (seen.words.size < maxWords) seen.words.add(text.slice(0, maxWordLength + 1))
  if (seen.formats.length === 0) return
  seen.formats = seen.formats.filter((name) => formats.find((one) => one[0] === name)![1].test(text))
}

const kindOf = (value: unknown): Kind => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value as 'boolean' | 'string' | 'object'
}

/** The kinds of value at a place; an integer is a number where numbers were seen, too. */
export const kindsOf = ({ kinds }: Seen): readonly Kind[] =>
  [...kinds.keys()].filter((kind) => kind !== 'integer' || !kinds.has('number')).sort()

/** The words of an enumeration, if the strings look like one: few, short, and each again and again. */
export function wordsOf({ words, kinds, formats: still }: Seen): readonly string[] | null {
  const strings = kinds.get('string') ?? 0
  const isFew = words.size < maxWords && strings >= words.size * repeats && still.length === 0
  return isFew && [...words].every((word) => word.length <= maxWordLength) ? [...words].sort() : null
}

/** Fields in the order they were first seen, each with whether every object had it. */
export const fieldsOf = (seen: Seen): readonly { name: string; field: Seen; always: boolean }[] =>
  [...seen.fields].map(([name, field]) => ({ name, field, always: field.count === seen.kinds.get('object') }))

/** A draft of a JSON Schema, 2020-12: what all samples fit, and as little more as may be guessed. */
export function draftJsonSchema(seen: Seen, options: { readonly closed: boolean }): Record<string, unknown> {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...nodeOf(seen, options.closed) }
}

function nodeOf(seen: Seen, closed: boolean): Record<string, unknown> {
  const kinds = kindsOf(seen)
  if (kinds.length === 0) return {}
  const node: Record<string, unknown> = { type: kinds.length === 1 ? kinds[0] : kinds }
  if (seen.kinds.has('string')) Object.assign(node, stringOf(seen, kinds))
  if (seen.items !== null) node['items'] = nodeOf(seen.items, closed)
  if (seen.kinds.has('object')) Object.assign(node, objectOf(seen, closed))
  return node
}

function stringOf(seen: Seen, kinds: readonly Kind[]): Record<string, unknown> {
  const [format] = seen.formats
  if (format !== undefined) return { format }
  const words = wordsOf(seen)
  if (words === null || kinds.some((kind) => kind !== 'string' && kind !== 'null')) return {}
  return { enum: kinds.includes('null') ? [...words, null] : words }
}

function objectOf(seen: Seen, closed: boolean): Record<string, unknown> {
  if (seen.isMap) return {}
  const fields = fieldsOf(seen)
  const properties = fields.map(({ name, field }) => [name, nodeOf(field, closed)] as const)
  const required = fields.filter(({ always }) => always).map(({ name }) => name)
  return {
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
    ...(closed ? { additionalProperties: false } : {}),
  }
}
