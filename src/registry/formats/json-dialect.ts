import { Ajv, type CodeKeywordDefinition, type ErrorObject, type KeywordCxt, type Options } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type ajvCore from 'ajv/dist/core.js'
import { _, type Code } from 'ajv/dist/core.js'
import draft06 from 'ajv/dist/refs/json-schema-draft-06.json' with { type: 'json' }
import ajvDraft04 from 'ajv-draft-04'
import addFormats, { type FormatName } from 'ajv-formats'
import { enumeration, needsSet } from './enumeration.ts'
import { linearPattern } from './pattern.ts'
import { spendSteps } from './steps.ts'
import { uniqueItems } from './unique-items.ts'

type AjvCore = InstanceType<typeof ajvCore.default>

/** The versions of JSON Schema, oldest first. */
export const dialects = ['draft-04', 'draft-06', 'draft-07', '2019-09', '2020-12'] as const
export type Dialect = (typeof dialects)[number]

const declarations: readonly (readonly [pattern: RegExp, dialect: Dialect])[] = [
  [/^https?:\/\/json-schema\.org\/draft-04\/schema#?$/, 'draft-04'],
  [/^https?:\/\/json-schema\.org\/draft-06\/schema#?$/, 'draft-06'],
  [/^https?:\/\/json-schema\.org\/draft-07\/schema#?$/, 'draft-07'],
  [/^https?:\/\/json-schema\.org\/draft\/2019-09\/schema#?$/, '2019-09'],
  [/^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/, '2020-12'],
]

/** What a `$schema` names; null when it is none of ours. */
export const dialectOf = (declared: unknown): Dialect | null =>
  declarations.find(([pattern]) => pattern.test(String(declared)))?.[1] ?? null

/** A compiler of one dialect. One per schema, so that `$id`s of different versions never meet. */
export function newAjv(dialect: Dialect, schemas: readonly unknown[]): AjvCore {
  const options: Options = {
    strict: false,
    // `faultsOfSchema` does, with a compiler that is kept: this one would compile the dialect's own schema each time.
    validateSchema: false,
    // Up to draft 7, what stands beside `$ref` is to be ignored.
    ignoreKeywordsWithRef: dialect.startsWith('draft'),
    allErrors: false,
    logger: false,
    ownProperties: schemas.some(namesInherited),
    // The optimiser goes through the code once for each name in it: 2,000 fields take it 1.8 s.
    code: { regExp: linearPattern, optimize: schemas.every(isShort) ? 1 : false },
  }
  const ajv = bare(dialect, options)
  addFormats.default(ajv as Ajv)
  for (const [name, most] of cappedFormats) cap(ajv, name, most)
  replace(ajv, uniqueItems.keyword, uniqueItems)
  if (schemas.some(needsSet)) replace(ajv, enumeration.keyword, enumeration)
  for (const keyword of ['$ref', '$dynamicRef', '$recursiveRef']) meter(ajv, keyword, () => _`1`)
  for (const keyword of ['anyOf', 'oneOf', 'allOf'])
    meter(ajv, keyword, ({ schema }) => _`${2 * (schema as unknown[]).length}`)
  // What every item fails is noted for every item.
  meter(ajv, 'contains', ({ data }) => _`${data}.length`)
  return ajv
}

const isShort = (schema: unknown): boolean => JSON.stringify(schema).length <= 8_192

const checkers = new Map<Dialect, AjvCore>()

/** What is wrong with a schema by its dialect's own schema; null when it is sound. */
export function faultsOfSchema(dialect: Dialect, schema: boolean | object): readonly ErrorObject[] | null {
  let checker = checkers.get(dialect)
  if (checker === undefined) {
    checker = bare(dialect, { strict: false, allErrors: false, logger: false, code: { regExp: linearPattern } })
    addFormats.default(checker as Ajv)
    checkers.set(dialect, checker)
  }
  return checker.validateSchema(schema) === true ? null : (checker.errors ?? [])
}

function bare(dialect: Dialect, options: Options): AjvCore {
  // ajv gives `id` a meaning only to forbid it; to every draft but 4 it is an unknown word, to be ignored.
  if (dialect === 'draft-04') return new ajvDraft04.default(options)
  if (dialect === '2019-09') return new Ajv2019(options).removeKeyword('id')
  if (dialect === '2020-12') return new Ajv2020(options).removeKeyword('id')
  const ajv = new Ajv(options).removeKeyword('id')
  return dialect === 'draft-06' ? asDraft06(ajv) : ajv
}

/** Draft 6 is draft 7 without conditions. */
function asDraft06(ajv: AjvCore): AjvCore {
  ajv.addMetaSchema(draft06)
  for (const keyword of ['if', 'then', 'else']) ajv.removeKeyword(keyword)
  return ajv
}

/** Formats whose check takes more than linear time, and the longest texts that are held against them. */
const cappedFormats = [
  ['url', 2_048],
  ['regex', 10_000],
] as const

function cap(ajv: AjvCore, name: FormatName, most: number): void {
  const known = addFormats.default.get(name, 'full')
  const fits = (text: string): boolean => {
    if (known instanceof RegExp) return known.test(text)
    return typeof known === 'function' && known(text)
  }
  ajv.addFormat(name, (text: string) => text.length <= most && fits(text))
}

function replace(ajv: AjvCore, keyword: string, by: object): void {
  ajv.removeKeyword(keyword)
  ajv.addKeyword(by as CodeKeywordDefinition)
}

/** Lets a keyword of ajv count what it costs before it is checked. The definition is this instance's own. */
function meter(ajv: AjvCore, keyword: string, cost: (context: KeywordCxt) => Code): void {
  const definition = ajv.getKeyword(keyword)
  if (typeof definition !== 'object' || !('code' in definition) || definition.code === undefined) return
  const { code } = definition as CodeKeywordDefinition
  definition.code = (context: KeywordCxt, ruleType?: string) => {
    const spend = context.gen.scopeValue('func', { ref: spendSteps, code: _`spendSteps` })
    context.gen.code(_`${spend}(${cost(context)})`)
    code(context, ruleType)
  }
}

/** Whether a schema speaks of names every object inherits; only then must ajv ask for own properties, which costs. */
function namesInherited(schema: unknown): boolean {
  const text = JSON.stringify(schema)
  return Object.getOwnPropertyNames(Object.prototype).some((name) => text.includes(`"${name}"`))
}
