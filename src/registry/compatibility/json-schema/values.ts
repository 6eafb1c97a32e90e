import { type Difference, difference } from '../incompatibility.ts'
import { own } from './documents.ts'
import type { SchemaPart } from './model.ts'

/** A JSON value in one spelling, whatever the order of its names. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item
    return Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))
  })
}

export const compareConsts = (original: SchemaPart, update: SchemaPart): readonly Difference[] =>
  canonical(own(original.keywords, 'const')) === canonical(own(update.keywords, 'const'))
    ? []
    : [difference('ENUM_ARRAY_CHANGED', ['const'])]

export function compareEnums(original: SchemaPart, update: SchemaPart): readonly Difference[] {
  const [before, after] = [valuesOf(original), valuesOf(update)]
  if (isWithin(before, after)) return []
  return [difference(isWithin(after, before) ? 'ENUM_ARRAY_NARROWED' : 'ENUM_ARRAY_CHANGED', ['enum'])]
}

function valuesOf({ keywords }: SchemaPart): Set<string> {
  const listed = own(keywords, 'enum')
  return new Set(Array.isArray(listed) ? listed.map(canonical) : [])
}

/** Whether all of one set is in the other. */
export const isWithin = <T>(set: ReadonlySet<T>, of: ReadonlySet<T>): boolean => [...set].every((item) => of.has(item))
