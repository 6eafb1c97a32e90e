import type { TopicRules } from '../port.ts'
import type { PeerTopic } from './peer-topic.ts'
import { nobody, type Receivers } from './receivers.ts'

/** All that is known of one topic, so that it is worked out once and not per message. */
export class TopicEntry {
  readonly topic: string
  /** The topic's bytes as they stand in packets. */
  readonly bytes: Buffer
  readonly hash: number
  receivers: Receivers = nobody
  rules: TopicRules | null = null
  /** Neither a rule nor an in-process subscriber wants it: bytes may pass without becoming a Message. */
  isPlain = false
  /** Nobody subscribes to it, and no rule takes it. */
  isUnwanted = false
  /** The topic is to be rewritten or its message held back: where it goes is asked for each of its publishers. */
  hasWay = false
  /** The one client it is for; null for topics with subscribers. */
  peer: PeerTopic | null = null
  /** The versions of router and flow that the above holds for. */
  routerVersion = -1
  flowVersion = -1

  constructor(topic: string, bytes: Buffer, hash: number) {
    this.topic = topic
    this.bytes = bytes
    this.hash = hash
  }

  matches(buffer: Buffer, start: number, end: number): boolean {
    const { bytes } = this
    const length = end - start
    if (bytes.length !== length) return false
    // From the end: topics differ there.
    for (let i = length - 1; i >= 0; i--) if (bytes[i] !== buffer[start + i]) return false
    return true
  }
}

const ways = 4
/** Longer topics are worked out each time, so that strangers cannot fill the table with them. *Unit*: bytes. */
const maxCachedTopicBytes = 512

/**
 * Topics by their bytes, in a table of fixed size: sets of four places, the oldest of a set gives way. Publishers choose
 * the topics, so the hash is seeded, and a flood of colliding topics costs no more than a miss each.
 */
export class TopicCache {
  readonly #sets: (TopicEntry | null)[]
  readonly #mask: number
  readonly #seed: number
  #turn = 0

  constructor(maxTopics: number, seed: number) {
    let sets = 1
    while (sets * ways < maxTopics) sets *= 2
    this.#sets = new Array<TopicEntry | null>(sets * ways).fill(null)
    this.#mask = sets - 1
    this.#seed = seed | 0
  }

  hash(buffer: Buffer, start: number, end: number): number {
    let hash = this.#seed
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ buffer[i]!, 0x01000193)
    hash ^= hash >>> 15
    hash = Math.imul(hash, 0x2c1b3c6d)
    return (hash ^ (hash >>> 13)) | 0
  }

  find(buffer: Buffer, start: number, end: number, hash: number): TopicEntry | null {
    const set = (hash & this.#mask) * ways
    for (let i = 0; i < ways; i++) {
      const entry = this.#sets[set + i]!
      if (entry !== null && entry.hash === hash && entry.matches(buffer, start, end)) return entry
    }
    return null
  }

  /** Keeps an entry, if its topic is short enough, in place of the oldest of its set. */
  keep(entry: TopicEntry): void {
    if (entry.bytes.length > maxCachedTopicBytes) return
    const set = (entry.hash & this.#mask) * ways
    for (let i = 0; i < ways; i++) {
      if (this.#sets[set + i] === null) {
        this.#sets[set + i] = entry
        return
      }
    }
    this.#turn = (this.#turn + 1) % ways
    this.#sets[set + this.#turn] = entry
  }
}
