import {
  addOffsetsToTxnV3,
  addPartitionsToTxnV3,
  type Connection,
  endTxnV3,
  findCoordinatorV3,
  initProducerIdV4,
  MultipleErrors,
  offsetFetchV7,
  txnOffsetCommitV3,
} from '@platformatic/kafka'
import type { ConnectorContext } from 'trestle/contract'
import { type KafkaClient, printBroker } from './client.ts'
import { fromThrown } from './errors.ts'
import type { KafkaOptions } from './options.ts'
import type { Partition } from './partition.ts'
import type { ProducerIdentity } from './record-batch.ts'

const groupCoordinator = 0
const transactionCoordinator = 1
const noMember = { generation: -1, id: '' }
/** The coordinator is starting or moved: looked for again. */
const moved = new Set(['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR'])
/** It still ends the transaction before: asked again soon. */
const passing = new Set([...moved, 'CONCURRENT_TRANSACTIONS', 'UNSTABLE_OFFSET_COMMIT'])
/** UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED */
const ofPartition = new Set([3, 29])
const maxTries = 80
const minPauseMs = 2
const maxPauseMs = 50

/**
 * Kafka's transactions, as this connector uses them: the records of a round and the number of the round, which is
 * committed as the offset of the connector's own group, become visible together or not at all.
 *
 * *Source*: KIP-98; requests of the versions that Kafka 2.8 has.
 */
export class Transactions {
  /** Name of the transactional id and of the group. */
  readonly id: string
  readonly #client: KafkaClient
  readonly #timeoutMs: number
  readonly #coordinators = new Map<number, { host: string; port: number }>()

  constructor(client: KafkaClient, id: string, options: KafkaOptions) {
    this.#client = client
    this.id = id
    this.#timeoutMs = options.transaction_timeout_ms
  }

  /** Fences whoever used the id before, ends what it left, and gives a new identity. */
  async begin(): Promise<ProducerIdentity> {
    return this.#ask(transactionCoordinator, async (connection) => {
      const { producerId, producerEpoch } = await initProducerIdV4.api.async(connection, this.id, this.#timeoutMs)
      return { id: producerId, epoch: producerEpoch }
    })
  }

  /** The last round that was committed; 0 before the first. */
  async committed(): Promise<number> {
    const groups = [{ groupId: this.id, topics: null }]
    const { topics } = await this.#ask(groupCoordinator, (connection) =>
      offsetFetchV7.api.async(connection, groups, true),
    )
    const offsets = topics.flatMap(({ partitions }) => partitions.map(({ committedOffset }) => Number(committedOffset)))
    return Math.max(0, ...offsets)
  }

  /** Says which partitions the round writes to; answers Kafka's code for those that it may not. */
  async add({ id, epoch }: ProducerIdentity, partitions: readonly Partition[]): Promise<Map<string, number>> {
    const topics = [...Map.groupBy(partitions, ({ topic }) => topic.name)].map(([name, list]) => ({
      name,
      partitions: list.map(({ index }) => index),
    }))
    const one = { transactionalId: this.id, producerId: id, producerEpoch: epoch, verifyOnly: false, topics }
    const refused = await this.#ask(transactionCoordinator, (connection) =>
      addPartitionsToTxnV3.api.async(connection, [one]).then(() => new Map<string, number>(), refusals),
    )
    if (refused.size > 0) return refused
    await this.#ask(transactionCoordinator, (connection) =>
      addOffsetsToTxnV3.api.async(connection, this.id, id, epoch, this.id),
    )
    return refused
  }

  /** Puts the round's number into the transaction, as the offset of each partition it writes to. */
  async note({ id, epoch }: ProducerIdentity, partitions: readonly Partition[], round: number): Promise<void> {
    const topics = [...Map.groupBy(partitions, ({ topic }) => topic.name)].map(([name, list]) => ({
      name,
      partitions: list.map(({ index }) => ({
        partitionIndex: index,
        committedOffset: BigInt(round),
        committedLeaderEpoch: -1,
        committedMetadata: 'round',
      })),
    }))
    await this.#ask(groupCoordinator, (connection) =>
      txnOffsetCommitV3.api.async(
        connection,
        this.id,
        this.id,
        id,
        epoch,
        noMember.generation,
        noMember.id,
        null,
        topics,
      ),
    )
  }

  /** Makes the round visible. After an error nobody knows whether it is, until `begin` and `committed` have answered. */
  async commit({ id, epoch }: ProducerIdentity): Promise<void> {
    await this.#ask(transactionCoordinator, (connection) => endTxnV3.api.async(connection, this.id, id, epoch, true))
  }

  /** *Errors*: what the coordinator says, when it does not pass. */
  async #ask<Answer>(kind: number, question: (connection: Connection) => Promise<Answer>): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      let place = this.id
      try {
        const broker = this.#coordinators.get(kind) ?? (await this.#find(kind))
        place = `${this.id} on ${printBroker(broker)}`
        return await question(await this.#client.connectionTo(broker))
      } catch (thrown) {
        const error = fromThrown(thrown, place)
        const words = String(error.detail['kafka'])
        if (moved.has(words) || !passing.has(words)) this.#coordinators.delete(kind)
        if (!passing.has(words) || attempt === maxTries) throw error
      }
      const pauseMs = Math.min(maxPauseMs, minPauseMs * attempt)
      await new Promise((done) => setTimeout(done, pauseMs))
    }
  }

  async #find(kind: number): Promise<{ host: string; port: number }> {
    const { connection } = await this.#client.anyConnection()
    const { coordinators } = await findCoordinatorV3.api.async(connection, kind, [this.id])
    const { host, port } = coordinators[0]!
    this.#coordinators.set(kind, { host, port })
    return { host, port }
  }
}

/** The transactions of a connector: their id is the same in every life of the hub, and of no other. */
export const transactionsOf = (
  client: KafkaClient,
  options: KafkaOptions,
  { hub, name }: ConnectorContext,
): Transactions => new Transactions(client, `trestle-${hub}-${name}`, options)

/** The partitions that are at fault themselves; the others were then not attempted. Anything else is thrown on. */
function refusals(thrown: unknown): Map<string, number> {
  const response =
    thrown instanceof MultipleErrors
      ? (thrown['response'] as addPartitionsToTxnV3.AddPartitionsToTxnResponse)
      : undefined
  const refused = new Map<string, number>()
  for (const { name, resultsByPartition } of response?.resultsByTransaction[0]?.topicResults ?? []) {
    for (const { partitionIndex, partitionErrorCode } of resultsByPartition)
      if (ofPartition.has(partitionErrorCode)) refused.set(`${name}-${partitionIndex}`, partitionErrorCode)
  }
  if (refused.size === 0) throw thrown
  return refused
}
