import { TrestleError } from 'trestle/contract'
import type { KafkaClient } from './client.ts'
import { fromKafkaCode } from './errors.ts'
import { requeue } from './lot.ts'
import { creationOf, type KafkaOptions } from './options.ts'
import { newPartition, type Partition, type Topic } from './partition.ts'

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
    if (absent.length === 0 || creationOf(this.#options) === null) return
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

  /** The place of a batch that an earlier life has sent; whether it is still there shows when it is asked for. */
  adopt(name: string, id: string, index: number): Partition {
    const topic = this.#entry(name)
    if (topic.id === null && id !== '') topic.id = id
    topic.partitions[index] ??= newPartition(topic, index)
    return topic.partitions[index]
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

/** The log of a topic that is gone knows nothing of earlier numbers, nor has it anything of what was sent. */
function forget(topic: Topic): void {
  for (const partition of topic.partitions) {
    partition.leader = -1
    if (partition.claim !== null) requeue(partition.claim)
    partition.claim = null
  }
  topic.partitions = []
}
