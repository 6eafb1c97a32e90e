import { maxDepth } from './settle.ts'

/**
 * What is wrong with the sizes a MessagePack payload announces; null when it can be decoded. The library makes room for
 * as many elements as each header announces, the moment it reads it: a hundred thousand bytes of headers that announce
 * as many elements each would take gigabytes. Every element is a byte or more, so that those still to come can never
 * be more than the bytes that are left.
 */
export function messagePackSizeFault(bytes: Uint8Array): string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  /** Elements still to come, of each collection that is open. */
  const open: number[] = []
  let owed = 1
  let at = 0
  while (owed > 0) {
    if (at >= bytes.length) return 'it is cut off'
    owed--
    while (open.length > 0 && open[open.length - 1] === 0) open.pop()
    if (open.length > 0) open[open.length - 1]!--
    const elements = elementsAt(view, at)
    at = endOf(view, at)
    if (at > bytes.length) return 'it is cut off'
    if (elements === 0) continue
    owed += elements
    if (owed > bytes.length - at) return `it announces ${elements} elements more than it has bytes for`
    open.push(elements)
    if (open.length > maxDepth) return `it is nested deeper than ${maxDepth}`
  }
  return null
}

/** How many values follow that belong to the one at `at`; of maps both keys and values. *Source*: msgpack/spec. */
function elementsAt(view: DataView, at: number): number {
  const head = view.getUint8(at)
  if (head >= 0x80 && head <= 0x8f) return 2 * (head & 15)
  if (head >= 0x90 && head <= 0x9f) return head & 15
  if (head < 0xdc || head > 0xdf) return 0
  const wide = head === 0xdd || head === 0xdf
  if (at + (wide ? 5 : 3) > view.byteLength) return 0
  const count = wide ? view.getUint32(at + 1) : view.getUint16(at + 1)
  return head >= 0xde ? 2 * count : count
}

/** Bytes behind the head, by the head from 0xc0 on; null: a length stands there. */
const fixed: readonly (number | null)[] = [
  ...[0, 0, 0, 0, null, null, null, null, null, null, 4, 8, 1, 2, 4, 8],
  ...[1, 2, 4, 8, 2, 3, 5, 9, 17, null, null, null, 2, 4, 2, 4],
]

/** Where the value at `at` ends, or its elements begin. */
function endOf(view: DataView, at: number): number {
  const head = view.getUint8(at)
  if (head >= 0xa0 && head <= 0xbf) return at + 1 + (head & 31)
  if (head < 0xc0 || head >= 0xe0) return at + 1
  const size = fixed[head - 0xc0]!
  if (size !== null) return at + 1 + size
  // bin 0xc4 to 0xc6, ext 0xc7 to 0xc9 (with a byte for its type), str 0xd9 to 0xdb: lengths of 1, 2 and 4 bytes.
  const from = head >= 0xd9 ? 0xd9 : head >= 0xc7 ? 0xc7 : 0xc4
  const width = 1 << (head - from)
  if (at + 1 + width > view.byteLength) return view.byteLength + 1
  const length = width === 1 ? view.getUint8(at + 1) : width === 2 ? view.getUint16(at + 1) : view.getUint32(at + 1)
  return at + 1 + width + (from === 0xc7 ? 1 : 0) + length
}
