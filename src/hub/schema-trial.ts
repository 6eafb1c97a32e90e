import { Worker } from 'node:worker_threads'
import type { TriedSchema } from '../api/port.ts'
import { TrestleError } from '../contract/error.ts'
import { invalidSchema } from '../registry/registry-error.ts'

export type TrialOrder = TriedSchema

/** A schema that takes longer to compile is none that the hub may stop for. *Unit*: ms. */
const maxCompileMs = 1500
/** What compiling may need. *Unit*: MB. */
const maxMemoryMb = 256
/** What loading its modules may take. *Unit*: ms. */
const startMs = 20_000
/** So long the thread is kept for the next schema. *Unit*: ms. */
const idleMs = 5000
/** Shorter texts cannot cost much. *Unit*: characters. */
const freeLength = 512

/**
 * Compiles schemas of strangers in a thread of its own before the hub does: what does not come to an end there would hold
 * up every message here. One at a time; the thread is made when it is needed, and ends when it is not.
 */
export class SchemaTrial {
  #thread: Worker | null = null
  #turn: Promise<void> = Promise.resolve()
  #idle: NodeJS.Timeout | null = null
  #settle: (refusal: string | null) => void = () => void 0

  /** *Errors*: 42201 (E302). */
  try(order: TrialOrder): Promise<void> {
    if (order.text.length <= freeLength && order.referenced.length === 0) return Promise.resolve()
    const done = this.#turn.then(() => this.#try(order))
    this.#turn = done.catch(() => void 0)
    return done
  }

  async close(): Promise<void> {
    if (this.#idle !== null) clearTimeout(this.#idle)
    await this.#thread?.terminate()
    this.#thread = null
  }

  async #try({ format, text, referenced }: TrialOrder): Promise<void> {
    if (this.#idle !== null) clearTimeout(this.#idle)
    this.#thread ??= await this.#start()
    this.#thread.postMessage({ format, text, referenced })
    const refusal = await this.#answer(maxCompileMs)
    if (refusal !== null) {
      await this.close()
      throw invalidSchema(`Invalid schema, details: ${refusal}`)
    }
    this.#idle = setTimeout(() => void this.close(), idleMs)
    this.#idle.unref()
  }

  /** The thread says a first word when its own modules are loaded: only then the clock runs. */
  async #start(): Promise<Worker> {
    // Sources run as they are, the published package runs what was built from them: the neighbour has our own ending.
    const file = new URL(`./schema-trial-thread${import.meta.url.slice(-3)}`, import.meta.url)
    const thread = new Worker(file, { resourceLimits: { maxOldGenerationSizeMb: maxMemoryMb }, name: 'schema trial' })
    thread.on('message', () => this.#settle(null)).on('error', ({ message }) => this.#settle(message))
    this.#thread = thread
    const refusal = await this.#answer(startMs)
    if (refusal === null) return thread
    await this.close()
    throw new TrestleError('E999', `a schema cannot be tried out: ${refusal}`)
  }

  /** null when the thread has answered in time. */
  #answer(withinMs: number): Promise<string | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve('it takes too long to compile'), withinMs)
      this.#settle = (refusal) => {
        clearTimeout(timer)
        resolve(refusal)
      }
    })
  }
}
