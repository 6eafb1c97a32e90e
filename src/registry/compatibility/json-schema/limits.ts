import { type Difference, difference } from '../incompatibility.ts'
import { own } from './documents.ts'
import type { SchemaPart } from './model.ts'

const numberAt = ({ keywords }: SchemaPart, name: string): number | null => {
  const value = own(keywords, name)
  return typeof value === 'number' ? value : null
}

/** `maxLength` of strings is the rule `MAX_LENGTH_…`. */
const ruleOf = (keyword: string): string => keyword.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

/** A limit that appears, or comes down. */
export function compareUpper(original: SchemaPart, update: SchemaPart, keyword: string): readonly Difference[] {
  const [before, after] = [numberAt(original, keyword), numberAt(update, keyword)]
  if (after === null || (before !== null && before <= after)) return []
  return [difference(`${ruleOf(keyword)}_${before === null ? 'ADDED' : 'DECREASED'}`, [keyword])]
}

/** A limit that appears, or goes up. */
export function compareLower(original: SchemaPart, update: SchemaPart, keyword: string): readonly Difference[] {
  const [before, after] = [numberAt(original, keyword), numberAt(update, keyword)]
  if (after === null || (before !== null && before >= after)) return []
  return [difference(`${ruleOf(keyword)}_${before === null ? 'ADDED' : 'INCREASED'}`, [keyword])]
}

export const compareStrings = (original: SchemaPart, update: SchemaPart): readonly Difference[] => [
  ...compareUpper(original, update, 'maxLength'),
  ...compareLower(original, update, 'minLength'),
  ...comparePatterns(own(original.keywords, 'pattern'), own(update.keywords, 'pattern')),
]

function comparePatterns(before: unknown, after: unknown): readonly Difference[] {
  if (typeof after !== 'string' || before === after) return []
  return [difference(typeof before === 'string' ? 'PATTERN_CHANGED' : 'PATTERN_ADDED', ['pattern'])]
}

export const compareNumbers = (original: SchemaPart, update: SchemaPart): readonly Difference[] => [
  ...compareUpper(original, update, 'maximum'),
  ...compareLower(original, update, 'minimum'),
  ...compareUpper(original, update, 'exclusiveMaximum'),
  ...compareLower(original, update, 'exclusiveMinimum'),
  ...compareMultiples(numberAt(original, 'multipleOf'), numberAt(update, 'multipleOf')),
  ...(update.integer && !original.integer ? [difference('TYPE_NARROWED')] : []),
]

function compareMultiples(before: number | null, after: number | null): readonly Difference[] {
  if (after === null || before === after) return []
  if (before === null) return [difference('MULTIPLE_OF_ADDED', ['multipleOf'])]
  if (isMultiple(after, before)) return [difference('MULTIPLE_OF_EXPANDED', ['multipleOf'])]
  return isMultiple(before, after) ? [] : [difference('MULTIPLE_OF_CHANGED', ['multipleOf'])]
}

/** Of decimals, which doubles only come near to. */
function isMultiple(value: number, of: number): boolean {
  const times = value / of
  return Number.isFinite(times) && Math.abs(times - Math.round(times)) <= 1e-9 * Math.abs(times)
}
