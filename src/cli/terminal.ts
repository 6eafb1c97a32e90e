import { createInterface } from 'node:readline/promises'
import { buffer } from 'node:stream/consumers'

/** Where a command reads and writes; handed in, so that tests see what a person would. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** True when `out` goes to a person's terminal. */
  readonly isTty: boolean
  readonly colour: boolean
  /** Width of the terminal. */
  readonly columns: number
  readonly env: Readonly<Record<string, string | undefined>>
  /** All of standard input. */
  read(): Promise<Uint8Array>
  /** One line from the person at the terminal. */
  ask(question: string): Promise<string>
  /** Calls `listener` at each SIGINT and SIGTERM, until the function it answers is called. */
  onInterrupt(listener: () => void): () => void
  /** Calls `listener` at each SIGHUP. */
  onHangup(listener: () => void): void
  /** Ends the process at once. */
  exitNow(code: number): void
}

/** The process's own terminal. Colours are for a terminal, unless NO_COLOR is set. *Source*: https://no-color.org */
export function processTerminal(): Terminal {
  const { stdout, stderr, stdin, env } = process
  // `trestle subscribe … | head`: a reader that has enough is no fault.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  return {
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    isTty: stdout.isTTY === true,
    colour: stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    get columns() {
      return stdout.columns ?? 80
    },
    env,
    read: () => buffer(stdin),
    ask: async (question) => {
      const lines = createInterface({ input: stdin, output: stdout })
      try {
        return await lines.question(question)
      } finally {
        lines.close()
      }
    },
    onInterrupt: (listener) => {
      process.on('SIGINT', listener).on('SIGTERM', listener)
      return () => process.off('SIGINT', listener).off('SIGTERM', listener)
    },
    onHangup: (listener) => {
      process.on('SIGHUP', listener)
    },
    exitNow: (code) => process.exit(code),
  }
}
