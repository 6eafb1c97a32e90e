import { type CompatibilityLevel, compatibilityLevels } from './compatibility/levels.ts'

/** Whether a subject takes new versions. IMPORT takes them with ids of their own, and without a check. */
export const modes = ['READWRITE', 'READONLY', 'IMPORT'] as const
export type Mode = (typeof modes)[number]

/** What holds for a subject; null: what holds for all. */
export interface Policy {
  readonly compatibility: CompatibilityLevel | null
  readonly mode: Mode | null
}

/** In capitals or not. */
export const readLevel = (text: unknown): CompatibilityLevel | null => readWord(compatibilityLevels, text)
export const readMode = (text: unknown): Mode | null => readWord(modes, text)

const readWord = <W extends string>(words: readonly W[], text: unknown): W | null =>
  typeof text === 'string' ? (words.find((word) => word === text.toUpperCase()) ?? null) : null
