/**
 * The ways to write a payload: data as `toData` gives it, to the bytes of one target.
 */
import type { Scope, Site } from '../expression/scope.ts'
import type { PayloadSchema } from '../port.ts'
import { cbor } from './cbor.ts'
import type { Codec } from './codec.ts'
import { type CsvForm, csvCodec } from './csv.ts'
import { messagePack } from './message-pack.ts'
import { toJson } from './plain-data.ts'
import { noFit, schemaFaultOf } from './schema-fault.ts'

/** null when the data cannot be written so; the reason is then in the scope. */
export type PayloadWriter = (scope: Scope, site: Site, value: unknown) => Uint8Array | null

/** By a codec that needs no schema; with one, the data must fit it. */
function codecWriter(name: string, codec: Codec, schema: PayloadSchema | null): PayloadWriter {
  return (scope, site, value) => {
    if (schema !== null && !fits(scope, schema, value)) return null
    try {
      return codec.encode(value)
    } catch (thrown) {
      scope.fail(site, `cannot be written as ${name}: ${(thrown as Error).message}`)
      return null
    }
  }
}

function jsonWriter(schema: PayloadSchema | null, frame: Uint8Array | null): PayloadWriter {
  return (scope, site, value) => {
    if (schema !== null && !fits(scope, schema, value)) return null
    const data = toJson(scope, site, value)
    if (typeof data === 'symbol') return null
    const body = Buffer.from(JSON.stringify(data))
    return frame === null ? body : framed(frame, body)
  }
}

/** In a schema's own encoding. */
function schemaWriter(schema: PayloadSchema, frame: Uint8Array | null): PayloadWriter {
  return (scope, _site, value) => {
    const bytes = schema.encode(value, frame ?? undefined)
    if (bytes === null) scope.failBySchema(schemaFaultOf(schema, schema.fault ?? noFit))
    return bytes
  }
}

function framed(frame: Uint8Array, body: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(frame.length + body.length)
  bytes.set(frame)
  bytes.set(body, frame.length)
  return bytes
}

function fits(scope: Scope, schema: PayloadSchema, value: unknown): boolean {
  const fault = schema.check(value)
  if (fault === null) return true
  scope.failBySchema(schemaFaultOf(schema, fault))
  return false
}

/** What a target's bytes are made by. */
export type WrittenFormat = 'json' | 'avro' | 'protobuf' | 'sparkplug' | 'msgpack' | 'cbor' | 'csv'

export interface WriterForm {
  readonly format: WrittenFormat
  /** Required for avro, protobuf and sparkplug. */
  readonly schema: PayloadSchema | null
  /** What stands before each payload. */
  readonly frame: Uint8Array | null
  readonly csv: CsvForm | null
}

export function writerOf({ format, schema, frame, csv }: WriterForm): PayloadWriter {
  switch (format) {
    case 'json':
      return jsonWriter(schema, frame)
    case 'avro':
    case 'protobuf':
    case 'sparkplug':
      return schemaWriter(schema!, frame)
    case 'msgpack':
      return codecWriter('MessagePack', messagePack, schema)
    case 'cbor':
      return codecWriter('CBOR', cbor, schema)
    case 'csv':
      return codecWriter('CSV', csvCodec(csv!), schema)
  }
}

/** What MQTT 5's content type and most far sides call a format. */
export const contentTypes: Readonly<Record<WrittenFormat, string>> = {
  json: 'application/json',
  avro: 'application/avro',
  protobuf: 'application/protobuf',
  sparkplug: 'application/protobuf',
  msgpack: 'application/msgpack',
  cbor: 'application/cbor',
  csv: 'text/csv',
}
