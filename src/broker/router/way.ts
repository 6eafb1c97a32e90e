import type { BrokerContext } from '../context.ts'
import { readDelayed } from '../delayed.ts'
import type { Person } from './topic-template.ts'

/** Where a topic that is but a name for another leads, for one publisher. */
export interface Way {
  readonly topic: string
  /** How long the message is held back; -1: it is not. *Unit*: ms. */
  readonly delayMs: number
  /** What is wrong with the name; null for nothing. */
  readonly fault: string | null
}

/** `$delayed/{n}/` is set aside, the rest is rewritten. */
export function wayOf({ delayed, rewriter }: BrokerContext, topic: string, who: Person): Way {
  const held = delayed === null ? null : readDelayed(topic)
  if (held === undefined) {
    const fault = 'wants $delayed/{seconds}/{topic} or $delayed/{milliseconds}ms/{topic}, at most 42949669 s'
    return { topic, delayMs: -1, fault }
  }
  const rest = held?.topic ?? topic
  return { topic: rewriter === null ? rest : rewriter.topic(rest, who), delayMs: held?.delayMs ?? -1, fault: null }
}

/** Which topics have one. */
export function waysOf({ delayed, rewriter }: Pick<BrokerContext, 'delayed' | 'rewriter'>): (topic: string) => boolean {
  return (topic) => (delayed !== null && topic.startsWith('$delayed/')) || rewriter?.concerns(topic) === true
}
