import { type Comparison, type Difference, difference, type SchemaText } from '../incompatibility.ts'
import { PairMemo } from '../pair-memo.ts'
import { compareArrays } from './array.ts'
import { compareCombined, compareIntoCombined } from './combined.ts'
import type { Compared } from './comparison.ts'
import { Documents, own } from './documents.ts'
import { compareNumbers, compareStrings } from './limits.ts'
import { SchemaModel, type SchemaPart } from './model.ts'
import { compareObjects } from './object.ts'
import { compareConsts, compareEnums } from './values.ts'
import { describeJsonSchema } from './wording.ts'

/**
 * Whether every value that fits one schema fits the other, as Confluent's registry judges it: keyword by keyword,
 * with objects open, closed or partly open to what they do not name.
 */
export const jsonSchemaDifferences: Comparison = {
  differences(reader: SchemaText, writer: SchemaText) {
    let ids = 0
    const nextId = (): number => ids++
    const [update, original] = [reader, writer].map((text) => new SchemaModel(new Documents(text), nextId)) as [
      SchemaModel,
      SchemaModel,
    ]
    return PairMemo.settle((memo) => {
      const compared: Compared = {
        original,
        update,
        compare: (before, after) => compareParts(memo, compared, before, after),
        swapped: () => swapped,
      }
      const swapped: Compared = {
        original: update,
        update: original,
        compare: (before, after) => compareParts(memo, swapped, before, after),
        swapped: () => compared,
      }
      return compared.compare(original.root(), update.root())
    })
  },

  path: (path) => `#/${path.join('/')}`,
  describe: describeJsonSchema,
  message: (rule, description) => `{errorType:"${rule}", description:"${description}"}`,
}

/** null is a schema that is not there. */
function compareParts(
  memo: PairMemo,
  compared: Compared,
  before: SchemaPart | null,
  after: SchemaPart | null,
): readonly Difference[] {
  if (after === null) return []
  if (before === null) return [difference('SCHEMA_ADDED')]
  const [original, update] = [compared.original.resolve(before), compared.update.resolve(after)]
  return memo.visit(original, update, () => compareKinds(compared, original, update))
}

function compareKinds(compared: Compared, original: SchemaPart, update: SchemaPart): readonly Difference[] {
  if ((original.kind === 'combined') !== (update.kind === 'combined')) {
    if (compareIntoCombined(compared, original, update)) return []
  }
  if (original.kind !== update.kind) {
    const fits = original.kind === 'nothing' || update.kind === 'anything' || (isBytes(original) && isBytes(update))
    return fits ? [] : [difference('TYPE_CHANGED')]
  }
  switch (original.kind) {
    case 'string':
      return compareStrings(original, update)
    case 'number':
      return compareNumbers(original, update)
    case 'const':
      return compareConsts(original, update)
    case 'enum':
      return compareEnums(original, update)
    case 'combined':
      return compareCombined(compared, original, update)
    case 'not':
      return compareNot(compared, original, update)
    case 'object':
      return compareObjects(compared, original, update)
    case 'array':
      return compareArrays(compared, original, update)
    default:
      return []
  }
}

/** Kafka Connect writes a decimal as a number or as a string, and reads both. */
const isBytes = ({ keywords }: SchemaPart): boolean => own(keywords, 'connect.type') === 'bytes'

/** What may not be must shrink for what may be to grow. */
function compareNot(compared: Compared, original: SchemaPart, update: SchemaPart): readonly Difference[] {
  const [refused, refusedNow] = [
    compared.original.part(own(original.keywords, 'not'), original.scope),
    compared.update.part(own(update.keywords, 'not'), update.scope),
  ]
  const found = compared.swapped().compare(refusedNow, refused)
  return found.length === 0 ? [] : [difference('NOT_TYPE_EXTENDED', ['not'])]
}
