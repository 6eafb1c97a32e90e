import { Kafka, logLevel } from 'kafkajs'
import { startKafka } from '../../services/kafka.ts'
import { need } from '../../services/need.ts'
import { freePorts } from '../../services/process.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { createTopics, readTopic } from '../../support/kafka-reader.ts'
import { type FarSystem, type RunningSystem, seenIn } from '../far-system.ts'

/** Kafka: an idempotent sink, a source in a consumer group; kafkajs on the other side. */
export const kafka: FarSystem = {
  name: 'kafka',
  mayRepeat: false,
  missing: () => need('kafka'),
  start,
}

async function start(): Promise<RunningSystem> {
  const [port] = await freePorts(1)
  const proxy = await FaultProxy.create(port!)
  const server = await startKafka({ behind: { port: port!, advertised: proxy.port } })
  await createTopics(server.brokers, { outward: 3, inward: 3, ab: 3, ba: 3 })
  const client = new Kafka({
    clientId: 'feeder',
    brokers: [server.brokers],
    logLevel: logLevel.NOTHING,
    retry: { retries: 3 },
  })
  const producer = client.producer({ idempotent: true, maxInFlightRequests: 1 })
  return {
    address: server.brokers,
    entry: (reads) => ({
      type: 'kafka',
      brokers: [`127.0.0.1:${proxy.port}`],
      ...(reads === null
        ? {}
        : { sources: [{ topics: [reads.address], group: reads.address, start: 'beginning', publish: reads.publish }] }),
    }),
    target: (address) => `topic: ${address}, key: "\${device}"`,
    kill: () => server.kill(),
    async stopCleanly() {
      await server.end('SIGTERM')
    },
    restart: () => server.restart(),
    drop: () => proxy.drop(),
    heal: () => proxy.heal(),
    async put(records) {
      await producer.connect()
      await producer.send({ topic: 'inward', acks: -1, messages: records.map(({ key, value }) => ({ key, value })) })
    },
    readAll: async () =>
      (await readTopic(server.brokers, 'outward')).map(({ value, headers }) =>
        seenIn(value.toString(), headers['trestle-id'] ?? ''),
      ),
    async dispose() {
      await producer.disconnect()
      await server.stop()
      await proxy.close()
    },
  }
}
