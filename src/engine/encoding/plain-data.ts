/**
 * Values of expressions as plain data: what a payload, a header's option or a field of them may be made of.
 */
import { spentBudget } from '../expression/functions/row.ts'
import type { Scope, Site } from '../expression/scope.ts'
import { failed, KeyedMap, type MapValue, none, Some, setField, Uint } from '../expression/value.ts'
import { maxDepth, settleInteger } from './settle.ts'

/** Turns a value into data of one kind, or fails. */
export type ToPlain = (scope: Scope, site: Site, value: unknown) => unknown

/** `JSON.rawJSON` prints a number's digits as they are; TypeScript's library does not know it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

/** What `JSON.stringify` prints: bytes as base64, integers in full, times as RFC 3339; NaN and infinities fail. */
export const toJson: ToPlain = (scope, site, value) => convert(scope, site, value, 0, forJson)

/** What binary encodings take: bytes stay bytes and integers stay whole; times are RFC 3339 text. */
export const toData: ToPlain = (scope, site, value) => convert(scope, site, value, 0, forBinary)

/** What becomes of the values that the two kinds write differently. */
interface Kind {
  number(scope: Scope, site: Site, value: number): unknown
  integer(value: bigint): unknown
  bytes(scope: Scope, site: Site, value: Uint8Array): unknown
}

const forJson: Kind = {
  number: (scope, site, value) =>
    Number.isFinite(value) ? value : scope.fail(site, `${value} cannot be written as JSON`),
  integer: (value) => rawJSON(String(value)),
  bytes: (scope, site, value) =>
    scope.spend(value.length >> 2) ? Buffer.from(value).toString('base64') : scope.fail(site, spentBudget),
}

const forBinary: Kind = {
  number: (_scope, _site, value) => value,
  integer: (value) => settleInteger(value) ?? value,
  bytes: (_scope, _site, value) => value,
}

function convert(scope: Scope, site: Site, value: unknown, depth: number, kind: Kind): unknown {
  if (typeof value === 'number') return kind.number(scope, site, value)
  if (typeof value === 'bigint') return kind.integer(value)
  if (value === none) return scope.fail(site, 'this value is absent: say what then, with .orValue(…)')
  if (typeof value !== 'object' || value === null) return value
  if (depth > maxDepth) return scope.fail(site, `nested deeper than ${maxDepth}`)
  if (value instanceof Uint8Array) return kind.bytes(scope, site, value)
  if (value instanceof Uint) return kind.integer(value.unsigned)
  if (value instanceof Some) return convert(scope, site, value.present, depth + 1, kind)
  const isKeyed = value instanceof KeyedMap
  if (!isKeyed && !Array.isArray(value) && isSpecial(value))
    return convert(scope, site, value.toJSON(), depth + 1, kind)
  // A table is a map of very many rows: it is paid for before anything is made of it.
  if (isKeyed && !scope.spend(20 * value.keyed.size)) return scope.fail(site, spentBudget)
  const entries = isKeyed ? [...value.keyed] : Object.entries(value)
  if (!scope.spend(10 + 4 * entries.length)) return scope.fail(site, spentBudget)
  const made: MapValue | unknown[] = Array.isArray(value) ? [] : {}
  for (const [key, item] of entries) {
    const result = item === undefined ? undefined : convert(scope, site, item, depth + 1, kind)
    if (result === failed) return failed
    if (Array.isArray(made)) made.push(result)
    else if (result !== undefined) setField(made, String(key), result)
  }
  return made
}

/** Times, spans and types know how JSON shows them; data holds no functions, so nothing a message says looks like them. */
const isSpecial = (value: object): value is { toJSON(): unknown } =>
  typeof (value as { toJSON?: unknown }).toJSON === 'function'
