import type { Terminal } from './terminal.ts'

const clearLine = '\x1b[K'
const clearBelow = '\x1b[J'
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are made of them
const colour = /(\x1b\[\d+m)/g

/** Shows lines again and again: in place on a terminal, one after the other with a blank line between elsewhere. */
export class Screen {
  readonly #terminal: Terminal
  #shown = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show(lines: readonly string[]): void {
    if (!this.#terminal.isTty) {
      this.#terminal.out(`${this.#shown++ > 0 ? '\n' : ''}${lines.join('\n')}\n`)
      return
    }
    const back = this.#shown === 0 ? '' : `\x1b[${this.#shown}A\r`
    const body = lines.map((line) => cut(line, this.#terminal.columns) + clearLine).join('\n')
    this.#terminal.out(`${back}${body}\n${clearBelow}`)
    this.#shown = lines.length
  }
}

/** A line that wraps would be counted as one and drawn as two. */
function cut(line: string, columns: number): string {
  const bare = line.replace(colour, '')
  // Some pseudo-terminals say they have 0 columns: nothing is known of their width.
  if (columns === 0 || bare.length <= columns) return line
  let room = columns - 1
  let kept = ''
  for (const part of line.split(colour)) {
    if (part.startsWith('\x1b')) kept += part
    else {
      kept += part.slice(0, room)
      room -= Math.min(room, part.length)
    }
  }
  return `${kept}…`
}
