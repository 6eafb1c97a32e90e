import { type Difference, difference } from '../incompatibility.ts'
import type { Compared } from './comparison.ts'
import type { SchemaPart } from './model.ts'
import { tellApart } from './object.ts'
import { canonical } from './values.ts'

/**
 * Whether one of the two is a combination that has, or is held by, the other: an alternative that takes all of it, or
 * a demand that already was as narrow.
 */
export function compareIntoCombined(compared: Compared, original: SchemaPart, update: SchemaPart): boolean {
  if (update.kind === 'combined') {
    if (update.parts.length > 1 && update.criterion === 'allOf') return false
    return update.parts.some((part) => fits(compared, original, part))
  }
  if (original.parts.length > 1 && original.criterion !== 'allOf') return false
  return original.parts.some((part) => fits(compared, part, update))
}

/** Combinations are compatible when their parts can be put together in pairs that are. */
export function compareCombined(compared: Compared, original: SchemaPart, update: SchemaPart): readonly Difference[] {
  if (criterionChanged(original, update)) return [difference('COMBINED_TYPE_CHANGED')]
  const [before, after] = [distinct(original), distinct(update)]
  const found: Difference[] = []
  if (before.size < after.size && update.criterion === 'allOf') found.push(difference('PRODUCT_TYPE_EXTENDED'))
  if (before.size > after.size && original.criterion !== 'allOf') found.push(difference('SUM_TYPE_NARROWED'))
  const least = Math.min(before.size, after.size)
  if (mostPairs(compared, before, after) < least) found.push(difference('COMBINED_TYPE_SUBSCHEMAS_CHANGED'))
  return found
}

/** `anyOf` takes what any other did; where one part is all there is, the word matters little. */
function criterionChanged(original: SchemaPart, update: SchemaPart): boolean {
  if (original.criterion === update.criterion || update.criterion === 'anyOf') return false
  const [single, singleNow] = [original.parts.length === 1, update.parts.length === 1]
  return !(single && (singleNow || update.criterion === 'oneOf')) && !(singleNow && original.criterion === 'allOf')
}

const known = new WeakMap<SchemaPart, ReadonlyMap<string, SchemaPart>>()

/** By what they say, so that the same thing said twice counts once. */
function distinct(combined: SchemaPart): ReadonlyMap<string, SchemaPart> {
  let parts = known.get(combined)
  if (parts === undefined) {
    const said = ({ kind, integer, criterion, keywords }: SchemaPart) =>
      `${kind} ${integer} ${criterion} ${canonical(keywords)}`
    parts = new Map(combined.parts.map((part) => [said(part), part]))
    known.set(combined, parts)
  }
  return parts
}

/**
 * The most pairs that share no part. Parts that say the same are tried first, and others only where these leave
 * something over. *Source*: H. W. Kuhn, augmenting paths.
 */
function mostPairs(
  compared: Compared,
  before: ReadonlyMap<string, SchemaPart>,
  after: ReadonlyMap<string, SchemaPart>,
): number {
  const takenBy = new Map<SchemaPart, SchemaPart>()
  const left: SchemaPart[] = []
  for (const [said, part] of before) {
    const same = after.get(said)
    if (same !== undefined && fits(compared, part, same)) takenBy.set(same, part)
    else left.push(part)
  }
  const augment = (part: SchemaPart, tried: Set<SchemaPart>): boolean => {
    for (const partner of after.values()) {
      if (tried.has(partner) || !fits(compared, part, partner)) continue
      tried.add(partner)
      const rival = takenBy.get(partner)
      if (rival !== undefined && !augment(rival, tried)) continue
      takenBy.set(partner, part)
      return true
    }
    return false
  }
  for (const part of left) {
    if (takenBy.size === after.size) break
    augment(part, new Set())
  }
  return takenBy.size
}

/** Whether one reads the other. What tells alternatives apart is looked at before what they hold. */
const fits = (compared: Compared, original: SchemaPart, update: SchemaPart): boolean =>
  !tellApart(compared, original, update) && compared.compare(original, update).length === 0
