import pino from 'pino'
import { printLine } from './log-line.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'
export type Facts = Readonly<Record<string, unknown>>

/** Where lines go; `process.stderr` in the product. */
export interface LogStream {
  write(text: string): unknown
}

export interface LogOptions {
  level: Level | 'silent'
  stream: LogStream
  /** True: one compact line for a person. False: one JSON object per line. */
  human: boolean
  /** Takes secrets out of a text. Every string that reaches a line goes through it. */
  redact(text: string): string
  /** *Unit*: ms since the epoch. */
  now(): number
  /** Lines of one event per second; what is above is counted and told on that event's next line. */
  maxLinesPerS?: number
}

const severity: Record<Level | 'silent', number> = { debug: 20, info: 30, warn: 40, error: 50, silent: 100 }
/** Deeper facts are cut: a log line is not a dump. */
const maxDepth = 5
/** Connectors name their own events; one that makes up names without end must not fill the memory. */
const maxEventNames = 1000

/**
 * The hub's log: JSON lines through pino, or a compact line on a terminal.
 *
 * It promises that no secret leaves through it (every string passes `redact` before it is written) and that a flood
 * of one event cannot fill the disk or block the thread (`maxLinesPerS` each, the rest told as `suppressed`).
 */
export class Log {
  readonly #options: LogOptions
  readonly #least: number
  readonly #pino: pino.Logger | null
  readonly #floods = new Map<string, { sinceMs: number; lines: number; suppressed: number }>()

  constructor(options: LogOptions) {
    this.#options = options
    this.#least = severity[options.level]
    this.#pino = options.human
      ? null
      : pino(
          {
            level: options.level,
            base: null,
            timestamp: () => `,"time":"${new Date(options.now()).toISOString()}"`,
            formatters: { level: (label) => ({ level: label }) },
          },
          options.stream as pino.DestinationStream,
        )
  }

  /** One line: `event` is its stable name, `message` what a person reads, `facts` the rest. */
  write(level: Level, event: string, message: string, facts?: Facts): void {
    if (severity[level] < this.#least) return
    const suppressed = this.#suppressed(event)
    if (suppressed < 0) return
    const clean = (facts === undefined ? {} : this.#clean(facts, 0)) as Record<string, unknown>
    if (suppressed > 0) clean['suppressed'] = suppressed
    const text = this.#options.redact(message)
    if (this.#pino === null) this.#options.stream.write(printLine(this.#options.now(), level, text, clean))
    else this.#pino[level]({ event, ...clean }, text)
  }

  /** A line whose event is not in the table: what a connector says about itself. */
  note(level: Level, event: string, facts?: Facts): void {
    this.write(level, event, event, facts)
  }

  /** Lines held back since this event's last line; −1 when this one is held back too. */
  #suppressed(event: string): number {
    const nowMs = this.#options.now()
    const flood = this.#floods.get(event)
    if (flood === undefined || nowMs - flood.sinceMs >= 1000 || nowMs < flood.sinceMs) {
      if (flood === undefined && this.#floods.size >= maxEventNames) this.#floods.clear()
      this.#floods.set(event, { sinceMs: nowMs, lines: 1, suppressed: 0 })
      return flood?.suppressed ?? 0
    }
    if (flood.lines >= (this.#options.maxLinesPerS ?? 20)) {
      flood.suppressed++
      return -1
    }
    flood.lines++
    return 0
  }

  #clean(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return this.#options.redact(value)
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'object' || value === null) return value
    if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
    if (depth >= maxDepth) return '…'
    if (value instanceof Error) return this.#cleanError(value, depth)
    if (Array.isArray(value)) return value.map((item) => this.#clean(item, depth + 1))
    const clean: Record<string, unknown> = {}
    for (const [name, item] of Object.entries(value)) clean[name] = this.#clean(item, depth + 1)
    return clean
  }

  #cleanError(error: Error & { code?: unknown; detail?: unknown }, depth: number): unknown {
    const told: Record<string, unknown> = { message: error.message }
    if (error.code !== undefined) told['code'] = error.code
    if (error.detail !== undefined) told['detail'] = error.detail
    // The stack of a foreseen fault (it has a code of ours) says nothing to its reader.
    if (!(typeof error.code === 'string' && /^E\d{3}$/.test(error.code)) || error.code === 'E999')
      told['stack'] = error.stack
    if (error.cause !== undefined) told['cause'] = error.cause
    return this.#clean(told, depth + 1)
  }
}
