import {
  type ConnectorContext,
  deliverAlone,
  type ProbeStep,
  type ProbeTry,
  probeDelivery,
  resolveName,
  walkProbe,
} from 'trestle/contract'
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
  const steps: ProbeTry[] = [
    ['name', () => resolveName(address.host)],
    ['port', () => connectTo(address.host, address.port, options.connect_timeout_ms)],
    ['login', async () => describeLogin(options, await opened())],
  ]
  if (topic !== undefined) {
    steps.push(['topic', () => describeTopic(client!, topic)])
    steps.push(['produce', () => produceOne(options, context)])
  }
  try {
    return await walkProbe(steps, context.now, (thrown) => fromThrown(thrown, options.servers[0]!))
  } finally {
    ;(client as PulsarClient | null)?.close()
  }
}

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
  const { place } = await deliverAlone(new PulsarSink(alone, context), probeDelivery(context))
  return `written to ${place}`
}
