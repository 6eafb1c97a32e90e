/** One alternative's or group's parts so far: all but the last one, and the last, which a quantifier repeats. */
interface Part {
  sum: number
  last: number
}

/**
 * How many characters and groups a pattern has once counted repetitions are written out, as RE2 does before its size
 * can be asked for. Not exact in what is no valid pattern.
 */
export function writtenOut(pattern: string): number {
  const open: Part[] = []
  let part: Part = { sum: 0, last: 0 }
  const push = (size: number): void => {
    part.sum += part.last
    part.last = size
  }
  for (const [piece, least, most] of pattern.matchAll(
    /\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]])*\]|\{(\d{1,5})(?:,(\d{0,5}))?\}|./gsu,
  )) {
    if (least !== undefined) part.last *= Math.max(1, Number(least) + (most === '' ? 1 : 0), Number(most ?? 0))
    else if (piece === '(') {
      open.push(part)
      part = { sum: 0, last: 0 }
    } else if (piece === ')' && open.length > 0) {
      const size = part.sum + part.last + 2
      part = open.pop()!
      push(size)
    } else if (!'*+?|'.includes(piece)) push(piece.startsWith('\\Q') ? piece.length : 1)
  }
  return [...open, part].reduce((total, { sum, last }) => total + sum + last, 0)
}
