import type { PulsarClient } from '../client.ts'
import { PulsarFault } from '../fault.ts'
import { parseTopicName, partitionName } from '../topic-name.ts'

/** Which topics a subscription reads. */
export interface TopicChoice {
  /** By name; partitioned ones with all their partitions. */
  readonly topics: readonly string[]
  /** And every topic of a namespace whose name fits. */
  readonly pattern: TopicPattern | null
}

export interface TopicPattern {
  /** `tenant/namespace`. */
  readonly namespace: string
  /** Must fit the whole local name, or the whole full name where the pattern has `://`. */
  readonly pattern: RegExp
  readonly domain: 'persistent' | 'non_persistent' | 'all'
}

/** A topic or partition to subscribe to. */
export interface ChosenTopic {
  readonly name: string
  /** It was named, not found: it may be created, and it is a fault when it is not there. */
  readonly isNamed: boolean
}

const parallel = 20

/** Finds the topics that are chosen now, partition by partition, without repeats. *Errors*: PulsarFault. */
export async function findTopics(client: PulsarClient, choice: TopicChoice): Promise<ChosenTopic[]> {
  const found = new Map<string, ChosenTopic>()
  const add = (name: string, isNamed: boolean): void => {
    if (!found.has(name)) found.set(name, { name, isNamed })
  }
  const named = choice.topics.map((topic) => parseTopicName(topic).full)
  await each(named, async (topic) => {
    for (const name of await partitionsOf(client, topic, true)) add(name, true)
  })
  if (choice.pattern !== null) {
    const { whole, partitioned } = await matching(client, choice.pattern)
    for (const topic of whole) add(topic, false)
    await each(partitioned, async (topic) => {
      for (const name of await partitionsOf(client, topic, false)) add(name, false)
    })
  }
  return [...found.values()]
}

async function partitionsOf(client: PulsarClient, topic: string, create: boolean): Promise<string[]> {
  if (parseTopicName(topic).partition >= 0) return [topic]
  const count = await client.partitionsOf(topic, create).catch((thrown: unknown) => {
    throw concerning(topic, thrown)
  })
  return count === 0 ? [topic] : Array.from({ length: count }, (_, index) => partitionName(topic, index))
}

async function matching(client: PulsarClient, { namespace, pattern, domain }: TopicPattern) {
  const whole = new Set<string>()
  const partitioned = new Set<string>()
  for (const topic of await client.topicsOf(namespace, domain)) {
    const { full, local, partition } = parseTopicName(topic)
    const [fullBase, localBase] = [withoutPartition(full), withoutPartition(local)]
    // What begins so is the broker's own.
    if (localBase.startsWith('__')) continue
    if (!pattern.test(pattern.source.includes('://') ? fullBase : localBase)) continue
    if (partition >= 0) partitioned.add(fullBase)
    else whole.add(full)
  }
  return { whole, partitioned }
}

/** The name of a topic without the mark of its partition. */
export const withoutPartition = (topic: string): string => topic.replace(/-partition-\d+$/, '')

/** What a broker refused, with the topic it was about: its words do not always name it. */
export function concerning(topic: string, thrown: unknown): unknown {
  if (!(thrown instanceof PulsarFault) || thrown.server === null || thrown.message.includes(topic)) return thrown
  const { kind, place, message, server } = thrown
  return new PulsarFault(kind, place, message === '' ? topic : `${topic}: ${message}`, { server, cause: thrown })
}

/** Does it for all, some at a time. */
export async function each<Item>(items: Iterable<Item>, work: (item: Item) => Promise<void>): Promise<void> {
  const rest = [...items]
  const worker = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(parallel, rest.length) }, worker))
}
