import { type IntegerForm, plain } from './data-type.ts'
import { Malformed } from './wire-reader.ts'

/**
 * An integer from its bits. Narrow ones may be written with their sign's bits before them or without. *Errors*:
 * Malformed when it does not fit.
 */
export function fromBits(value: number | bigint, { bits, signed }: IntegerForm, wide: boolean): number | bigint {
  if (!signed) {
    if (bits === 64 || (typeof value === 'number' && value < 2 ** bits)) return value
    throw new Malformed(`has ${value} where an integer of ${bits} bits belongs`)
  }
  if (typeof value === 'number' && value < 2 ** (bits - 1)) return value
  if (bits === 64) return plain(BigInt.asIntN(64, BigInt(value)))
  if (typeof value === 'number' && value < 2 ** bits) return value - 2 ** bits
  // The sign's bits go on to 32 or to 64.
  const extended = BigInt.asIntN(wide ? 64 : 32, BigInt(value))
  if (extended >= -(2n ** BigInt(bits - 1)) && extended < 0n) return Number(extended)
  throw new Malformed(`has ${value} where a signed integer of ${bits} bits belongs`)
}

/** An integer's bits as an unsigned one, 32 or 64 wide; null when it does not fit. */
export function toBits(value: unknown, { bits, signed }: IntegerForm): number | bigint | null {
  if (typeof value === 'number' ? !Number.isInteger(value) : typeof value !== 'bigint') return null
  const number = BigInt(value as number | bigint)
  const low = signed ? -(2n ** BigInt(bits - 1)) : 0n
  const high = 2n ** BigInt(signed ? bits - 1 : bits)
  if (number < low || number >= high) return null
  return plain(BigInt.asUintN(bits === 64 ? 64 : 32, number))
}
