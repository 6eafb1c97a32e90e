import { below, type Difference, difference } from '../incompatibility.ts'
import type { Compared } from './comparison.ts'
import { own, type RawSchema, type Scope } from './documents.ts'
import type { SchemaModel, SchemaPart } from './model.ts'

type Keyword = 'unevaluatedItems' | 'unevaluatedProperties'

/** null where the draft does not know the keyword, or the schema does not use it. */
export function unevaluatedOf(
  model: SchemaModel,
  keywords: RawSchema,
  scope: Scope,
  keyword: Keyword,
): SchemaPart | null {
  const schema = scope.modern ? own(keywords, keyword) : undefined
  return schema === undefined ? null : model.part(schema, scope)
}

/** What no other keyword speaks of: refused or narrowed where it was not. */
export function compareUnevaluated(
  compared: Compared,
  before: SchemaPart | null,
  after: SchemaPart | null,
  keyword: Keyword,
): readonly Difference[] {
  if (after === null || before?.kind === 'nothing') return []
  const rule = keyword === 'unevaluatedItems' ? 'UNEVALUATED_ITEMS' : 'UNEVALUATED_PROPERTIES'
  if (after.kind === 'nothing') return [difference(`${rule}_REMOVED`, [keyword])]
  if (before === null || (before.kind === 'anything' && after.kind !== 'anything')) {
    return [difference(`${rule}_NARROWED`, [keyword])]
  }
  return below([keyword], compared.compare(before, after))
}
