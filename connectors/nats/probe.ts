import {
  type ConnectorContext,
  deliverAlone,
  type ProbeStep,
  type ProbeTry,
  probeDelivery,
  reachPort,
  resolveName,
  TrestleError,
  walkProbe,
} from 'trestle/contract'
import { Addresses } from './addresses.ts'
import { hostOf, NatsClient } from './client.ts'
import { fromThrown } from './errors.ts'
import { loginWords } from './login.ts'
import type { NatsOptions } from './options.ts'
import { NatsSink } from './sink.ts'
import { findStream } from './streams.ts'

/**
 * Walks the path to NATS: name, port, TLS and login, JetStream or the bucket, and a real message with the header
 * `trestle-id: probe-TIME` where there is a place for one. Stops at the first step that fails.
 */
export async function probeNats(options: NatsOptions, context: ConnectorContext): Promise<readonly ProbeStep[]> {
  const { host, port } = addressOf(options.servers[0]!)
  let client: NatsClient | null = null
  const steps: ProbeTry[] = [
    ['name', () => resolveName(host)],
    ['port', () => reachPort(host, port, options.connect_timeout_ms)],
    [
      'login',
      async () => {
        client = await NatsClient.open(options, context)
        const { info } = client.connection
        return `${info?.tls_required || options.tls ? 'TLS' : 'plain'}, ${loginWords(options)}, nats-server ${info?.version}`
      },
    ],
  ]
  if (options.mode === 'jetstream') steps.push(['stream', () => describeStream(client!, options)])
  steps.push(['write', () => writeOne(client!, options, context)])
  try {
    return await walkProbe(steps, context.now, (thrown) => fromThrown(thrown, `${host}:${port}`))
  } finally {
    await (client as NatsClient | null)?.close()
  }
}

function addressOf(server: string): { host: string; port: number } {
  const [, host, port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(hostOf(server))!
  return { host: host!, port: Number(port ?? 4222) }
}

async function describeStream(client: NatsClient, { stream }: NatsOptions): Promise<string> {
  const manager = await client.manager()
  if (stream === undefined) return `JetStream, ${(await manager.getAccountInfo()).streams} streams`
  const info = await findStream(manager, stream.name).catch((thrown: unknown) => {
    throw fromThrown(thrown, `stream ${stream.name}`)
  })
  if (info !== null)
    return `stream ${stream.name}: ${info.config.subjects?.join(', ')}, ${info.state.messages} messages`
  if (stream.create) return `stream ${stream.name} does not exist and will be made`
  throw new TrestleError('E604', `stream ${stream.name} does not exist`, {
    detail: { advice: 'create the stream, or set `stream.create: true`' },
  })
}

/** A message to the connector's own subject; without one, below its prefix, when the stream takes that. */
async function writeOne(client: NatsClient, options: NatsOptions, context: ConnectorContext): Promise<string> {
  if (options.mode === 'jetstream' && options.subject === undefined && !(await takesProbe(client, options))) {
    return 'not tried: the connector names no subject of its own'
  }
  // Each probe is a message of its own, which the server must not take for the one before.
  const delivery = { ...probeDelivery(context), id: `probe-${context.now()}` }
  const { place } = await deliverAlone(new NatsSink(options, context), delivery)
  return place === null ? 'taken in by the server' : `written to ${place}`
}

async function takesProbe(client: NatsClient, options: NatsOptions): Promise<boolean> {
  const { stream } = options
  if (stream === undefined) return false
  const info = await findStream(await client.manager(), stream.name)
  const filters = info?.config.subjects ?? stream.subjects ?? []
  const address = new Addresses(options).of(probeDelivery({ hub: '', name: '', now: () => 0 }))
  return typeof address === 'string' && filters.some((filter) => matches(filter, address))
}

/** Whether a filter with `*` and `>` takes a subject. */
function matches(filter: string, subject: string): boolean {
  const tokens = subject.split('.')
  const wanted = filter.split('.')
  for (const [at, token] of wanted.entries()) {
    if (token === '>') return tokens.length > at
    if (tokens[at] === undefined || (token !== '*' && token !== tokens[at])) return false
  }
  return tokens.length === wanted.length
}
