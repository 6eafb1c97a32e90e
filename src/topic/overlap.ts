/**
 * Texts of which only parts are known, as pieces: one character, any text within a level (`+`), or any text (`#`).
 * With them one tells whether a topic that is not yet known can match a filter that is not yet a topic.
 */
export type Piece = { readonly literal: string } | '+' | '#'

export const literals = (text: string): Piece[] => Array.from(text, (literal) => ({ literal }))

/** A filter as pieces; `a/#` also matches `a`, so it has two forms. */
export function piecesOfFilter(filter: string): Piece[][] {
  const pieces = (text: string): Piece[] =>
    text
      .split('/')
      .flatMap((level, at) => [
        ...(at > 0 ? literals('/') : []),
        ...(level === '+' || level === '#' ? [level as Piece] : literals(level)),
      ])
  return filter.endsWith('/#') ? [pieces(filter), pieces(filter.slice(0, -2))] : [pieces(filter)]
}

/** Text in which `*` stands for any text. */
export const piecesOfPattern = (pattern: string): Piece[] =>
  pattern.split('*').flatMap((text, at) => [...(at > 0 ? (['#'] as const) : []), ...literals(text)])

/** Whether some text fits both. Walks pairs of places in the two, each at most once. */
export function overlap(left: readonly Piece[], right: readonly Piece[]): boolean {
  const width = right.length + 1
  const seen = new Set<number>()
  const open = [0]
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (seen.has(place)) continue
    seen.add(place)
    const i = Math.floor(place / width)
    const j = place % width
    if (i === left.length && j === right.length) return true
    const a = left[i]
    const b = right[j]
    if (typeof a === 'string') open.push(place + width)
    if (typeof b === 'string') open.push(place + 1)
    if (a === undefined || b === undefined) continue
    if (typeof a === 'object' && typeof b === 'object') {
      if (a.literal === b.literal) open.push(place + width + 1)
    } else if (typeof a === 'object') {
      if (b === '#' || a.literal !== '/') open.push(place + width)
    } else if (typeof b === 'object') {
      if (a === '#' || b.literal !== '/') open.push(place + 1)
    }
  }
  return false
}
