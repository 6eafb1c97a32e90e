import { TrestleError } from 'trestle/contract'

/** The messages of a body, as views of it. *Errors*: E402, it is not what it should be; nothing of it is taken then. */
export function splitBody(body: Buffer, batch: 'none' | 'array' | 'ndjson'): Uint8Array[] {
  if (batch === 'none') return [body]
  return batch === 'array' ? splitArray(body) : splitLines(body)
}

function splitLines(body: Buffer): Uint8Array[] {
  const lines: Uint8Array[] = []
  for (let at = 0, number = 1; at < body.length; number++) {
    const found = body.indexOf(0x0a, at)
    const end = found < 0 ? body.length : found
    const line = body.subarray(at, body[end - 1] === 0x0d ? end - 1 : end)
    if (line.length > 0) {
      check(line, `line ${number}`)
      lines.push(line)
    }
    at = end + 1
  }
  return lines
}

/** The elements as they are written: numbers keep their digits. */
function splitArray(body: Buffer): Uint8Array[] {
  const value = check(body, 'the body')
  if (!Array.isArray(value)) throw new TrestleError('E402', 'the body is JSON, but no array')
  const elements: Uint8Array[] = []
  // It is valid JSON from here on: brackets and quotes pair up.
  let depth = 0
  let start = -1
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]!
    if (byte === quote) {
      if (start < 0) start = at
      at = endOfText(body, at)
    } else if (byte === openArray || byte === openObject) {
      if (depth++ === 1 && start < 0) start = at
    } else if (byte === closeArray || byte === closeObject) {
      if (--depth === 0 && start >= 0) elements.push(trimmed(body, start, at))
    } else if (byte === comma && depth === 1) {
      elements.push(trimmed(body, start, at))
      start = -1
    } else if (depth === 1 && start < 0 && byte > space) start = at
  }
  return elements
}

const [quote, backslash, comma, space] = [0x22, 0x5c, 0x2c, 0x20] as const
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d] as const

function endOfText(body: Buffer, from: number): number {
  let at = from + 1
  while (body[at] !== quote) at += body[at] === backslash ? 2 : 1
  return at
}

function trimmed(body: Buffer, start: number, end: number): Uint8Array {
  let last = end
  while (body[last - 1]! <= space) last--
  return body.subarray(start, last)
}

const strict = new TextDecoder('utf-8', { fatal: true })

function check(bytes: Uint8Array, place: string): unknown {
  try {
    return JSON.parse(strict.decode(bytes)) as unknown
  } catch (thrown) {
    throw new TrestleError('E402', `${place}: ${(thrown as Error).message}`, { detail: { place } })
  }
}
