import { sparkplugPrefix } from './topic.ts'
import { WireWriter } from './wire-writer.ts'

/** How long a node has to be born before it is asked again. *Unit*: milliseconds. */
export const askAgainMs = 30_000
/** Most nodes that are waited for. */
const maxAsked = 10_000

/** A command that wants to be published. */
export interface RebirthRequest {
  readonly topic: string
  readonly payload: Uint8Array
}

/** Asks edge nodes for their births, each seldom. */
export class Rebirths {
  /** When each was asked, the first first. */
  readonly #askedMs = new Map<string, number>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** null when it was asked a moment ago. *Source*: Sparkplug 3.0, tck-id-operational-behavior-data-commands-ncmd-rebirth. */
  ask(group: string, node: string): RebirthRequest | null {
    const key = `${group}/${node}`
    const nowMs = this.#now()
    const askedMs = this.#askedMs.get(key)
    if (askedMs !== undefined && nowMs - askedMs < askAgainMs && nowMs >= askedMs) return null
    this.#askedMs.delete(key)
    this.#askedMs.set(key, nowMs)
    const [oldest] = this.#askedMs.keys()
    if (this.#askedMs.size > maxAsked && oldest !== undefined) this.#askedMs.delete(oldest)
    return { topic: `${sparkplugPrefix}${group}/NCMD/${node}`, payload: requestAt(nowMs) }
  }

  /** It was born, so that it may be asked at once when it loses itself again. */
  born(group: string, node: string): void {
    this.#askedMs.delete(`${group}/${node}`)
  }
}

const boolean = 11

function requestAt(nowMs: number): Uint8Array {
  const payload = new WireWriter()
  payload.uint(1, nowMs)
  payload.nested(2, (metric) => {
    metric.string(1, 'Node Control/Rebirth')
    metric.uint(3, nowMs)
    metric.uint(4, boolean)
    metric.bool(14, true)
  })
  return payload.written
}
