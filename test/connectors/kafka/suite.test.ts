import { randomUUID } from 'node:crypto'
import { after } from 'node:test'
import type { Sink } from 'trestle/contract'
import { type KafkaOptions, kafkaOptions } from '../../../connectors/kafka/options.ts'
import { KafkaSink } from '../../../connectors/kafka/sink.ts'
import { type KafkaServer, need, startKafka } from '../../services/index.ts'
import { sinkSuite } from '../../suites/sink.ts'
import { connectorContext } from '../../support/delivery.ts'
import { createTopics, readTopic } from '../../support/kafka-reader.ts'

let server: Promise<KafkaServer> | null = null
after(async () => (await server)?.stop())

sinkSuite('Kafka', {
  skip: await need('kafka'),
  async make() {
    server ??= startKafka()
    const { brokers } = await server
    const topic = `suite-${randomUUID()}`
    await createTopics(brokers, { [topic]: 3 })
    const context = connectorContext(`/none/${topic}`)
    const again = (): Sink =>
      new KafkaSink(kafkaOptions({ brokers: [brokers], topic } as unknown as KafkaOptions), context)
    return {
      sink: again(),
      again,
      async readBack() {
        const records = await readTopic(brokers, topic)
        return records.map(({ key, value, headers }) => ({ id: headers['trestle-id']!, key, value: value.toString() }))
      },
      stop: async () => {},
    }
  },
})
