import { type Delivery, TrestleError } from 'trestle/contract'
import type { Claims } from './claims.ts'
import type { KafkaClient } from './client.ts'
import { fromThrown } from './errors.ts'
import type { Lot } from './lot.ts'
import { placeOf } from './partition.ts'
import type { ProduceAnswer } from './produce.ts'
import type { ProducerIdentity } from './record-batch.ts'
import type { Transactions } from './transactions.ts'

/** Sends the lots of a round, all at once, and gives each its answer or error; with transactions, all or none. */
export class Rounds {
  /** The transactional identity cannot be used any more: take another, which also ends what is open. */
  isSpent = false
  readonly #client: KafkaClient
  readonly #timeoutMs: number
  readonly #claims: Claims
  readonly #transactions: Transactions | null

  constructor(client: KafkaClient, timeoutMs: number, claims: Claims, transactions: Transactions | null) {
    this.#client = client
    this.#timeoutMs = timeoutMs
    this.#claims = claims
    this.#transactions = transactions
  }

  async send(lots: readonly Lot[], identity: ProducerIdentity, batch: readonly Delivery[]): Promise<void> {
    if (this.#transactions !== null) return this.#transact(lots, identity, batch, this.#transactions)
    // Numbers alone still drop what is repeated in this life.
    this.#claims.flush()
    await this.#exchange(lots, null)
  }

  /** One transaction. What goes wrong in one lot undoes the others, which then go again without it. */
  async #transact(
    lots: readonly Lot[],
    identity: ProducerIdentity,
    batch: readonly Delivery[],
    transactions: Transactions,
  ): Promise<void> {
    const round = this.#claims.transaction + 1
    if (!this.#claims.flush(round)) {
      for (const lot of lots) lose(lot, new TrestleError('E504', 'what is in the transaction cannot be kept'))
      return
    }
    const partitions = lots.map(({ partition }) => partition)
    let isTold = false
    try {
      const refused = await transactions.add(identity, partitions)
      if (refused.size === 0) {
        await Promise.all([this.#exchange(lots, transactions.id), transactions.note(identity, partitions, round)])
        const isWhole = lots.every(({ answer }) => answer?.errorCode === 0)
        if (isWhole) {
          isTold = true
          await transactions.commit(identity)
          this.#claims.transaction = round
          return
        }
      }
      for (const lot of lots) undo(lot, refused)
    } catch (thrown) {
      const error = fromThrown(thrown, transactions.id)
      // Whether it was committed only the coordinator knows; the next sink asks it.
      if (isTold) this.#claims.doubt(round, membersOf(lots, batch))
      for (const lot of lots) lose(lot, isTold ? asking(error) : error)
    }
    this.isSpent = true
  }

  /** One request to each leader, all at once; every lot has its answer or error afterwards. */
  async #exchange(lots: readonly Lot[], transactionalId: string | null): Promise<void> {
    const byLeader = Map.groupBy(lots, ({ partition }) => partition.leader)
    await Promise.all([...byLeader].map(([leader, ofLeader]) => this.#exchangeWith(leader, ofLeader, transactionalId)))
  }

  async #exchangeWith(leader: number, lots: readonly Lot[], transactionalId: string | null): Promise<void> {
    const byTopic = Map.groupBy(lots, ({ partition }) => partition.topic.name)
    const topics = [...byTopic].map(([name, ofTopic]) => ({
      name,
      partitions: ofTopic.map(({ partition, batch }) => ({ index: partition.index, batch })),
    }))
    try {
      const answers = await this.#client.produce(leader, { timeoutMs: this.#timeoutMs, transactionalId, topics })
      for (const answer of answers) {
        const lot = byTopic.get(answer.topic)?.find(({ partition }) => partition.index === answer.partition)
        if (lot !== undefined) lot.answer = answer
      }
    } catch (thrown) {
      const error = fromThrown(thrown, `broker ${leader}`)
      for (const lot of lots) lot.error = error
    }
  }
}

/** The transaction is given up: a lot that was taken is as if it had not been sent. */
function undo(lot: Lot, refused: ReadonlyMap<string, number>): void {
  const code = refused.get(placeOf(lot.partition))
  if (code !== undefined) lot.answer = refusal(lot, code)
  else lot.isAborted = lot.error === null && (lot.answer === null ? refused.size > 0 : lot.answer.errorCode === 0)
}

function lose(lot: Lot, error: TrestleError): void {
  lot.answer = null
  lot.error = error
}

const refusal = ({ partition }: Lot, errorCode: number): ProduceAnswer => ({
  topic: partition.topic.name,
  partition: partition.index,
  errorCode,
  errorMessage: null,
  baseOffset: -1,
  faulty: [],
})

const membersOf = (lots: readonly Lot[], batch: readonly Delivery[]): { id: string; timeMs: number }[] =>
  lots.flatMap(({ partition: { queue, head }, count }) =>
    queue.slice(head, head + count).map((at) => ({ id: batch[at]!.id, timeMs: batch[at]!.message.timeMs })),
  )

const asking = (error: TrestleError): TrestleError =>
  new TrestleError(error.code, error.message, { retry: 'reconnect', detail: error.detail })
