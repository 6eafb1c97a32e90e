import { TrestleError } from 'trestle/contract'
import type { KafkaClient } from './client.ts'
import { fromKafkaCode } from './errors.ts'
import type { KafkaOptions } from './options.ts'
import type { ProducerIdentity } from './record-batch.ts'

/** One partition: where its leader is, and how far its numbered batches got. */
export interface Partition {
  readonly topic: Topic
  readonly index: number
  /** Node id; -1 while there is none. */
  leader: number
  /** Who numbers the batches of this partition; null before the first. */
  identity: ProducerIdentity | null
  /** Sequence number of the next record. */
  sequence: number
  /**
   * The ids of a batch that was sent and not answered: it must go again just so, under the same numbers, because it
   * may be in the log already. null: everything sent is settled.
   */
  claim: readonly string[] | null
  /** Places in the batch being delivered that go here, and how many of them are done. */
  readonly queue: number[]
  head: number
  /** The most records of the next record batch; halved when one is refused as too large. */
  maxRecords: number
  /** Times in a row that the cluster asked for another try. */
  tries: number
}

export interface Topic {
  readonly name: string
  /** Kafka's own id of it: another one means that it was deleted and created anew. */
  id: string | null
  partitions: Partition[]
  /** Why nothing can be written to it now. */
  fault: TrestleError | null
  /** When it must be asked for again. *Unit*: ms since the epoch. */
  staleMs: number
}

const freshForMs = 300_000
const faultForMs = 500
const unknownTopic = 3
const validName = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/

/** What is known of the topics; it asks the cluster for what is not known or no longer fresh. */
export class Topics {
  readonly #options: KafkaOptions
  readonly #client: KafkaClient
  readonly #now: () => number
  readonly #known: Map<string, Topic>

  /** `known` is what an earlier sink of the same cluster has left. */
  constructor(options: KafkaOptions, client: KafkaClient, now: () => number, known: Map<string, Topic>) {
    this.#options = options
    this.#client = client
    this.#now = now
    this.#known = known
    for (const topic of known.values()) topic.staleMs = 0
  }

  get known(): Map<string, Topic> {
    return this.#known
  }

  /** The topic when it is known and fresh, even if what is known is a fault. */
  fresh(name: string, nowMs: number): Topic | undefined {
    const topic = this.#known.get(name)
    return topic !== undefined && topic.staleMs > nowMs ? topic : undefined
  }

  /** The topic after `learn`. */
  get(name: string): Topic {
    return this.#known.get(name)!
  }

  /** Asks the cluster. *Errors*: those of the connection; a topic's own fault stays with the topic. */
  async learn(names: readonly string[]): Promise<void> {
    const askable = names.filter((name) => this.#entry(name) && validName.test(name))
    if (askable.length === 0) return
    const absent = await this.#ask(askable)
    if (absent.length === 0 || !this.#options.create_topics) return
    const faults = await this.#client.createTopics(absent)
    // A topic just created is not at once known to every broker, nor has it a leader.
    for (let attempt = 0; attempt < 20; attempt++) {
      await this.#ask(absent)
      if (absent.every((name) => this.#isReady(this.get(name)) || faults.has(name))) break
      await new Promise((done) => setTimeout(done, 50))
    }
    for (const [name, fault] of faults) {
      const topic = this.get(name)
      if (topic.fault !== null) topic.fault = fault
    }
  }

  #isReady(topic: Topic): boolean {
    return topic.fault === null && topic.partitions.every(({ leader }) => leader >= 0)
  }

  /** Asks once; answers the names of topics that do not exist. */
  async #ask(names: readonly string[]): Promise<string[]> {
    const answer = await this.#client.metadata(names)
    const absent: string[] = []
    const nowMs = this.#now()
    for (const { name, topicId, errorCode, partitions } of answer.topics) {
      const topic = name ? this.#known.get(name) : undefined
      if (topic === undefined) continue
      if (errorCode !== 0) {
        topic.fault = fromKafkaCode(errorCode, null, topic.name)
        topic.staleMs = nowMs + faultForMs
        // A broker that has just started may not know it yet: what was numbered stays, until the topic has a new id.
        if (errorCode === unknownTopic) absent.push(topic.name)
        continue
      }
      if (topic.id !== null && topic.id !== (topicId ?? null)) forget(topic)
      topic.id = topicId ?? null
      topic.fault = null
      topic.staleMs = nowMs + freshForMs
      for (const { partitionIndex, leaderId } of partitions) {
        topic.partitions[partitionIndex] ??= newPartition(topic, partitionIndex)
        const partition = topic.partitions[partitionIndex]
        partition.leader = leaderId
        if (leaderId < 0) topic.staleMs = nowMs + faultForMs
      }
    }
    return absent
  }

  #entry(name: string): Topic {
    let topic = this.#known.get(name)
    if (topic === undefined) {
      topic = { name, id: null, partitions: [], fault: null, staleMs: 0 }
      this.#known.set(name, topic)
      if (!validName.test(name)) {
        const advice = 'a topic has 1 to 249 of a-z, A-Z, 0-9, ".", "_" and "-"'
        topic.fault = new TrestleError('E606', `\`${name}\` is not a name for a Kafka topic`, { detail: { advice } })
        topic.staleMs = Number.POSITIVE_INFINITY
      }
    }
    return topic
  }
}

/** The log of a topic that is gone knows nothing of earlier numbers. */
function forget(topic: Topic): void {
  for (const partition of topic.partitions) {
    partition.leader = -1
    partition.identity = null
    partition.sequence = 0
    partition.claim = null
  }
}

const newPartition = (topic: Topic, index: number): Partition => ({
  topic,
  index,
  leader: -1,
  identity: null,
  sequence: 0,
  claim: null,
  queue: [],
  head: 0,
  maxRecords: Number.POSITIVE_INFINITY,
  tries: 0,
})
