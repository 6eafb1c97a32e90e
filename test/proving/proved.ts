import assert from 'node:assert/strict'
import { printFault } from '../../src/document/fault.ts'
import type { PayloadSchema, Schemas } from '../../src/engine/port.ts'
import { RuleSet } from '../../src/engine/rule-set.ts'
import type { ProvingPlan, ProvingSink } from '../../src/proving/plan.ts'
import { type ProvingOptions, prove } from '../../src/proving/proving.ts'

/** Sinks of the rules that tests prove. */
const sinks: ReadonlyMap<string, ProvingSink> = new Map([
  ['lake', { type: 'kafka', targetField: 'topic', targetOptions: null, budget: null }],
  ['archive', { type: 'file', targetField: 'file', targetOptions: null, budget: null }],
  ['hasty', { type: 'http', targetField: 'path', targetOptions: null, budget: { maxAttempts: 3, maxAgeMs: null } }],
])

/** A schema that wants a number `t`. */
const readings: PayloadSchema = {
  subject: 'reading',
  version: 1,
  id: 1,
  format: 'json-schema',
  check: (value) =>
    typeof (value as { t?: unknown })?.t === 'number'
      ? null
      : { path: '/t', message: 'must be number', keyword: 'type' },
  fields: () => ({ kind: 'object', fields: new Map([['t', { kind: 'number' }]]), open: true }),
  decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
  encode: (value) => Buffer.from(JSON.stringify(value)),
  fault: null,
  frame: new Uint8Array(0),
}

const stub: Schemas = {
  resolve: (name: string) => (name === 'reading' ? readings : null),
  list: () => [readings],
  unframe: () => null,
}

/** What rules, by name, are proven against; they must have no faults. */
export function planOf(rules: Readonly<Record<string, string>>, schemas: Schemas = stub): ProvingPlan {
  const texts = Object.entries(rules).map(([name, text]) => ({ file: `rules/${name}.yaml`, text }))
  const loaded = RuleSet.load(texts, { sinks, registry: schemas })
  assert.deepEqual(loaded.faults.map(printFault), [])
  return { rules: loaded.rules!, sinks, schemas, forget: () => {}, trust: () => {}, observe: () => {} }
}

/** The faults of one rule. */
export function faultsOf(text: string): string[] {
  return RuleSet.load([{ file: 'r.yaml', text }], { sinks, registry: stub }).faults.map(printFault)
}

/** What the examples of one rule say, in lines: `name: passes`, or what is not as expected. */
export async function proved(
  rule: string,
  others: Readonly<Record<string, string>> = {},
  schemas: Schemas = stub,
): Promise<string[]> {
  const results = await prove(planOf({ ...others, it: rule }, schemas), { only: ['it'] })
  return results
    .flatMap(({ examples }) => examples)
    .flatMap(({ name, mismatches }) =>
      mismatches.length === 0
        ? [`${name}: passes`]
        : mismatches.flatMap(({ what, lines }) => [
            `${name}: ${what}`,
            ...lines.map(({ sign, text }) => `${sign} ${text}`),
          ]),
    )
}

export const proveAll = (rules: Readonly<Record<string, string>>, options: ProvingOptions = {}) =>
  prove(planOf(rules), options)
