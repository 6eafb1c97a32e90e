import {
  type ConnectorContext,
  deliverAlone,
  type ProbeStep,
  type ProbeTry,
  probeDelivery,
  reachPort,
  resolveName,
  walkProbe,
} from 'trestle/contract'
import { KafkaClient, parseBroker, printBroker } from './client.ts'
import { fromThrown } from './errors.ts'
import { type KafkaOptions, modeOf } from './options.ts'
import { KafkaSink } from './sink.ts'
import { transactionsOf } from './transactions.ts'

/**
 * Walks the path to Kafka: name, port, TLS and login, metadata, and, when the connector has a topic, a real record
 * with the header `trestle-id: probe`. Stops at the first step that fails.
 */
export async function probeKafka(options: KafkaOptions, context: ConnectorContext): Promise<readonly ProbeStep[]> {
  const broker = parseBroker(options.brokers[0]!)
  const client = new KafkaClient(options)
  const how = `${options.tls ? 'TLS' : 'plain'}, ${options.sasl ? `${options.sasl.mechanism} as ${options.sasl.username}` : 'no login'}`
  const steps: ProbeTry[] = [
    ['name', () => resolveName(broker.host)],
    ['port', () => reachPort(broker.host, broker.port, options.connect_timeout_ms)],
    ['login', () => client.open().then(() => how)],
    ['metadata', () => describe(client, options.topic)],
  ]
  if (options.topic !== undefined) steps.push(['produce', () => produceOne(options, context, client)])
  try {
    return await walkProbe(steps, context.now, (thrown) => fromThrown(thrown, printBroker(broker)))
  } finally {
    await client.close()
  }
}

async function describe(client: KafkaClient, topic: string | undefined): Promise<string> {
  const { brokers, topics } = await client.metadata(topic === undefined ? [] : [topic])
  const found = topics[0]
  const partitions =
    found === undefined || found.errorCode !== 0 ? '' : `, ${topic} has ${found.partitions.length} partitions`
  return `${brokers.length} broker${brokers.length === 1 ? '' : 's'}${partitions}`
}

async function produceOne(options: KafkaOptions, context: ConnectorContext, client: KafkaClient): Promise<string> {
  const mode = modeOf(options)
  // What the running sink uses stays its own: no number, no claim, no transaction.
  const sink = new KafkaSink({ ...options, mode: 'at-least-once' }, { ...context, folder: `${context.folder}#probe` })
  if (mode === 'idempotent') await client.newIdentity()
  const rounds = mode === 'exactly-once' ? await transactionsOf(client, options, context).committed() : null
  const { place } = await deliverAlone(sink, probeDelivery(context))
  return `written to ${place}${rounds === null ? '' : `, ${rounds} transactions committed before`}`
}
