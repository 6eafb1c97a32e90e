import { lookup } from 'node:dns/promises'
import { type ConnectorContext, type Delivery, type ProbeStep, TrestleError } from 'trestle/contract'
import { openClient } from './client.ts'
import { fromThrown } from './errors.ts'
import type { PulsarOptions } from './options.ts'
import type { PulsarClient } from './protocol/client.ts'
import { parseServiceUrl } from './protocol/service-url.ts'
import { openSocket } from './protocol/socket.ts'
import { parseTopicName } from './protocol/topic-name.ts'
import { PulsarSink } from './sink.ts'

/**
 * Walks the path to Pulsar: name, port, TLS and login, topic, and, when the connector has a topic, a real message with
 * the property `trestle-id: probe`. Stops at the first step that fails.
 */
export async function probePulsar(options: PulsarOptions, context: ConnectorContext): Promise<readonly ProbeStep[]> {
  const address = parseServiceUrl(options.servers[0]!)
  const { topic } = options
  let client: PulsarClient | null = null
  const opened = async (): Promise<PulsarClient> => {
    client = await openClient(options)
    return client
  }
  const steps: [string, () => Promise<string>][] = [
    ['name', async () => `${address.host} is ${(await lookup(address.host)).address}`],
    ['port', () => connectTo(address.host, address.port, options.connect_timeout_ms)],
    ['login', async () => describeLogin(options, await opened())],
  ]
  if (topic !== undefined) {
    steps.push(['topic', () => describeTopic(client!, topic)])
    steps.push(['produce', () => produceOne(options, context)])
  }
  const done: ProbeStep[] = []
  try {
    for (const [step, run] of steps) {
      const startMs = context.now()
      const result = await run().then(
        (detail) => ({ ok: true, detail }),
        (thrown: unknown) => ({ ok: false, detail: explain(fromThrown(thrown, options.servers[0]!)) }),
      )
      done.push({ step, ...result, tookMs: context.now() - startMs })
      if (!result.ok) break
    }
  } finally {
    ;(client as PulsarClient | null)?.close()
  }
  return done
}

const explain = ({ code, message, detail }: TrestleError): string =>
  `${code} ${message}${detail.advice === undefined ? '' : ` (${detail.advice})`}`

async function connectTo(host: string, port: number, timeoutMs: number): Promise<string> {
  const socket = await openSocket({ host, port, tls: false }, {}, timeoutMs)
  socket.destroy()
  return `${host}:${port} accepts connections`
}

async function describeLogin(options: PulsarOptions, client: PulsarClient): Promise<string> {
  const { serverVersion, target } = await client.serviceConnection()
  return `${serverVersion.trim()}, ${target.address.tls ? 'TLS' : 'plain'}, ${options.auth?.type ?? 'no login'}`
}

async function describeTopic(client: PulsarClient, topic: string): Promise<string> {
  const { full } = parseTopicName(topic)
  const partitions = await client.partitionsOf(full)
  return partitions === 0 ? `${full} has no partitions` : `${full} has ${partitions} partitions`
}

async function produceOne(options: PulsarOptions, context: ConnectorContext): Promise<string> {
  // Without numbers, and with no name: it must not stand in the way of the sink that is running.
  const alone = { ...options, deduplicate: false, access_mode: 'shared' as const }
  const sink = new PulsarSink(alone, context)
  try {
    await sink.open()
    const [receipt] = await sink.deliver([probeDelivery(context)])
    if (receipt?.outcome !== 'delivered') throw receipt?.error ?? new TrestleError('E608', 'no receipt')
    return `written to ${receipt.place}`
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
