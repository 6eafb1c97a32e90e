import type { CompiledRule } from '../engine/compile.ts'
import type { JudgedRule } from './facts.ts'
import { decodePayload } from './payload-forms.ts'
import type { ProvingPlan } from './plan.ts'

/** A compiled rule as judging sees it. */
export function judgedRule(rule: CompiledRule, { sinks, schemas }: ProvingPlan): JudgedRule {
  return {
    name: rule.name,
    decode: (payload) => {
      const framed = schemas.unframe(payload)
      return framed === null
        ? decodePayload(payload, null)
        : decodePayload(payload.subarray(framed.offset), framed.schema)
    },
    targetField: (sink) => sinks.get(sink)?.targetField ?? 'target',
  }
}
