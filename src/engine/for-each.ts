import type { DocumentPath } from '../document/source-document.ts'
import { constantExpression } from './expression/expression.ts'
import { indexName, itemName, type Names, type Variable } from './expression/names.ts'
import type { Evaluate, Site } from './expression/scope.ts'
import { dyn, familyOf, int, printType, string, type Type } from './expression/type.ts'
import type { RuleFaults } from './rule-faults.ts'
import { compileAt, isName } from './rule-names.ts'

/** Most items one message may be cut into. */
export const maxItems = 10_000
/** Most bytes that one rule may make of one message by going through its items. *Unit*: bytes. */
export const maxItemBytes = 16 * 1024 * 1024
/** What one item costs of the rule's budget, for each target. *Unit*: steps. */
export const stepsPerItem = 10

/** What a rule goes through, one item at a time. */
export interface ForEach {
  readonly evaluate: Evaluate
  readonly site: Site
  readonly path: DocumentPath
  /** What the item and its place are called. */
  readonly itemName: string
  readonly indexName: string
  readonly itemType: Type
  readonly indexType: Type
}

type RawForEach = string | Readonly<Record<string, unknown>>

/**
 * `for_each:` as an expression, or as a map that also names the item; null when it says nothing. One with faults gives
 * items of which nothing is known, so that a slip in it is not told again wherever they are named.
 */
export function compileForEach(raw: RawForEach, names: Names, faults: RuleFaults): ForEach | null {
  const isText = typeof raw === 'string'
  const path: DocumentPath = isText ? ['for_each'] : ['for_each', 'in']
  const text = isText ? raw : raw['in']
  if (typeof text !== 'string' || text === '') return null
  const expression = compileAt(text, path, names, faults)
  const { type, evaluate } = expression ?? constantExpression(null)
  const family = familyOf(type)
  if (family !== 'list' && family !== 'map' && family !== 'any') {
    faults.at(path, 'E204', `for_each: expected a list or an object, not ${printType(type)}`, 0)
  }
  return {
    evaluate,
    site: { origin: { path }, offset: 0 },
    path,
    itemName: nameOf(raw, 'as', 'item'),
    indexName: nameOf(raw, 'index', 'index'),
    itemType: type.kind === 'list' || type.kind === 'map' ? type.of : dyn,
    indexType: family === 'list' ? int : family === 'map' ? string : dyn,
  }
}

const nameOf = (raw: RawForEach, field: 'as' | 'index', usual: string): string =>
  typeof raw === 'string' || typeof raw[field] !== 'string' ? usual : raw[field]

/** Gives the item's names to the expressions that see it. */
export function addItem(each: ForEach, raw: RawForEach, names: Map<string, Variable>, faults: RuleFaults): void {
  const said: readonly [field: 'as' | 'index', name: string, variable: Variable][] = [
    ['as', each.itemName, itemName(each.itemType)],
    ['index', each.indexName, indexName(each.indexType)],
  ]
  for (const [field, name, variable] of said) {
    const isSaid = typeof raw === 'object' && field in raw
    const path = isSaid ? ['for_each', field] : ['for_each']
    if (!isName(name)) faults.at(path, 'E201', `\`${name}\` cannot be a name: letters, digits and _ only`)
    else if (names.has(name)) {
      const remedy = isSaid ? '' : `; give it another with \`${field}\``
      faults.at(path, 'E201', `\`${name}\` already means something in expressions${remedy}`)
    } else names.set(name, variable)
  }
}
