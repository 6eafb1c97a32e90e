/** One line of a CSV text. */
export interface CsvLine {
  readonly cells: readonly string[]
  /** Where it begins, counted from 1; empty lines and lines within quotes count. */
  readonly line: number
}

/** A fault of a CSV text, with its line. */
export class CsvError extends Error {
  readonly line: number

  constructor(line: number, message: string) {
    super(`${message} in line ${line}`)
    this.line = line
  }
}

const quote = '"'

/**
 * The lines of a CSV text, one at a time, so that a long one can be read in pieces of time. Empty lines are passed over;
 * a byte order mark is none of the text. *Errors*: throws `CsvError`. *Source*: RFC 4180; a line may also end in LF or CR.
 */
export function* csvLines(text: string, delimiter: string): Generator<CsvLine, void> {
  let at = text.startsWith('\ufeff') ? 1 : 0
  let line = 1
  while (at < text.length) {
    if (text[at] === '\n' || text[at] === '\r') {
      at = afterBreak(text, at)
      line++
      continue
    }
    const begun = line
    const cells: string[] = []
    for (;;) {
      const cell = text[at] === quote ? quotedCell(text, at, line) : plainCell(text, at, delimiter)
      cells.push(cell.value)
      at = cell.end
      line += cell.breaks
      if (text[at] !== delimiter) break
      at++
    }
    if (at < text.length && text[at] !== '\n' && text[at] !== '\r') {
      throw new CsvError(line, 'something stands behind a closing quote')
    }
    yield { cells, line: begun }
    if (at < text.length) {
      at = afterBreak(text, at)
      line++
    }
  }
}

const afterBreak = (text: string, at: number): number => at + (text[at] === '\r' && text[at + 1] === '\n' ? 2 : 1)

interface Cell {
  readonly value: string
  readonly end: number
  /** Line breaks in it. */
  readonly breaks: number
}

function plainCell(text: string, start: number, delimiter: string): Cell {
  let end = start
  while (end < text.length && text[end] !== delimiter && text[end] !== '\n' && text[end] !== '\r') end++
  return { value: text.slice(start, end), end, breaks: 0 }
}

/** `"a ""b"""` is `a "b"`. */
function quotedCell(text: string, start: number, line: number): Cell {
  let value = ''
  let from = start + 1
  for (;;) {
    const close = text.indexOf(quote, from)
    if (close === -1) throw new CsvError(line, 'a quote is not closed')
    value += text.slice(from, close)
    if (text[close + 1] !== quote) {
      const breaks = value.match(/\r\n|\r|\n/g)?.length ?? 0
      return { value, end: close + 1, breaks }
    }
    value += quote
    from = close + 2
  }
}
