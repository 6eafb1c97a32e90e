import type { BrokerOptions } from '../broker/options.ts'
import type { RewriteRule } from '../broker/router/rewriter.ts'
import { LinearPattern, type StepBudget } from '../document/linear-pattern.ts'
import type { Settings } from '../settings/settings.ts'

type FromSettings = Required<
  Pick<
    BrokerOptions,
    'limits' | 'subscriptions' | 'autoSubscriptions' | 'rewrite' | 'delayed' | 'peerToPeer' | 'systemTopics'
  >
>

/** What one match may cost: about 4 ms. */
const maxSteps = 100_000

/** What the settings say of limits, subscriptions and topics, as the broker takes it. */
export function brokerOptions(settings: Settings, version: string): FromSettings {
  const { limits, subscriptions, rewrite, delayed, systemTopics } = settings
  const { shared, groups, exclusive, limited, auto, peerToPeer } = subscriptions
  const { enabled, maxMessages, maxBytes, whenFull } = delayed
  return {
    limits,
    subscriptions: {
      shared: shared === 'off' ? null : shared,
      groups: new Map(Object.entries(groups)),
      exclusive,
      limited,
    },
    autoSubscriptions: auto.map(({ filter, qos, no_local, retain_as_published, retain_handling }) => ({
      filter,
      qos: qos as 0 | 1 | 2,
      noLocal: no_local,
      retainAsPublished: retain_as_published,
      retainHandling: retain_handling as 0 | 1 | 2,
    })),
    rewrite: rewrite.map(({ action, from, regex, to }) => ({ action, from, to, find: finderOf(regex) })),
    delayed: enabled ? { maxMessages, maxBytes, whenFull } : null,
    peerToPeer,
    systemTopics: systemTopics.enabled ? { ...systemTopics, version } : null,
  }
}

function finderOf(regex: string | undefined): RewriteRule['find'] {
  if (regex === undefined) return null
  const pattern = LinearPattern.compile(regex)
  // The settings have been checked.
  if (typeof pattern === 'string') throw new TypeError(pattern)
  return (topic) => {
    const found = pattern.find(topic, 0, budget())
    if (found === null) return null
    const groups = Array.from({ length: pattern.groups }, (_, at) => [found[2 * at + 2]!, found[2 * at + 3]!] as const)
    return groups.map(([start, end]) => (start < 0 ? null : topic.slice(start, end)))
  }
}

function budget(): StepBudget {
  let left = maxSteps
  return {
    spend: (steps) => {
      left -= steps
      return left > 0
    },
  }
}
