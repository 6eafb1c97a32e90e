import { type Difference, difference } from '../incompatibility.ts'
import type { Compared } from './comparison.ts'
import type { SchemaPart } from './model.ts'
import { canonical } from './values.ts'

/**
 * Whether one of the two is a combination that has, or is held by, the other: an alternative that takes all of it, or
 * a demand that already was as narrow.
 */
export function compareIntoCombined({ compare }: Compared, original: SchemaPart, update: SchemaPart): boolean {
  if (update.kind === 'combined') {
    if (update.parts.length > 1 && update.criterion === 'allOf') return false
    return update.parts.some((part) => compare(original, part).length === 0)
  }
  if (original.parts.length > 1 && original.criterion !== 'allOf') return false
  return original.parts.some((part) => compare(part, update).length === 0)
}

/** Combinations are compatible when their parts can be put together in pairs that are. */
export function compareCombined(
  { compare }: Compared,
  original: SchemaPart,
  update: SchemaPart,
): readonly Difference[] {
  const [before, after] = [distinct(original.parts), distinct(update.parts)]
  if (criterionChanged(original, update)) return [difference('COMBINED_TYPE_CHANGED')]
  const found: Difference[] = []
  if (before.length < after.length && update.criterion === 'allOf') found.push(difference('PRODUCT_TYPE_EXTENDED'))
  if (before.length > after.length && original.criterion !== 'allOf') found.push(difference('SUM_TYPE_NARROWED'))
  const fits = before.map((part) => after.flatMap((other, at) => (compare(part, other).length === 0 ? [at] : [])))
  if (mostPairs(fits) < Math.min(before.length, after.length))
    found.push(difference('COMBINED_TYPE_SUBSCHEMAS_CHANGED'))
  return found
}

/** `anyOf` takes what any other did; where one part is all there is, the word matters little. */
function criterionChanged(original: SchemaPart, update: SchemaPart): boolean {
  if (original.criterion === update.criterion || update.criterion === 'anyOf') return false
  const [single, singleNow] = [original.parts.length === 1, update.parts.length === 1]
  return !(single && (singleNow || update.criterion === 'oneOf')) && !(singleNow && original.criterion === 'allOf')
}

function distinct(parts: readonly SchemaPart[]): SchemaPart[] {
  const known = new Map(
    parts.map((part) => [`${part.kind} ${part.integer} ${part.criterion} ${canonical(part.keywords)}`, part]),
  )
  return [...known.values()]
}

/** The most pairs that share no part. *Source*: H. W. Kuhn, augmenting paths; `fits` lists each one's partners. */
function mostPairs(fits: readonly (readonly number[])[]): number {
  const takenBy = new Map<number, number>()
  const augment = (one: number, tried: Set<number>): boolean =>
    fits[one]!.some((partner) => {
      if (tried.has(partner)) return false
      tried.add(partner)
      const rival = takenBy.get(partner)
      if (rival !== undefined && !augment(rival, tried)) return false
      takenBy.set(partner, one)
      return true
    })
  return fits.filter((_, one) => augment(one, new Set())).length
}
