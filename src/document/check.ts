import type { ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Code } from '../contract/codes.ts'
import type { Fault } from './fault.ts'
import { type Problem, problemsOf } from './problem.ts'
import type { DocumentPath, SourceDocument } from './source-document.ts'

export interface CheckOptions {
  /** The part of the document that the schema describes; the whole document when absent. */
  path?: DocumentPath
  /** What to check instead of the document's own value at `path` (secrets filled in, say); places stay the document's. */
  value?: unknown
  /** Other codes for an unknown key, a wrong value, a missing key. Default: E103, E104, E105. */
  codes?: Partial<Record<Problem['kind'], Code>>
  /** What a key is called in messages. Default: `setting`. */
  noun?: string
}

export interface Checked {
  /** A copy of what was checked, with the schema's defaults filled in. */
  value: unknown
  /** Sorted by place. */
  faults: Fault[]
}

/**
 * Holds a document against a JSON Schema (2020-12, without references to other files) and tells every fault with its
 * place in the file, in words a person can act on.
 */
export function checkDocument(document: SourceDocument, schema: object, options: CheckOptions = {}): Checked {
  const path = options.path ?? []
  const value = structuredClone('value' in options ? options.value : valueAt(document.value, path))
  const validate = compiled(schema)
  if (validate(value)) return { value, faults: [] }
  const nested = nestAt(value, path)
  const errors = (validate.errors ?? []).map((error) => ({
    ...error,
    instancePath: pointer(path) + error.instancePath,
  }))
  const faults = problemsOf(errors, nested, options.noun ?? 'setting').map((problem) =>
    toFault(document, problem, options),
  )
  return { value, faults: sortFaults(faults) }
}

/** By place, each once. */
export function sortFaults(faults: readonly Fault[]): Fault[] {
  const distinct = new Map(faults.map((fault) => [JSON.stringify(fault), fault]))
  return [...distinct.values()].sort(
    (a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column || a.code.localeCompare(b.code),
  )
}

const defaultCodes = { unknown: 'E103', wrong: 'E104', missing: 'E105' } as const

function toFault(document: SourceDocument, problem: Problem, options: CheckOptions): Fault {
  const { path } = problem
  const place =
    problem.place === 'value' ? document.at(path) : document.keyAt(problem.place === 'key' ? path : path.slice(0, -1))
  return {
    file: document.file,
    ...place,
    code: options.codes?.[problem.kind] ?? defaultCodes[problem.kind],
    message: problem.message,
    ...(problem.suggestion === undefined ? {} : { suggestion: problem.suggestion }),
  }
}

const ajv = new Ajv2020({ allErrors: true, verbose: true, useDefaults: true, strict: false, logger: false })
addFormats.default(ajv)
const validators = new WeakMap<object, ValidateFunction>()

function compiled(schema: object): ValidateFunction {
  let validate = validators.get(schema)
  if (validate === undefined) {
    validate = ajv.compile(schema)
    validators.set(schema, validate)
  }
  return validate
}

function valueAt(value: unknown, path: DocumentPath): unknown {
  let at = value
  for (const step of path) at = (at as Record<string | number, unknown> | null | undefined)?.[step]
  return at ?? null
}

/** `value` as it lies in its document, so that steps into lists are told from steps into maps. */
const nestAt = (value: unknown, path: DocumentPath): unknown =>
  path.reduceRight<unknown>((inner, step) => {
    if (typeof step === 'string') return { [step]: inner }
    const list: unknown[] = []
    list[step] = inner
    return list
  }, value)

const pointer = (path: DocumentPath): string =>
  path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
