import { setTimeout as sleep } from 'node:timers/promises'
import { type Admin, Kafka, logLevel } from 'kafkajs'

/** One record as a client that is not ours reads it. */
export interface KafkaRecord {
  topic: string
  partition: number
  offset: number
  key: string | null
  value: Buffer
  headers: Record<string, string>
  timestampMs: number
}

const quiet = (brokers: string): Kafka =>
  new Kafka({ clientId: 'trestle-test-reader', brokers: [brokers], logLevel: logLevel.NOTHING })

/** Makes topics, each with its number of partitions. */
export async function createTopics(
  brokers: string,
  topics: Readonly<Record<string, number>>,
  config: Readonly<Record<string, string>> = {},
): Promise<void> {
  const admin = quiet(brokers).admin()
  await admin.connect()
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
  const made = admin.createTopics({
    waitForLeaders: true,
    topics: Object.entries(topics).map(([topic, numPartitions]) => ({
      topic,
      numPartitions,
      replicationFactor: 1,
      configEntries,
    })),
  })
  await made.catch((error: { retriable?: boolean }) => {
    // A broker that was just started does not know at once what it has made; asked below until it does.
    if (error.retriable !== true) throw error
  })
  for (const topic of Object.keys(topics)) await offsetsOf(admin, topic)
  await admin.disconnect()
}

/** First and next offset of each partition, asked until every leader knows that it is one. */
async function offsetsOf(admin: Admin, topic: string): ReturnType<Admin['fetchTopicOffsets']> {
  const deadlineMs = Date.now() + 20_000
  for (;;) {
    try {
      return await admin.fetchTopicOffsets(topic)
    } catch (error) {
      if ((error as { retriable?: boolean }).retriable !== true || Date.now() > deadlineMs) throw error
      await sleep(50)
    }
  }
}

export async function deleteTopic(brokers: string, topic: string): Promise<void> {
  const admin = quiet(brokers).admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
}

/**
 * Every record of a topic, from the beginning to the high-water marks found at the call, by partition and offset; what is
 * in no committed transaction is left out. `quietMs`: also when nothing came for so long, because the marks of
 * transactions are never seen.
 */
export async function readTopic(brokers: string, topic: string, quietMs?: number): Promise<KafkaRecord[]> {
  const kafka = quiet(brokers)
  const admin = kafka.admin()
  await admin.connect()
  const ends = new Map<number, bigint>()
  for (const { partition, high, low } of await offsetsOf(admin, topic)) {
    if (BigInt(high) > BigInt(low)) ends.set(partition, BigInt(high))
  }
  await admin.disconnect()
  if (ends.size === 0) return []
  const consumer = kafka.consumer({ groupId: `trestle-test-${process.pid}-${Date.now()}-${Math.random()}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const records: KafkaRecord[] = []
  let silence: NodeJS.Timeout | undefined
  await new Promise<void>((done, fail) => {
    const waitQuietly = (): void => {
      clearTimeout(silence)
      if (quietMs !== undefined) silence = setTimeout(done, quietMs)
    }
    consumer.on(consumer.events.GROUP_JOIN, waitQuietly)
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      // It starts again by itself, as while a young broker still makes its group coordinator.
      if (!payload.restart) fail(payload.error)
    })
    consumer
      .run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          waitQuietly()
          for (const { offset, key, value, headers, timestamp } of batch.messages) {
            records.push({
              topic,
              partition: batch.partition,
              offset: Number(offset),
              key: key === null ? null : key.toString(),
              value: value ?? Buffer.alloc(0),
              headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)])),
              timestampMs: Number(timestamp),
            })
          }
          const end = ends.get(batch.partition)
          if (end !== undefined && BigInt(batch.lastOffset()) >= end - 1n) ends.delete(batch.partition)
          if (ends.size === 0) done()
        },
      })
      .catch(fail)
  }).finally(() => {
    clearTimeout(silence)
    return consumer.disconnect()
  })
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}
