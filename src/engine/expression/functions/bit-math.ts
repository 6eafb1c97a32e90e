import type { Scope, Site } from '../scope.ts'
import { int, type Type, uint } from '../type.ts'
import { toInt, toUint, Uint } from '../value.ts'
import { type Accepts, type FunctionRow, plain, type Run } from './row.ts'

/** A whole number in the form that tells signs apart; JSON's are doubles, and count as ints. */
type Whole = number | bigint | Uint

const whole: Accepts = {
  families: ['number'],
  test: (value) => Number.isSafeInteger(value) || typeof value === 'bigint' || value instanceof Uint,
  phrase: 'a whole number',
}

const sameSign = ([type]: readonly Type[]): Type => (type?.kind === 'uint' ? uint : int)

const bitsOf = (value: Whole): bigint => (value instanceof Uint ? value.unsigned : BigInt(value))

/** 64 bits as a number of the kind the first operand is. */
const like = (value: Whole, bits: bigint): unknown =>
  value instanceof Uint ? toUint(BigInt.asUintN(64, bits)) : toInt(BigInt.asIntN(64, bits))

const pairwise = (
  name: string,
  doc: readonly [summary: string, example: string],
  combine: (a: bigint, b: bigint) => bigint,
): FunctionRow =>
  plain(
    name,
    [whole, whole],
    sameSign,
    doc,
    (_scope, _site, a: Whole, b: Whole) => like(a, combine(bitsOf(a), bitsOf(b))),
    { dynamic: true },
  )

const shift =
  (move: (bits: bigint, by: bigint) => bigint): Run =>
  (scope: Scope, site: Site, value: Whole, by: Whole) => {
    const places = bitsOf(by)
    if (places < 0n) return scope.fail(site, `bits cannot be shifted by ${places}; there is a shift the other way`)
    return like(value, places > 63n ? 0n : move(BigInt.asUintN(64, bitsOf(value)), places))
  }

/** Bits of whole numbers of 64 bits. *Source*: cel-go `ext/math.go`. */
export const bitFunctions: readonly FunctionRow[] = [
  pairwise('math.bitAnd', ['The bits that both have.', 'math.bitAnd(12, 10) == 8'], (a, b) => a & b),
  pairwise('math.bitOr', ['The bits that either has.', 'math.bitOr(12, 10) == 14'], (a, b) => a | b),
  pairwise('math.bitXor', ['The bits that just one has.', 'math.bitXor(12, 10) == 6'], (a, b) => a ^ b),
  plain(
    'math.bitNot',
    [whole],
    sameSign,
    ['Every bit the other way.', 'math.bitNot(1) == -2'],
    (_scope, _site, value: Whole) => like(value, ~bitsOf(value)),
    { dynamic: true },
  ),
  plain(
    'math.bitShiftLeft',
    [whole, whole],
    sameSign,
    ['The bits moved up by so many places.', 'math.bitShiftLeft(1, 2) == 4'],
    shift((bits, by) => bits << by),
    { dynamic: true },
  ),
  plain(
    'math.bitShiftRight',
    [whole, whole],
    sameSign,
    ['The bits moved down by so many places, with zeros following.', 'math.bitShiftRight(1024, 2) == 256'],
    shift((bits, by) => bits >> by),
    { dynamic: true },
  ),
]
