import type { SchemaFormat } from '../schema.ts'
import { differences } from './compatibility.ts'
import type { Incompatibility, SchemaText } from './incompatibility.ts'

/**
 * Which versions must be able to read what was written with which. *Source*: Confluent Schema Registry, "Schema
 * Evolution and Compatibility".
 */
export const compatibilityLevels = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const

export type CompatibilityLevel = (typeof compatibilityLevels)[number]

/** A version that is already there. */
export interface EarlierVersion extends SchemaText {
  readonly format: SchemaFormat
}

/** Which earlier version a new one breaks with, and how. *Shape*: `earlier` is its place in what was given. */
export interface Break {
  readonly earlier: number
  readonly incompatibilities: readonly Incompatibility[]
}

const otherFormat: Incompatibility = {
  rule: 'FORMAT_CHANGED',
  path: '/',
  description: 'Incompatible because of different schema type',
  message: 'Incompatible because of different schema type',
}

/**
 * What stands against a new version at a level: nothing, or what it breaks with of the newest earlier version, or, of
 * the transitive levels, of the newest it breaks with. *Shape*: earlier versions ascending.
 */
export function checkLevel(
  format: SchemaFormat,
  level: CompatibilityLevel,
  next: SchemaText,
  earlier: readonly EarlierVersion[],
): Incompatibility[] {
  return [...(findBreak(format, level, next, earlier)?.incompatibilities ?? [])]
}

/** As `checkLevel`, with the version that is broken with; null when there is none. */
export function findBreak(
  format: SchemaFormat,
  level: CompatibilityLevel,
  next: SchemaText,
  earlier: readonly EarlierVersion[],
): Break | null {
  if (level === 'NONE') return null
  const oldest = level.endsWith('_TRANSITIVE') ? 0 : Math.max(0, earlier.length - 1)
  for (let at = earlier.length - 1; at >= oldest; at--) {
    const version = earlier[at]!
    const incompatibilities = version.format === format ? inDirections(format, level, next, version) : [otherFormat]
    if (incompatibilities.length > 0) return { earlier: at, incompatibilities }
  }
  return null
}

function inDirections(
  format: SchemaFormat,
  level: CompatibilityLevel,
  next: SchemaText,
  earlier: SchemaText,
): Incompatibility[] {
  const forward = level.startsWith('BACKWARD')
    ? []
    : differences(format, earlier, next, { reader: 'old', writer: 'new' })
  const backward = level.startsWith('FORWARD') ? [] : differences(format, next, earlier)
  return [...forward, ...backward]
}
