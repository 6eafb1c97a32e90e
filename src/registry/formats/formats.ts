import type { SchemaFormat } from '../schema.ts'
import { avroFormat } from './avro/avro.ts'
import type { Format } from './format.ts'
import { jsonSchemaFormat } from './json-schema.ts'
import { protobufFormat } from './protobuf/protobuf.ts'

/** The schema languages by name. */
export const formats: ReadonlyMap<SchemaFormat, Format> = new Map(
  [jsonSchemaFormat, avroFormat, protobufFormat].map((format) => [format.name, format]),
)

/** The language of a file in `schemas/`, by what its name ends in (without the dot); null when it is none. */
export const formatOfExtension = (extension: string): Format | null =>
  [...formats.values()].find((format) => format.extension === extension) ?? null
