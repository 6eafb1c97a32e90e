import { typeNumberOf } from './data-type.ts'
import type { Alias, Known, Metric } from './metric.ts'

/** Most edge nodes that are remembered, and most metrics over all of them; the longest unborn goes first. */
export const maxNodes = 10_000
export const maxMetrics = 500_000

/** What a node, or one of its devices, has said at its birth. */
class Births {
  readonly byName = new Map<string, Known>()
  readonly byAlias = new Map<Alias, Known>()

  constructor(metrics: readonly Metric[]) {
    for (const { name, alias, type } of metrics) {
      const number = typeNumberOf(type)
      const known = { name, type: number > 0 ? number : null }
      this.byName.set(name, known)
      if (alias !== undefined) this.byAlias.set(alias, known)
    }
  }
}

/** What comes of a sequence number. `repeated`: the very last message again. */
export type SeqVerdict = 'next' | 'repeated' | 'gap'

/** One edge node, from its birth to its death. */
export class NodeSession {
  readonly bdSeq: number | bigint | null
  #seq: number
  /** The last message came after a gap; so it does when it is looked at again. */
  #afterGap = false
  readonly births: Births
  readonly devices = new Map<string, Births>()

  constructor(seq: number, bdSeq: number | bigint | null, metrics: readonly Metric[]) {
    this.#seq = seq
    this.bdSeq = bdSeq
    this.births = new Births(metrics)
  }

  get expectedSeq(): number {
    return (this.#seq + 1) % 256
  }

  get metrics(): number {
    let count = this.births.byName.size
    for (const device of this.devices.values()) count += device.byName.size
    return count
  }

  /** *Source*: Sparkplug 3.0, tck-id-payloads-sequence-num-incrementing. Goes on from whatever has come. */
  take(seq: number): SeqVerdict {
    if (seq === this.#seq) return this.#afterGap ? 'gap' : 'repeated'
    this.#afterGap = seq !== this.expectedSeq
    this.#seq = seq
    return this.#afterGap ? 'gap' : 'next'
  }
}

/** All edge nodes that are alive. */
export class Sessions {
  /** The node that was born last stands last. */
  readonly #nodes = new Map<string, NodeSession>()
  #metrics = 0

  get size(): number {
    return this.#nodes.size
  }

  node(key: string): NodeSession | null {
    return this.#nodes.get(key) ?? null
  }

  bear(key: string, seq: number, bdSeq: number | bigint | null, metrics: readonly Metric[]): void {
    this.bury(key)
    const session = new NodeSession(seq, bdSeq, metrics)
    this.#nodes.set(key, session)
    this.#metrics += session.metrics
    this.#makeRoom(key)
  }

  bearDevice(key: string, node: NodeSession, device: string, metrics: readonly Metric[]): void {
    const births = new Births(metrics)
    this.#metrics += births.byName.size - (node.devices.get(device)?.byName.size ?? 0)
    node.devices.set(device, births)
    this.#makeRoom(key)
  }

  buryDevice(node: NodeSession, device: string): void {
    this.#metrics -= node.devices.get(device)?.byName.size ?? 0
    node.devices.delete(device)
  }

  bury(key: string): void {
    const session = this.#nodes.get(key)
    if (session === undefined) return
    this.#metrics -= session.metrics
    this.#nodes.delete(key)
  }

  /** As in a process that has just begun. */
  clear(): void {
    this.#nodes.clear()
    this.#metrics = 0
  }

  /** Who was born longest ago will be asked to be born again. */
  #makeRoom(newest: string): void {
    for (const key of this.#nodes.keys()) {
      if (this.#nodes.size <= maxNodes && this.#metrics <= maxMetrics) return
      if (key !== newest) this.bury(key)
    }
    if (this.#metrics > maxMetrics) this.bury(newest)
  }
}
