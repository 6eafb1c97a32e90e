import { checkDocument } from '../document/check.ts'
import type { Fault } from '../document/fault.ts'
import type { DocumentPath, SourceDocument } from '../document/source-document.ts'
import { suggest } from '../document/suggest.ts'
import { exampleSchema } from './example/schema.ts'
import type { ExpressionFault } from './expression/checker.ts'

/** What a value is written as when it is an expression or a plain scalar. */
export type Scalar = string | number | boolean | null

/** A rule as its file says it, in its shape but not yet in its meaning. */
export interface RawRule {
  readonly description?: string
  readonly from: string
  readonly schema?: string
  readonly where?: string | boolean
  readonly let?: Readonly<Record<string, string | number | boolean>>
  readonly set?: Readonly<Record<string, unknown>>
  readonly payload?: unknown
  readonly to: readonly Readonly<Record<string, unknown>>[]
  readonly ack?: 'received' | 'stored' | 'delivered'
  readonly on_refused?: 'dead-letter' | 'drop' | 'pass'
  readonly order_by?: string
  readonly examples?: readonly unknown[]
}

const text = { type: 'string', minLength: 1 }

/** The shape of a rule file. *Source*: `docs/reference/rules.md` is printed from it. */
export const ruleSchema = {
  type: 'object',
  required: ['from', 'to'],
  additionalProperties: false,
  properties: {
    description: { type: 'string', description: 'What the rule is for.' },
    from: {
      ...text,
      description: 'Topics it takes: a filter in which `{name}` captures a level and `{name...}` the rest.',
    },
    schema: {
      ...text,
      description: 'Subject in the schema registry, checked before `where`: `telemetry` (newest) or `telemetry@3`.',
    },
    where: { type: ['string', 'boolean'], description: 'Expression; messages for which it is false are let go.' },
    let: {
      type: 'object',
      additionalProperties: { type: ['string', 'number', 'boolean'] },
      description: 'Names for the other expressions, each evaluated once.',
    },
    set: {
      type: 'object',
      minProperties: 1,
      description: 'Edits of the payload: an expression per field; null removes the field.',
    },
    payload: { description: 'Replaces the payload: an expression, or an object or list of them.' },
    to: {
      type: 'array',
      minItems: 1,
      items: { type: 'object' },
      description: 'Where it goes: `sink:` targets and `publish:` topics.',
    },
    ack: {
      type: 'string',
      enum: ['received', 'stored', 'delivered'],
      default: 'stored',
      description: 'When the publisher is answered.',
    },
    on_refused: {
      type: 'string',
      enum: ['dead-letter', 'drop', 'pass'],
      default: 'dead-letter',
      description: 'What becomes of a message that breaks the schema or an expression.',
    },
    order_by: { ...text, description: 'Template; what shares its value keeps its order. Default: client and topic.' },
    examples: {
      type: 'array',
      items: exampleSchema,
      description: 'Messages and what becomes of them; `trestle test` runs them.',
    },
  },
} as const

/** Collects the faults of one rule file; every place is a path in the document. */
export class RuleFaults {
  readonly document: SourceDocument
  readonly all: Fault[] = []

  constructor(document: SourceDocument) {
    this.document = document
  }

  /** At a value; `offset` counts characters into a string. */
  at(path: DocumentPath, code: Fault['code'], message: string, offset?: number, suggestion?: string): void {
    this.#add(this.document.at(path, offset), code, message, suggestion)
  }

  /** At the key of an entry; `legal` are the words it could have been. */
  atKey(path: DocumentPath, code: Fault['code'], message: string, legal: Iterable<string> = []): void {
    this.#add(this.document.keyAt(path), code, message, suggest(String(path.at(-1)), legal))
  }

  expression(path: DocumentPath, faults: readonly ExpressionFault[]): void {
    for (const fault of faults) this.at(path, fault.code, fault.message, fault.offset, fault.suggestion)
  }

  #add(place: { line: number; column: number }, code: Fault['code'], message: string, suggestion?: string): void {
    const fault = { file: this.document.file, line: place.line, column: place.column, code, message }
    this.all.push(suggestion === undefined ? fault : { ...fault, suggestion })
  }
}

/** Checks the shape of a rule; the fields that are right can be used whatever is wrong with others. */
export function checkRuleShape(faults: RuleFaults): Partial<RawRule> {
  const codes = { unknown: 'E201', wrong: 'E201', missing: 'E201' } as const
  const checked = checkDocument(faults.document, ruleSchema, { codes, noun: 'field' })
  faults.all.push(...checked.faults)
  const { value } = faults.document
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? soundFields(value as object) : {}
}

/** Only the fields whose own type is right, so that the meaning of the others can be checked in the same run. */
function soundFields(value: object): Partial<RawRule> {
  const sound: Record<string, unknown> = {}
  const isObject = (field: unknown): boolean => typeof field === 'object' && field !== null && !Array.isArray(field)
  const right: Record<string, (field: unknown) => boolean> = {
    from: (field) => typeof field === 'string' && field !== '',
    schema: (field) => typeof field === 'string' && field !== '',
    where: (field) => typeof field === 'string' || typeof field === 'boolean',
    let: isObject,
    set: isObject,
    payload: () => true,
    to: (field) => Array.isArray(field) && field.every(isObject),
    ack: (field) => ruleSchema.properties.ack.enum.includes(field as never),
    on_refused: (field) => ruleSchema.properties.on_refused.enum.includes(field as never),
    order_by: (field) => typeof field === 'string' && field !== '',
  }
  for (const [name, field] of Object.entries(value)) {
    if (Object.hasOwn(right, name) && right[name]!(field)) sound[name] = field
  }
  return sound as Partial<RawRule>
}
