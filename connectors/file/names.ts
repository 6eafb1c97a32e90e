import { normalize, sep } from 'node:path'

/**
 * The file of a message, below the folder of the connector: `%Y`, `%m`, `%d`, `%H` and `%M` are its arrival (UTC), and
 * `ending` is added where it is missing. null for a name that is none, or that leads out of the folder.
 */
export function fileNameOf(wanted: string, timeMs: number, ending: string): string | null {
  const name = normalize(wanted.includes('%') ? withDate(wanted, timeMs) : wanted)
  const outside = name.startsWith('..') || name.startsWith(sep) || name.includes('\0') || /^[a-zA-Z]:/.test(name)
  if (outside || name === '.' || name.endsWith(sep) || Buffer.byteLength(name) > 200) return null
  if (name.endsWith(ending)) return name
  const bare = ending.endsWith('.gz') && name.endsWith(ending.slice(0, -3)) ? name.slice(0, 3 - ending.length) : name
  return bare + ending
}

function withDate(wanted: string, timeMs: number): string {
  const time = new Date(timeMs).toISOString()
  const parts: Readonly<Record<string, string>> = {
    Y: time.slice(0, 4),
    m: time.slice(5, 7),
    d: time.slice(8, 10),
    H: time.slice(11, 13),
    M: time.slice(14, 16),
  }
  return wanted.replace(/%([YmdHM])/g, (_, letter: string) => parts[letter]!)
}
