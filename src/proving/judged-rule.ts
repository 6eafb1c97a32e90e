import type { CompiledRule } from '../engine/compile.ts'
import type { Encoding } from '../engine/encoding/encoding.ts'
import type { JudgedRule } from './facts.ts'
import { decodeAs } from './payload-forms.ts'
import type { ProvingPlan } from './plan.ts'

/** A compiled rule as judging sees it. */
export function judgedRule(rule: CompiledRule, { sinks, schemas, rules }: ProvingPlan): JudgedRule {
  const encodingsOf = (name: string, sink: string | null): readonly Encoding[] => {
    const found = rules.rules.find((one) => one.name === name)
    const targets = sink === null ? found?.publishes : found?.sinks.filter((target) => target.sink === sink)
    return (targets ?? []).map(({ encoding }) => encoding)
  }
  return {
    name: rule.name,
    decode: (payload, of, sink) => decodeAs(payload, encodingsOf(of, sink), schemas),
    targetField: (sink) => sinks.get(sink)?.targetField ?? 'target',
  }
}
