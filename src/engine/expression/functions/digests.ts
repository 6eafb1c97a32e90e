import { createHash, createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Scope, Site } from '../scope.ts'
import { int, string } from '../type.ts'
import { aString, brief, bytesOf, type FunctionRow, overspent, plain, stringOrBytes } from './row.ts'

const digest = (name: string, algorithm: string, example: string): FunctionRow =>
  plain(
    `hash.${name}`,
    [stringOrBytes],
    string,
    [`The ${name.toUpperCase()} digest of text in UTF-8 or of bytes, in hexadecimal digits.`, example],
    (scope, site, value: string | Uint8Array) =>
      scope.spend(100 + (value.length >> 2))
        ? createHash(algorithm).update(value).digest('hex')
        : overspent(scope, site),
  )

const sum = (name: string, summary: string, example: string, calculate: (data: Uint8Array) => number): FunctionRow =>
  plain(name, [stringOrBytes], int, [summary, example], (scope, site, value: string | Uint8Array) =>
    scope.spend(4 + 3 * value.length) ? calculate(bytesOf(value)) : overspent(scope, site),
  )

/** Digests, checksums as field buses use them, and identifiers that come out the same each time. */
export const digestFunctions: readonly FunctionRow[] = [
  digest('sha256', 'sha256', 'hash.sha256("a").startsWith("ca978112")'),
  digest('sha512', 'sha512', 'hash.sha512("a").startsWith("1f40fc92")'),
  digest('sha1', 'sha1', 'hash.sha1("a") == "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"'),
  digest('md5', 'md5', 'hash.md5("a") == "0cc175b9c0f1b6a831c399e269772661"'),
  plain(
    'hash.hmac_sha256',
    [stringOrBytes, stringOrBytes],
    string,
    [
      'The SHA-256 digest of the second under the first as key, in hexadecimal digits.',
      'hash.hmac_sha256("key", "a").size() == 64',
    ],
    (scope, site, key: string | Uint8Array, value: string | Uint8Array) =>
      scope.spend(900 + ((key.length + value.length) >> 2))
        ? createHmac('sha256', key).update(value).digest('hex')
        : overspent(scope, site),
  ),
  sum('hash.crc32', 'The CRC-32 of Ethernet and zip.', 'hash.crc32("123456789") == 0xcbf43926', crc32),
  sum('hash.crc16_modbus', 'The CRC-16 of Modbus.', 'hash.crc16_modbus("123456789") == 0x4b37', crc16Modbus),
  sum(
    'hash.crc16_ccitt',
    'The CRC-16 that begins with 0xffff (CCITT-FALSE).',
    'hash.crc16_ccitt("123456789") == 0x29b1',
    crc16Ccitt,
  ),
  sum('hash.sum8', 'The sum of all bytes, its lowest 8 bits.', 'hash.sum8(b"\\xff\\x02") == 1', (data) =>
    data.reduce((total, byte) => (total + byte) & 0xff, 0),
  ),
  sum('hash.xor8', 'All bytes combined by exclusive or, as NMEA does.', 'hash.xor8(b"\\x0f\\x01") == 14', (data) =>
    data.reduce((total, byte) => total ^ byte, 0),
  ),
  sum('hash.fnv1a', 'The 32-bit FNV-1a hash, to spread things evenly.', 'hash.fnv1a("a") == 0xe40c292c', fnv1a),
  plain(
    'uuid.v5',
    [aString, aString],
    string,
    [
      'The UUID of a name in a namespace: `dns`, `url`, `oid`, `x500` or another UUID.',
      'uuid.v5("dns", "www.example.com") == "2ed6657d-e927-568b-95e1-2665a8aea6a2"',
    ],
    uuidOfName,
    {
      prove: ([space]) =>
        typeof space === 'string' && spaceBytes(space) === null ? { at: 0, message: notASpace(space) } : null,
    },
  ),
  plain(
    'uuid.v7',
    [],
    string,
    [
      'A UUID of this message: its arrival in front, then a digest of client, topic and payload; the same each time.',
      'uuid.v7().size() == 36',
    ],
    uuidOfMessage,
    { ofMessage: true },
  ),
]

function crc16Modbus(data: Uint8Array): number {
  let crc = 0xffff
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1
  }
  return crc
}

function crc16Ccitt(data: Uint8Array): number {
  let crc = 0xffff
  for (const byte of data) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1
  }
  return crc
}

function fnv1a(data: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of data) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/** *Source*: RFC 9562 §6.6. */
const spaces: ReadonlyMap<string, string> = new Map([
  ['dns', '6ba7b810-9dad-11d1-80b4-00c04fd430c8'],
  ['url', '6ba7b811-9dad-11d1-80b4-00c04fd430c8'],
  ['oid', '6ba7b812-9dad-11d1-80b4-00c04fd430c8'],
  ['x500', '6ba7b814-9dad-11d1-80b4-00c04fd430c8'],
])

const notASpace = (text: string): string =>
  `${brief(text)} is no namespace of UUIDs: there are ${[...spaces.keys()].join(', ')}, and UUIDs`

function spaceBytes(space: string): Buffer | null {
  const text = spaces.get(space) ?? space
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
    ? Buffer.from(text.replaceAll('-', ''), 'hex')
    : null
}

/** Sets version and variant and writes the 36 characters. */
function uuidText(bytes: Buffer, version: number): string {
  bytes[6] = (bytes[6]! & 0x0f) | (version << 4)
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex', 0, 16)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

function uuidOfName(scope: Scope, site: Site, space: string, name: string): unknown {
  const bytes = spaceBytes(space)
  if (bytes === null) return scope.fail(site, notASpace(space))
  if (!scope.spend(100 + (name.length >> 3))) return overspent(scope, site)
  return uuidText(createHash('sha1').update(bytes).update(name).digest(), 5)
}

/** Drawn from the message, not by lot: a rule's example, and a message that is handled once more, give the same. */
function uuidOfMessage(scope: Scope, site: Site): unknown {
  const { client, topic, payload, timeMs } = scope.message
  if (!scope.spend(100 + (payload.length >> 3))) return overspent(scope, site)
  const bytes = createHash('sha256').update(`${client}\0${topic}\0${timeMs}\0`).update(payload).digest()
  bytes.writeUIntBE(Math.max(0, Math.floor(timeMs)), 0, 6)
  return uuidText(bytes, 7)
}
