import { KafkaClient, type Metadata } from '../../../connectors/kafka/client.ts'
import { kafkaOptions } from '../../../connectors/kafka/options.ts'
import type { ProduceAnswer, ProduceRequest } from '../../../connectors/kafka/produce.ts'
import type { ProducerIdentity } from '../../../connectors/kafka/record-batch.ts'

/** One record batch as the fake broker got it. */
export interface Arrived {
  node: number
  topic: string
  partition: number
  producerId: bigint
  sequence: number
  count: number
}

/**
 * A cluster that exists in the test only: it says what the script tells it, and remembers what arrived. Topics have the
 * leaders that `leaders` names; the answer to a batch is what `answer` makes of it.
 */
export class FakeClient extends KafkaClient {
  readonly leaders: Record<string, number[]>
  readonly arrived: Arrived[] = []
  clusterId = 'cluster'
  asked = 0
  answer: (batch: Arrived) => Partial<ProduceAnswer> | Error = () => ({})
  #identities = 0n

  constructor(leaders: Record<string, number[]>) {
    super(kafkaOptions({ brokers: ['fake:1'] }))
    this.leaders = leaders
  }

  override async metadata(topics: readonly string[]): Promise<Metadata> {
    this.asked++
    const known = topics.map((name) => {
      const leaders = this.leaders[name] ?? []
      const partitions = leaders.map((leaderId, partitionIndex) => ({ partitionIndex, leaderId, errorCode: 0 }))
      return { name, topicId: `id-of-${name}`, errorCode: leaders.length === 0 ? 3 : 0, partitions }
    })
    return { clusterId: this.clusterId, brokers: [], topics: known } as unknown as Metadata
  }

  override async newIdentity(): Promise<ProducerIdentity> {
    this.#identities++
    return { id: this.#identities, epoch: 0 }
  }

  override async produce(node: number, { topics }: ProduceRequest): Promise<ProduceAnswer[]> {
    const answers: ProduceAnswer[] = []
    for (const { name, partitions } of topics) {
      for (const { index, batch } of partitions) {
        const arrived = {
          node,
          topic: name,
          partition: index,
          producerId: batch.readBigInt64BE(43),
          sequence: batch.readInt32BE(53),
          count: batch.readInt32BE(57),
        }
        this.arrived.push(arrived)
        const said = this.answer(arrived)
        if (said instanceof Error) throw said
        answers.push({
          topic: name,
          partition: index,
          errorCode: 0,
          errorMessage: null,
          baseOffset: 100,
          faulty: [],
          ...said,
        })
      }
    }
    return answers
  }
}
