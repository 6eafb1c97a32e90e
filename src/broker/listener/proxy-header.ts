import { isIPv4, isIPv6 } from 'node:net'

/** Bytes of a whole header, and the client it tells of; `address` null: the proxy speaks for itself, or does not know. */
export interface ProxyHeader {
  readonly length: number
  readonly address: string | null
}

/** The signature of version 2. */
const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const maxTextBytes = 107
/** A header of version 2 may carry 64 KiB; what proxies add is a tenth of this. *Unit*: bytes. */
const maxBinaryBytes = 4096

/**
 * Reads the header that a proxy sends before the client's own bytes: null when more bytes are needed, `malformed` when
 * it is none. *Source*: "The PROXY protocol", versions 1 and 2 (haproxy.org), §2.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | 'malformed' | null {
  if (bytes.length === 0) return null
  if (bytes[0] === signature[0]) return readBinary(bytes)
  return readText(bytes)
}

function readText(bytes: Buffer): ProxyHeader | 'malformed' | null {
  const begin = 'PROXY '
  const text = bytes.toString('latin1', 0, maxTextBytes)
  if (text.slice(0, begin.length) !== begin.slice(0, text.length)) return 'malformed'
  const end = text.indexOf('\r\n')
  if (end === -1) return text.length < maxTextBytes ? null : 'malformed'
  const length = end + 2
  const [, family, source = '', target = '', sourcePort = '', targetPort = '', ...more] = text.slice(0, end).split(' ')
  if (family === 'UNKNOWN') return { length, address: null }
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : none
  const isWell = isAddress(source) && isAddress(target) && isPort(sourcePort) && isPort(targetPort) && more.length === 0
  return isWell ? { length, address: source } : 'malformed'
}

const none = (): boolean => false
const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535

/** Bytes of the addresses, by the byte of family and transport: only streams come in here. */
const addressBytes: Readonly<Record<number, number>> = { 0: 0, 17: 12, 33: 36, 49: 216 }

function readBinary(bytes: Buffer): ProxyHeader | 'malformed' | null {
  const seen = Math.min(bytes.length, signature.length)
  if (!bytes.subarray(0, seen).equals(signature.subarray(0, seen))) return 'malformed'
  if (bytes.length < 16) return null
  const command = bytes[12]!
  const family = bytes[13]!
  const rest = bytes.readUInt16BE(14)
  // 0x20: the proxy's own, a health check; 0x21: on behalf of a client.
  if ((command !== 0x20 && command !== 0x21) || 16 + rest > maxBinaryBytes) return 'malformed'
  const length = 16 + rest
  if (bytes.length < length) return null
  if (command === 0x20) return { length, address: null }
  const size = addressBytes[family]
  if (size === undefined || rest < size || !areWell(bytes, 16 + size, length)) return 'malformed'
  return { length, address: addressIn(bytes, family) }
}

function addressIn(bytes: Buffer, family: number): string | null {
  if (family === 17) return [...bytes.subarray(16, 20)].join('.')
  if (family !== 33) return null
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(16 + 2 * at).toString(16))
  return shorten(groups)
}

/** As Node writes them: the longest run of zeros as `::`. */
function shorten(groups: readonly string[]): string {
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

/** Type, length, value after the addresses, to the last byte. */
function areWell(bytes: Buffer, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    if (at + 3 > end) return false
    at += 3 + bytes.readUInt16BE(at + 1)
  }
  return at === end
}
