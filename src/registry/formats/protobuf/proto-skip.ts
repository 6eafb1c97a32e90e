import type { ByteSource } from '../binary/byte-source.ts'
import { fail } from '../binary/failure.ts'
import { lengthOf } from './proto-scalar.ts'

const maxGroups = 100

/** Reads over a field that nobody knows; false when there is none that could be. */
export function skipField(source: ByteSource, number: number, wireType: number, depth: number): boolean {
  if (number === 0) return fail('binary', 'has a field of number 0')
  switch (wireType) {
    case 0:
      source.varint()
      break
    case 1:
      source.skip(8)
      break
    case 2:
      source.skip(lengthOf(source))
      break
    case 3:
      return skipGroup(source, number, depth)
    case 5:
      source.skip(4)
      break
    default:
      return fail('binary', `has a field ${number} of wire type ${wireType}, which does not belong there`)
  }
  return !source.cutOff || fail('binary', 'is cut off')
}

/** Up to the end tag of the same number. */
function skipGroup(source: ByteSource, number: number, depth: number): boolean {
  if (depth > maxGroups) return fail('depth', `is nested deeper than ${maxGroups}`)
  for (;;) {
    source.varint()
    if (source.cutOff) return fail('binary', 'is cut off')
    const inner = (source.low >>> 3) | (source.high << 29)
    const wireType = source.low & 7
    if (wireType === 4 && inner === number) return true
    if (!skipField(source, inner, wireType, depth + 1)) return false
  }
}
