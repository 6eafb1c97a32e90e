/**
 * The hash by which Java's producer chooses partitions, so that a key lands where every other client puts it.
 * *Source*: Kafka's `org.apache.kafka.common.utils.Utils.murmur2`.
 */
export function murmur2(bytes: Uint8Array, length: number): number {
  const mix = 0x5bd1e995
  let hash = 0x9747b28c ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    word = Math.imul(word, mix)
    word ^= word >>> 24
    hash = Math.imul(hash, mix) ^ Math.imul(word, mix)
  }
  const rest = length - at
  if (rest === 3) hash ^= bytes[at + 2]! << 16
  if (rest >= 2) hash ^= bytes[at + 1]! << 8
  if (rest >= 1) hash = Math.imul(hash ^ bytes[at]!, mix)
  hash = Math.imul(hash ^ (hash >>> 13), mix)
  return hash ^ (hash >>> 15)
}

const scratch = Buffer.alloc(256)

/** The partition of a key among `count`, as Java's default partitioner chooses it. */
export function partitionOf(key: string, count: number): number {
  return (hashText(key) & 0x7fffffff) % count
}

function hashText(text: string): number {
  const length = text.length
  if (length <= scratch.length) {
    // Most keys are short and ASCII: their bytes are their characters.
    let at = 0
    for (; at < length; at++) {
      const unit = text.charCodeAt(at)
      if (unit > 0x7f) break
      scratch[at] = unit
    }
    if (at === length) return murmur2(scratch, length)
  }
  const bytes = Buffer.from(text)
  return murmur2(bytes, bytes.length)
}
