import { formatOfType } from '../../registry/change.ts'
import type { SchemaText } from '../../registry/content.ts'
import { invalidSchema, invalidVersion } from '../../registry/registry-error.ts'
import type { SchemaReference } from '../../registry/schema.ts'

/** What a client sends to register, look up or test a schema. Fields that are not known are passed over, as Confluent's registry does. */
export const schemaRequest = {
  type: 'object',
  properties: {
    schema: { type: 'string', description: 'The schema as text' },
    schemaType: { type: 'string', examples: ['AVRO', 'JSON', 'PROTOBUF'], description: 'AVRO where it is left out' },
    references: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string', description: 'What the schema calls it' },
          subject: { type: 'string' },
          version: { type: 'integer', description: '-1 for the newest' },
        },
        required: ['name', 'subject', 'version'],
      },
    },
    metadata: {
      type: ['object', 'null'],
      properties: {
        tags: { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } },
        properties: { type: 'object', additionalProperties: { type: 'string' } },
        sensitive: { type: 'array', items: { type: 'string' } },
      },
    },
    ruleSet: { type: ['object', 'null'] },
    id: { type: 'integer', description: 'Of a subject in mode IMPORT' },
    version: { type: 'integer' },
  },
} as const

export interface SchemaRequest {
  readonly schema?: string
  readonly schemaType?: string
  readonly references?: readonly SchemaReference[] | null
  readonly metadata?: SchemaText['metadata']
  readonly ruleSet?: SchemaText['ruleSet']
  readonly id?: number
  readonly version?: number
}

/** *Errors*: 42201. */
export function readSchema(body: SchemaRequest | null): SchemaText {
  const { schema = '', schemaType = 'AVRO', references, metadata, ruleSet } = body ?? {}
  const format = formatOfType(schemaType)
  if (format === null) throw invalidSchema(`Invalid schema type ${schemaType}`)
  if (schema.trim() === '') throw invalidSchema('Empty schema')
  return {
    format,
    text: schema,
    references: (references ?? []).map(({ name, subject, version }) => ({ name, subject, version })),
    metadata: isEmpty(metadata) ? null : (metadata ?? null),
    ruleSet: isEmpty(ruleSet) ? null : (ruleSet ?? null),
  }
}

const isEmpty = (value: object | null | undefined): boolean =>
  value === undefined || value === null || Object.keys(value).length === 0

/** `latest` (also -1) or a number from 1. *Errors*: 42202. */
export function readVersion(text: string): number | 'latest' {
  const word = text.trim().toLowerCase()
  if (word === 'latest' || word === '-1') return 'latest'
  const version = Number(word)
  if (!/^\d+$/.test(word) || version < 1 || version > 0x7fffffff) throw invalidVersion(text)
  return version
}

const format = {
  type: 'string',
  default: '',
  description: '`serialized`: a Protobuf schema as Protobuf’s own description of it, in base64',
} as const
const flag = { type: 'boolean', default: false } as const
const page = {
  offset: { type: 'integer', minimum: 0, default: 0 },
  limit: { type: 'integer', default: -1, description: 'All, when it is negative' },
} as const

/** Query strings. */
export const queries = {
  normalize: { type: 'object', properties: { normalize: flag, deleted: flag, format } },
  page: {
    type: 'object',
    properties: { ...page, deleted: flag, deletedOnly: flag, subjectPrefix: { type: 'string', default: '' } },
  },
  all: {
    type: 'object',
    properties: { ...page, deleted: flag, latestOnly: flag, subjectPrefix: { type: 'string', default: '' } },
  },
  deleted: { type: 'object', properties: { deleted: flag, format } },
  permanent: { type: 'object', properties: { permanent: flag } },
  fetchMaxId: { type: 'object', properties: { fetchMaxId: flag, format } },
  verbose: { type: 'object', properties: { verbose: flag, normalize: flag } },
  global: { type: 'object', properties: { defaultToGlobal: flag } },
  force: { type: 'object', properties: { force: flag } },
} as const

export interface Page {
  readonly offset: number
  readonly limit: number
}

export const pageOf = <T>(items: readonly T[], { offset, limit }: Page): readonly T[] =>
  items.slice(offset, limit < 0 ? undefined : offset + limit)

const subjectParam = { subject: { type: 'string', description: 'Name of the subject' } } as const

/** Path parameters. */
export const params = {
  subject: { type: 'object', properties: subjectParam },
  version: { type: 'object', properties: { ...subjectParam, version: { type: 'string', examples: ['1', 'latest'] } } },
  id: { type: 'object', properties: { id: { type: 'integer' } } },
  guid: { type: 'object', properties: { guid: { type: 'string' } } },
} as const
