import type { CompiledRule } from '../engine/compile.ts'
import { cbor } from '../engine/encoding/cbor.ts'
import type { Codec } from '../engine/encoding/codec.ts'
import type { Encoding } from '../engine/encoding/encoding.ts'
import { messagePack } from '../engine/encoding/message-pack.ts'
import type { PayloadSchema, Schemas } from '../engine/port.ts'

/**
 * Data as a device would send it to these rules: as the first of them decodes it that does not read JSON. What cannot
 * be written so is sent as JSON: an example may want to see it refused.
 */
export function encodeAs(data: unknown, rules: readonly CompiledRule[], text?: string): Uint8Array {
  const rule = rules.find(({ decoding }) => decoding.name !== 'json')
  return (rule === undefined ? null : encodeFor(data, rule)) ?? Buffer.from(text ?? JSON.stringify(data))
}

function encodeFor(data: unknown, { decoding, schema }: CompiledRule): Uint8Array | null {
  switch (decoding.name) {
    case 'avro':
    case 'protobuf':
    case 'sparkplug':
      return schema === null ? null : schema.encode(data)
    case 'confluent': {
      const bytes = schema === null ? null : schema.encode(data)
      return bytes === null ? null : Buffer.concat([schema!.frame, bytes])
    }
    case 'msgpack':
      return messagePack.encode(data)
    case 'cbor':
      return cbor.encode(data)
    default:
      return null
  }
}

/** Bytes that a target of one of these encodings was given, as data. */
export function decodeAs(bytes: Uint8Array, encodings: readonly Encoding[], schemas: Schemas): unknown {
  const framed = bytes[0] === 0 ? schemas.unframe(bytes) : null
  const opened = framed === null ? undefined : decodeBy(framed.schema, bytes.subarray(framed.offset))
  if (opened !== undefined) return opened
  for (const { name, schema } of encodings) {
    const value = decodeOne(bytes, name, schema)
    if (value !== undefined) return value
  }
  return decodeText(bytes)
}

function decodeOne(bytes: Uint8Array, name: Encoding['name'], schema: PayloadSchema | null): unknown {
  if (name === 'msgpack') return tryCodec(messagePack, bytes)
  if (name === 'cbor') return tryCodec(cbor, bytes)
  return schema !== null && isOwn(name) ? decodeBy(schema, bytes) : undefined
}

const isOwn = (name: Encoding['name']): boolean => name === 'avro' || name === 'protobuf' || name === 'sparkplug'

function decodeBy(schema: PayloadSchema, bytes: Uint8Array): unknown {
  try {
    return schema.decode(bytes, '')
  } catch {
    // Not of this schema after all.
    return undefined
  }
}

function tryCodec(codec: Codec, bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes)
  } catch {
    // Another target of the sink has written it.
    return undefined
  }
}

/** JSON, else text, else the bytes. */
function decodeText(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes).toString('utf8')
  try {
    return JSON.parse(text) as unknown
  } catch {
    // Not JSON: text, when it is that.
    return Buffer.from(text).equals(bytes) ? text : bytes
  }
}
