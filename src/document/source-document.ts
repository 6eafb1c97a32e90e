import type { Position } from './fault.ts'

export type DocumentPath = readonly (string | number)[]

/** A YAML file that has been read: its plain value, and the way back from any value to its place in the text. */
export interface SourceDocument {
  readonly file: string
  /** Plain JSON-like data; never circular. */
  readonly value: unknown
  /** Where the value at `path` begins; `offset` counts characters into a string's content. The nearest parent's place when the path is absent. */
  at(path: DocumentPath, offset?: number): Position
  /** Where the key of the entry at `path` begins. */
  keyAt(path: DocumentPath): Position
}
