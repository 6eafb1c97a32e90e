import { checkDocument } from '../document/check.ts'
import { decodeSchema } from './encoding/decoding.ts'
import { exampleSchema } from './example/schema.ts'
import type { RuleFaults } from './rule-faults.ts'
import { type RawState, stateFields, stateWords } from './state/state-fields.ts'
import { tablesSchema } from './tables/table-form.ts'

/** An entry of `to:` or `else:`; its fields depend on the connector. */
export type RawTarget = Readonly<Record<string, unknown>>

/** A rule as its file says it, in its shape but not yet in its meaning. */
export interface RawRule extends RawState {
  readonly description?: string
  readonly from: string
  readonly schema?: string
  readonly decode?: string | Readonly<Record<string, unknown>>
  readonly tables?: Readonly<Record<string, unknown>>
  readonly where?: string | boolean
  readonly for_each?: string | Readonly<Record<string, unknown>>
  readonly let?: Readonly<Record<string, string | number | boolean>>
  readonly set?: Readonly<Record<string, unknown>>
  readonly payload?: unknown
  readonly to: readonly RawTarget[]
  readonly else?: readonly RawTarget[]
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
    decode: {
      ...decodeSchema,
      description:
        'How the payload is written: `json`, `avro`, `protobuf`, `sparkplug`, `msgpack`, `cbor`, `csv`, `raw` (bytes) or `confluent` (the payload names its schema). Default: as the format of `schema` says, else JSON.',
    },
    tables: tablesSchema,
    where: {
      type: ['string', 'boolean'],
      description:
        'Expression; messages for which it is false go to `else`, or are let go. Asked once, before `for_each`.',
    },
    for_each: {
      type: ['string', 'object'],
      required: ['in'],
      additionalProperties: false,
      properties: {
        in: { ...text, description: 'Expression that gives a list, or an object whose values are gone through.' },
        as: { ...text, default: 'item', description: 'What the item is called in expressions.' },
        index: {
          ...text,
          default: 'index',
          description: 'What its place (from 0), or its name in an object, is called.',
        },
      },
      description:
        'Expression that gives a list: `to` is done for each item, in order. An item is what `set` edits and what is sent when nothing else is said. Other expressions call it `item`, its place `index`.',
    },
    let: {
      type: 'object',
      additionalProperties: { type: ['string', 'number', 'boolean'] },
      description: 'Names for the other expressions, each evaluated once.',
    },
    ...stateFields,
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
      description: 'Where it goes: `sink:` targets and `publish:` topics. Each may have a condition, `when`.',
    },
    else: {
      type: 'array',
      minItems: 1,
      items: { type: 'object' },
      description:
        'Where the message goes when `where` is false: targets as in `to`. They get the payload as it was published; `set`, `payload` and `for_each` are for `to`.',
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
    decode: (field) => typeof field === 'string' || isObject(field),
    tables: isObject,
    for_each: (field) => typeof field === 'string' || isObject(field),
    set: isObject,
    payload: () => true,
    to: (field) => Array.isArray(field) && field.every(isObject),
    else: (field) => Array.isArray(field) && field.every(isObject),
    ack: (field) => ruleSchema.properties.ack.enum.includes(field as never),
    on_refused: (field) => ruleSchema.properties.on_refused.enum.includes(field as never),
    order_by: (field) => typeof field === 'string' && field !== '',
    ...Object.fromEntries(stateWords.map((word) => [word, isObject])),
  }
  for (const [name, field] of Object.entries(value)) {
    if (Object.hasOwn(right, name) && right[name]!(field)) sound[name] = field
  }
  return sound as Partial<RawRule>
}
