import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server as NetServer } from 'node:net'

/**
 * Child processes of the tests that cannot outlive them: killed by their id at exit, on a signal, on an uncaught
 * error, and, should the test itself be killed with -9, by a small watcher that waits for its end.
 */
const running = new Set<ChildProcess>()
let guarded = false

function killAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

function guard(): void {
  if (guarded) return
  guarded = true
  process.on('exit', killAll)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      killAll()
      process.exit(1)
    })
  }
}

export interface Server {
  readonly pid: number
  /** What the process printed, newest last; the last 64 KiB. */
  output(): string
  /** Ends it by signal and waits for its end. */
  end(signal: NodeJS.Signals): Promise<void>
  /** Settles when the process has ended, with its exit code or signal. */
  readonly ended: Promise<string>
}

/** Starts a server process that ends with this process, however this one ends. */
export function startProcess(command: string, args: readonly string[], options: { cwd?: string } = {}): Server {
  guard()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  running.add(child)
  let text = ''
  const keep = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-65_536)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const ended = new Promise<string>((settle) => {
    child.once('error', (error) => settle(`cannot be started: ${error.message}`))
    child.once('exit', (code, signal) => settle(signal ?? `exit code ${code}`))
  })
  void ended.then(() => running.delete(child))
  const pid = child.pid ?? -1
  if (pid > 0) watch(pid)
  return {
    pid,
    output: () => text,
    ended,
    async end(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await ended
    },
  }
}

/** A detached shell that waits for the end of either process and then kills the server. */
function watch(pid: number): void {
  const script = `while kill -0 ${process.pid} 2>/dev/null; do kill -0 ${pid} 2>/dev/null || exit 0; sleep 1; done; kill -9 ${pid} 2>/dev/null`
  spawn('/bin/sh', ['-c', script], { stdio: 'ignore', detached: true }).unref()
}

/**
 * Ports of 127.0.0.1 that are free now, all different. They lie below those that systems give to outgoing connections
 * (from 32768 on), so that none is taken by one while a server has yet to start, or is down between two lives.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers: NetServer[] = []
  while (servers.length < count) {
    const server = createServer()
    const listening = once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.listen(randomInt(10_000, 32_768), '127.0.0.1')
    if (await listening) servers.push(server)
  }
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))))
  return ports
}

/** Tries until it answers true; the error names what was waited for. */
export async function waitFor(what: string, timeoutMs: number, ready: () => Promise<boolean> | boolean): Promise<void> {
  const until = Date.now() + timeoutMs
  for (;;) {
    if (await ready()) return
    if (Date.now() > until) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    await new Promise((done) => setTimeout(done, 50))
  }
}
