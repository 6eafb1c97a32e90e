import { readFileSync } from 'node:fs'
import type { ReferencedSchema } from '../../../src/registry/formats/format.ts'
import { compileJsonSchema } from '../../../src/registry/formats/json-schema.ts'

/** The drafts, with what a schema of each says in `$schema` and where the suite keeps the schemas it leads to. */
export const drafts = {
  'draft-04': ['http://json-schema.org/draft-04/schema#', 'draft4'],
  'draft-06': ['http://json-schema.org/draft-06/schema#', 'draft6'],
  'draft-07': ['http://json-schema.org/draft-07/schema#', 'draft7'],
  '2019-09': ['https://json-schema.org/draft/2019-09/schema', 'draft2019-09'],
  '2020-12': ['https://json-schema.org/draft/2020-12/schema', 'draft2020-12'],
} as const
export type Draft = keyof typeof drafts

interface Group {
  readonly description: string
  readonly schema: unknown
  readonly tests: readonly (readonly [description: string, data: unknown, valid: boolean])[]
}

/** What fails: by file and group, the tests, or `all` when the schema does not compile. */
export type Gaps = Record<string, Record<string, readonly string[] | 'all'>>

export interface Outcome {
  readonly tests: number
  readonly passed: number
  readonly gaps: Gaps
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`suite/${name}.json`, import.meta.url), 'utf8'))

/** Runs the suite of one draft through our compiler. */
export function runDraft(draft: Draft): Outcome {
  const references = remotesOf(draft)
  const gaps: Gaps = {}
  let tests = 0
  let passed = 0
  for (const [file, groups] of Object.entries(read(draft) as Record<string, Group[]>)) {
    for (const group of groups) {
      const lacking = runGroup(draft, group, references)
      tests += group.tests.length
      passed += group.tests.length - (lacking === 'all' ? group.tests.length : lacking.length)
      if (lacking.length === 0) continue
      gaps[file] ??= {}
      gaps[file][group.description] = lacking
    }
  }
  return { tests, passed, gaps }
}

function runGroup(draft: Draft, { schema, tests }: Group, references: readonly ReferencedSchema[]): string[] | 'all' {
  const bare = typeof schema !== 'object' || schema === null || '$schema' in schema
  const dated = bare ? schema : { $schema: drafts[draft][0], ...schema }
  const body = compileJsonSchema(dated, JSON.stringify(schema).includes('localhost:1234') ? references : [])
  if (Array.isArray(body)) return 'all'
  return tests.filter(([, data, valid]) => (body.check(data) === null) !== valid).map(([description]) => description)
}

/** The suite fetches these; we are given them. Those of other drafts, or with dialects of their own, stay away. */
function remotesOf(draft: Draft): ReferencedSchema[] {
  const folder = `/${drafts[draft][1]}/`
  return Object.entries(read('remotes') as Record<string, unknown>)
    .filter(([url]) => url.includes(folder) || (draft.startsWith('draft') && !url.includes('/draft')))
    .filter(([url]) => !url.includes('metaschema'))
    .map(([name, schema]) => ({ name, text: JSON.stringify(schema), references: [] }))
}

/** Why a file of the suite has gaps. */
export const reasons: readonly (readonly [file: RegExp, why: string])[] = [
  [/^format$/, 'formats are asserted, where these drafts leave it to the reader whether they are'],
  [/^optional\/format/, 'ajv-formats takes more or less than the standard, or does not know the format'],
  [
    /^(optional\/)?(dynamicRef|recursiveRef)$/,
    'a dynamic reference that may lead to several places is followed only where these are roots',
  ],
  [/^vocabulary$/, 'a dialect of its own is refused'],
  [/^optional\/cross-draft$/, 'a schema and those it leads to are read in one draft'],
  [/^optional\/content$/, '`content…` keywords are notes'],
  [/^optional\/float-overflow$/, 'numbers are doubles'],
  [/^optional\/zeroTerminatedFloats$/, '1.0 and 1 are one number'],
  [/^optional\/unknownKeyword$/, 'ajv takes an `$id` within an unknown keyword for one'],
  [/^properties$/, 'ajv passes over a property named `__proto__`'],
  [/^ref$/, 'ajv takes an `$id` beside `$ref` for one, or turns in a circle over relative ones'],
  [/^unevaluated(Items|Properties)$/, 'ajv does not see what `contains`, or an `if` without `then`, has evaluated'],
]
