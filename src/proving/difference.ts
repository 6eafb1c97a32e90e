/** A line of a comparison: what both have, what was expected, what came. */
export interface DiffLine {
  readonly sign: ' ' | '-' | '+'
  readonly text: string
}

/** How the fields of an expected object are meant: all of them, or these among others. */
export type Completeness = 'whole' | 'includes'

/** Compares a value with what was expected of it, line by line; null when they are equal. */
export function differenceOf(
  name: string,
  expected: unknown,
  actual: unknown,
  completeness: Completeness = 'whole',
): DiffLine[] | null {
  if (isSame(expected, actual, completeness)) return null
  const lines: DiffLine[] = []
  compare(name, expected, actual, completeness, '', lines)
  return lines
}

function compare(
  name: string,
  expected: unknown,
  actual: unknown,
  completeness: Completeness,
  indent: string,
  lines: DiffLine[],
): void {
  const inner = `${indent}  `
  if (isSame(expected, actual, completeness)) write(name, expected, indent, ' ', lines)
  else if (isMap(expected) && isMap(actual)) {
    lines.push({ sign: ' ', text: `${indent}${name}:` })
    for (const [key, value] of Object.entries(expected)) {
      if (Object.hasOwn(actual, key)) compare(key, value, actual[key], completeness, inner, lines)
      else write(key, value, inner, '-', lines)
    }
    if (completeness === 'includes') return
    for (const [key, value] of Object.entries(actual))
      if (!Object.hasOwn(expected, key)) write(key, value, inner, '+', lines)
  } else if (Array.isArray(expected) && Array.isArray(actual)) {
    lines.push({ sign: ' ', text: `${indent}${name}:` })
    for (let at = 0; at < Math.max(expected.length, actual.length); at++) {
      if (at >= actual.length) write(`[${at}]`, expected[at], inner, '-', lines)
      else if (at >= expected.length) write(`[${at}]`, actual[at], inner, '+', lines)
      else compare(`[${at}]`, expected[at], actual[at], completeness, inner, lines)
    }
  } else {
    write(name, expected, indent, '-', lines)
    write(name, actual, indent, '+', lines)
  }
}

function write(name: string, value: unknown, indent: string, sign: DiffLine['sign'], lines: DiffLine[]): void {
  lines.push({ sign, text: `${indent}${name}: ${printValue(value)}` })
}

/** Objects and lists of the same contents; numbers that differ in the tenth digit at most are the same. */
export function isSame(expected: unknown, actual: unknown, completeness: Completeness = 'whole'): boolean {
  if (typeof expected === 'bigint' || typeof actual === 'bigint') return isSameNumber(expected, actual)
  if (typeof expected === 'number' && typeof actual === 'number') return isNear(expected, actual)
  if (Array.isArray(expected) && Array.isArray(actual))
    return expected.length === actual.length && expected.every((one, at) => isSame(one, actual[at], completeness))
  if (expected instanceof Uint8Array || actual instanceof Uint8Array) return printValue(expected) === printValue(actual)
  if (!isMap(expected) || !isMap(actual)) return Object.is(expected, actual)
  const keys = Object.keys(expected)
  if (completeness === 'whole' && keys.length !== Object.keys(actual).length) return false
  return keys.every((key) => Object.hasOwn(actual, key) && isSame(expected[key], actual[key], completeness))
}

const isNear = (a: number, b: number): boolean =>
  a === b || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)) || (Number.isNaN(a) && Number.isNaN(b))

const isSameNumber = (a: unknown, b: unknown): boolean =>
  ['bigint', 'number'].includes(typeof a) && ['bigint', 'number'].includes(typeof b) && String(a) === String(b)

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

const maxPrinted = 300

/** A value on one line, as one would write it in YAML's flow style; bytes as hexadecimal. */
export function printValue(value: unknown): string {
  const text = printWhole(value)
  return text.length > maxPrinted ? `${text.slice(0, maxPrinted).toWellFormed()}…` : text
}

function printWhole(value: unknown): string {
  if (value instanceof Uint8Array) return `hex ${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return `[${value.map(printWhole).join(', ')}]`
  if (isMap(value)) {
    const entries = Object.entries(value).map(([key, one]) => `${printKey(key)}: ${printWhole(one)}`)
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

const printKey = (key: string): string => (/^[\w-]+$/.test(key) ? key : JSON.stringify(key))
