import { type CompatibilityLevel, findBreak } from './compatibility/levels.ts'
import type { Content } from './content.ts'
import type { Entry } from './entry.ts'

/** What stands against a schema behind others of its subject. */
export interface Breach {
  /** The version it does not go with. */
  readonly version: number
  /** In words, for people. */
  readonly reason: string
  /** As Confluent's registry tells its clients. */
  readonly messages: readonly string[]
}

/** Why a schema may not follow those before it (ascending) at a level; null when it may. */
export function findBreach(level: CompatibilityLevel, next: Content, earlier: readonly Entry[]): Breach | null {
  const texts = earlier.map(({ content }) => textOf(content))
  const found = findBreak(next.format, level, textOf(next), texts)
  if (found === null) return null
  const { version, content } = earlier[found.earlier]!
  const messages = [
    ...found.incompatibilities.map(({ message }) => message),
    `{oldSchemaVersion: ${version}}`,
    `{oldSchema: '${content.text}'}`,
    `{compatibility: '${level}'}`,
  ]
  const reason = found.incompatibilities[0]?.description ?? 'it is incompatible'
  return { version, reason, messages }
}

const textOf = ({ format, text, referenced }: Content) => ({ format, text, references: referenced })
