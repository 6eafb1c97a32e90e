import type { ErrorObject, ValidateFunction } from 'ajv'
import type { SchemaBody, SchemaFault } from '../schema.ts'
import { shapeOf } from '../shape.ts'
import { settleReferences } from './dynamic-reference.ts'
import {
  type Format,
  type FormatFault,
  faultAt,
  flattenReferences,
  maxSchemaDepth,
  type ReferencedSchema,
  tooManyReferences,
} from './format.ts'
import { type Dialect, dialectOf, dialects, faultsOfSchema, newAjv } from './json-dialect.ts'
import { jsonEncoding } from './json-encoding.ts'
import { compactJson, parseJsonText, sortedJson } from './json-text.ts'
import { RefusedPattern } from './pattern.ts'
import { beginSteps, maxCompileSteps, OutOfSteps } from './steps.ts'

export { type FormatFault, maxSchemaBytes } from './format.ts'

/** JSON Schema, drafts 4 to 2020-12, over payloads of JSON. */
export const jsonSchemaFormat: Format = {
  name: 'json-schema',
  extension: 'json',
  contentType: 'application/json',
  compile(text, references) {
    const parsed = parseJsonText(text)
    return 'fault' in parsed ? [parsed.fault] : compileJsonSchema(parsed.value, references)
  },
  canonical: compactJson,
  normalize: sortedJson,
}

/**
 * Compiles a JSON Schema in the dialect its `$schema` names, 2020-12 where it names none. What it refers to stands in
 * itself or in `references`, under their names or their own `$id`: nothing is ever fetched. Keywords the standard does
 * not know are ignored, as it says.
 */
export function compileJsonSchema(
  schema: unknown,
  references: readonly ReferencedSchema[] = [],
): SchemaBody | FormatFault[] {
  if (!isSchema(schema)) return [faultAt([], 'a schema is an object, or true or false')]
  const refused = findRefused(schema)
  if (refused !== null) return [refused]
  const declared = isObject(schema) ? schema['$schema'] : undefined
  const dialect = declared === undefined ? '2020-12' : dialectOf(declared)
  if (dialect === null) {
    const known = `${dialects.slice(0, -1).join(', ')} and ${dialects.at(-1)}`
    return [faultAt(['$schema'], `$schema ${JSON.stringify(declared)} is not known; there are ${known}`, 'E303')]
  }
  const imported = readReferences(references)
  return Array.isArray(imported) ? imported : compileWith(schema, dialect, imported)
}

type Imported = ReadonlyMap<string, boolean | Readonly<Record<string, unknown>>>

