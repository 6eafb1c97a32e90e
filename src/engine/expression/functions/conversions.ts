import { isUtf8 } from 'node:buffer'
import type { Scope, Site } from '../scope.ts'
import { bool, bytes, double, dyn, int, string } from '../type.ts'
import { isMap, kindOf, Timestamp, toInt } from '../value.ts'
import { anything, aString, type FunctionRow, method, plain, sized, someBytes, spentBudget } from './row.ts'
import { countCodePoints } from './strings.ts'

/** Conversions between types, `size`, and base64. *Source*: CEL language definition, "Standard Definitions". */
export const conversionFunctions: readonly FunctionRow[] = [
  plain(
    'int',
    [anything],
    int,
    ['A whole number, from a number (towards zero), text, or a time in seconds.', 'int("42") == 42'],
    toInteger,
  ),
  plain('double', [anything], double, ['A number, from text or a whole number.', 'double("1.5") == 1.5'], toDouble),
  plain('string', [anything], string, ['As text.', 'string(42) == "42"'], toText),
  plain('bool', [anything], bool, ['True or false, from text.', 'bool("true")'], toBool),
  plain(
    'bytes',
    [anything],
    bytes,
    ['Text in UTF-8.', 'bytes("ü") == b"\\xc3\\xbc"'],
    (scope, site, value: unknown) => {
      if (value instanceof Uint8Array) return value
      if (typeof value !== 'string') return cannot(scope, site, value, 'bytes')
      return scope.spend(value.length >> 2) ? new Uint8Array(Buffer.from(value)) : scope.fail(site, spentBudget)
    },
  ),
  plain(
    'dyn',
    [anything],
    dyn,
    ['The same value, of a type only the message will tell.', 'dyn(1) == 1.0'],
    (_scope, _site, value: unknown) => value,
  ),
  plain('size', [sized], int, ['How many characters, bytes, elements or fields.', 'size("ü") == 1'], size),
  method('size', sized, [], int, ['The same, written as a method.', '[1, 2].size() == 2'], size),
  plain(
    'base64.encode',
    [someBytes],
    string,
    ['Bytes as base64.', 'base64.encode(b"hello") == "aGVsbG8="'],
    (scope, site, value: Uint8Array) =>
      scope.spend(value.length >> 2) ? Buffer.from(value).toString('base64') : scope.fail(site, spentBudget),
  ),
  plain(
    'base64.decode',
    [aString],
    bytes,
    ['The bytes of a base64 text.', 'base64.decode("aGVsbG8=") == b"hello"'],
    fromBase64,
  ),
]

const cannot = (scope: Scope, site: Site, value: unknown, wanted: string) =>
  scope.fail(site, `${kindOf(value)} cannot become ${wanted}`)

const brief = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)

function toInteger(scope: Scope, site: Site, value: unknown): unknown {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value
    if (!Number.isFinite(value)) return scope.fail(site, `${value} cannot become an integer`)
    return toInt(BigInt(Math.trunc(value))) ?? scope.fail(site, `${value} does not fit 64 bits`)
  }
  if (value instanceof Timestamp) return Math.floor(value.epochMs / 1000)
  if (typeof value !== 'string') return cannot(scope, site, value, 'an integer')
  if (!/^[+-]?\d{1,20}$/.test(value)) return scope.fail(site, `${brief(value)} is not an integer`)
  return toInt(BigInt(value.replace('+', ''))) ?? scope.fail(site, `${value} does not fit 64 bits`)
}

function toDouble(scope: Scope, site: Site, value: unknown): unknown {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'string') return cannot(scope, site, value, 'a number')
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value) || /^(?:NaN|[+-]?Infinity)$/.test(value)) {
    return Number(value)
  }
  return scope.fail(site, `${brief(value)} is not a number`)
}

/** A value as text: what `string()` and a template's `${…}` give. */
export function toText(scope: Scope, site: Site, value: unknown): unknown {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof Timestamp) return value.toJSON()
  if (!(value instanceof Uint8Array)) return cannot(scope, site, value, 'text')
  if (!scope.spend(value.length >> 2)) return scope.fail(site, spentBudget)
  return isUtf8(value) ? Buffer.from(value).toString() : scope.fail(site, 'these bytes are not UTF-8')
}

const truths = new Set(['1', 't', 'true', 'True', 'TRUE'])
const untruths = new Set(['0', 'f', 'false', 'False', 'FALSE'])

function toBool(scope: Scope, site: Site, value: unknown): unknown {
  if (typeof value === 'boolean') return value
  if (typeof value !== 'string') return cannot(scope, site, value, 'a bool')
  if (truths.has(value)) return true
  return untruths.has(value) ? false : scope.fail(site, `${brief(value)} is neither true nor false`)
}

function size(scope: Scope, site: Site, value: unknown): unknown {
  if (typeof value === 'string') {
    return scope.spend(value.length >> 4) ? countCodePoints(value) : scope.fail(site, spentBudget)
  }
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length
  if (!isMap(value)) return cannot(scope, site, value, 'a size')
  const count = Object.keys(value).length
  return scope.spend(count) ? count : scope.fail(site, spentBudget)
}

function fromBase64(scope: Scope, site: Site, text: string): unknown {
  if (!scope.spend(text.length >> 2)) return scope.fail(site, spentBudget)
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return scope.fail(site, `${brief(text)} is not base64`)
  return new Uint8Array(Buffer.from(text, 'base64'))
}
