import type { Scope, Site } from '../scope.ts'
import { bytes, string } from '../type.ts'
import { afford, aString, brief, bytesOf, type FunctionRow, overspent, plain, stringOrBytes } from './row.ts'

/** Bytes and text in other letters. *Source*: cel-go `ext/encoders.go` for base64; RFC 3986 for percent signs. */
export const encoderFunctions: readonly FunctionRow[] = [
  plain(
    'base64.encode',
    [stringOrBytes],
    string,
    ['Bytes as base64.', 'base64.encode(b"hello") == "aGVsbG8="'],
    (scope, site, value: string | Uint8Array) =>
      afford(scope, site, 4 + (value.length >> 2), () => Buffer.from(bytesOf(value)).toString('base64')),
  ),
  plain(
    'base64.decode',
    [aString],
    bytes,
    ['The bytes of a base64 text, padded or not; base64url too.', 'base64.decode("aGVsbG8") == b"hello"'],
    fromBase64,
  ),
  plain(
    'hex.encode',
    [stringOrBytes],
    string,
    ['Bytes as hexadecimal digits.', 'hex.encode(b"\\x01\\xff") == "01ff"'],
    (scope, site, value: string | Uint8Array) =>
      afford(scope, site, 6 + (value.length >> 2), () => Buffer.from(bytesOf(value)).toString('hex')),
  ),
  plain(
    'hex.decode',
    [aString],
    bytes,
    [
      'The bytes of hexadecimal digits; spaces and colons between them are left out.',
      'hex.decode("01:FF") == b"\\x01\\xff"',
    ],
    fromHex,
  ),
  plain(
    'url.encode',
    [aString],
    string,
    ['Text that can stand in a part of a URL.', 'url.encode("a b/ü") == "a%20b%2F%C3%BC"'],
    (scope, site, text: string) => afford(scope, site, text.length >> 1, () => encodeURIComponent(text.toWellFormed())),
  ),
  plain(
    'url.decode',
    [aString],
    string,
    ['The text that was written with percent signs.', 'url.decode("a%20b") == "a b"'],
    (scope, site, text: string) => {
      if (!scope.spend(text.length >> 1)) return overspent(scope, site)
      try {
        return decodeURIComponent(text)
      } catch {
        return scope.fail(site, `${brief(text)} has percent signs that stand for no UTF-8`)
      }
    },
  ),
]

function fromBase64(scope: Scope, site: Site, text: string): unknown {
  if (!scope.spend(4 + (text.length >> 2))) return overspent(scope, site)
  const digits = text.replace(/={1,2}$/, '')
  const padding = text.length - digits.length
  const whole = padding === 0 || text.length % 4 === 0
  if (!whole || digits.length % 4 === 1 || !/^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)$/.test(digits)) {
    return scope.fail(site, `${brief(text)} is not base64`)
  }
  return new Uint8Array(Buffer.from(digits, 'base64'))
}

function fromHex(scope: Scope, site: Site, text: string): unknown {
  if (!scope.spend(text.length >> 1)) return overspent(scope, site)
  const digits = text.replace(/[ :]/g, '')
  if (digits.length % 2 === 1 || !/^[0-9A-Fa-f]*$/.test(digits)) {
    return scope.fail(site, `${brief(text)} is not made of pairs of hexadecimal digits`)
  }
  return new Uint8Array(Buffer.from(digits, 'hex'))
}
