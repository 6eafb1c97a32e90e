import { schemaType } from '../../registry/change.ts'
import type { Content } from '../../registry/content.ts'
import type { Entry } from '../../registry/entry.ts'
import { descriptorOf } from '../../registry/formats/protobuf/descriptor.ts'

/** What is said of a schema wherever it stands; what is empty, and the type of Avro, is left out, as Confluent does. */
const contentView = ({ format, references, metadata, ruleSet, guid, text, referenced }: Content, form: string) => ({
  guid,
  ...(format === 'avro' ? {} : { schemaType: schemaType(format) }),
  ...(references.length === 0 ? {} : { references }),
  ...(metadata === null ? {} : { metadata }),
  ...(ruleSet === null ? {} : { ruleSet }),
  schema: (form === 'serialized' && format === 'protobuf' ? descriptorOf(text, referenced) : null) ?? text,
})

/** A version of a subject; `form` `serialized`: of Protobuf as its own description, in base64. */
export const versionView = ({ subject, version, content, deleted }: Entry, form = '') => ({
  subject,
  version,
  id: content.id,
  ...contentView(content, form),
  ...(deleted ? { deleted } : {}),
})

/** A schema by its id. */
export const schemaView = ({ subject, version, content, deleted }: Entry, form = '') => ({
  ...contentView(content, form),
  subject,
  version,
  ...(deleted ? { deleted } : {}),
})

const text = { type: 'string' } as const
const number = { type: 'integer' } as const

export const referencesSchema = {
  type: 'array',
  items: { type: 'object', properties: { name: text, subject: text, version: number } },
} as const

/** How answers look, for the description. */
export const answers = {
  error: {
    type: 'object',
    properties: { error_code: { ...number, examples: [40401, 42201, 409] }, message: text },
    required: ['error_code', 'message'],
  },
  version: {
    type: 'object',
    properties: {
      subject: text,
      version: number,
      id: number,
      guid: text,
      schemaType: text,
      references: referencesSchema,
      metadata: { type: 'object' },
      ruleSet: { type: 'object' },
      schema: text,
      deleted: { type: 'boolean' },
    },
    required: ['subject', 'version', 'id', 'schema'],
  },
  schema: {
    type: 'object',
    properties: { schema: text, schemaType: text, references: referencesSchema, maxId: number },
    required: ['schema'],
  },
  registered: {
    type: 'object',
    properties: { id: number, version: number, guid: text, schema: text },
    required: ['id'],
  },
  names: { type: 'array', items: text },
  numbers: { type: 'array', items: number },
  number,
  text,
} as const
