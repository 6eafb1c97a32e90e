import type { Fields } from './plain-value.ts'

/**
 * What a host application says of itself: JSON since Sparkplug 3.0, a word before. null when it is neither. *Source*:
 * Sparkplug 3.0, 6.4.26.
 */
export function readState(bytes: Uint8Array): Fields | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
  if (text === 'ONLINE' || text === 'OFFLINE') return { online: text === 'ONLINE', timestamp: null }
  try {
    const state: unknown = JSON.parse(text)
    if (typeof state !== 'object' || state === null) return null
    const { online, timestamp = null } = state as Fields
    return typeof online === 'boolean' ? { online, timestamp } : null
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown
    return null
  }
}
