import assert from 'node:assert/strict'
import { it } from 'node:test'
import { differences } from '../../../src/registry/compatibility/compatibility.ts'
import type { SchemaText } from '../../../src/registry/compatibility/incompatibility.ts'
import type { SchemaFormat } from '../../../src/registry/schema.ts'

/**
 * A pair of schemas and what is expected of it. *Shape*: a verdict is '' when one reads the other, else the rules
 * that stand against it as `RULE path`, separated by commas.
 */
export interface Pair {
  readonly why: string
  readonly old: string | SchemaText
  readonly next: string | SchemaText
  /** Whether the new schema reads what the old one wrote. */
  readonly backward: string
  /** Whether the old schema reads what the new one writes. */
  readonly forward: string
}

const textOf = (schema: string | SchemaText): SchemaText =>
  typeof schema === 'string' ? { text: schema, references: [] } : schema

/** One test a pair. */
export function holdVerdicts(format: SchemaFormat, pairs: readonly Pair[]): void {
  for (const { why, old, next, backward, forward } of pairs) {
    it(why, () => {
      const verdict = (reader: string | SchemaText, writer: string | SchemaText): string =>
        differences(format, textOf(reader), textOf(writer))
          .map(({ rule, path }) => `${rule} ${path}`)
          .join(', ')
      assert.deepEqual({ backward: verdict(next, old), forward: verdict(old, next) }, { backward, forward })
    })
  }
}
