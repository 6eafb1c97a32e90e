import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Code } from '../../contract/codes.ts'
import type { SchemaBody, SchemaFault } from '../schema.ts'
import { shapeOf } from '../shape.ts'
import { jsonEncoding } from './json-encoding.ts'
import { linearPattern } from './pattern.ts'
import { uniqueItems } from './unique-items.ts'

/** Largest schema that is compiled. *Unit*: bytes. */
export const maxSchemaBytes = 262_144
/** Deepest nesting of a schema. */
export const maxSchemaDepth = 64

/** What is wrong with a schema, and where in it. *Shape*: `path` leads from the root to the value. */
export interface FormatFault {
  readonly code: Code
  readonly message: string
  readonly path: readonly (string | number)[]
}

type Dialect = 'draft-07' | '2019-09' | '2020-12'

const dialects: readonly (readonly [pattern: RegExp, dialect: Dialect])[] = [
  [/^https?:\/\/json-schema\.org\/draft-07\/schema#?$/, 'draft-07'],
  [/^https?:\/\/json-schema\.org\/draft\/2019-09\/schema#?$/, '2019-09'],
  [/^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/, '2020-12'],
]

/**
 * Compiles a JSON Schema: draft 7, 2019-09 or 2020-12 as `$schema` says, 2020-12 where it says nothing. References
 * stay within the schema: nothing is ever fetched. Keywords the standard does not know are ignored, as it says.
 */
export function compileJsonSchema(schema: unknown): SchemaBody | FormatFault[] {
  if (typeof schema !== 'boolean' && !isObject(schema)) {
    return [{ code: 'E302', message: 'a schema is an object, or true or false', path: [] }]
  }
  const refused = findRefused(schema)
  if (refused.length > 0) return refused
  const declared = isObject(schema) ? schema['$schema'] : undefined
  const dialect = declared === undefined ? '2020-12' : dialects.find(([pattern]) => pattern.test(String(declared)))?.[1]
  if (dialect === undefined) {
    const message = `$schema ${JSON.stringify(declared)} is not known; there are draft-07, 2019-09 and 2020-12`
    return [{ code: 'E303', message, path: ['$schema'] }]
  }
  const ajv = newAjv(dialect, namesInherited(schema))
  try {
    if (ajv.validateSchema(schema) !== true) return invalidSchema(ajv.errors ?? [])
    const validate = ajv.compile(schema)
    return { ...jsonEncoding((value) => check(validate, value)), fields: () => shapeOf(schema) }
  } catch (thrown) {
    return [uncompilable(thrown as Error)]
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** One instance per schema, so that `$id`s of different versions never meet. */
function newAjv(dialect: Dialect, ownProperties: boolean): Ajv {
  const options: Options = {
    strict: false,
    allErrors: false,
    logger: false,
    ownProperties,
    code: { regExp: linearPattern },
  }
  const ajv =
    dialect === 'draft-07' ? new Ajv(options) : dialect === '2019-09' ? new Ajv2019(options) : new Ajv2020(options)
  addFormats.default(ajv)
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword(uniqueItems)
  return ajv
}

/** Whether a schema speaks of names every object inherits; only then must ajv ask for own properties, which costs. */
function namesInherited(schema: unknown): boolean {
  const text = JSON.stringify(schema)
  return Object.getOwnPropertyNames(Object.prototype).some((name) => text.includes(`"${name}"`))
}

/** Too deep, or pointing outside of itself. */
function findRefused(schema: unknown): FormatFault[] {
  const faults: FormatFault[] = []
  const visit = (value: unknown, path: (string | number)[]): void => {
    if (path.length > maxSchemaDepth) {
      if (faults.length === 0) faults.push({ code: 'E303', message: `nested deeper than ${maxSchemaDepth}`, path })
      return
    }
    if (Array.isArray(value)) for (const [at, item] of value.entries()) visit(item, [...path, at])
    if (!isObject(value)) return
    for (const [name, item] of Object.entries(value)) {
      const here = [...path, name]
      if ((name === '$ref' || name === '$dynamicRef') && typeof item === 'string' && !staysInside(item, schema)) {
        faults.push({
          code: 'E303',
          message: `${name} ${JSON.stringify(item)} leads out of the schema, and nothing is fetched`,
          path: here,
        })
      }
      if (name !== 'const' && name !== 'enum' && name !== 'examples' && name !== 'default') visit(item, here)
    }
  }
  visit(schema, [])
  return faults
}

/** References by `#…` stay inside; others must be an `$id` that the schema itself defines. */
const staysInside = (reference: string, schema: unknown): boolean => {
  const [target] = reference.split('#', 1) as [string]
  return (
    target === '' ||
    JSON.stringify(schema).includes(`"$id":${JSON.stringify(target)}`) ||
    /^https?:\/\/json-schema\.org\/draft/.test(target)
  )
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
    return { code: 'E302', message: `${path.at(-1) ?? 'the schema'} ${error.message}${detail}`, path }
  })
}

function uncompilable(error: Error): FormatFault {
  if (error instanceof RangeError) {
    return { code: 'E302', message: 'a reference leads back to itself, or the schema is too large', path: [] }
  }
  const { message } = error
  const pattern = /RE2/.test(error.constructor.name) || /error parsing regexp/.test(message)
  if (pattern) return { code: 'E303', message: `a pattern uses what is refused here: ${message}`, path: [] }
  return { code: /resolve reference/.test(message) ? 'E303' : 'E302', message, path: [] }
}

function check(validate: ValidateFunction, value: unknown): SchemaFault | null {
  try {
    if (validate(value)) return null
  } catch (thrown) {
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
    const allowed = (params['allowedValues'] as unknown[]).map((value) => JSON.stringify(value)).join(', ')
    return { path: instancePath, message: `must be one of ${allowed}`, keyword }
  }
  if (keyword === 'const')
    return { path: instancePath, message: `must be ${JSON.stringify(params['allowedValue'])}`, keyword }
  if (keyword === 'false schema') return { path: instancePath, message: 'is not allowed', keyword }
  return { path: instancePath, message, keyword }
}
