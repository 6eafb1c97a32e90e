import { lookup } from 'node:dns/promises'
import { createConnection } from 'node:net'
import { type ConnectorContext, type Delivery, type ProbeStep, TrestleError } from 'trestle/contract'
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
  const steps: [string, () => Promise<string>][] = [
    ['name', async () => `${broker.host} is ${(await lookup(broker.host)).address}`],
    ['port', () => connectTo(broker.host, broker.port)],
    ['login', () => client.open().then(() => how)],
    ['metadata', () => describe(client, options.topic)],
  ]
  if (options.topic !== undefined) steps.push(['produce', () => produceOne(options, context, client)])
  const done: ProbeStep[] = []
  try {
    for (const [step, run] of steps) {
      const startMs = context.now()
      const result = await run().then(
        (detail) => ({ ok: true, detail }),
        (thrown: unknown) => ({ ok: false, detail: explain(fromThrown(thrown, printBroker(broker))) }),
      )
      done.push({ step, ...result, tookMs: context.now() - startMs })
      if (!result.ok) break
    }
  } finally {
    await client.close()
  }
  return done
}

const explain = ({ code, message, detail }: TrestleError): string =>
  `${code} ${message}${detail.advice === undefined ? '' : ` (${detail.advice})`}`

function connectTo(host: string, port: number): Promise<string> {
  return new Promise((settle, fail) => {
    const socket = createConnection({ host, port, timeout: 5000 })
    socket.once('connect', () => {
      socket.destroy()
      settle(`${host}:${port} accepts connections`)
    })
    socket.once('timeout', () => {
      socket.destroy()
      fail(new TrestleError('E601', `${host}:${port} does not answer`))
    })
    socket.once('error', fail)
  })
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
  try {
    if (mode === 'idempotent') await client.newIdentity()
    const rounds = mode === 'exactly-once' ? await transactionsOf(client, options, context).committed() : null
    await sink.open()
    const [receipt] = await sink.deliver([probeDelivery(context)])
    if (receipt?.outcome !== 'delivered') throw receipt?.error ?? new TrestleError('E608', 'no receipt')
    return `written to ${receipt.place}${rounds === null ? '' : `, ${rounds} transactions committed before`}`
  } finally {
    await sink.close()
  }
}

function probeDelivery(context: ConnectorContext): Delivery {
  const payload = new TextEncoder().encode('{"probe":true}')
  const message = {
    topic: '$probe',
    payload,
    qos: 1,
    retain: false,
    properties: null,
    client: context.hub,
    username: null,
    source: null,
    timeMs: context.now(),
  } as const
  return {
    sink: context.name,
    rule: '$probe',
    target: null,
    key: null,
    orderKey: '$probe',
    headers: [],
    payload,
    options: null,
    id: 'probe',
    position: 0,
    index: 0,
    attempt: 1,
    message,
  }
}
