import { listOffsetsV6, metadataV10 } from '@platformatic/kafka'
import type { Broker, KafkaClient } from '../client.ts'
import { fromKafkaCode } from '../errors.ts'
import { ask } from './ask.ts'
import { fits, isPattern } from './topic-pattern.ts'

/** What the cluster says of a topic. */
export interface TopicState {
  readonly errorCode: number
  /** Node id of each partition's leader; -1 while there is none. */
  readonly leaders: number[]
}

/** A moment of a partition's log. *Unit*: ms since the epoch, or one of the two below. */
export const beginning = -2
export const end = -1

export interface Wanted {
  readonly topic: string
  readonly index: number
  readonly timeMs: number
}

const unknownTopic = 3
const pauseMs = 100
const patienceMs = 15_000
/** LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER, BROKER_NOT_AVAILABLE, REPLICA_NOT_AVAILABLE, epochs, OFFSET_NOT_AVAILABLE */
const passing = new Set([unknownTopic, 5, 6, 8, 9, 56, 74, 75, 78])

/** Knows topics, partitions, leaders and brokers as the cluster told them last. */
export class Cluster {
  readonly #client: KafkaClient
  readonly #committedOnly: boolean
  #brokers = new Map<number, Broker>()
  #topics = new Map<string, TopicState>()

  constructor(client: KafkaClient, committedOnly: boolean) {
    this.#client = client
    this.#committedOnly = committedOnly
  }

  broker(node: number): Broker | null {
    return this.#brokers.get(node) ?? null
  }

  leader(topic: string, index: number): number {
    return this.#topics.get(topic)?.leaders[index] ?? -1
  }

  /** The leader turned out to be none: it is not known until the next look. */
  forgetLeader(topic: string, index: number): void {
    const state = this.#topics.get(topic)
    if (state !== undefined) state.leaders[index] = -1
  }

  /** Asks what these topics are now; null for all there are. *Errors*: those of the connection. */
  async look(names: readonly string[] | null): Promise<ReadonlyMap<string, TopicState>> {
    const wanted = names === null ? null : [...names]
    const answer = await ask(this.#client, null, metadataV10.api, wanted, false, false, false)
    this.#brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
    const found = new Map<string, TopicState>()
    for (const { name, errorCode, isInternal, partitions } of answer.topics) {
      if (!name || (names === null && isInternal)) continue
      const leaders: number[] = []
      for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId
      const state = { errorCode, leaders }
      found.set(name, state)
      this.#topics.set(name, state)
    }
    return found
  }

  /**
   * The topics that names and patterns mean now.
   *
   * *Errors*: those of the connection; E603 and E604 of a topic that is named and cannot be read.
   */
  async select(names: readonly string[]): Promise<Map<string, TopicState>> {
    const patterns = names.filter(isPattern)
    const plain = names.filter((name) => !isPattern(name))
    const selected = new Map<string, TopicState>()
    if (plain.length > 0) {
      for (const [name, state] of await this.look(plain)) {
        if (state.errorCode !== 0 && !passing.has(state.errorCode)) throw fromKafkaCode(state.errorCode, null, name)
        if (state.errorCode === unknownTopic) throw fromKafkaCode(unknownTopic, null, name)
        selected.set(name, state)
      }
    }
    if (patterns.length === 0) return selected
    for (const [name, state] of await this.look(null)) {
      if (state.errorCode === 0 && patterns.some((pattern) => fits(pattern, name))) selected.set(name, state)
    }
    return selected
  }

  /**
   * Offsets of moments, by `topic:index`: of a time, the first record that is not older; the end where there is none.
   *
   * *Errors*: those of the connection, E603, E607.
   */
  async offsets(wanted: readonly Wanted[]): Promise<Map<string, number>> {
    const offsets = new Map<string, number>()
    const deadlineMs = Date.now() + patienceMs
    for (let left = wanted; left.length > 0; ) {
      const asked = await Promise.all([...this.#byLeader(left)].map(([node, some]) => this.#ask(node, some)))
      const again: Wanted[] = []
      for (const { one, code, offset } of asked.flat()) {
        if (code === 0) offsets.set(`${one.topic}:${one.index}`, offset)
        else if (passing.has(code) && Date.now() < deadlineMs) again.push(one)
        else throw fromKafkaCode(code, null, `${one.topic}-${one.index}`)
      }
      // Nothing is that late: the end.
      const late = wanted.filter(({ topic, index, timeMs }) => timeMs >= 0 && offsets.get(`${topic}:${index}`) === -1)
      if (late.length > 0) {
        const ends = await this.offsets(late.map((one) => ({ ...one, timeMs: end })))
        for (const [place, offset] of ends) offsets.set(place, offset)
      }
      left = again
      if (left.length > 0) {
        await new Promise((done) => setTimeout(done, pauseMs))
        await this.look([...new Set(left.map(({ topic }) => topic))])
      }
    }
    return offsets
  }

  #byLeader(wanted: readonly Wanted[]): Map<number, Wanted[]> {
    const nodes = new Map<number, Wanted[]>()
    for (const one of wanted) {
      const node = this.leader(one.topic, one.index)
      const some = nodes.get(node)
      if (some === undefined) nodes.set(node, [one])
      else some.push(one)
    }
    return nodes
  }

  async #ask(node: number, wanted: readonly Wanted[]): Promise<{ one: Wanted; code: number; offset: number }[]> {
    const broker = this.broker(node)
    if (broker === null) return wanted.map((one) => ({ one, code: 5, offset: -1 }))
    const topics = [...new Set(wanted.map(({ topic }) => topic))].map((name) => ({
      name,
      partitions: wanted
        .filter(({ topic }) => topic === name)
        .map(({ index, timeMs }) => ({
          partitionIndex: index,
          currentLeaderEpoch: -1,
          timestamp: BigInt(timeMs),
        })),
    }))
    const answer = await ask(this.#client, broker, listOffsetsV6.api, -1, this.#committedOnly ? 1 : 0, topics)
    const found = new Map(
      answer.topics.flatMap(({ name, partitions }) =>
        partitions.map((one) => [`${name}:${one.partitionIndex}`, one] as const),
      ),
    )
    return wanted.map((one) => {
      const { errorCode = -1, offset = -1n } = found.get(`${one.topic}:${one.index}`) ?? {}
      return { one, code: errorCode, offset: Number(offset) }
    })
  }
}
