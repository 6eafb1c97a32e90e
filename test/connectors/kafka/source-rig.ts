import { Kafka, logLevel, type Producer } from 'kafkajs'
import type { ConnectorContext, Header, Intake } from 'trestle/contract'
import { type KafkaOptions, kafkaOptions } from '../../../connectors/kafka/options.ts'
import { KafkaSource } from '../../../connectors/kafka/source.ts'
import { kafkaSourceOptions } from '../../../connectors/kafka/source-options.ts'
import { connectorContext } from '../../support/delivery.ts'

/** Properties of a broker that has its internal topics at once. */
export const small = { 'offsets.topic.num.partitions': 1, 'transaction.state.log.num.partitions': 1 }

/** A client that is not ours. */
export const kafkajs = (brokers: string): Kafka =>
  new Kafka({ clientId: 'trestle-test', brokers: [brokers], logLevel: logLevel.NOTHING })

/** A source as the hub makes it; two of the same `folder` are one after the other in the same hub. */
export function sourceOf(
  brokers: string,
  options: Record<string, unknown>,
  folder: string,
  context: ConnectorContext = connectorContext(folder),
): KafkaSource {
  const kafka = { brokers: [brokers], connect_timeout_ms: 2000, request_timeout_ms: 5000 } as unknown as KafkaOptions
  const source = kafkaSourceOptions({ publish: 'in/${topic}', start: 'beginning', commit_interval_ms: 50, ...options })
  return new KafkaSource(kafkaOptions(kafka), source, context)
}

/** Produces with kafkajs; it partitions by key as Java does. */
export async function produce(
  producer: Producer,
  topic: string,
  records: readonly {
    key?: string | Buffer | null
    value: string | Buffer | null
    headers?: readonly Header[]
    partition?: number
  }[],
): Promise<void> {
  await producer.send({
    topic,
    messages: records.map(({ key = null, value, headers = [], partition }) => ({
      key,
      value,
      headers: Object.fromEntries(headers.map(([name, given]) => [name, given as string | Buffer])),
      ...(partition === undefined ? {} : { partition }),
    })),
  })
}

/** How many records of a topic the group has not stored as done. */
export async function lagOf(kafka: Kafka, group: string, topic: string): Promise<number> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const [stored] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    const done = new Map(stored?.partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]))
    const ends = await admin.fetchTopicOffsets(topic)
    return ends.reduce((sum, { partition, high }) => sum + Number(high) - (done.get(partition) ?? 0), 0)
  } finally {
    await admin.disconnect()
  }
}

/** An intake that answers at once and keeps only what `see` keeps. */
export const intakeOf = (see: (value: string) => void, lost: Intake['lost'] = () => {}): Intake => ({
  take: async (messages) => {
    for (const { payload } of messages) see(Buffer.from(payload).toString())
    return messages.map(() => ({ outcome: 'stored', error: null, place: null }))
  },
  lost,
})
