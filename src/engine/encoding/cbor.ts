import { type DecodeOptions, decode, encode } from 'cborg'
import { makeTimestamp } from '../expression/time-value.ts'
import type { Codec } from './codec.ts'
import { maxDepth, settle } from './settle.ts'

/** CBOR: times (tags 0 and 1) and large integers (tags 2 and 3) are read, other tags are refused. *Source*: RFC 8949. */
export const cbor: Codec = {
  decode: (bytes) => settle(decode(bytes, options)),
  // In the order of the fields: the library would sort them.
  encode(value) {
    refuseDeep(value, 0)
    return encode(value, { mapSorter: () => 0 })
  },
}

/** The library would go on until the stack ends. */
function refuseDeep(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  if (depth > maxDepth) throw new Error(`it is nested deeper than ${maxDepth}`)
  for (const item of Array.isArray(value) ? value : Object.values(value)) refuseDeep(item, depth + 1)
}

type TagDecoder = NonNullable<DecodeOptions['tags']>[number]

const timeOf = (epochMs: number): unknown => {
  const whole = Math.floor(epochMs)
  const time = Number.isFinite(epochMs) ? makeTimestamp(whole, Math.round((epochMs - whole) * 1e6)) : null
  if (time === null) throw new Error('a time in it is out of range')
  return time
}

const bignum = (bytes: unknown): bigint => {
  // 64 bits are all that is kept; a longer one would only cost time.
  if (!(bytes instanceof Uint8Array) || bytes.length > 8) throw new Error('a large integer in it does not fit 64 bits')
  return BigInt(`0x0${Buffer.from(bytes).toString('hex')}`)
}

const options: DecodeOptions = {
  rejectDuplicateMapKeys: true,
  tags: {
    0: ((inner) => timeOf(Date.parse(String(inner())))) satisfies TagDecoder,
    1: ((inner) => timeOf(Number(inner()) * 1000)) satisfies TagDecoder,
    2: ((inner) => bignum(inner())) satisfies TagDecoder,
    // Says only: this is CBOR.
    55799: ((inner) => inner()) satisfies TagDecoder,
    3: ((inner) => -1n - bignum(inner())) satisfies TagDecoder,
  },
}
