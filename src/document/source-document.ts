import type { Position } from './fault.ts'

export type DocumentPath = readonly (string | number)[]

/** A position, and the file it is in where that is not the document's own (a setting laid over it by the environment). */
export interface Place extends Position {
  file?: string
}

/** A YAML file that has been read: its plain value, and the way back from any value to its place in the text. */
export interface SourceDocument {
  readonly file: string
  /** Plain JSON-like data; never circular. */
  readonly value: unknown
  /**
   * Where the value at `path` begins; with `offset`, where that character of a string's content stands (0 is behind an
   * opening quote). The nearest parent's place when the path is absent.
   */
  at(path: DocumentPath, offset?: number): Place
  /** Where the key of the entry at `path` begins. */
  keyAt(path: DocumentPath): Place
}
