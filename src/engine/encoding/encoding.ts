import type { Header } from '../../contract/message.ts'
import { checkDocument } from '../../document/check.ts'
import type { DocumentPath } from '../../document/source-document.ts'
import { suggest } from '../../document/suggest.ts'
import type { PayloadSchema, Schemas } from '../port.ts'
import type { RuleFaults } from '../rule-faults.ts'
import type { CsvForm } from './csv.ts'
import { csvFormOf, csvProperties } from './csv-form.ts'
import { schemaIdHeader } from './decoders.ts'
import { contentTypes, type PayloadWriter, writerOf } from './writer.ts'

export const encodings = ['json', 'avro', 'protobuf', 'sparkplug', 'msgpack', 'cbor', 'csv', 'raw'] as const
export type EncodingName = (typeof encodings)[number]
const frames = ['confluent', 'header', 'none'] as const
type FrameName = (typeof frames)[number]

/**
 * How a target's payload becomes bytes. Compared as a whole: targets that are written alike share one, and the bytes.
 */
export interface Encoding {
  /** null: JSON for structured data, strings and bytes as they are. */
  readonly name: EncodingName | null
  /** null for what the encoder does itself: `name` is null, `raw`, or `json` without a schema. */
  readonly write: PayloadWriter | null
  readonly schema: PayloadSchema | null
  /** Sent with each payload of a sink. */
  readonly headers: readonly Header[]
  /** null when it is not known, or when a frame stands before it. */
  readonly contentType: string | null
}

export const plainEncoding: Encoding = { name: null, write: null, schema: null, headers: [], contentType: null }

interface Environment {
  readonly registry: Schemas
  readonly faults: RuleFaults
  /** The rule's own schema. */
  readonly schema: PayloadSchema | null
  /** Finds a schema by name, or tells the fault at `path`. */
  readonly findSchema: (name: string, path: DocumentPath) => PayloadSchema | null
  /** The encodings of this rule, by what they are made of. */
  readonly known: Map<string, Encoding>
}

type RawTarget = Readonly<Record<string, unknown>>

/** The fields of a target that say how its payload is written. */
export const encodingFields = ['encode', 'schema', 'frame'] as const

/** Whether some target wants more than JSON can say. */
export const willWriteData = (targets: readonly RawTarget[]): boolean =>
  targets.some(({ encode, schema }) => schema !== undefined || ![undefined, 'json', 'raw'].includes(encode as string))

/** `encode:`, `schema:` and `frame:` of a target. `usual`: the frame of Avro and Protobuf when none is said. */
export function compileEncoding(raw: RawTarget, path: DocumentPath, usual: FrameName, env: Environment): Encoding {
  const before = env.faults.all.length
  const { encode, schema: schemaName, frame } = raw
  if (encode === undefined && schemaName === undefined && frame === undefined) return plainEncoding
  const named = schemaName === undefined ? null : namedSchema(schemaName, [...path, 'schema'], env)
  const name = encode === undefined ? ownEncoding(named) : nameOf(encode, [...path, 'encode'], env)
  if (name === null || env.faults.all.length > before) return plainEncoding
  const schema = schemaFor(name, named, path, env)
  const framed = frameOf(frame, name, schema, usual, path, env)
  const form = csvFormFor(encode, name, path, env)
  if (env.faults.all.length > before) return plainEncoding
  const key = JSON.stringify([name, schema?.subject, schema?.version, framed, name === 'csv' ? encode : null])
  const known = env.known.get(key)
  if (known !== undefined) return known
  const made = make(name, schema, framed, form)
  env.known.set(key, made)
  return made
}

function make(name: EncodingName, schema: PayloadSchema | null, frame: FrameName, csv: CsvForm | null): Encoding {
  if (name === 'raw') return { ...plainEncoding, name }
  const contentType = frame === 'confluent' ? null : contentTypes[name]
  const idHeader: Header[] = frame === 'header' && schema !== null ? [[schemaIdHeader, schema.frame]] : []
  const typeHeader: Header[] = contentType === null ? [] : [['content-type', contentType]]
  const plainJson = name === 'json' && schema === null
  const before = frame === 'confluent' && schema !== null ? schema.frame : null
  return {
    name,
    write: plainJson ? null : writerOf({ format: name, schema, frame: before, csv }),
    schema,
    headers: plainJson ? [] : [...idHeader, ...typeHeader],
    contentType,
  }
}

