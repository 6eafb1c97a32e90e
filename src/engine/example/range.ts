/** Numbers an example allows: `3`, `> 1`, `2..4`; of times `60s..70s`, `< 500ms`. */
export interface Range {
  readonly text: string
  includes(value: number): boolean
}

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `90s`, `1.5 h` in milliseconds; null when it is none. */
export function readSpan(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)$/.exec(text.trim())
  return found === null ? null : Number(found[1]) * unitsMs[found[2]!]!
}

const readNumber = (text: string): number | null => (/^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : null)

/** A range of times, or with `plain` of numbers; null when it is none. */
export function readRange(written: string | number, plain = false): Range | null {
  const text = String(written).trim()
  const read = plain ? readNumber : readSpan
  const open = /^(>=|<=|>|<)(.*)$/s.exec(text)
  if (open !== null) {
    const bound = read(open[2]!)
    return bound === null ? null : { text, includes: (value) => compare(value, open[1]!, bound) }
  }
  const dots = text.indexOf('..')
  if (dots < 0) {
    const exact = read(text)
    return exact === null ? null : { text, includes: (value) => value === exact }
  }
  const from = dots === 0 ? 0 : read(text.slice(0, dots))
  const to = dots + 2 === text.length ? Number.POSITIVE_INFINITY : read(text.slice(dots + 2))
  return from === null || to === null ? null : { text, includes: (value) => value >= from && value <= to }
}

function compare(value: number, sign: string, bound: number): boolean {
  if (sign === '>') return value > bound
  if (sign === '<') return value < bound
  return sign === '>=' ? value >= bound : value <= bound
}
