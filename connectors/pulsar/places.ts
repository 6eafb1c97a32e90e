import type { PulsarOptions } from './options.ts'
import { PulsarFault } from './protocol/fault.ts'
import { parseTopicName } from './protocol/topic-name.ts'
import type { PulsarSourceOptions } from './source-options.ts'

/** The topics an entry of `sources:` reads, in full. */
export function readsOf({ topics, topic_regex: pattern, lookup_namespace: namespace }: PulsarSourceOptions): string[] {
  const places = (topics ?? []).map(fullName)
  if (pattern !== undefined) places.push(`persistent://${namespace}/*`)
  return places
}

/** The topic a target leads to, in full; null where only the message decides it all. */
export function writesTo({ topic }: PulsarOptions, target: string | null): string | null {
  const name = target ?? topic ?? null
  if (name === null) return null
  // A template that may begin with anything may name any topic.
  return name.startsWith('*') ? '*' : fullName(name)
}

function fullName(name: string): string {
  try {
    return parseTopicName(name).full.replace(/-partition-\d+$/, '')
  } catch (thrown) {
    // What is no name is said when it is used.
    if (thrown instanceof PulsarFault) return name
    throw thrown
  }
}