function namedSchema(name: unknown, path: DocumentPath, env: Environment): PayloadSchema | null {
  if (typeof name === 'string' && name !== '') return env.findSchema(name, path)
  env.faults.at(path, 'E201', 'schema: expected the name of a subject')
  return null
}

/** What a schema's format is written as. */
function ownEncoding(schema: PayloadSchema | null): EncodingName | null {
  if (schema === null) return 'json'
  return schema.format === 'json-schema' ? 'json' : schema.format
}

function nameOf(encode: unknown, path: DocumentPath, { faults }: Environment): EncodingName | null {
  const isMap = typeof encode === 'object' && encode !== null && !Array.isArray(encode)
  const name = isMap ? (encode as RawTarget)['format'] : encode
  if (encodings.includes(name as EncodingName)) return name as EncodingName
  const expected = `encode: expected one of ${encodings.join(', ')}`
  const near = typeof name === 'string' ? suggest(name, encodings) : undefined
  faults.at(isMap ? [...path, 'format'] : path, 'E201', expected, undefined, near)
  return null
}

/** The schema that the payload is written by or held against. */
function schemaFor(
  name: EncodingName,
  named: PayloadSchema | null,
  path: DocumentPath,
  { schema: own, faults }: Environment,
): PayloadSchema | null {
  if (name === 'raw' && named !== null) {
    faults.at([...path, 'schema'], 'E201', 'encode: raw writes bytes, which no schema can judge')
  }
  if (name !== 'avro' && name !== 'protobuf' && name !== 'sparkplug') return named
  const schema = named ?? own
  if (schema?.format === name) return schema
  const whose = named === null ? "the rule's own" : 'this one'
  const found = schema === null ? 'there is none' : `${whose}, ${schema.subject}@${schema.version}, is ${schema.format}`
  faults.at(
    [...path, named === null ? 'encode' : 'schema'],
    'E208',
    `encode: ${name} needs a schema of that format; ${found}`,
  )
  return null
}

function frameOf(
  frame: unknown,
  name: EncodingName,
  schema: PayloadSchema | null,
  usual: FrameName,
  path: DocumentPath,
  { faults }: Environment,
): FrameName {
  const byId = name === 'avro' || name === 'protobuf'
  if (frame === undefined) return byId ? usual : 'none'
  const at = [...path, 'frame']
  if (!frames.includes(frame as FrameName)) {
    faults.at(at, 'E201', `frame: expected ${frames.join(', ')}`, undefined, suggest(String(frame), frames))
  } else if (frame !== 'none' && (schema === null || !(byId || name === 'json'))) {
    faults.at(at, 'E201', `frame: ${String(frame)} names a schema, and ${name} here has none: add \`schema:\``)
  } else if (frame === 'header' && usual === 'none') {
    faults.at(at, 'E201', 'frame: header is for sinks; what is published has no headers')
  }
  return frame as FrameName
}

const encodeSchema = {
  type: 'object',
  additionalProperties: false,
  properties: { format: { type: 'string' }, ...csvProperties },
}

function csvFormFor(encode: unknown, name: EncodingName, path: DocumentPath, { faults }: Environment): CsvForm | null {
  const fields = typeof encode === 'object' && encode !== null ? (encode as RawTarget) : {}
  const at = [...path, 'encode']
  if (typeof encode === 'object') {
    const codes = { unknown: 'E201', wrong: 'E201', missing: 'E201' } as const
    faults.all.push(...checkDocument(faults.document, encodeSchema, { path: at, codes, noun: 'field' }).faults)
  }
  for (const field of name === 'csv' ? [] : Object.keys(fields)) {
    if (field !== 'format') faults.atKey([...at, field], 'E201', `\`${field}\` is for csv only`)
  }
  return name === 'csv' ? csvFormOf(fields, at, faults) : null
}
