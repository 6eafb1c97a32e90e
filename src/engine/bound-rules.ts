import type { Message } from '../contract/message.ts'
import type { CompiledRule } from './compile.ts'
import type { Expression } from './expression/expression.ts'
import { type Evaluate, Scope } from './expression/scope.ts'
import { failed } from './expression/value.ts'
import type { Encoding } from './target.ts'

/** A sink target for one topic: what depends on the topic alone is a constant here. */
export interface BoundSink {
  readonly sink: string
  readonly address: Evaluate
  readonly key: Evaluate
  readonly headers: Evaluate
  readonly options: Evaluate
  readonly encoding: Encoding
}

export interface BoundPublish {
  readonly topic: Evaluate
  readonly retain: Evaluate
  readonly qos: Evaluate | null
  readonly encoding: Encoding
}

/** A rule with the captures of one topic. */
export interface BoundRule {
  readonly rule: CompiledRule
  readonly captures: readonly string[]
  readonly sinks: readonly BoundSink[]
  readonly publishes: readonly BoundPublish[]
  readonly orderBy: Evaluate | null
}

/** The rules that match one topic, in the order of their names. The broker keeps it beside the topic. */
export class BoundRules {
  readonly topic: string
  readonly rules: readonly BoundRule[]
  #client: string | null = null
  #orderKey = ''

  constructor(topic: string, rules: readonly CompiledRule[]) {
    this.topic = topic
    const scope = new Scope()
    scope.begin(messageOf(topic))
    this.rules = rules.map((rule) => bind(rule, topic, scope))
  }

  /** The default order key, client and topic. A topic mostly has one publisher, so the last one's is kept. */
  orderKey(client: string): string {
    if (client !== this.#client) {
      this.#client = client
      this.#orderKey = `${client}/${this.topic}`
    }
    return this.#orderKey
  }
}

const messageOf = (topic: string): Message => ({
  topic,
  payload: new Uint8Array(0),
  qos: 0,
  retain: false,
  properties: null,
  client: '',
  username: null,
  source: null,
  timeMs: 0,
})

function bind(rule: CompiledRule, topic: string, scope: Scope): BoundRule {
  const captures = rule.pattern.capture(topic)
  const fix = (expression: Expression): Evaluate => {
    if (expression.depends === 'message') return expression.evaluate
    scope.beginRule(captures, rule.letCount)
    const value = expression.evaluate(scope)
    // What fails on this topic fails on each of its messages, with its reason.
    return value === failed ? expression.evaluate : () => value
  }
  return {
    rule,
    captures,
    sinks: rule.sinks.map((target) => ({
      sink: target.sink,
      address: fix(target.address),
      key: fix(target.key),
      headers: fix(target.headers),
      options: fix(target.options),
      encoding: target.encoding,
    })),
    publishes: rule.publishes.map((target) => ({
      topic: fix(target.topic),
      retain: fix(target.retain),
      qos: target.qos === null ? null : fix(target.qos),
      encoding: target.encoding,
    })),
    orderBy: rule.orderBy === null ? null : fix(rule.orderBy),
  }
}
