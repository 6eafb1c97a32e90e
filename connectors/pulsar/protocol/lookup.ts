import type { Connection } from './connection.ts'
import { PulsarFault } from './fault.ts'
import { type BrokerAddress, parseServiceUrl } from './service-url.ts'
import { type CommandBody, lookupTypes, topicModes } from './wire/commands.ts'

/** A broker that owns a topic. `throughServiceUrl`: it is reached by way of the address the client was given (a proxy). */
export interface TopicOwner {
  readonly address: BrokerAddress
  readonly throughServiceUrl: boolean
}

/** More hops than that are a ring of brokers that point at each other. */
const maxRedirects = 20

/**
 * Asks who owns a topic, going on where a broker says that another knows.
 *
 * `connectTo` opens (or reuses) a connection to a broker. *Errors*: PulsarFault.
 */
export async function lookUp(
  topic: string,
  first: Connection,
  connectTo: (address: BrokerAddress) => Promise<Connection>,
  listenerName: string | null,
): Promise<TopicOwner> {
  let connection = first
  let authoritative = false
  for (let hops = 0; hops < maxRedirects; hops++) {
    const answer: CommandBody<'lookupAnswer'> = await connection.request('lookup', {
      topic,
      authoritative,
      ...(listenerName === null ? {} : { listenerName }),
    })
    if (answer.response === lookupTypes.failed) {
      throw PulsarFault.fromServer(answer.error ?? 0, answer.message, connection.place)
    }
    const address = addressOf(answer, connection)
    if (answer.response === lookupTypes.connect) {
      return { address, throughServiceUrl: answer.proxyThroughServiceUrl }
    }
    authoritative = answer.authoritative
    connection = await connectTo(address)
  }
  throw new PulsarFault('protocol', first.place, `${topic}: ${maxRedirects} brokers in a row say that another owns it`)
}

function addressOf({ url, urlTls }: CommandBody<'lookupAnswer'>, { target, place }: Connection): BrokerAddress {
  const { tls } = target.address
  const wanted = tls ? urlTls : url
  if (wanted) return parseServiceUrl(wanted)
  const words = `the broker that owns the topic is named without an address for ${tls ? 'TLS' : 'plain connections'}`
  throw new PulsarFault('protocol', place, words)
}

/** The number of partitions of a topic; 0: it has none. `create: false` asks without creating the topic. */
export async function partitionsOf(topic: string, connection: Connection, create: boolean): Promise<number> {
  const { partitions } = await connection.request('partitions', { topic, ...(create ? {} : { autoCreate: false }) })
  return partitions
}

/** The topics of `tenant/namespace`, in full, partitions one by one. */
export async function topicsOf(
  namespace: string,
  mode: keyof typeof topicModes,
  connection: Connection,
): Promise<readonly string[]> {
  const { topics } = await connection.request('topics', { namespace, mode: topicModes[mode] })
  return topics
}
