import type { Message } from '../contract/message.ts'
import type { Body } from './body.ts'
import type { CompiledRule } from './compile.ts'
import type { Encoding } from './encoding/encoding.ts'
import type { Expression } from './expression/expression.ts'
import { type Evaluate, Scope, type Site, siteOf } from './expression/scope.ts'
import { failed } from './expression/value.ts'
import type { PublishTarget, SinkTarget, Targets } from './target.ts'

/** What a target of either kind has for one topic. */
interface BoundTarget {
  /** null: always. */
  readonly when: Evaluate | null
  readonly whenSite: Site
  readonly body: Body | null
  readonly encoding: Encoding
  /** Its branches. */
  readonly taken: number
  readonly left: number
}

/** A sink target for one topic: what depends on the topic alone is a constant here. */
export interface BoundSink extends BoundTarget {
  readonly target: SinkTarget
  readonly sink: string
  readonly address: Evaluate
  readonly key: Evaluate
  readonly headers: Evaluate
  readonly options: Evaluate
}

export interface BoundPublish extends BoundTarget {
  readonly target: PublishTarget
  readonly topic: Evaluate
  readonly retain: Evaluate
  readonly qos: Evaluate | null
}

export interface BoundTargets {
  readonly sinks: readonly BoundSink[]
  readonly publishes: readonly BoundPublish[]
}

/** A rule with the captures of one topic. */
export interface BoundRule {
  readonly rule: CompiledRule
  readonly captures: readonly string[]
  readonly to: BoundTargets
  /** What is done when `where` is false; null: nothing. */
  readonly otherwise: BoundTargets | null
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
  const fix: Fix = (expression) => {
    if (expression.depends === 'message' || expression.depends === 'item') return expression.evaluate
    scope.beginRule(captures, rule.lets.length)
    const value = expression.evaluate(scope)
    // What fails on this topic fails on each of its messages, with its reason.
    return value === failed ? expression.evaluate : () => value
  }
  return {
    rule,
    captures,
    to: bindTargets(rule, rule.to, fix),
    otherwise: rule.otherwise === null ? null : bindTargets(rule, rule.otherwise, fix),
    orderBy: rule.orderBy === null ? null : fix(rule.orderBy),
  }
}

type Fix = (expression: Expression) => Evaluate

const bindTargets = (rule: CompiledRule, { sinks, publishes }: Targets, fix: Fix): BoundTargets => ({
  sinks: sinks.map((target) => ({
    target,
    sink: target.sink,
    address: fix(target.address),
    key: fix(target.key),
    headers: fix(target.headers),
    options: fix(target.options),
    ...bindCommon(rule, target, fix),
  })),
  publishes: publishes.map((target) => ({
    target,
    topic: fix(target.topic),
    retain: fix(target.retain),
    qos: target.qos === null ? null : fix(target.qos),
    ...bindCommon(rule, target, fix),
  })),
})

function bindCommon({ branches }: CompiledRule, target: SinkTarget | PublishTarget, fix: Fix): BoundTarget {
  const { path, when, body, encoding } = target
  const { taken, left } = branches.targets.get(path)!
  return {
    when: when === null ? null : fix(when),
    whenSite: siteOf(...path.slice(0, 2), 'when'),
    body,
    encoding,
    taken,
    left,
  }
}
