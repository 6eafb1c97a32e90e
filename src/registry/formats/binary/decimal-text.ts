/** Decimals as exact text, and as the integers they are stored as. */

const written = /^(-?)(\d{1,2000})(?:\.(\d{1,2000}))?(?:[eE]([+-]?\d{1,4}))?$/

/** A text as a count of `10^-scale`; null when it is no number, or has more decimals than that. */
export function unscaled(text: string, scale: number): bigint | null {
  const found = written.exec(text)
  if (found === null) return null
  const [, sign, whole = '', decimals = '', exponent = '0'] = found
  const digits = whole + decimals
  const zeros = scale - decimals.length + Number(exponent)
  if (zeros > 4_000) return null
  if (zeros < 0 && !/^0*$/.test(digits.slice(zeros))) return null
  const kept = zeros < 0 ? digits.slice(0, zeros) : digits + '0'.repeat(zeros)
  const value = BigInt(kept === '' ? '0' : kept)
  return sign === '-' ? -value : value
}

/** `-12.30` of -1230n and 2: all decimals, so that one text has one count. */
export function decimalText(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0')
  const sign = value < 0n ? '-' : ''
  const point = digits.length - scale
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

/** A signed integer as two's complement, the highest byte first; null when it needs more than `size` bytes. */
export function toTwosComplement(value: bigint, size?: number): Uint8Array | null {
  const magnitude = value < 0n ? -value - 1n : value
  const needed = Math.floor(magnitude === 0n ? 0 : magnitude.toString(2).length / 8) + 1
  if (size !== undefined && needed > size) return null
  const length = size ?? needed
  const hex = BigInt.asUintN(length * 8, value)
    .toString(16)
    .padStart(length * 2, '0')
  return Buffer.from(hex, 'hex')
}

export function fromTwosComplement(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`))
}
