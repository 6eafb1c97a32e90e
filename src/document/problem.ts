import type { ErrorObject } from 'ajv'
import type { DocumentPath } from './source-document.ts'
import { suggest } from './suggest.ts'

/** One thing that a value does wrong, in words, before it is given a code and a place in a file. */
export interface Problem {
  kind: 'unknown' | 'wrong' | 'missing'
  /** To the value, or to the entry whose key is unknown, or to the entry that is missing. */
  path: DocumentPath
  /** What in the file shows it: the value, its key, or the map it is missing from. */
  place: 'value' | 'key' | 'parent'
  /** The whole sentence, path included. */
  message: string
  suggestion?: string
}

/** Schema nodes as this house writes them: JSON Schema, and the keywords of `markdown.ts`. */
export type SchemaNode = Readonly<Record<string, unknown>>

/**
 * Puts the errors of ajv (`allErrors`, `verbose`) into words, one problem per mistake: errors of the branches of an
 * `anyOf` or `oneOf` are told only for the branch that was meant, and otherwise as one sentence.
 *
 * A schema may say in its own words what it wants: `expects: 'a list of host:port'`.
 */
export function problemsOf(errors: readonly ErrorObject[], root: unknown, noun: string): Problem[] {
  return meant(errors).flatMap((error) => {
    const problem = inWords(error, root, noun)
    return problem === null ? [] : [problem]
  })
}

/** `connectors.lake.brokers[0]`, as faults name a place in a value. */
export function printPath(path: DocumentPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[\w$-]+$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${JSON.stringify(step)}]`
  }
  return text
}

/** Leaves out what only says that another branch was not meant. */
function meant(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const union = errors.findLast((error) => error.keyword === 'anyOf' || error.keyword === 'oneOf')
  if (union === undefined) return errors
  const inside = errors.filter((error) => error.schemaPath.startsWith(`${union.schemaPath}/`) && isAt(error, union))
  const outside = errors.filter((error) => error !== union && !inside.includes(error))
  // ajv tells of a union after its branches, so the outermost goes first; each round removes one, so this ends.
  return meant([...outside, ...branchMeant(union, inside)])
}

const isAt = (error: ErrorObject, union: ErrorObject) =>
  error.instancePath === union.instancePath || error.instancePath.startsWith(`${union.instancePath}/`)

function branchMeant(union: ErrorObject, inside: readonly ErrorObject[]): readonly ErrorObject[] {
  const branches = new Map<string, ErrorObject[]>()
  for (const error of inside) {
    const branch = error.schemaPath.slice(union.schemaPath.length + 1).split('/', 1)[0]!
    branches.set(branch, [...(branches.get(branch) ?? []), error])
  }
  // Each branch only wants another field: one of them is missing.
  if (inside.every((error) => error.keyword === 'required' && error.instancePath === union.instancePath)) {
    const missing = inside.map((error) => String(error.params['missingProperty']))
    return [{ ...union, keyword: 'required', params: { missingProperty: missing[0], others: missing.slice(1) } }]
  }
  const open = [...branches.values()].filter((branch) => !branch.some((error) => closes(error, union)))
  open.sort((a, b) => a.length - b.length)
  const [first, second] = open
  if (first !== undefined && (second === undefined || first.length < second.length)) {
    const inside = first.some((error) => error.instancePath !== union.instancePath || isAboutKeys(error))
    return inside || union.parentSchema?.['expects'] === undefined ? first : [{ ...union, keyword: 'union' }]
  }
  const tags = inside.filter((error) => isTag(error, union))
  if (open.length === 0 && tags.length > 0) return [{ ...tags[0]!, keyword: 'enum', params: allowedBy(tags) }]
  return [{ ...union, keyword: 'union' }]
}

/** The branch was not meant: another kind of value, or another word in the field that tells branches apart. */
const closes = (error: ErrorObject, union: ErrorObject) =>
  (error.keyword === 'type' && error.instancePath === union.instancePath) || isTag(error, union)

const isAboutKeys = (error: ErrorObject) => /Properties$|^required$|^dependentRequired$/.test(error.keyword)

const isTag = (error: ErrorObject, union: ErrorObject) =>
  (error.keyword === 'const' || error.keyword === 'enum') &&
  error.instancePath.slice(union.instancePath.length).split('/').length <= 2

const allowedBy = (tags: readonly ErrorObject[]) => ({
  allowedValues: tags.flatMap((tag) => tag.params['allowedValues'] ?? [tag.params['allowedValue']]),
})

function inWords(error: ErrorObject, root: unknown, noun: string): Problem | null {
  const path = pathOf(error.instancePath, root)
  const schema = (error.parentSchema ?? {}) as SchemaNode
  const name = path.length === 0 ? '' : `${printPath(path)}: `
  const exact = schema['secret'] !== true
  const wrong = (expected: string, suggestion?: string): Problem => ({
    kind: 'wrong',
    path,
    place: 'value',
    message: `${name}${expected}`,
    ...(suggestion === undefined ? {} : { suggestion }),
  })
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return unknownKey(path, error, schema, noun)
    case 'required':
    case 'dependentRequired':
      return missingKey(path, error, schema)
    case 'propertyNames': {
      const key = String(error.params['propertyName'])
      const expected = phrase(schema['propertyNames'] as SchemaNode, false)
      return {
        kind: 'wrong',
        path: [...path, key],
        place: 'key',
        message: `${name}\`${key}\` cannot be a name here; expected ${expected}`,
      }
    }
    case 'enum':
    case 'const': {
      const allowed = (error.params['allowedValues'] ?? [error.params['allowedValue']]) as unknown[]
      const written = typeof error.data === 'string' ? suggest(error.data, allowed.map(String)) : undefined
      return wrong(`expected ${oneOf(allowed.map((one) => String(one)))}, found ${found(error.data, exact)}`, written)
    }
    case 'if':
      return null
    case 'not':
    case 'false schema':
      return wrong(schema['expects'] === undefined ? 'this is not allowed here' : `expected ${schema['expects']}`)
    default:
      // An error of a key's own spelling comes again as `propertyNames`.
      if (error.propertyName !== undefined) return null
      return wrong(`expected ${bound(error, schema)}, found ${found(error.data, exact && error.keyword !== 'type')}`)
  }
}

