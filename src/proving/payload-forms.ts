import type { CompiledRule } from '../engine/compile.ts'
import type { PayloadSchema } from '../engine/port.ts'

/** Data as a device would send it to these rules: as the first of them with a schema decodes it, else as JSON. */
export function encodeAs(data: unknown, rules: readonly CompiledRule[]): Uint8Array {
  const schema = rules.find((rule) => rule.schema !== null)?.schema ?? null
  const encoded = schema === null || schema.format === 'json-schema' ? null : schema.encode(data)
  // What its schema cannot write is sent as JSON: an example may want to see it refused.
  return encoded ?? Buffer.from(JSON.stringify(data))
}

/** Bytes as data: JSON, else text, else the bytes; by a schema when there is one and they are of it. */
export function decodePayload(bytes: Uint8Array, schema: PayloadSchema | null): unknown {
  if (schema !== null) {
    const decoded = schema.decode(bytes, '')
    if (decoded !== undefined) return decoded
  }
  const text = Buffer.from(bytes).toString('utf8')
  try {
    return JSON.parse(text) as unknown
  } catch {
    // Not JSON: text, when it is that.
    return Buffer.from(text).equals(bytes) ? text : bytes
  }
}
