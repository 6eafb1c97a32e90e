import { topicFilterFault, topicMatches } from '../../topic/filter.ts'
import { topicNameFault } from '../../topic/name.ts'
import { filledIn, type Person, readTemplate, type TemplatePart } from './topic-template.ts'

/** One rule of `rewrite:`. */
export interface RewriteRule {
  readonly action: 'publish' | 'subscribe' | 'all'
  /** A topic filter; what its wildcards match are the captures, where there is no `find`. */
  readonly from: string
  /** Finds the captures in a topic, the first being that of `$1`; null when the rule does not hold for it. */
  readonly find: ((topic: string) => readonly (string | null)[] | null) | null
  readonly to: string
}

interface Prepared {
  readonly rule: RewriteRule
  readonly parts: readonly TemplatePart[]
}

/**
 * Gives topics and filters of clients other names, before anything else looks at them. Of the rules that match, the one
 * with the most specific `from` holds, of several alike the last; its result is not rewritten again. Without one of its
 * captures, or without the user name it wants, the topic stays as it is.
 */
export class Rewriter {
  readonly #ofPublish: readonly Prepared[]
  readonly #ofSubscribe: readonly Prepared[]

  constructor(rules: readonly RewriteRule[]) {
    const prepared = rules.map((rule) => ({ rule, parts: readTemplate(rule.to) })).reverse()
    // Stable: of those alike the last one stays first.
    prepared.sort((a, b) => compareSpecificity(a.rule.from, b.rule.from))
    this.#ofPublish = prepared.filter(({ rule }) => rule.action !== 'subscribe')
    this.#ofSubscribe = prepared.filter(({ rule }) => rule.action !== 'publish')
  }

  /** Whether a publish to this topic may be concerned, whoever sends it. */
  concerns(topic: string): boolean {
    return this.#ofPublish.some(({ rule }) => topicMatches(rule.from, topic))
  }

  topic(topic: string, who: Person): string {
    return rewrite(this.#ofPublish, topic, who, topicNameFault)
  }

  filter(filter: string, who: Person): string {
    return rewrite(this.#ofSubscribe, filter, who, topicFilterFault)
  }
}

function rewrite(
  rules: readonly Prepared[],
  topic: string,
  who: Person,
  faultOf: (text: string) => string | null,
): string {
  for (const { rule, parts } of rules) {
    if (!topicMatches(rule.from, topic)) continue
    const captures = rule.find === null ? wildcardsOf(rule.from, topic) : rule.find(topic)
    if (captures === null) continue
    const made = filledIn(parts, captures, who)
    return made === null || faultOf(made) !== null ? topic : made
  }
  return topic
}

/** What each `+` of a filter matched, and its `#`. */
function wildcardsOf(filter: string, topic: string): string[] {
  const levels = topic.split('/')
  const captures: string[] = []
  for (const [at, level] of filter.split('/').entries()) {
    if (level === '+') captures.push(levels[at]!)
    else if (level === '#') captures.push(levels.slice(at).join('/'))
  }
  return captures
}

/** Level by level a name comes before `+`, and `+` before `#`; the longer filter first. */
function compareSpecificity(a: string, b: string): number {
  const left = a.split('/')
  const right = b.split('/')
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = rankOf(left[at]) - rankOf(right[at])
    if (difference !== 0) return difference
  }
  return 0
}

const rankOf = (level: string | undefined): number =>
  level === undefined ? 3 : level === '#' ? 2 : level === '+' ? 1 : 0