function compileWith(
  schema: boolean | Readonly<Record<string, unknown>>,
  dialect: Dialect,
  imported: Imported,
): SchemaBody | FormatFault[] {
  const ajv = newAjv(dialect, [schema, ...imported.values()])
  beginSteps(maxCompileSteps)
  try {
    const wrong = faultsOfSchema(dialect, schema)
    if (wrong !== null) return invalidSchema(wrong)
    const settled = settleReferences([schema, ...imported.values()])
    if ('code' in settled) return [settled]
    const [root, ...others] = settled as [boolean | object, ...object[]]
    const known = new Map([...imported.keys()].map((name, at) => [name, others[at]!] as const))
    const broken = addReferences(ajv, dialect, known, idOf(schema))
    if (broken !== null) return [broken]
    const validate = ajv.compile(root)
    let shape: ReturnType<typeof shapeOf> | undefined
    const fields = () => {
      shape ??= shapeOf(schema, imported)
      return shape
    }
    const encoding = jsonEncoding((value) => check(validate, value))
    return Object.assign(Object.create(encoding) as typeof encoding, { fields })
  } catch (thrown) {
    return [uncompilable(thrown as Error, schema)]
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isSchema = (value: unknown): value is boolean | Readonly<Record<string, unknown>> =>
  typeof value === 'boolean' || isObject(value)

const idOf = (schema: unknown): string | undefined => {
  const id = isObject(schema) ? (schema['$id'] ?? schema['id']) : undefined
  return typeof id === 'string' ? id.replace(/#$/, '') : undefined
}

function readReferences(references: readonly ReferencedSchema[]): Imported | FormatFault[] {
  const flat = flattenReferences(references)
  if (flat === null) return [tooManyReferences]
  const imported = new Map<string, boolean | Readonly<Record<string, unknown>>>()
  for (const { name, text } of flat) {
    const parsed = parseJsonText(text)
    if ('fault' in parsed) return [faultAt([], `reference ${name}: ${parsed.fault.message}`)]
    const refused = isSchema(parsed.value) ? findRefused(parsed.value) : faultAt([], 'is no schema')
    if (refused !== null) return [{ ...refused, path: [], message: `reference ${name}: ${refused.message}` }]
    imported.set(name, parsed.value as boolean)
  }
  return imported
}

/** Under its name, under its name as the root's `$id` resolves it, and (ajv does this) under its own `$id`. */
function addReferences(
  ajv: ReturnType<typeof newAjv>,
  dialect: Dialect,
  imported: ReadonlyMap<string, object>,
  base: string | undefined,
): FormatFault | null {
  for (const [name, schema] of imported) {
    const id = idOf(schema)
    const declared = isObject(schema) ? schema['$schema'] : undefined
    const own = declared === undefined ? dialect : dialectOf(declared)
    const [wrong] = own === null ? unknownDialect : invalidSchema(faultsOfSchema(own, schema) ?? [])
    if (wrong !== undefined) return faultAt([], `reference ${name}: ${wrong.message}`)
    for (const key of new Set([name, resolved(name, base)])) {
      if (key in ajv.schemas || key in ajv.refs) continue
      try {
        // Twice under one `$id` would be refused, so that another name becomes a second name of it.
        if (id !== undefined && key !== id && (id in ajv.schemas || id in ajv.refs)) ajv.refs[key] = id
        else ajv.addSchema(schema, key)
      } catch (thrown) {
        return faultAt([], `reference ${name}: ${(thrown as Error).message}`)
      }
    }
  }
  return null
}

const unknownDialect = [faultAt(['$schema'], 'its $schema is not known')]

const resolved = (name: string, base: string | undefined): string =>
  base !== undefined && URL.canParse(name, base) ? new URL(name, base).href : name

/** Most values in a schema, names of fields not counted: each becomes code, and code takes time to make. */
const maxSchemaValues = 20_000

/** Too deep, too large, or asking for answers that come later: ajv's own `$async` would let every payload pass meanwhile. */
function findRefused(schema: unknown): FormatFault | null {
  let found: FormatFault | null = null
  let values = 0
  const visit = (value: unknown, path: (string | number)[]): void => {
    if (found !== null) return
    if (++values > maxSchemaValues) found = faultAt([], `holds more than ${maxSchemaValues} values`, 'E303')
    else if (path.length > maxSchemaDepth) found = faultAt(path, `nested deeper than ${maxSchemaDepth}`, 'E303')
    else if (Array.isArray(value)) for (const [at, item] of value.entries()) visit(item, [...path, at])
    else if (isObject(value)) {
      if (value['$async'] !== undefined) found = faultAt([...path, '$async'], '$async is refused', 'E303')
      for (const [name, item] of Object.entries(value)) visit(item, [...path, name])
    }
  }
  visit(schema, [])
  return found
}

const pointerSteps = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))

/** One fault per place: what ajv says of the other branches of a union is noise. */
function invalidSchema(errors: readonly ErrorObject[]): FormatFault[] {
  const first = new Map<string, ErrorObject>()
  for (const error of errors) if (!first.has(error.instancePath)) first.set(error.instancePath, error)
  return [...first.values()].map((error) => {
    const allowed = error.params['allowedValues'] as unknown[] | undefined
    const detail = allowed === undefined ? '' : `: ${allowed.join(', ')}`
    const path = pointerSteps(error.instancePath)
    return faultAt(path, `${path.at(-1) ?? 'the schema'} ${error.message}${detail}`)
  })
}

function uncompilable(error: Error, schema: unknown): FormatFault {
  if (error instanceof RangeError) return faultAt([], 'a reference leads back to itself, or the schema is too large')
  const { message } = error
  if (error instanceof RefusedPattern) return faultAt([], `a pattern uses what is refused here: ${message}`, 'E303')
  const missing = error as { missingRef?: string; missingSchema?: string }
  if (missing.missingRef === undefined) return faultAt([], message)
  const place = findReference(schema, missing.missingRef, [])
  if (place === null || !missing.missingSchema) return faultAt(place?.path ?? [], message, 'E303')
  const said = `${place.path.at(-1)} ${JSON.stringify(place.reference)}`
  return faultAt(place.path, `${said} leads out of the schema, and nothing is fetched`, 'E303')
}

/** Where a schema refers to what was not found. */
function findReference(
  value: unknown,
  missing: string,
  path: readonly (string | number)[],
): { path: readonly (string | number)[]; reference: string } | null {
  if (typeof value !== 'object' || value === null) return null
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  for (const [name, item] of entries) {
    const here = [...path, name]
    const refers = typeof item === 'string' && /^\$(ref|dynamicRef|recursiveRef)$/.test(String(name))
    if (refers && missing.endsWith(item.replace(/#$/, ''))) return { path: here, reference: item }
    const found = findReference(item, missing, here)
    if (found !== null) return found
  }
  return null
}

function check(validate: ValidateFunction, value: unknown): SchemaFault | null {
  beginSteps()
  try {
    if (validate(value)) return null
  } catch (thrown) {
    if (thrown instanceof OutOfSteps) return { path: '', message: thrown.message, keyword: '$ref' }
    if (!(thrown instanceof RangeError)) throw thrown
    return { path: '', message: 'is nested too deeply', keyword: '$ref' }
  }
  const [error] = validate.errors ?? []
  return error === undefined ? { path: '', message: 'does not fit', keyword: '' } : inWords(error)
}

/** ajv names the object that lacks a field or has one too many; a publisher wants the field. */
function inWords({ instancePath, keyword, params, message = 'does not fit' }: ErrorObject): SchemaFault {
  const below = (name: unknown): string => `${instancePath}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
  if (params['missingProperty'] !== undefined)
    return { path: below(params['missingProperty']), message: 'is missing', keyword }
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
    return {
      path: below(params['additionalProperty'] ?? params['unevaluatedProperty']),
      message: 'is not allowed',
      keyword,
    }
  }
  if (keyword === 'enum') {
    const allowed = (params['allowedValues'] as unknown[] | undefined)?.map((value) => JSON.stringify(value)).join(', ')
    return { path: instancePath, message: `must be one of ${allowed ?? 'the many allowed values'}`, keyword }
  }
  if (keyword === 'const')
    return { path: instancePath, message: `must be ${JSON.stringify(params['allowedValue'])}`, keyword }
  if (keyword === 'false schema') return { path: instancePath, message: 'is not allowed', keyword }
  return { path: instancePath, message, keyword }
}
