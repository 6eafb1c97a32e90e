import { TrestleError } from '../contract/error.ts'
import type { Message, Owed } from '../contract/message.ts'
import type { BoundPublish, BoundRule, BoundRules, BoundSink } from '../engine/bound-rules.ts'
import type { CompiledRule } from '../engine/compile.ts'
import type { Ack, PublishOrder } from '../engine/decision.ts'
import type { Scope } from '../engine/expression/scope.ts'
import { failed } from '../engine/expression/value.ts'
import { Outcome } from '../engine/outcome.ts'
import { evaluate, evaluateFurther } from '../engine/rule-set.ts'
import type { Tracer } from '../engine/trace.ts'
import { topicNameFault } from '../topic/name.ts'
import { nearestRule } from './nearest.ts'
import { plainOf } from './plain-value.ts'
import type { ProvingPlan } from './plan.ts'
import { type Term, termsOf } from './terms.ts'

/** Where one rule would send the message, or why a target was left. */
export interface ExplainedTarget {
  readonly kind: 'sink' | 'publish'
  /** The sink's name, or the topic. */
  readonly to: string
  /** The address under its own name, key, headers, options, retain and qos, as far as there are any. */
  readonly facts: readonly (readonly [name: string, value: unknown])[]
  readonly encoding: string | null
  readonly schema: { readonly name: string; readonly id: number } | null
  readonly bytes: number
  /** What `payload:` makes; null where it is edited, or goes on as it came. */
  readonly payload: unknown
}

/** What one rule makes of the message. */
export interface ExplainedRule {
  readonly rule: string
  readonly file: string
  readonly topic: string
  readonly verdict: 'matches' | 'let go' | 'dropped' | 'gathered' | 'else' | 'refused'
  readonly captures: readonly (readonly [name: string, value: string])[]
  readonly schema: { readonly name: string; readonly decoding: string; readonly fault: string | null } | null
  readonly where: { readonly text: string; readonly value: unknown; readonly terms: readonly Term[] } | null
  readonly lets: readonly (readonly [name: string, value: unknown])[]
  /** The keys under which it remembers, by clause. Nothing is remembered here, so all of them let it pass. */
  readonly state: readonly { readonly clause: string; readonly key: unknown }[]
  readonly items: number | null
  /** Each edit of `set:`; undefined removes the field. */
  readonly edits: readonly (readonly [field: string, value: unknown])[]
  readonly targets: readonly ExplainedTarget[]
  /** Targets whose `when` was false. */
  readonly left: readonly string[]
  readonly error: { readonly code: string; readonly message: string; readonly place: string | null } | null
}

/** What would become of a message. */
export interface Explanation {
  readonly topic: string
  readonly qos: 0 | 1 | 2
  readonly rules: readonly ExplainedRule[]
  /** Where no rule takes the topic. */
  readonly nearest: { readonly file: string; readonly difference: string } | null
  readonly ack: Ack
  /** What refuses it as a whole; then nothing is sent, whatever other rules say. */
  readonly refusal: {
    readonly rule: string
    readonly code: string
    readonly message: string
    readonly action: string
  } | null
}

/** As far as rules may publish into each other. */
const maxDepth = 8

/** Evaluates a message as the hub would, keeps and sends nothing, and tells each step. *Errors*: E405 for its topic. */
export function explain(plan: ProvingPlan, message: Message): Explanation {
  const { rules } = plan
  const { topic, qos } = message
  const fault = topicNameFault(topic)
  if (fault !== null) throw new TrestleError('E405', `the topic ${fault}`)
  const bound = rules.lookup(topic)
  if (bound === null) {
    const near = nearestRule(rules.rules, topic)
    const nearest = near === null ? null : { file: near.rule.file, difference: near.difference }
    return { topic, qos, rules: [], nearest, ack: 'received', refusal: null }
  }
  const watcher = new Watcher(plan)
  const outcome = new Outcome()
  outcome.tracer = watcher
  evaluate(bound, message, outcome)
  for (let depth = 0; depth < maxDepth && outcome.publishes.length > 0; depth++) {
    for (const order of outcome.publishes.splice(0)) {
      const further: BoundRules | null = rules.lookup(order.topic)
      if (further !== null) evaluateFurther(further, { ...message, ...messagePart(order) }, outcome)
    }
  }
  const { refusal, ack } = outcome
  const told =
    refusal === null
      ? null
      : { rule: refusal.rule, code: refusal.error.code, message: refusal.error.message, action: refusal.action }
  return { topic, qos, rules: watcher.rules, nearest: null, ack, refusal: told }
}

const messagePart = ({ topic, payload, retain, qos, properties }: PublishOrder): Partial<Message> => ({
  topic,
  payload,
  retain,
  qos,
  properties,
})

/** Looks on while the rules run, and writes down what each of them finds. */
class Watcher implements Tracer {
  readonly rules: ExplainedRule[] = []
  readonly #plan: ProvingPlan
  #targets: ExplainedTarget[] = []
  #edits = new Map<string, unknown>()
  #taken = new Set<number>()

  constructor(plan: ProvingPlan) {
    this.#plan = plan
  }

  begin(): void {
    this.#targets = []
    this.#edits = new Map()
    this.#taken = new Set()
  }

  took(_rule: CompiledRule, branch: number): void {
    this.#taken.add(branch)
  }

