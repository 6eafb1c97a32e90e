import { type Code, codes, type Retry } from './codes.ts'

export interface ErrorDetail {
  /** Where: `file:line:column`, a packet and field, a connector, a topic. */
  place?: string
  /** What the user can do about it. */
  advice?: string
  [name: string]: unknown
}

/**
 * The one error class of the house. `code` finds its row in `codes.ts`; `retry` is the row's class unless the
 * thrower knows better; `detail` is for people and for `--json`; `cause` keeps what a library threw.
 */
export class TrestleError extends Error {
  readonly code: Code
  readonly retry: Retry
  readonly detail: ErrorDetail

  constructor(code: Code, message: string, options: { retry?: Retry; detail?: ErrorDetail; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TrestleError'
    this.code = code
    this.retry = options.retry ?? codes[code].retry
    this.detail = options.detail ?? {}
  }

  /** Anything thrown, as a TrestleError: itself if it is one, else wrapped under `code` with its message kept. */
  static from(thrown: unknown, code: Code = 'E999'): TrestleError {
    if (thrown instanceof TrestleError) return thrown
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    return new TrestleError(code, message, { cause: thrown })
  }

  toJSON(): { code: Code; title: string; message: string; retry: Retry; detail: ErrorDetail } {
    return {
      code: this.code,
      title: codes[this.code].title,
      message: this.message,
      retry: this.retry,
      detail: this.detail,
    }
  }
}
