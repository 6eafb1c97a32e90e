import { Type } from 'typebox'
import type { Fault } from '../document/fault.ts'
import type { SchemaNode } from '../document/problem.ts'
import type { DocumentPath, SourceDocument } from '../document/source-document.ts'
import { suggest } from '../document/suggest.ts'
import { bytes, count, milliseconds, oneOf } from './fields.ts'
import { settingsSchema } from './schema.ts'

/** What the settings need of a connector type; a `Connector` of the contract is one. */
export interface ConnectorSchema {
  readonly summary?: string
  readonly options: SchemaNode
  readonly sourceOptions?: SchemaNode
}

export type ConnectorSchemas = ReadonlyMap<string, ConnectorSchema>

/** What every connector's entry may carry beside its own options. */
const retry = Type.Object(
  {
    max_attempts: Type.Optional(
      count({ description: 'After so many attempts a delivery goes to the dead letters. Without it: never.' }),
    ),
    max_age_ms: Type.Optional(
      milliseconds({ description: 'So long after its arrival a message goes to the dead letters. Without it: never.' }),
    ),
  },
  {
    additionalProperties: false,
    default: {},
    description: 'How often and how long a delivery that may yet succeed is tried again. Without it: for ever.',
  },
)

const buffer = Type.Object(
  {
    max_bytes: Type.Optional(
      bytes({ description: 'Payload bytes that may be owed to its sink. Without it: what the journal takes in all.' }),
    ),
    when_full: oneOf(['block', 'drop-oldest', 'drop-newest'], {
      description:
        '`block`: messages for it are not taken, so publishers and sources wait (MQTT 5 hears 0x97, QoS 0 is dropped). `drop-oldest`: what has waited longest and was never tried is dropped. `drop-newest`: what comes is not owed to it. All that is dropped is counted with its reason.',
      default: 'block',
    }),
  },
  {
    additionalProperties: false,
    default: {},
    description: 'What may wait for its far side, and what becomes of more.',
  },
)

/** Schema of one entry of `connectors:`, of a known type: the type's own options, and its sources where it has some. */
export function connectorEntrySchema(type: string, schema: ConnectorSchema): SchemaNode {
  const { options, sourceOptions } = schema
  const properties: Record<string, unknown> = {
    type: { const: type, description: schema.summary ?? 'Which kind of connector.' },
    ...(options['properties'] as object | undefined),
    retry,
    buffer,
  }
  if (sourceOptions !== undefined) {
    const items = { additionalProperties: false, ...sourceOptions }
    properties['sources'] = {
      type: 'array',
      items,
      default: [],
      description: 'Ways from the far side into the broker.',
    }
  }
  const required = ['type', ...((options['required'] as string[] | undefined) ?? [])]
  return { additionalProperties: false, ...options, type: 'object', properties, required }
}

/** The schema of one very file: `connectors` has the entries the file names, each with the schema of its type. */
export function schemaOfFile(value: unknown, schemas: ConnectorSchemas): SchemaNode {
  const { connectors } = settingsSchema.properties
  const properties: Record<string, unknown> = {}
  for (const [name, entry] of Object.entries(entriesOf(value))) {
    const type = (entry as Record<string, unknown> | null)?.['type']
    const known = typeof type === 'string' ? schemas.get(type) : undefined
    properties[name] =
      known === undefined ? connectors['additionalProperties' as never] : connectorEntrySchema(type as string, known)
  }
  return {
    ...settingsSchema,
    properties: { ...settingsSchema.properties, connectors: { ...connectors, properties } },
  }
}

/** E107 for each entry whose type no connector has. */
export function unknownTypes(document: SourceDocument, schemas: ConnectorSchemas): Fault[] {
  return Object.entries(entriesOf(document.value)).flatMap(([name, entry]) => {
    const type = (entry as Record<string, unknown> | null)?.['type']
    if (typeof type !== 'string' || schemas.has(type)) return []
    const near = suggest(type, schemas.keys())
    const message = `connectors.${name}.type: there is no connector type \`${type}\`; there are ${[...schemas.keys()].join(', ')}`
    const place = document.at(['connectors', name, 'type'])
    return [
      { file: document.file, code: 'E107', message, ...place, ...(near === undefined ? {} : { suggestion: near }) },
    ]
  })
}

/** The part of a schema that describes the value at `path`; an empty schema where it says nothing. */
export const schemaAt = (schema: SchemaNode, path: DocumentPath): SchemaNode => path.reduce<SchemaNode>(fieldOf, schema)

/** What a schema says of one field of a map, or (`key` a number) of a list's entries; all alternatives taken together. */
export function fieldOf(schema: SchemaNode, key: string | number): SchemaNode {
  const properties = schema['properties'] as Record<string, SchemaNode> | undefined
  const own = typeof key === 'number' ? schema['items'] : (properties?.[key] ?? schema['additionalProperties'])
  const branches = ['anyOf', 'oneOf', 'allOf', 'then', 'else'].flatMap((word) => (schema[word] ?? []) as SchemaNode[])
  const fields = branches.map((branch) => fieldOf(branch, key))
  return Object.assign({}, ...fields, typeof own === 'object' ? own : {})
}

const entriesOf = (value: unknown): Record<string, unknown> => {
  const connectors = (value as { connectors?: unknown } | null | undefined)?.connectors
  return typeof connectors === 'object' && connectors !== null && !Array.isArray(connectors)
    ? (connectors as Record<string, unknown>)
    : {}
}