  sent(_rule: BoundRule, bound: BoundSink | BoundPublish, what: Owed | PublishOrder, scope: Scope): void {
    const { body, encoding } = bound
    const { schema, name } = encoding
    for (const [field, value] of body?.edits ?? []) {
      if (this.#edits.has(field)) continue
      const result = value === null ? undefined : value(scope)
      if (result !== failed) this.#edits.set(field, plainOf(result))
    }
    const made = body === null || body.edits.size > 0 ? null : body.evaluate(scope)
    this.#targets.push({
      ...('sink' in what ? this.#sinkFacts(what) : publishFacts(what)),
      encoding: name,
      schema: schema === null ? null : { name: `${schema.subject}@${schema.version}`, id: schema.id },
      bytes: what.payload.length,
      payload: resultOf(made),
    })
  }

  end(bound: BoundRule, scope: Scope, error: TrestleError | null): void {
    const { rule, captures } = bound
    const { schema, where, lets, pattern, branches } = rule
    const names = pattern.names.map((name, at): [string, string] => [name, captures[at] ?? ''])
    const left = [...branches.targets.values()].map(({ left: id }) => id).filter((id) => id >= 0 && this.#taken.has(id))
    const text = textOf(rule, 'where')
    const fault = error !== null && this.#taken.has(branches.payloadRefused) ? error.message : null
    // Asked again only where the rule has asked: after a payload that cannot be read there is nothing to ask.
    const asked = where !== null && fault === null
    this.rules.push({
      rule: rule.name,
      file: rule.file,
      topic: scope.message.topic,
      verdict: this.#verdictOf(rule, error),
      captures: names,
      schema:
        schema === null ? null : { name: `${schema.subject}@${schema.version}`, decoding: rule.decoding.name, fault },
      where: asked
        ? { text, value: resultOf(where.evaluate(scope)), terms: termsOf(text, rule.names.before, scope) }
        : null,
      lets: fault === null ? valuesOf(lets, rule.itemLets, scope) : [],
      state: fault === null && this.#isAsked(rule) ? stateOf(rule, scope) : [],
      items: rule.forEach === null || fault !== null ? null : sizeOf(rule.forEach.evaluate(scope)),
      edits: [...this.#edits],
      targets: this.#targets,
      left: left.map((id) => textAtWhen(rule, branches.all[id]!.path)),
      error: error === null ? null : { code: error.code, message: error.message, place: error.detail.place ?? null },
    })
  }

  /** Messages for which `where` is false never come to what the rule remembers. */
  #isAsked({ branches }: CompiledRule): boolean {
    return !this.#taken.has(branches.whereFalse)
  }

  #verdictOf({ branches, otherwise }: CompiledRule, error: TrestleError | null): ExplainedRule['verdict'] {
    if (error !== null) return 'refused'
    if (this.#taken.has(branches.whereFalse)) return otherwise === null ? 'let go' : 'else'
    if (this.#taken.has(branches.dropped)) return 'dropped'
    return this.#taken.has(branches.gathered) ? 'gathered' : 'matches'
  }

  #sinkFacts({ sink, target, key, headers, options }: Owed): Pick<ExplainedTarget, 'kind' | 'to' | 'facts'> {
    const field = this.#plan.sinks.get(sink)?.targetField ?? 'target'
    const facts: [string, unknown][] = []
    if (target !== null) facts.push([field, target])
    if (key !== null) facts.push(['key', key])
    if (headers.length > 0) facts.push(['headers', Object.fromEntries(headers)])
    for (const [name, value] of Object.entries(options ?? {})) facts.push([name, value])
    return { kind: 'sink', to: sink, facts }
  }
}

const publishFacts = ({ topic, retain, qos }: PublishOrder): Pick<ExplainedTarget, 'kind' | 'to' | 'facts'> => ({
  kind: 'publish',
  to: topic,
  facts: [...(retain ? [['retain', true] as const] : []), ['qos', qos] as const],
})

const resultOf = (value: unknown): unknown => (value === failed ? null : plainOf(value))

/** The `let` names that do not change with each item. */
const valuesOf = (lets: CompiledRule['lets'], perItem: readonly number[], scope: Scope): [string, unknown][] =>
  lets
    .filter(({ at }) => !perItem.includes(at))
    .flatMap(({ name, expression }): [string, unknown][] => {
      const value = expression?.evaluate(scope)
      return value === failed || value === undefined ? [] : [[name, plainOf(value)]]
    })

function stateOf({ state }: CompiledRule, scope: Scope): { clause: string; key: unknown }[] {
  if (state === null) return []
  const steps = state.gather === null ? state.filters : [...state.filters, state.gather]
  return steps.map(({ key, table }) => ({ clause: /\/([^/#]+)#/.exec(table.id)?.[1] ?? '', key: resultOf(key(scope)) }))
}

/** How many items there are to go through; null when that cannot be told. */
function sizeOf(items: unknown): number | null {
  if (Array.isArray(items)) return items.length
  return typeof items === 'object' && items !== null ? Object.keys(items).length : null
}

const textOf = ({ document }: CompiledRule, field: string): string =>
  String((document.value as Record<string, unknown>)[field] ?? '')
    .replaceAll(/\s+/g, ' ')
    .trim()

/** `publish alarms/x, when payload.t > 3`. */
function textAtWhen({ document }: CompiledRule, path: readonly (string | number)[]): string {
  const [list, at] = path as [string, number]
  const target = (document.value as Record<string, Record<string, unknown>[]>)[list]?.[at] ?? {}
  const to = 'sink' in target ? String(target['sink']) : `publish ${target['publish']}`
  return `${to}, when ${String(target['when']).replaceAll(/\s+/g, ' ').trim()}`
}
