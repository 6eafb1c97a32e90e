import type { TrestleError } from '../contract/error.ts'
import type { Header, Message } from '../contract/message.ts'
import { topicNameFault } from '../topic/name.ts'
import type { BoundPublish, BoundRule, BoundRules, BoundSink } from './bound-rules.ts'
import type { CompiledRule } from './compile.ts'
import { type Scope, siteOf } from './expression/scope.ts'
import { failed, kindOf } from './expression/value.ts'
import type { Ack, Outcome } from './outcome.ts'
import { expressionError, schemaError, unforeseenError } from './refusal.ts'

const strength: Readonly<Record<Ack, number>> = { received: 0, stored: 1, delivered: 2 }

/**
 * Runs the rules of a topic over one message and leaves in `outcome` what is owed, or the one refusal that stops it
 * all. Each rule sees the message as published. Counters move only when `outcome.count()` is called.
 */
export function evaluate(bound: BoundRules, message: Message, outcome: Outcome): void {
  outcome.reset()
  evaluateFurther(bound, message, outcome)
}

/** As `evaluate`, for a message that a rule has published: adds to what `outcome` holds already. */
export function evaluateFurther(bound: BoundRules, message: Message, outcome: Outcome): void {
  outcome.scope.begin(message)
  for (const boundRule of bound.rules) {
    const { rule } = boundRule
    const owed = outcome.owed.length
    const publishes = outcome.publishes.length
    const changes = outcome.changes.list.length
    const error = runSafely(run, boundRule, bound, message, outcome)
    if (error === null) continue
    if (rule.onRefused !== 'pass') {
      outcome.refuse({ rule: rule.name, error, action: rule.onRefused }, rule.counters)
      return
    }
    outcome.keepTargets(owed, publishes)
    outcome.changes.keep(changes)
    outcome.note(rule.counters, 1, 1, 0, 0)
  }
}

/** What rules have gathered goes on from where it was stopped: `bound` has the one rule, `message` is the result. */
export function evaluateGathered(bound: BoundRules, message: Message, outcome: Outcome): void {
  outcome.reset()
  outcome.scope.begin(message)
  const [boundRule] = bound.rules as [BoundRule]
  const { rule } = boundRule
  const error = runSafely(goOn, boundRule, bound, message, outcome)
  if (error === null) return
  if (rule.onRefused !== 'pass') {
    outcome.refuse({ rule: rule.name, error, action: rule.onRefused }, rule.counters)
    return
  }
  outcome.clearTargets()
  outcome.note(rule.counters, 1, 1, 0, 0)
}

type Run = (boundRule: BoundRule, bound: BoundRules, message: Message, outcome: Outcome) => TrestleError | null

function runSafely(
  steps: Run,
  boundRule: BoundRule,
  bound: BoundRules,
  message: Message,
  outcome: Outcome,
): TrestleError | null {
  try {
    return steps(boundRule, bound, message, outcome)
  } catch (thrown) {
    return unforeseenError(boundRule.rule, thrown)
  }
}

/** One rule: schema, where, body, targets. Answers why the message is refused, or null. */
function run(boundRule: BoundRule, bound: BoundRules, message: Message, outcome: Outcome): TrestleError | null {
  const { rule } = boundRule
  const { scope } = outcome
  scope.beginRule(boundRule.captures, rule.letCount)
  if (rule.schema !== null) {
    const payload = scope.payload()
    if (payload === failed) return expressionError(rule, scope)
    const fault = scope.schemaFault(rule.schema, payload)
    if (fault !== null) return schemaError(rule, fault)
  }
  if (rule.where !== null) {
    const matches = rule.where.evaluate(scope)
    if (matches !== true) {
      if (matches !== false) return whereError(rule, scope, matches)
      outcome.note(rule.counters, 1, 0, 0, 0)
      return null
    }
  }
  if (rule.state === null) return shapeAndNote(boundRule, bound, message, outcome)
  const verdict = rule.state.decide(scope, outcome.changes)
  if (verdict === failed) return expressionError(rule, scope)
  if (verdict === 'passed') return shapeAndNote(boundRule, bound, message, outcome)
  outcome.note(rule.counters, verdict === 'dropped' ? 1 : 0, 0, 0, 0, verdict === 'gathered' ? 1 : 0)
  if (verdict === 'gathered' && strength[rule.ack] > strength[outcome.ack]) outcome.ack = rule.ack
  return null
}

