import type { Message } from '../../contract/message.ts'
import { ownText } from '../../topic/name.ts'
import type { Counters } from '../counters.ts'
import type { BrokerLimits } from '../limits.ts'
import { isExpired, type KeptMessage } from '../session/kept-message.ts'
import { keepMessage } from '../session/parcel.ts'

/** A retained message and the QoS it was published with. */
export interface RetainedMessage {
  readonly message: KeptMessage
  readonly qos: 0 | 1 | 2
}

/**
 * The last retained message of each topic, in a tree of levels, so that a filter visits only what it can match.
 * In memory. *Source*: MQTT 5.0 §3.3.1.3.
 */
export class Retained {
  readonly #root = new Level()
  readonly #limits: BrokerLimits
  readonly #counters: Counters
  #count = 0
  #bytes = 0

  constructor(limits: BrokerLimits, counters: Counters) {
    this.#limits = limits
    this.#counters = counters
  }

  get count(): number {
    return this.#count
  }

  /** *Unit*: bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Stores the message, or removes the topic's when the payload is empty. [MQTT-3.3.1-5, -6] */
  set(message: Message): void {
    this.#remove(message.topic)
    if (message.payload.length === 0) return
    const kept = keepMessage(message)
    const names = message.topic.split('/')
    const weight = kept.bytes + this.#missingLevels(names) * levelBytes
    if (this.#count >= this.#limits.maxRetainedMessages || this.#bytes + weight > this.#limits.maxRetainedBytes) {
      this.#counters.dropped['retained-full']++
      return
    }
    let level = this.#root
    for (const name of names) level = level.grow(name)
    level.retained = { message: kept, qos: message.qos }
    this.#count++
    this.#bytes += weight
  }

  /** Those that match the filter, without the expired, which are let go. */
  match(filter: string, nowMs: number): RetainedMessage[] {
    const found: RetainedMessage[] = []
    collect(this.#root, filter.split('/'), 0, found)
    return found.filter(({ message }) => {
      const expired = isExpired(message, nowMs)
      if (expired) this.#remove(message.topic)
      return !expired
    })
  }

  #missingLevels(names: readonly string[]): number {
    let level: Level | undefined = this.#root
    for (let depth = 0; depth < names.length; depth++) {
      level = level.children?.get(names[depth]!)
      if (level === undefined) return names.length - depth
    }
    return 0
  }

  #remove(topic: string): void {
    const names = topic.split('/')
    const path: Level[] = [this.#root]
    for (const name of names) {
      const next = path[path.length - 1]!.children?.get(name)
      if (next === undefined) return
      path.push(next)
    }
    const last = path[path.length - 1]!
    if (last.retained === null) return
    this.#count--
    this.#bytes -= last.retained.message.bytes
    last.retained = null
    for (let i = names.length; i > 0 && path[i]!.isEmpty; i--) {
      path[i - 1]!.children!.delete(names[i - 1]!)
      this.#bytes -= levelBytes
    }
  }
}

/** What one level of the tree takes: a topic of slashes alone is far larger here than on the wire. *Unit*: bytes. */
const levelBytes = 450

class Level {
  children: Map<string, Level> | null = null
  retained: RetainedMessage | null = null

  get isEmpty(): boolean {
    return this.retained === null && (this.children === null || this.children.size === 0)
  }

  grow(name: string): Level {
    this.children ??= new Map()
    let child = this.children.get(name)
    if (child === undefined) {
      child = new Level()
      this.children.set(ownText(name), child)
    }
    return child
  }
}

function collect(level: Level, names: readonly string[], depth: number, found: RetainedMessage[]): void {
  const name = names[depth]
  if (name === undefined) {
    if (level.retained !== null) found.push(level.retained)
    return
  }
  if (name === '#') {
    collectAll(level, depth === 0, found)
    return
  }
  if (name !== '+') {
    const child = level.children?.get(name)
    if (child !== undefined) collect(child, names, depth + 1, found)
    return
  }
  if (level.children === null) return
  for (const [key, child] of level.children) {
    // A wildcard does not match a first level that starts with `$`. [MQTT-4.7.2-1]
    if (depth > 0 || !key.startsWith('$')) collect(child, names, depth + 1, found)
  }
}

/** Without recursion: topics may have 65,535 levels, filters at most `maxFilterLevels`. */
function collectAll(top: Level, isRoot: boolean, found: RetainedMessage[]): void {
  const waiting: Level[] = []
  if (top.retained !== null) found.push(top.retained)
  for (const [key, child] of top.children ?? []) if (!isRoot || !key.startsWith('$')) waiting.push(child)
  for (let level = waiting.pop(); level !== undefined; level = waiting.pop()) {
    if (level.retained !== null) found.push(level.retained)
    if (level.children !== null) for (const child of level.children.values()) waiting.push(child)
  }
}
