import { topicNameFault } from '../../topic/name.ts'
import { ProtocolFault } from '../codec/fault.ts'
import type { PublishView } from '../codec/packets/publish.ts'
import { Reason } from '../codec/reason.ts'
import { decodeUtf8, inspectUtf8, Utf8 } from '../codec/utf8.ts'
import type { Connection } from '../connection.ts'
import type { TopicEntry } from '../router/topic-cache.ts'

/** The topic of a packet that is not the connection's last one: by alias, from the table, or worked out. */
export function topicOf(connection: Connection, view: PublishView, bytes: Buffer): TopicEntry {
  const { topicStart, topicEnd, topicAlias } = view
  const { limits, router } = connection.context
  if (topicAlias > limits.maxTopicAliases) throw aliasFault('is above the Topic Alias Maximum')
  if (topicStart === topicEnd) {
    const known = connection.aliases?.get(topicAlias)
    if (known === undefined) throw aliasFault('has not been given a topic')
    return known
  }
  const entry = router.find(bytes, topicStart, topicEnd) ?? learn(connection, view, bytes)
  if (topicAlias > 0) {
    connection.aliases ??= new Map()
    connection.aliases.set(topicAlias, entry)
  }
  return entry
}

function learn({ context, version }: Connection, { topicStart, topicEnd }: PublishView, bytes: Buffer): TopicEntry {
  const topic = decodeUtf8(bytes, topicStart, topicEnd)
  if (topic === null) {
    const hasNul = inspectUtf8(bytes, topicStart, topicEnd) === Utf8.Nul
    const clause = `MQTT-1.5.${version === 5 ? 4 : 3}-${hasNul ? 2 : 1}`
    const problem = hasNul ? 'contains U+0000' : 'is not UTF-8'
    throw new ProtocolFault(Reason.MalformedPacket, 'publish', 'topic', clause, problem, version)
  }
  const fault = topicNameFault(topic)
  if (fault !== null) {
    throw new ProtocolFault(Reason.TopicNameInvalid, 'publish', 'topic', 'MQTT-3.3.2-2', fault, version)
  }
  return context.router.learn(topic)
}

function aliasFault(problem: string): ProtocolFault {
  return new ProtocolFault(Reason.TopicAliasInvalid, 'publish', 'topicAlias', 'MQTT-3.3.2-9', problem, 5)
}
