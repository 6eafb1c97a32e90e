import type { Connector } from 'trestle/contract'
import { type KafkaOptions, kafkaOptions, kafkaSchema, kafkaTargetSchema } from './options.ts'
import { type KafkaSourceOptions, kafkaSourceOptions, kafkaSourceSchema, topicsOf } from './source-options.ts'

/**
 * Kafka 2.8 and newer. It promises: `delivered` means that all in-sync replicas have the record; records of a key
 * keep their order; a record that is in the log twice carries the same `trestle-id`. It does not create topics unless
 * told to, and it does not wait for a cluster that is away: the hub does.
 *
 * Files: `options` what the user writes; `sink` sorts deliveries into partitions; `producer` numbers, sends and
 * settles record batches; `record-batch` and `produce` are the wire; `topics` knows leaders and partitions; `client`
 * holds the connections; `codecs`, `murmur2`; `errors` gives every fault of Kafka its class; `probe` walks the path;
 * `source` and its parts in `consumer/` read.
 */
const kafka: Connector = {
  type: 'kafka',
  summary: 'writes records to topics of Apache Kafka, and reads them',
  options: kafkaSchema,
  targetOptions: kafkaTargetSchema,
  targetField: 'topic',
  // The client library takes 65 MB: only the thread that connects loads it.
  createSink: async (options: KafkaOptions, context) => {
    const { KafkaSink } = await import('./sink.ts')
    return new KafkaSink(kafkaOptions(options), context)
  },
  sourceOptions: kafkaSourceSchema,
  createSource: async (options: KafkaOptions, source: KafkaSourceOptions, context) => {
    const { KafkaSource } = await import('./source.ts')
    return new KafkaSource(kafkaOptions(options), kafkaSourceOptions(source), context)
  },
  farSide: ({ brokers }: KafkaOptions) => `kafka ${[...brokers].map((broker) => broker.toLowerCase()).sort()}`,
  // `?` is one character there; any text, here, is more than that.
  reads: (_options: KafkaOptions, source: KafkaSourceOptions) =>
    topicsOf(source).map((topic) => topic.replaceAll('?', '*')),
  writes: ({ topic }: KafkaOptions, target) => target ?? topic ?? null,
  probe: async (options: KafkaOptions, context) => {
    const { probeKafka } = await import('./probe.ts')
    return probeKafka(kafkaOptions(options), context)
  },
}

export default kafka
