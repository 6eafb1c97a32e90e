/**
 * Compatibility of schemas: whether data written with one can be read with the other.
 *
 * It promises the verdicts of Confluent's Schema Registry, rule by rule, with their names and paths, in time bounded
 * by the size of the schemas however they refer to themselves: what cannot be compared within the bounds counts as
 * incompatible, and says so. It does not compile schemas; a text that does not read is incompatible too.
 *
 * Like the registry it follows, it leaves some things unseen: of JSON Schema `if`, `contains` and `propertyNames`,
 * what `patternProperties` demand, and whether an untyped schema gains a `type`; of Protobuf a proto3 field without a
 * label that becomes repeated.
 *
 * `levels` puts the question in the directions a level asks for; `pair-memo` keeps it linear; a folder per language.
 */
import { flattenReferences } from '../formats/format.ts'
import type { SchemaFormat } from '../schema.ts'
import { avroDifferences } from './avro/avro.ts'
import type { Comparison, Incompatibility, SchemaText, Sides } from './incompatibility.ts'
import { jsonSchemaDifferences } from './json-schema/json-schema.ts'
import { Incomparable } from './pair-memo.ts'
import { protobufDifferences } from './protobuf/protobuf.ts'

const comparisons: Readonly<Record<SchemaFormat, Comparison | null>> = {
  avro: avroDifferences,
  protobuf: protobufDifferences,
  'json-schema': jsonSchemaDifferences,
  // The one definition of Sparkplug B never changes.
  sparkplug: null,
}

/**
 * What stands against reading with `reader` what was written with `writer`; empty when nothing does. *Shape*: at most
 * 100, in the order of the schema. `sides` names the two in the descriptions.
 */
export function differences(
  format: SchemaFormat,
  reader: SchemaText,
  writer: SchemaText,
  sides: Sides = { reader: 'new', writer: 'old' },
): Incompatibility[] {
  const comparison = comparisons[format]
  if (comparison === null) return []
  try {
    for (const { references } of [reader, writer]) {
      if (flattenReferences(references) === null) throw new Incomparable('leans on too many other schemas')
    }
    return comparison.differences(reader, writer).map((difference) => {
      const path = comparison.path(difference.path)
      const description = comparison.describe(difference, path, sides)
      return {
        rule: difference.rule,
        path,
        description,
        message: comparison.message(difference.rule, description, difference.info),
      }
    })
  } catch (thrown) {
    if (!(thrown instanceof Incomparable) && !(thrown instanceof RangeError)) throw thrown
    const why = thrown instanceof RangeError ? 'nested too deeply' : thrown.message
    const description = `The schemas cannot be compared: ${why}`
    return [
      {
        rule: 'NOT_COMPARABLE',
        path: '/',
        description,
        message: comparison.message('NOT_COMPARABLE', description, why),
      },
    ]
  }
}
