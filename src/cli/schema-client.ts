import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { TrestleError } from '../contract/error.ts'
import { formatOfType, schemaType } from '../registry/change.ts'
import type { ReferencedSchema } from '../registry/formats/format.ts'
import { formatOfExtension } from '../registry/formats/formats.ts'
import type { SchemaFormat, SchemaReference } from '../registry/schema.ts'
import type { HubClient } from './client.ts'

/** A version as the registry's API tells it. */
export interface SchemaVersion {
  readonly subject: string
  readonly version: number
  readonly id: number
  readonly guid: string
  /** AVRO where it is left out. */
  readonly schemaType?: string
  readonly references?: readonly SchemaReference[]
  readonly schema: string
}

/** A schema's text and language, with what it refers to. */
export interface SchemaFileText {
  readonly format: SchemaFormat
  readonly text: string
  readonly references: readonly ReferencedSchema[]
}

export const pathOf = (subject: string): string => `/subjects/${encodeURIComponent(subject)}`

/** `reading@2`, or `reading` (or `reading@latest`) for its newest version. *Errors*: E306. */
export async function fetchVersion(client: HubClient, name: string): Promise<SchemaVersion> {
  const [, subject = name, version = 'latest'] = /^(.+?)(?:@(\d+|latest))?$/s.exec(name) ?? []
  return client.get<SchemaVersion>(`${pathOf(subject)}/versions/${version}`)
}

/** Reads a schema whose language its file's name tells. *Errors*: E301, E703. */
export async function readSchemaFile(file: string): Promise<SchemaFileText> {
  const format = formatOfExtension(extname(file).slice(1))
  if (format === null)
    throw new TrestleError('E703', `${file} is no schema: its name must end in .json, .avsc or .proto`)
  try {
    return { format: format.name, text: await readFile(file, 'utf8'), references: [] }
  } catch (cause) {
    throw new TrestleError('E301', `${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** A file where the name is one, else a version of the hub's. */
export async function sideOf(client: HubClient, name: string): Promise<SchemaFileText> {
  if (formatOfExtension(extname(name).slice(1)) !== null) return readSchemaFile(name)
  return textOf(client, await fetchVersion(client, name))
}

/** A version with the texts of all it refers to. */
export async function textOf(client: HubClient, version: SchemaVersion): Promise<SchemaFileText> {
  const format = formatOfType(version.schemaType ?? 'AVRO') ?? 'json-schema'
  return { format, text: version.schema, references: await referencedBy(client, version) }
}

async function referencedBy(client: HubClient, { references = [] }: SchemaVersion): Promise<ReferencedSchema[]> {
  const found: ReferencedSchema[] = []
  for (const { name, subject, version } of references) {
    const target = await client.get<SchemaVersion>(`${pathOf(subject)}/versions/${version}?deleted=true`)
    found.push({ name, text: target.schema, references: await referencedBy(client, target) })
  }
  return found
}

/** What the API takes. */
export const bodyOf = (
  { format, text }: Pick<SchemaFileText, 'format' | 'text'>,
  references: readonly SchemaReference[],
): object => ({
  schemaType: schemaType(format),
  schema: text,
  ...(references.length === 0 ? {} : { references }),
})

/** `common.proto=common@1`. *Errors*: E703. */
export function readReference(text: string): SchemaReference {
  const [, name, subject, version] = /^(.+?)=(.+)@(\d+)$/s.exec(text) ?? []
  if (name === undefined || subject === undefined)
    throw new TrestleError('E703', `'${text}' is no reference`, {
      detail: { advice: 'it looks like common.proto=common@1' },
    })
  return { name, subject, version: Number(version) }
}
