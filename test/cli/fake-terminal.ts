import { run } from '../../src/cli/run.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import type { HubDoor } from '../../src/cli/verb.ts'

export interface Ran {
  exit: number
  out: string
  err: string
}

/** A terminal that remembers what was written and whose Ctrl-C a test presses. */
export class FakeTerminal implements Terminal {
  written = ''
  errors = ''
  isTty = false
  colour = false
  columns = 200
  env: Record<string, string | undefined> = {}
  stdin = ''
  exitCode: number | null = null
  readonly listeners = new Set<() => void>()

  out(text: string) {
    this.written += text
  }

  err(text: string) {
    this.errors += text
  }

  async read() {
    return Buffer.from(this.stdin)
  }

  async ask(question: string) {
    this.written += question
    return this.stdin
  }

  onHangup() {}

  onInterrupt(listener: () => void) {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  interrupt() {
    for (const listener of this.listeners) listener()
  }

  exitNow(code: number) {
    this.exitCode = code
  }
}

const noHub = async (): Promise<HubDoor> => {
  throw new Error('this command has no need of a hub in its process')
}

/** Runs one command line as the process would. */
export async function runCli(
  args: string[],
  terminal = new FakeTerminal(),
  loadHub: () => Promise<HubDoor> = noHub,
): Promise<Ran> {
  const exit = await run(args, { terminal, version: '0.1.0', loadHub })
  return { exit, out: terminal.written, err: terminal.errors }
}
