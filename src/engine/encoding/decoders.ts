/**
 * The ways to read a payload. Rules that read it the same way share one decoder, so that a message is decoded once.
 */
import type { Message, MessageProperties } from '../../contract/message.ts'
import { type DecodeFault, jsonPayload, type PayloadDecoder } from '../expression/payload.ts'
import { failed } from '../expression/value.ts'
import type { Framed, PayloadSchema, Schemas } from '../port.ts'
import { cbor } from './cbor.ts'
import type { Codec } from './codec.ts'
import { type CsvForm, csvCodec } from './csv.ts'
import { messagePack } from './message-pack.ts'
import { noFit, schemaFaultOf } from './schema-fault.ts'

/** By a codec that needs no schema. */
class CodecPayload implements PayloadDecoder {
  fault: DecodeFault = { code: 'E402', reason: '' }
  readonly #codec: Codec
  readonly #name: string

  constructor(codec: Codec, name: string) {
    this.#codec = codec
    this.#name = name
  }

  decode({ payload }: Message): unknown {
    try {
      return this.#codec.decode(payload)
    } catch (thrown) {
      this.fault = { code: 'E402', reason: `payload is not valid ${this.#name}: ${(thrown as Error).message}` }
      return failed
    }
  }
}

/** In a schema's own encoding; one in Confluent's wire format, by any version of the same subject, is read as well. */
class SchemaPayload implements PayloadDecoder {
  fault: DecodeFault = { code: 'E401', reason: '' }
  readonly #schema: PayloadSchema
  readonly #schemas: Schemas

  constructor(schema: PayloadSchema, schemas: Schemas) {
    this.#schema = schema
    this.#schemas = schemas
  }

  decode({ payload, topic }: Message): unknown {
    const schema = this.#schema
    const framed =
      payload[0] === 0 && schema.format !== 'sparkplug' ? this.#schemas.unframe(payload, schema.subject) : null
    if (framed !== null && framed.schema.subject === schema.subject) {
      const read = readBy(framed.schema, payload.subarray(framed.offset), topic)
      // A payload without a frame may begin like one; then it is not of the schema that the frame would name.
      if (read !== undefined && (framed.schema === schema || schema.check(read) === null)) return read
    }
    const read = readBy(schema, payload, topic)
    if (read !== undefined) return read
    this.fault = schemaFaultOf(schema, schema.fault ?? noFit)
    return failed
  }
}

/** In Confluent's wire format, by the schema that the frame names. */
class FramedPayload implements PayloadDecoder {
  fault: DecodeFault = { code: 'E402', reason: '' }
  readonly #schemas: Schemas
  /** The subject it must be of; null when any will do. */
  readonly #wanted: PayloadSchema | null

  constructor(schemas: Schemas, wanted: PayloadSchema | null) {
    this.#schemas = schemas
    this.#wanted = wanted
  }

  decode({ payload, topic, properties }: Message): unknown {
    const wanted = this.#wanted
    // Confluent's header form: the payload is bare, and a header says what would stand before it.
    const header = properties === null ? null : headerOf(properties)
    const frame = header ?? payload
    const framed = this.#opened(frame, header !== null, wanted?.subject)
    if (framed === null) {
      return this.#fail(unframedReason(frame), this.#schemas.awaits?.(frame) === true ? 'E409' : 'E402')
    }
    const { schema, offset } = framed
    if (wanted !== null && schema.subject !== wanted.subject) {
      return this.#fail(`payload is of schema ${schema.subject}@${schema.version}, not of ${wanted.subject}`)
    }
    const value = readBy(schema, payload.subarray(offset), topic)
    const fault = value === undefined ? (schema.fault ?? noFit) : misfit(schema, value)
    if (fault !== null) {
      this.fault = schemaFaultOf(schema, fault)
      return failed
    }
    const other = wanted === null || wanted === schema ? null : wanted.check(value)
    if (wanted === null || other === null) return value
    this.fault = schemaFaultOf(wanted, other)
    return failed
  }

  #opened(frame: Uint8Array, isHeader: boolean, subject: string | undefined): Framed | null {
    if (!isHeader) return this.#schemas.unframe(frame, subject)
    const schema = this.#schemas.ofHeader?.(frame, subject) ?? null
    return schema === null ? null : { schema, offset: 0 }
  }

  #fail(reason: string, code: DecodeFault['code'] = 'E402'): typeof failed {
    this.fault = { code, reason }
    return failed
  }
}

/** JSON Schema alone decodes what it has not judged. */
const misfit = (schema: PayloadSchema, value: unknown) => (schema.format === 'json-schema' ? schema.check(value) : null)

/** undefined also when a schema throws, as at data nested so deep that the stack ends. */
function readBy(schema: PayloadSchema, bytes: Uint8Array, topic: string): unknown {
  try {
    return schema.decode(bytes, topic)
  } catch {
    // What it throws says nothing of the payload; `noFit` is told.
    return undefined
  }
}

/** A header of Kafka's that no text can hold comes as a user property in base64; a GUID may happen to be text. */
function headerOf({ user }: MessageProperties): Uint8Array | null {
  const text = user?.find(([name]) => name === schemaIdHeader)?.[1]
  return text === undefined ? null : Buffer.from(text, text.startsWith('\u0001') ? 'utf8' : 'base64')
}

function unframedReason(payload: Uint8Array): string {
  if (payload.length === 17 && payload[0] === 1) return 'the header names a schema that the registry does not know'
  if (payload.length < 5 || payload[0] !== 0) {
    return "payload is not in Confluent's wire format: it begins with a zero byte and a schema id"
  }
  const id = ((payload[1]! << 24) | (payload[2]! << 16) | (payload[3]! << 8) | payload[4]!) >>> 0
  return `payload names schema id ${id}, which the registry does not know`
}

/** The header that names a value's schema. *Source*: Confluent's clients, header schema ids. */
export const schemaIdHeader = '__value_schema_id'

/** Where decoders are kept: one of a kind for all rules of a registry. */
const kept = new WeakMap<Schemas, Map<unknown, PayloadDecoder>>()

function once(schemas: Schemas, key: unknown, make: () => PayloadDecoder): PayloadDecoder {
  let decoders = kept.get(schemas)
  if (decoders === undefined) {
    decoders = new Map()
    kept.set(schemas, decoders)
  }
  let decoder = decoders.get(key)
  if (decoder === undefined) {
    decoder = make()
    decoders.set(key, decoder)
  }
  return decoder
}

export const jsonDecoder = jsonPayload
export const messagePackDecoder: PayloadDecoder = new CodecPayload(messagePack, 'MessagePack')
export const cborDecoder: PayloadDecoder = new CodecPayload(cbor, 'CBOR')
export const rawDecoder: PayloadDecoder = {
  fault: { code: 'E402', reason: '' },
  decode: ({ payload }) => payload,
}

export const csvDecoder = (form: CsvForm, schemas: Schemas): PayloadDecoder =>
  once(schemas, JSON.stringify({ ...form, columns: form.columns === null ? null : [...form.columns] }), () => {
    return new CodecPayload(csvCodec(form), 'CSV')
  })

export const schemaDecoder = (schema: PayloadSchema, schemas: Schemas): PayloadDecoder =>
  once(schemas, schema, () => new SchemaPayload(schema, schemas))

export const framedDecoder = (wanted: PayloadSchema | null, schemas: Schemas): PayloadDecoder =>
  once(schemas, `framed ${wanted === null ? '' : `${wanted.subject}@${wanted.version}`}`, () => {
    return new FramedPayload(schemas, wanted)
  })
