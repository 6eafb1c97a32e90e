import { type API, findCoordinatorV3, offsetCommitV8, offsetFetchV7 } from '@platformatic/kafka'
import type { Broker, KafkaClient } from '../client.ts'
import { fromKafkaCode } from '../errors.ts'
import { ask } from './ask.ts'
import type { Partitions } from './member-protocol.ts'
import { verdictOn } from './verdicts.ts'

/** Who speaks to the coordinator; generation -1 and no id for one who is no member. */
export interface Membership {
  readonly generation: number
  readonly memberId: string
  readonly instanceId: string | null
}

export const noMember: Membership = { generation: -1, memberId: '', instanceId: null }

/** One partition's offset, to be stored or as it is stored. *Shape*: -1 where nothing is stored. */
export interface StoredOffset {
  readonly topic: string
  readonly index: number
  readonly offset: number
}

const pauseMs = 100

/**
 * The broker that keeps a group: finds it, finds it again when it has moved, and stores offsets there. What passes by
 * itself is waited for, up to `patienceMs`.
 */
export class Coordinator {
  readonly group: string
  readonly #client: KafkaClient
  readonly #patienceMs: number
  #broker: Broker | null = null
  #closed = false

  constructor(client: KafkaClient, group: string, patienceMs: number) {
    this.group = group
    this.#client = client
    this.#patienceMs = patienceMs
  }

  close(): void {
    this.#closed = true
  }

  forget(): void {
    this.#broker = null
  }

  /** *Errors*: those of the connection; E603, E607. */
  async find(): Promise<Broker> {
    const deadlineMs = Date.now() + this.#patienceMs
    while (this.#broker === null) {
      const answer = await ask(this.#client, null, findCoordinatorV3.api, 0, [this.group])
      const found = answer.coordinators[0]!
      if (found.errorCode === 0) this.#broker = { host: found.host, port: found.port }
      else {
        const error = fromKafkaCode(found.errorCode, found.errorMessage || null, `group ${this.group}`)
        if (verdictOn('find', found.errorCode) !== 'again' || this.#closed || Date.now() > deadlineMs) throw error
        await pause()
      }
    }
    return this.#broker
  }

  /** Asks the coordinator over a client's connection. *Errors*: those of the connection; then it is looked for anew. */
  async ask<Request extends unknown[], Answer>(
    client: KafkaClient,
    api: API<Request, Answer>,
    ...request: Request
  ): Promise<Answer> {
    try {
      return await ask(client, await this.find(), api, ...request)
    } catch (thrown) {
      this.forget()
      throw thrown
    }
  }

  /**
   * Stores offsets; answers those that are stored. Those refused because the partitions are being shared anew, or
   * because this member is out, are not.
   *
   * *Errors*: those of the connection; E603 and what else cannot be cured.
   */
  async commit(member: Membership, offsets: readonly StoredOffset[]): Promise<StoredOffset[]> {
    const { generation, memberId, instanceId } = member
    const topics = [...byTopic(offsets)].map(([name, entries]) => ({
      name,
      partitions: entries.map(({ index, offset }) => ({
        partitionIndex: index,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: -1,
        committedMetadata: null,
      })),
    }))
    return this.#patiently('commit', async () => {
      const answer = await this.ask(
        this.#client,
        offsetCommitV8.api,
        this.group,
        generation,
        memberId,
        instanceId,
        topics,
      )
      const codes = new Map<string, number>()
      for (const { name, partitions } of answer.topics) {
        for (const { partitionIndex, errorCode } of partitions) codes.set(`${name}:${partitionIndex}`, errorCode)
      }
      const stored = offsets.filter(({ topic, index }) => codes.get(`${topic}:${index}`) === 0)
      return { code: [...codes.values()].find((code) => code !== 0) ?? 0, answer: stored }
    })
  }

  /** What is stored for these partitions. *Errors*: as `commit`; E607 while a transaction holds the offsets. */
  async stored(partitions: Partitions): Promise<StoredOffset[]> {
    const topics = [...partitions].map(([name, partitionIndexes]) => ({
      name,
      partitionIndexes: [...partitionIndexes],
    }))
    return this.#patiently('stored', async () => {
      const groups = [{ groupId: this.group, memberId: null, memberEpoch: -1, topics }]
      const answer = await this.ask(this.#client, offsetFetchV7.api, groups, true)
      const all = answer.topics.flatMap(({ name, partitions }) => partitions.map((one) => ({ topic: name, ...one })))
      const code = answer.errorCode || (all.find(({ errorCode }) => errorCode !== 0)?.errorCode ?? 0)
      return {
        code,
        answer: all.map(({ topic, partitionIndex, committedOffset }) => ({
          topic,
          index: partitionIndex,
          offset: Number(committedOffset),
        })),
      }
    })
  }

  /** Asks until the answer is one: what passes is waited for, what the membership must hear is answered as it is. */
  async #patiently<Answer>(
    asked: 'commit' | 'stored',
    attempt: () => Promise<{ code: number; answer: Answer }>,
  ): Promise<Answer> {
    const deadlineMs = Date.now() + this.#patienceMs
    for (;;) {
      const { code, answer } = await attempt()
      if (code === 0) return answer
      const verdict = verdictOn(asked, code)
      // The heartbeat hears the same, and acts.
      if (verdict === 'rejoin' || verdict === 'anew' || verdict === 'leave-it') return answer
      if (verdict === 'give-up' || this.#closed || Date.now() > deadlineMs) {
        throw fromKafkaCode(code, null, `group ${this.group}`)
      }
      if (verdict === 'find') this.forget()
      await pause()
    }
  }
}

const pause = (): Promise<void> => new Promise((done) => setTimeout(done, pauseMs))

function byTopic(offsets: readonly StoredOffset[]): Map<string, StoredOffset[]> {
  const topics = new Map<string, StoredOffset[]>()
  for (const one of offsets) {
    const entries = topics.get(one.topic)
    if (entries === undefined) topics.set(one.topic, [one])
    else entries.push(one)
  }
  return topics
}
