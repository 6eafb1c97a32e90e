import type { Header, Message } from '../contract/message.ts'
import { topicNameFault } from '../topic/name.ts'
import type { BoundPublish, BoundRule, BoundRules, BoundSink, BoundTargets } from './bound-rules.ts'
import { spentBudget } from './expression/functions/row.ts'
import { type Scope, type Site, siteOf } from './expression/scope.ts'
import { failed, isMap, KeyedMap, kindOf } from './expression/value.ts'
import { type ForEach, maxItemBytes, maxItems, stepsPerItem } from './for-each.ts'
import type { Outcome } from './outcome.ts'
import { publishedProperties } from './published-properties.ts'

/** Makes the payload's bytes and what each target is owed; false when something failed, with the reason in the scope. */
export function deliver(
  targets: BoundTargets,
  boundRule: BoundRule,
  bound: BoundRules,
  message: Message,
  outcome: Outcome,
): boolean {
  outcome.encoder.begin(false, boundRule.rule.rich)
  return serve(targets, boundRule, bound, message, outcome)
}

/** The same for each item of the rule's `for_each`, in order. */
export function deliverEach(
  targets: BoundTargets,
  boundRule: BoundRule,
  bound: BoundRules,
  message: Message,
  outcome: Outcome,
): boolean {
  const { rule } = boundRule
  const { scope, encoder } = outcome
  const each = rule.forEach!
  const items = itemsOf(each, scope)
  if (items === null) return false
  const { names, values } = items
  const steps = stepsPerItem * (targets.sinks.length + targets.publishes.length)
  let sizeBytes = 0
  for (const [at, item] of values.entries()) {
    const owed = outcome.owed.length
    const publishes = outcome.publishes.length
    scope.beginItem(item, names === null ? at : names[at]!, rule.itemLets)
    encoder.begin(true, rule.rich)
    if (!scope.spend(steps)) return refuse(scope, each.site, spentBudget)
    if (!serve(targets, boundRule, bound, message, outcome)) return false
    for (let made = owed; made < outcome.owed.length; made++) sizeBytes += outcome.owed[made]!.payload.length
    for (let made = publishes; made < outcome.publishes.length; made++) {
      sizeBytes += outcome.publishes[made]!.payload.length
    }
    if (sizeBytes > maxItemBytes) return refuse(scope, each.site, `for_each: more than ${maxItemBytes} bytes are made`)
  }
  outcome.tracer?.took(rule, values.length === 0 ? rule.branches.noItems : rule.branches.someItems)
  return true
}

/** `names`: of an object's values. */
interface Items {
  readonly names: readonly string[] | null
  readonly values: readonly unknown[]
}

/** null when it cannot be gone through, with the reason in the scope. */
function itemsOf({ evaluate, site }: ForEach, scope: Scope): Items | null {
  const value = evaluate(scope)
  if (value === failed) return null
  let items: Items
  if (Array.isArray(value)) items = { names: null, values: value }
  else if (value instanceof KeyedMap)
    items = { names: [...value.keyed.keys()].map(String), values: [...value.keyed.values()] }
  else if (isMap(value)) items = { names: Object.keys(value), values: Object.values(value) }
  else {
    scope.fail(site, `for_each needs a list or an object, and got ${kindOf(value)}`)
    return null
  }
  if (items.values.length <= maxItems) return items
  scope.fail(site, `for_each: ${items.values.length} items are more than ${maxItems}`)
  return null
}

function refuse(scope: Scope, site: Site, reason: string): false {
  scope.fail(site, reason)
  return false
}

function serve(
  { sinks, publishes }: BoundTargets,
  boundRule: BoundRule,
  bound: BoundRules,
  message: Message,
  outcome: Outcome,
): boolean {
  const { scope } = outcome
  if (sinks.length > 0) {
    const orderKey = boundRule.orderBy === null ? bound.orderKey(message.client) : boundRule.orderBy(scope)
    if (orderKey === failed) return false
    for (const target of sinks) {
      if (!oweSink(target, boundRule, orderKey as string, outcome)) return false
    }
  }
  for (const target of publishes) {
    if (!orderPublish(target, boundRule, message, outcome)) return false
  }
  return true
}

/** Whether the target is to be served; `failed` when that cannot be told. */
function isWanted({ when, whenSite, left }: BoundSink | BoundPublish, { rule }: BoundRule, outcome: Outcome): unknown {
  const wanted = when === null ? true : when(outcome.scope)
  if (wanted === false) outcome.tracer?.took(rule, left)
  if (typeof wanted === 'boolean' || wanted === failed) return wanted
  return outcome.scope.fail(whenSite, `when needs a bool, and got ${kindOf(wanted)}`)
}

function oweSink(target: BoundSink, boundRule: BoundRule, orderKey: string, outcome: Outcome): boolean {
  const { scope, tracer } = outcome
  if (target.when !== null) {
    const wanted = isWanted(target, boundRule, outcome)
    if (wanted !== true) return wanted === false
  }
  const address = target.address(scope)
  if (address === failed) return false
  const key = target.key(scope)
  if (key === failed) return false
  const headers = target.headers(scope)
  if (headers === failed) return false
  const options = target.options(scope)
  if (options === failed) return false
  const payload = outcome.encoder.bytes(scope, target.body, target.encoding)
  if (payload === null) return false
  const owed = {
    sink: target.sink,
    rule: boundRule.rule.name,
    target: address as string | null,
    key: key as string | null,
    orderKey,
    headers: headers as readonly Header[],
    payload,
    options: options as Readonly<Record<string, unknown>> | null,
  }
  outcome.owed.push(owed)
  if (tracer !== null) {
    tracer.took(boundRule.rule, target.taken)
    tracer.sent(boundRule, target, owed, scope)
  }
  return true
}

function orderPublish(target: BoundPublish, boundRule: BoundRule, message: Message, outcome: Outcome): boolean {
  const { scope, tracer } = outcome
  if (target.when !== null) {
    const wanted = isWanted(target, boundRule, outcome)
    if (wanted !== true) return wanted === false
  }
  const topic = target.topic(scope)
  if (topic === failed) return false
  const fault = (topic as string).startsWith('$') ? 'begins with $' : topicNameFault(topic as string)
  if (fault !== null) {
    return refuse(scope, siteOf('to'), `publish: the topic ${JSON.stringify((topic as string).slice(0, 100))} ${fault}`)
  }
  const retain = target.retain(scope)
  if (retain === failed) return false
  const qos = target.qos === null ? message.qos : target.qos(scope)
  if (qos === failed) return false
  if (typeof retain !== 'boolean' || (qos !== 0 && qos !== 1 && qos !== 2)) {
    const found = `${kindOf(retain)} and ${kindOf(qos)}`
    return refuse(scope, siteOf('to'), `publish: retain and qos cannot be ${found} of this message`)
  }
  const payload = outcome.encoder.bytes(scope, target.body, target.encoding)
  if (payload === null) return false
  const properties = publishedProperties(message.properties, target.encoding)
  const order = { rule: boundRule.rule.name, topic: topic as string, payload, retain, qos, properties } as const
  outcome.publishes.push(order)
  if (tracer !== null) {
    tracer.took(boundRule.rule, target.taken)
    tracer.sent(boundRule, target, order, scope)
  }
  return true
}
