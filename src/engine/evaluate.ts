import type { TrestleError } from '../contract/error.ts'
import type { Message } from '../contract/message.ts'
import type { BoundRule, BoundRules, BoundTargets } from './bound-rules.ts'
import type { CompiledRule } from './compile.ts'
import type { Ack } from './decision.ts'
import { jsonPayload } from './expression/payload.ts'
import { type Scope, siteOf } from './expression/scope.ts'
import { failed, kindOf } from './expression/value.ts'
import type { Outcome } from './outcome.ts'
import { expressionError, schemaError, unforeseenError } from './refusal.ts'
import { deliver, deliverEach } from './send.ts'

const strength: Readonly<Record<Ack, number>> = { received: 0, stored: 1, delivered: 2 }

/**
 * Runs the rules of a topic over one message and leaves in `outcome` what is owed, or the one refusal that stops it
 * all. Each rule sees the message as published. Counters move only when `outcome.count()` is called.
 */
export function evaluate(bound: BoundRules, message: Message, outcome: Outcome): void {
  outcome.restart()
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
  outcome.restart()
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
  outcome.tracer?.begin(boundRule, outcome.scope)
  let error: TrestleError | null
  try {
    error = steps(boundRule, bound, message, outcome)
  } catch (thrown) {
    error = unforeseenError(boundRule.rule, thrown)
  }
  outcome.tracer?.end(boundRule, outcome.scope, error)
  return error
}

/** One rule: schema, where, state, targets. Answers why the message is refused, or null. */
function run(boundRule: BoundRule, bound: BoundRules, message: Message, outcome: Outcome): TrestleError | null {
  const { rule } = boundRule
  const { scope, tracer } = outcome
  const { decoder } = rule.decoding
  scope.beginRule(boundRule.captures, rule.lets.length, decoder)
  outcome.encoder.readsJson = decoder === jsonPayload
  if (rule.schema !== null) {
    const error = payloadError(rule, scope)
    if (error !== null) {
      tracer?.took(rule, rule.branches.payloadRefused)
      return error
    }
  }
  if (rule.where !== null) {
    const matches = rule.where.evaluate(scope)
    if (matches === false) return letGo(boundRule, bound, message, outcome)
    if (matches !== true) return whereError(rule, scope, matches)
    tracer?.took(rule, rule.branches.whereTrue)
  }
  if (rule.state === null) return send(boundRule.to, boundRule, bound, message, outcome)
  const verdict = rule.state.decide(scope, outcome.changes)
  if (verdict === failed) return expressionError(rule, scope)
  if (verdict === 'passed') return send(boundRule.to, boundRule, bound, message, outcome)
  tracer?.took(rule, verdict === 'dropped' ? rule.branches.dropped : rule.branches.gathered)
  outcome.note(rule.counters, verdict === 'dropped' ? 1 : 0, 0, 0, 0, verdict === 'gathered' ? 1 : 0)
  if (verdict === 'gathered' && strength[rule.ack] > strength[outcome.ack]) outcome.ack = rule.ack
  return null
}

/** The rule's turn with what it has gathered: all but the schema, the condition and the gathering. */
function goOn(boundRule: BoundRule, bound: BoundRules, message: Message, outcome: Outcome): TrestleError | null {
  const { rule, captures } = boundRule
  outcome.scope.beginRule(captures, rule.lets.length, rule.gatheredBy)
  outcome.encoder.readsJson = rule.gatheredBy === jsonPayload
  return send(boundRule.to, boundRule, bound, message, outcome)
}

/** What the rule's schema has to say of the payload. */
function payloadError(rule: CompiledRule, scope: Scope): TrestleError | null {
  const { schema, decoding } = rule
  const payload = scope.payload()
  if (payload === failed) return expressionError(rule, scope)
  const fault = schema === null || !decoding.checked ? null : scope.schemaFault(schema, payload)
  return fault === null ? null : schemaError(rule, schema!, fault)
}

function whereError(rule: CompiledRule, scope: Scope, value: unknown): TrestleError {
  if (value !== failed) scope.fail(siteOf('where'), `where needs a bool, and got ${kindOf(value)}`)
  return expressionError(rule, scope)
}

/** `where` is false. */
function letGo(boundRule: BoundRule, bound: BoundRules, message: Message, outcome: Outcome): TrestleError | null {
  const { rule, otherwise } = boundRule
  outcome.tracer?.took(rule, rule.branches.whereFalse)
  if (otherwise !== null) return send(otherwise, boundRule, bound, message, outcome)
  outcome.note(rule.counters, 1, 0, 0, 0)
  return null
}

/** Serves the targets; a message that no `when` and no item sends anywhere counts as filtered. */
function send(
  targets: BoundTargets,
  boundRule: BoundRule,
  bound: BoundRules,
  message: Message,
  outcome: Outcome,
): TrestleError | null {
  const { rule } = boundRule
  const owed = outcome.owed.length
  const publishes = outcome.publishes.length
  const isEach = rule.forEach !== null && targets === boundRule.to
  const sent = isEach
    ? deliverEach(targets, boundRule, bound, message, outcome)
    : deliver(targets, boundRule, bound, message, outcome)
  if (!sent) return expressionError(rule, outcome.scope)
  const claims = outcome.owed.length - owed
  const published = outcome.publishes.length - publishes
  const isFiltered = claims + published === 0
  outcome.note(rule.counters, isFiltered ? 1 : 0, 0, claims, published)
  if (!isFiltered && strength[rule.ack] > strength[outcome.ack]) outcome.ack = rule.ack
  return null
}
