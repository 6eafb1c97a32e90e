import { randomUUID } from 'node:crypto'
import { after } from 'node:test'
import type { Kafka, Producer } from 'kafkajs'
import { type KafkaServer, need, startKafka } from '../../services/index.ts'
import { sourceSuite } from '../../suites/source.ts'
import { createTopics } from '../../support/kafka-reader.ts'
import { kafkajs, lagOf, produce, small, sourceOf } from './source-rig.ts'

let server: Promise<KafkaServer> | null = null
let kafka: Kafka | null = null
let producer: Producer | null = null
after(async () => {
  await producer?.disconnect()
  await (await server)?.stop()
})

sourceSuite('Kafka', {
  skip: await need('kafka'),
  maxUnsettled: 100,
  async make() {
    server ??= startKafka({ properties: small })
    const { brokers } = await server
    kafka ??= kafkajs(brokers)
    if (producer === null) {
      producer = kafka.producer()
      await producer.connect()
    }
    const topic = `suite-${randomUUID()}`
    await createTopics(brokers, { [topic]: 3 })
    const options = { topics: [topic], group: `group-${topic}`, max_unsettled: 100 }
    return {
      make: () => sourceOf(brokers, options, `/none/${topic}`),
      put: (records) => produce(producer!, topic, records),
      unacknowledged: () => lagOf(kafka!, options.group, topic),
      stop: async () => {},
    }
  },
})
