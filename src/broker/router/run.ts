import { PublishView, scanPublish } from '../codec/packets/publish.ts'
import type { Counters } from '../counters.ts'
import { largeBytes, type Turn } from '../output/turn.ts'
import { Parcel, sameFormat } from '../session/parcel.ts'
import type { Session } from '../session/session.ts'
import type { Delivery } from './delivery.ts'
import type { Target } from './target.ts'
import type { TopicEntry } from './topic-cache.ts'

/**
 * Consecutive QoS 0 packets of one publisher to the same topic: they go to the same receivers, so they are handed on
 * as one slice of bytes, as they came.
 */
export class Run {
  readonly #delivery: Delivery
  readonly #counters: Counters
  readonly #turn: Turn
  readonly #now: () => number
  readonly #parcel = new Parcel()
  readonly #view = new PublishView()
  #entry: TopicEntry | null = null
  #publisher: Session | null = null
  #version: 3 | 4 | 5 = 4
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #end = 0
  #count = 0
  #isReused = true

  constructor(delivery: Delivery, counters: Counters, turn: Turn, now: () => number) {
    this.#delivery = delivery
    this.#counters = counters
    this.#turn = turn
    this.#now = now
  }

  /** Adds a packet. `isReused`: the bytes lie in a buffer that the next read overwrites. */
  add(
    entry: TopicEntry,
    publisher: Session,
    version: 3 | 4 | 5,
    bytes: Buffer,
    start: number,
    end: number,
    isReused: boolean,
  ): void {
    if (this.#count > 0) {
      if (this.#entry === entry && this.#end === start && this.#bytes === bytes) {
        this.#end = end
        this.#count++
        return
      }
      this.finish()
    }
    this.#entry = entry
    this.#publisher = publisher
    this.#version = version
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.#count = 1
    this.#isReused = isReused
  }

  /** Hands on what was gathered. To be called before anything else may change receivers, or the bytes. */
  finish(): void {
    if (this.#count === 0) return
    const { targets } = this.#entry!.receivers
    const others = targets.length === 0 ? null : this.#forward(targets)
    if (others !== null) this.#encode(others)
    this.#count = 0
  }

  /** Answers the targets that cannot take the bytes as they are. */
  #forward(targets: readonly Target[]): Target[] | null {
    const size = this.#end - this.#start
    const counters = this.#counters
    let others: Target[] | null = null
    let bytes: Buffer | null = null
    let from = 0
    for (let i = 0; i < targets.length; i++) {
      const target = targets[i]!
      const { session } = target
      if (session === this.#publisher && target.ownTarget !== target) {
        others ??= []
        others.push(target)
        continue
      }
      const { peer } = session
      if (peer === null) counters.dropped.offline += this.#count
      else if (
        target.subscriptionIds !== null ||
        size > peer.maxOutgoingBytes ||
        !sameFormat(peer.version, this.#version)
      ) {
        others ??= []
        others.push(target)
      } else if (!peer.hasRoom) counters.dropped['slow-subscriber'] += this.#count
      else {
        if (bytes === null) {
          if (size > largeBytes && !this.#isReused) {
            bytes = this.#bytes
            from = this.#start
          } else {
            from = this.#turn.copy(this.#bytes, this.#start, this.#end)
            bytes = this.#turn.chunk
          }
        }
        peer.push(bytes, from, from + size)
        counters.sent += this.#count
      }
    }
    return others
  }

  #encode(targets: readonly Target[]): void {
    const bytes = this.#bytes
    for (let start = this.#start; start < this.#end; ) {
      let header = 1
      let length = 0
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[start + header++]!
        length |= (byte & 0x7f) << shift
        if (byte < 0x80) break
      }
      const end = start + header + length
      scanPublish(bytes, start, header, end, this.#version, this.#view)
      const publisher = this.#publisher!
      const { topic } = this.#entry!
      this.#parcel.ofPacket(
        topic,
        bytes,
        start,
        this.#view,
        this.#version,
        publisher.clientId,
        publisher.username,
        this.#now,
      )
      for (const target of targets) this.#delivery.toOne(this.#parcel, target, publisher)
      start = end
    }
  }
}
