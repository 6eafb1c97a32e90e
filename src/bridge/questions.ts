import { TrestleError } from '../contract/error.ts'
import {
  type BoundaryPort,
  type ControlWord,
  type FromHost,
  fromWire,
  type ToHost,
  type WireError,
} from './boundary.ts'
import { within } from './signal.ts'

interface Asked {
  resolve(answer: unknown): void
  reject(error: TrestleError): void
}

/** What main has asked the connector thread and waits for. */
export class Questions {
  readonly #asked = new Map<number, Asked>()
  #lastId = 0

  /** `limitMs` null waits for as long as the thread lives. *Errors*: the answer's own; E608 when there is none in time. */
  async ask(
    port: BoundaryPort<ToHost, FromHost>,
    word: ControlWord,
    ask: unknown,
    limitMs: number | null,
  ): Promise<unknown> {
    const id = ++this.#lastId
    const answer = new Promise<unknown>((resolve, reject) => this.#asked.set(id, { resolve, reject }))
    port.postMessage({ kind: 'control', id, word, ask })
    try {
      return await (limitMs === null ? answer : within(answer, limitMs, noAnswer))
    } finally {
      this.#asked.delete(id)
    }
  }

  answered(id: number, answer: unknown, error: WireError | null): void {
    const asked = this.#asked.get(id)
    if (error === null) asked?.resolve(answer)
    else asked?.reject(fromWire(error))
  }

  /** Nobody is there to answer any more. */
  rejectAll(error: TrestleError): void {
    for (const asked of this.#asked.values()) asked.reject(error)
    this.#asked.clear()
  }
}

const noAnswer = (): TrestleError => new TrestleError('E608', 'connector thread does not answer')