function unknownKey(path: DocumentPath, error: ErrorObject, schema: SchemaNode, noun: string): Problem {
  const key = String(error.params['additionalProperty'] ?? error.params['unevaluatedProperty'])
  const near = suggest(key, Object.keys((schema['properties'] ?? {}) as object))
  const where = [...path, key]
  const message = `unknown ${noun} \`${printPath(where)}\``
  return { kind: 'unknown', path: where, place: 'key', message, ...(near === undefined ? {} : { suggestion: near }) }
}

function missingKey(path: DocumentPath, error: ErrorObject, schema: SchemaNode): Problem {
  const key = String(error.params['missingProperty'])
  const properties = (schema['properties'] ?? {}) as Record<string, SchemaNode>
  const where = [...path, key]
  const wanted = properties[key] === undefined ? '' : ` (expected ${phrase(properties[key], false)})`
  const others = ((error.params['others'] ?? []) as string[]).map((other) => ` or \`${other}\``).join('')
  return {
    kind: 'missing',
    path: where,
    place: 'parent',
    message: `\`${printPath(where)}\`${others} is missing${wanted}`,
  }
}

/** What a failed keyword wants, in words. */
function bound(error: ErrorObject, schema: SchemaNode): string {
  const limit = error.params['limit'] as number
  switch (error.keyword) {
    case 'minimum':
      return `at least ${limit}`
    case 'maximum':
      return `at most ${limit}`
    case 'exclusiveMinimum':
      return `more than ${limit}`
    case 'exclusiveMaximum':
      return `less than ${limit}`
    case 'multipleOf':
      return `a multiple of ${error.params['multipleOf']}`
    case 'minItems':
    case 'minProperties':
      return `at least ${limit} ${limit === 1 ? 'entry' : 'entries'}`
    case 'maxItems':
    case 'maxProperties':
      return `at most ${limit} ${limit === 1 ? 'entry' : 'entries'}`
    case 'uniqueItems':
      return 'every entry only once'
    default:
      return phrase(schema, false)
  }
}

const singular: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  null: 'nothing',
}
const plural: Record<string, string> = {
  string: 'strings',
  number: 'numbers',
  integer: 'whole numbers',
  boolean: 'true or false',
  array: 'lists',
  object: 'maps',
}

/** What a schema wants, as a noun phrase: its own words (`expects`), else its shape. */
export function phrase(schema: SchemaNode, many: boolean): string {
  if (typeof schema['expects'] === 'string') return schema['expects']
  if (Array.isArray(schema['enum'])) return oneOf(schema['enum'].map(String))
  if ('const' in schema) return String(schema['const'])
  const union = (schema['anyOf'] ?? schema['oneOf']) as SchemaNode[] | undefined
  if (union !== undefined) return alternatives(union.map((branch) => phrase(branch, many)))
  const types = [schema['type'] ?? []].flat() as string[]
  if (types[0] === 'array' && !many && typeof schema['items'] === 'object') {
    return `a list of ${phrase(schema['items'] as SchemaNode, true)}`
  }
  if (types.length > 0) return alternatives(types.map((type) => (many ? plural : singular)[type] ?? type))
  return many ? 'values' : 'another value'
}

function alternatives(phrases: readonly string[]): string {
  const distinct = [...new Set(phrases)]
  return distinct.length < 2
    ? (distinct[0] ?? 'another value')
    : `${distinct.slice(0, -1).join(', ')} or ${distinct.at(-1)}`
}

const oneOf = (words: readonly string[]) => (words.length === 1 ? words[0]! : `one of ${words.join(', ')}`)

const entries = (count: number): string => `${count} ${count === 1 ? 'entry' : 'entries'}`

/** What was written: its kind, and the value itself where that helps and is short. */
function found(value: unknown, exact: boolean): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return exact ? entries(value.length) : 'a list'
  if (typeof value === 'object') return exact && Object.keys(value).length === 0 ? entries(0) : 'a map'
  if (typeof value !== 'string') return String(value)
  return exact && value.length <= 60 ? JSON.stringify(value) : 'a string'
}

/** A JSON pointer as steps; list positions as numbers. *Source*: RFC 6901. */
function pathOf(pointer: string, root: unknown): DocumentPath {
  if (pointer === '') return []
  let value = root
  return pointer
    .slice(1)
    .split('/')
    .map((step) => {
      const key = step.replaceAll('~1', '/').replaceAll('~0', '~')
      const inList = Array.isArray(value)
      value = (value as Record<string, unknown> | null | undefined)?.[key]
      return inList ? Number(key) : key
    })
}
