import { PulsarFault } from './fault.ts'

/** A topic's full name and its parts. */
export interface TopicName {
  /** `persistent://tenant/namespace/topic`, with `-partition-N` where it names one partition. */
  readonly full: string
  readonly domain: 'persistent' | 'non-persistent'
  /** `tenant/namespace`. */
  readonly namespace: string
  /** What stands behind the namespace. */
  readonly local: string
  /** Index of the partition it names; -1: none. */
  readonly partition: number
}

/**
 * Completes a topic's name as every Pulsar client does: `x` is `persistent://public/default/x`, `tenant/namespace/x`
 * is persistent. *Errors*: PulsarFault `usage`.
 */
export function parseTopicName(given: string): TopicName {
  const scheme = /^(persistent|non-persistent):\/\//.exec(given)
  const rest = scheme === null ? given : given.slice(scheme[0].length)
  const parts = rest.split('/')
  if (scheme === null && parts.length === 1) return named('persistent', 'public/default', rest, given)
  if (parts.length < 3) throw invalid(given)
  const domain = scheme === null ? 'persistent' : (scheme[1] as TopicName['domain'])
  return named(domain, `${parts[0]}/${parts[1]}`, parts.slice(2).join('/'), given)
}

function named(domain: TopicName['domain'], namespace: string, local: string, given: string): TopicName {
  if (local === '' || namespace.startsWith('/') || namespace.endsWith('/') || given.includes('\0')) throw invalid(given)
  const partition = /-partition-(\d+)$/.exec(local)
  return {
    full: `${domain}://${namespace}/${local}`,
    domain,
    namespace,
    local,
    partition: partition === null ? -1 : Number(partition[1]),
  }
}

/** The name of one partition of a topic. */
export const partitionName = (topic: string, index: number): string => `${topic}-partition-${index}`

const invalid = (given: string): PulsarFault =>
  new PulsarFault(
    'usage',
    given,
    `\`${given}\` is not the name of a Pulsar topic: topic, tenant/namespace/topic or persistent://tenant/namespace/topic`,
  )
