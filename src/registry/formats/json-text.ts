import { type FormatFault, faultAt, maxSchemaBytes, maxSchemaDepth, tooLarge } from './format.ts'

/** The value of a schema written in JSON, or what is wrong with the text. */
export function parseJsonText(text: string): { readonly value: unknown } | { readonly fault: FormatFault } {
  if (Buffer.byteLength(text) > maxSchemaBytes) return { fault: tooLarge }
  try {
    const value: unknown = JSON.parse(text)
    const deep = tooDeep(value, [])
    return deep === null ? { value } : { fault: faultAt(deep, `nested deeper than ${maxSchemaDepth}`, 'E303') }
  } catch (thrown) {
    const { message } = thrown as SyntaxError
    const position = /at position (\d+)/.exec(message)?.[1]
    const before = text.slice(0, position === undefined ? text.trimEnd().length : Number(position)).split('\n')
    const why = message.replace(/ in JSON at position .*$| \(line \d+ column \d+\)$/s, '')
    const place = { line: before.length, column: before.at(-1)!.length + 1 }
    return { fault: { ...faultAt([], `not valid JSON: ${why}`), ...place } }
  }
}

/** The path to a value that lies too deep; null when there is none. */
function tooDeep(value: unknown, path: (string | number)[]): (string | number)[] | null {
  if (typeof value !== 'object' || value === null) return null
  if (path.length > maxSchemaDepth) return path
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  for (const [name, item] of entries) {
    const found = tooDeep(item, [...path, name])
    if (found !== null) return found
  }
  return null
}

/** JSON without layout, the names in the order they were written. */
export function compactJson(text: string): string {
  const parsed = parseJsonText(text)
  return 'fault' in parsed ? text : JSON.stringify(parsed.value)
}

/** JSON without layout, the names in order. */
export function sortedJson(text: string): string {
  const parsed = parseJsonText(text)
  return 'fault' in parsed ? text : JSON.stringify(sorted(parsed.value))
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sorted)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  // fromEntries makes own fields of all names, `__proto__` included.
  return Object.fromEntries(entries.map(([name, item]) => [name, sorted(item)]))
}
