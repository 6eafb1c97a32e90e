/**
 * Integers of 64 bits as the hub keeps them: numbers while that is exact, bigints beyond.
 */

const twoTo32 = 4_294_967_296
const safeHigh = 2 ** 21

/** A signed integer of two halves. */
export function signed(low: number, high: number): number | bigint {
  if (high >= -safeHigh && high < safeHigh) {
    const value = high * twoTo32 + (low >>> 0)
    // -2^53 itself has a neighbour it cannot be told from.
    if (value >= Number.MIN_SAFE_INTEGER) return value
  }
  return (BigInt(high) << 32n) | BigInt(low >>> 0)
}

/** An unsigned integer of two halves. */
export function unsigned(low: number, high: number): number | bigint {
  const top = high >>> 0
  return top < safeHigh ? top * twoTo32 + (low >>> 0) : (BigInt(top) << 32n) | BigInt(low >>> 0)
}

/** A signed integer whose sign stands in the lowest bit. */
export function unzigzag(low: number, high: number): number | bigint {
  const sign = -(low & 1)
  return signed(((low >>> 1) | (high << 31)) ^ sign, (high >>> 1) ^ sign)
}

export const lowHalf = (value: number | bigint): number =>
  typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value))

export const highHalf = (value: number | bigint): number =>
  typeof value === 'number' ? Math.floor(value / twoTo32) | 0 : Number(BigInt.asIntN(32, value >> 32n))

/** JSON text kept as it was written: how the engine hands on integers that JSON must print in full. */
const { isRawJSON } = JSON as unknown as { isRawJSON(value: unknown): value is { rawJSON: string } }

/**
 * A value as an integer; null when it is none, or a number so large that it may have been another before it was read.
 */
export function integerOf(value: unknown): number | bigint | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : null
  if (typeof value === 'bigint') return value
  if (typeof value === 'object' && value !== null && isRawJSON(value)) {
    return /^-?\d{1,40}$/.test(value.rawJSON) ? BigInt(value.rawJSON) : null
  }
  return null
}

/** A value as a double; undefined when it is no number, or one that a double cannot hold exactly. */
export function doubleOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  const integer = integerOf(value)
  if (integer === null) return undefined
  const double = Number(integer)
  return BigInt(double) === BigInt(integer) ? double : undefined
}
