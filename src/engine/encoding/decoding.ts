import type { DocumentPath } from '../../document/source-document.ts'
import { suggest } from '../../document/suggest.ts'
import type { PayloadDecoder } from '../expression/payload.ts'
import { bytes, dyn, listOf, type Type, typeOfShape } from '../expression/type.ts'
import type { PayloadSchema, SchemaFormat, Schemas, Shape } from '../port.ts'
import type { RuleFaults } from '../rule-faults.ts'
import type { CsvForm, CsvType } from './csv.ts'
import { csvFormOf, csvProperties } from './csv-form.ts'
import {
  cborDecoder,
  csvDecoder,
  framedDecoder,
  jsonDecoder,
  messagePackDecoder,
  rawDecoder,
  schemaDecoder,
} from './decoders.ts'

export const decodings = [
  'json',
  'avro',
  'protobuf',
  'sparkplug',
  'msgpack',
  'cbor',
  'csv',
  'raw',
  'confluent',
] as const
export type DecodingName = (typeof decodings)[number]

/** *Source*: `docs/reference/rules.md` is printed from it. */
export const decodeSchema = {
  type: ['string', 'object'],
  required: ['format'],
  additionalProperties: false,
  properties: {
    format: { type: 'string', enum: decodings, description: 'How the payload is written.' },
    ...csvProperties,
  },
} as const

/** How a rule reads the payload. */
export interface Decoding {
  readonly name: DecodingName
  readonly decoder: PayloadDecoder
  /** What the decoder gives must still be held against the rule's schema. */
  readonly checked: boolean
  readonly type: Type
}

/** The encoding a format's payloads have when a rule does not say. */
const ownDecoding: Readonly<Record<SchemaFormat, DecodingName>> = {
  'json-schema': 'json',
  avro: 'avro',
  protobuf: 'protobuf',
  sparkplug: 'sparkplug',
}

interface Environment {
  readonly schema: PayloadSchema | null
  readonly registry: Schemas
  readonly faults: RuleFaults
}

/** `decode:` of a rule; without it, as its schema's format is written, else JSON. */
export function compileDecoding(raw: unknown, env: Environment): Decoding {
  const { schema } = env
  if (raw === undefined) return decodingOf(schema === null ? 'json' : ownDecoding[schema.format], {}, env)
  const path: DocumentPath = typeof raw === 'string' ? ['decode'] : ['decode', 'format']
  const fields = typeof raw === 'string' ? {} : (raw as Readonly<Record<string, unknown>>)
  const name = typeof raw === 'string' ? raw : fields['format']
  if (!isDecoding(name)) {
    // The shape of a map has been checked already.
    if (typeof raw === 'string') unknownName(raw, path, env)
    return decodingOf('json', {}, { ...env, schema: null })
  }
  checkSchema(name, path, env)
  for (const field of name === 'csv' ? [] : Object.keys(fields)) {
    if (field !== 'format') env.faults.atKey(['decode', field], 'E201', `\`${field}\` is for csv only`)
  }
  return decodingOf(name, fields, env)
}

const isDecoding = (name: unknown): name is DecodingName => decodings.includes(name as DecodingName)

const unknownName = (name: string, path: DocumentPath, { faults }: Environment): void =>
  faults.at(path, 'E201', `decode: expected one of ${decodings.join(', ')}`, undefined, suggest(name, decodings))

/** Some encodings are a schema's own; some have nothing that a schema could judge. */
function checkSchema(name: DecodingName, path: DocumentPath, { schema, faults }: Environment): void {
  if (name === 'avro' || name === 'protobuf' || name === 'sparkplug') {
    if (schema?.format === name) return
    const found = schema === null ? 'this rule has none' : `${schema.subject}@${schema.version} is ${schema.format}`
    faults.at(path, 'E208', `decode: ${name} needs a \`schema:\` of that format; ${found}`)
  }
  if (name === 'raw' && schema !== null) {
    faults.at(path, 'E201', 'decode: raw gives bytes, which no schema can judge')
  }
}

function decodingOf(name: DecodingName, fields: Readonly<Record<string, unknown>>, env: Environment): Decoding {
  const { schema, registry } = env
  const owner = schema === null ? '' : `schema ${schema.subject}@${schema.version}`
  const type = schema === null ? dyn : typeOfShape(schema.fields(), owner)
  const checked = schema !== null
  switch (name) {
    case 'json': {
      const textual = schema === null || schema.format === 'json-schema'
      return { name, decoder: jsonDecoder, checked, type: textual ? type : typeOfShape(asJson(schema.fields()), owner) }
    }
    case 'avro':
    case 'protobuf':
    case 'sparkplug':
      // A fault has been told when there is no schema.
      if (schema === null) return { name, decoder: jsonDecoder, checked: false, type }
      return { name, decoder: schemaDecoder(schema, registry), checked: false, type }
    case 'confluent':
      return { name, decoder: framedDecoder(schema, registry), checked: false, type }
    case 'msgpack':
      return { name, decoder: messagePackDecoder, checked, type }
    case 'cbor':
      return { name, decoder: cborDecoder, checked, type }
    case 'raw':
      return { name, decoder: rawDecoder, checked: false, type: bytes }
    case 'csv': {
      const form = csvFormOf(fields, ['decode'], env.faults)
      return { name, decoder: csvDecoder(form, registry), checked, type: schema === null ? typeOfCsv(form) : type }
    }
  }
}

const cellTypes: Readonly<Record<CsvType, Type>> = {
  text: { kind: 'string' },
  // An empty cell is null, so no more can be promised.
  number: dyn,
  int: dyn,
  bool: dyn,
}

function typeOfCsv({ columns, lines }: CsvForm): Type {
  if (columns === null) return lines === 'one' ? dyn : listOf(dyn)
  const fields = new Map([...columns].map(([name, type]) => [name, cellTypes[type]]))
  const row: Type = { kind: 'record', fields, open: false, owner: 'the columns' }
  return lines === 'one' ? row : listOf(row)
}

/** What plain JSON that fits a binary format's schema looks like: it has no bytes and no times. */
function asJson(shape: Shape): Shape {
  if (shape.kind === 'bytes' || shape.kind === 'timestamp') return { kind: 'any' }
  if (shape.kind === 'list') return { kind: 'list', items: asJson(shape.items) }
  if (shape.kind !== 'object') return shape
  return { ...shape, fields: new Map([...shape.fields].map(([name, field]) => [name, asJson(field)])) }
}
