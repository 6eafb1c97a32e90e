import { pubackName } from '../engine/example/puback.ts'
import type { Facts, JudgedRule } from './facts.ts'
import type { SeenDelivery, SeenLetter, SeenPuback, SeenPublish } from './witness.ts'

/** A delivery under the names that `expect:` uses; `bytes` are the payload's own. */
export function deliveryFacts(seen: SeenDelivery, rule: JudgedRule): Facts {
  const { sink, target, key, headers, options, payload, attempts, atMs } = seen
  const field = rule.targetField(sink)
  const named = Object.fromEntries(headers.map(([name, value]) => [name, textOf(value)]))
  const values = {
    [field]: target,
    key,
    headers: named,
    ...options,
    payload: rule.decode(payload, seen.rule, sink),
    bytes: payload,
    attempts,
    after: atMs,
  }
  const told = [field, ...(key === null ? [] : ['key']), ...(headers.length === 0 ? [] : ['headers'])]
  return { values, told: [...told, ...Object.keys(options ?? {}), 'payload'] }
}

export const publishFacts = (seen: SeenPublish, rule: JudgedRule): Facts => {
  const { topic, payload, retain, qos, atMs } = seen
  const data = rule.decode(payload, seen.rule, null)
  return {
    values: { publish: topic, payload: data, bytes: payload, retain, qos, after: atMs },
    told: ['publish', 'payload', ...(retain ? ['retain'] : [])],
  }
}

export const letterFacts = (seen: SeenLetter, rule: JudgedRule): Facts => {
  const { sink, code, message, payload, attempts, atMs } = seen
  return {
    values: {
      dead_letter: code,
      ...(sink === null ? {} : { sink }),
      reason: message,
      payload: rule.decode(payload, seen.rule, sink),
      bytes: payload,
      attempts,
      after: atMs,
    },
    told: ['dead_letter', ...(sink === null ? [] : ['sink']), 'reason'],
  }
}

export const pubackFacts = ({ reason, message, place, atMs }: SeenPuback): Facts => ({
  values: { puback: pubackName(reason), reason: message, at: place, after: atMs },
  told: ['puback', ...(message === null ? [] : ['reason']), ...(place === null ? [] : ['at'])],
})

const textOf = (value: string | Uint8Array): unknown => (typeof value === 'string' ? value : asText(value))

/** Bytes that are text as text. */
function asText(value: Uint8Array): unknown {
  const text = Buffer.from(value).toString('utf8')
  return Buffer.from(text).equals(value) ? text : value
}