/** The rule's turn with what it has gathered: all but the schema, the condition and the gathering. */
function goOn(boundRule: BoundRule, bound: BoundRules, message: Message, outcome: Outcome): TrestleError | null {
  outcome.scope.beginRule(boundRule.captures, boundRule.rule.letCount)
  return shapeAndNote(boundRule, bound, message, outcome)
}

function shapeAndNote(
  boundRule: BoundRule,
  bound: BoundRules,
  message: Message,
  outcome: Outcome,
): TrestleError | null {
  const { rule } = boundRule
  const { scope } = outcome
  if (!shape(boundRule, bound, message, outcome)) return expressionError(rule, scope)
  outcome.note(rule.counters, 0, 0, boundRule.sinks.length, boundRule.publishes.length)
  if (strength[rule.ack] > strength[outcome.ack]) outcome.ack = rule.ack
  return null
}

function whereError(rule: CompiledRule, scope: Scope, value: unknown): TrestleError {
  if (value !== failed) scope.fail(siteOf('where'), `where needs a bool, and got ${kindOf(value)}`)
  return expressionError(rule, scope)
}

/** Makes the payload's bytes and all targets; false when something failed, with the reason in the scope. */
function shape(boundRule: BoundRule, bound: BoundRules, message: Message, outcome: Outcome): boolean {
  const { rule, sinks, publishes } = boundRule
  const { scope } = outcome
  const { encoder } = outcome
  if (!encoder.begin(scope, rule.body)) return false
  if (sinks.length > 0) {
    const orderKey = boundRule.orderBy === null ? bound.orderKey(message.client) : boundRule.orderBy(scope)
    if (orderKey === failed) return false
    for (const target of sinks) {
      if (!oweSink(target, rule.name, orderKey as string, outcome)) return false
    }
  }
  for (const target of publishes) {
    if (!orderPublish(target, rule.name, message, outcome)) return false
  }
  return true
}

function oweSink(target: BoundSink, rule: string, orderKey: string, outcome: Outcome): boolean {
  const { scope } = outcome
  const address = target.address(scope)
  if (address === failed) return false
  const key = target.key(scope)
  if (key === failed) return false
  const headers = target.headers(scope)
  if (headers === failed) return false
  const options = target.options(scope)
  if (options === failed) return false
  const payload = outcome.encoder.bytes(scope, target.encoding)
  if (payload === null) return false
  outcome.owed.push({
    sink: target.sink,
    rule,
    target: address as string | null,
    key: key as string | null,
    orderKey,
    headers: headers as readonly Header[],
    payload,
    options: options as Readonly<Record<string, unknown>> | null,
  })
  return true
}

function orderPublish(target: BoundPublish, rule: string, message: Message, outcome: Outcome): boolean {
  const { scope } = outcome
  const topic = target.topic(scope)
  if (topic === failed) return false
  const fault = (topic as string).startsWith('$') ? 'begins with $' : topicNameFault(topic as string)
  if (fault !== null) {
    scope.fail(siteOf('to'), `publish: the topic ${JSON.stringify((topic as string).slice(0, 100))} ${fault}`)
    return false
  }
  const retain = target.retain(scope)
  if (retain === failed) return false
  const qos = target.qos === null ? message.qos : target.qos(scope)
  if (qos === failed) return false
  if (typeof retain !== 'boolean' || (qos !== 0 && qos !== 1 && qos !== 2)) {
    scope.fail(siteOf('to'), `publish: retain and qos cannot be ${kindOf(retain)} and ${kindOf(qos)} of this message`)
    return false
  }
  const payload = outcome.encoder.bytes(scope, target.encoding)
  if (payload === null) return false
  outcome.publishes.push({ rule, topic: topic as string, payload, retain, qos, properties: message.properties })
  return true
}
