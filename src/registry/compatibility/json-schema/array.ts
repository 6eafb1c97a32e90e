import { below, type Difference, difference } from '../incompatibility.ts'
import type { Compared } from './comparison.ts'
import { own } from './documents.ts'
import { compareLower, compareUpper } from './limits.ts'
import type { SchemaModel, SchemaPart } from './model.ts'
import { compareUnevaluated, unevaluatedOf } from './unevaluated.ts'

/** What a schema says of an array's items, in whichever draft's words. */
interface Items {
  /** By position. */
  readonly tuple: readonly SchemaPart[]
  readonly all: SchemaPart | null
  /** Beyond the tuple: false refuses them, null says nothing. */
  readonly rest: SchemaPart | false | null
  readonly unevaluated: SchemaPart | null
}

function itemsOf(model: SchemaModel, { keywords, scope }: SchemaPart): Items {
  const child = (schema: unknown): SchemaPart => model.part(schema, scope)
  const [items, prefix] = [own(keywords, 'items'), own(keywords, 'prefixItems')]
  const unevaluated = unevaluatedOf(model, keywords, scope, 'unevaluatedItems')
  if (Array.isArray(items)) {
    const rest = own(keywords, 'additionalItems')
    return { tuple: items.map(child), all: null, rest: restOf(child, rest), unevaluated }
  }
  const tuple = scope.modern && Array.isArray(prefix) ? prefix.map(child) : []
  if (tuple.length > 0 || (scope.modern && typeof items === 'boolean')) {
    return { tuple, all: null, rest: restOf(child, items), unevaluated }
  }
  // Without a tuple `additionalItems` says nothing to a validator, but the registry compares it all the same.
  const rest = restOf(child, own(keywords, 'additionalItems'))
  return { tuple, all: items === undefined ? null : child(items), rest, unevaluated }
}

const restOf = (child: (schema: unknown) => SchemaPart, schema: unknown): SchemaPart | false | null =>
  schema === undefined || schema === true ? null : schema === false ? false : child(schema)

export function compareArrays(compared: Compared, original: SchemaPart, update: SchemaPart): readonly Difference[] {
  const [before, after] = [itemsOf(compared.original, original), itemsOf(compared.update, update)]
  return [
    ...below(['items'], compared.compare(before.all, after.all)),
    ...compareTuples(compared, before, after),
    ...compareRest(compared, before, after),
    ...compareUnevaluated(compared, before.unevaluated, after.unevaluated, 'unevaluatedItems'),
    ...compareUpper(original, update, 'maxItems'),
    ...compareLower(original, update, 'minItems'),
    ...(own(update.keywords, 'uniqueItems') === true && own(original.keywords, 'uniqueItems') !== true
      ? [difference('UNIQUE_ITEMS_ADDED', ['uniqueItems'])]
      : []),
    ...(update.scope.modern ? compareContains(original, update) : []),
  ]
}

/** `contains` asks for one item where `minContains` says nothing. */
function compareContains(original: SchemaPart, update: SchemaPart): readonly Difference[] {
  const counted = (part: SchemaPart): SchemaPart =>
    Object.hasOwn(part.keywords, 'contains') ? { ...part, keywords: { minContains: 1, ...part.keywords } } : part
  const [before, after] = [counted(original), counted(update)]
  return [...compareUpper(before, after, 'maxContains'), ...compareLower(before, after, 'minContains')]
}

function compareTuples(compared: Compared, before: Items, after: Items): readonly Difference[] {
  const found: Difference[] = []
  const longest = Math.max(before.tuple.length, after.tuple.length)
  for (let at = 0; at < longest; at++) {
    const path = [`items/${at}`]
    const [item, itemNow] = [before.tuple[at], after.tuple[at]]
    if (item !== undefined && itemNow !== undefined) found.push(...below(path, compared.compare(item, itemNow)))
    else if (itemNow === undefined) found.push(...below(path, removed(compared, item!, after)))
    else found.push(...below(path, added(compared, before, itemNow)))
  }
  return found
}

/** Removing an item's schema widens an open array, and refuses the item of a closed one. */
function removed(compared: Compared, item: SchemaPart, after: Items): readonly Difference[] {
  const covering = coveringOf(after)
  if (covering === 'open') return []
  if (covering === 'closed')
    return item.kind === 'nothing' ? [] : [difference('ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL')]
  const found = compared.compare(item, covering)
  return found.length === 0 ? [] : [...found, difference('ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL')]
}

/** Naming an item's schema narrows an open array; a closed one never had the item. */
function added(compared: Compared, before: Items, item: SchemaPart): readonly Difference[] {
  const covering = coveringOf(before)
  if (covering === 'closed') return []
  if (covering === 'open') return item.kind === 'anything' ? [] : [difference('ITEM_ADDED_TO_OPEN_CONTENT_MODEL')]
  const found = compared.compare(covering, item)
  return found.length === 0 ? [] : [...found, difference('ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL')]
}

/** What holds for items that no position names. */
function coveringOf({ rest, unevaluated }: Items): SchemaPart | 'open' | 'closed' {
  if (rest === false) return 'closed'
  if (rest !== null) return rest
  if (unevaluated === null || unevaluated.kind === 'anything') return 'open'
  return unevaluated.kind === 'nothing' ? 'closed' : unevaluated
}

function compareRest(compared: Compared, before: Items, after: Items): readonly Difference[] {
  if (after.rest === false)
    return before.rest === false ? [] : [difference('ADDITIONAL_ITEMS_REMOVED', ['additionalItems'])]
  if (before.rest === false || after.rest === null) return []
  if (before.rest === null) return [difference('ADDITIONAL_ITEMS_NARROWED', ['additionalItems'])]
  return below(['additionalItems'], compared.compare(before.rest, after.rest))
}
