import type { Difference } from '../incompatibility.ts'
import type { SchemaModel, SchemaPart } from './model.ts'

/** Two schemas that are compared, handed down through their parts. */
export interface Compared {
  readonly original: SchemaModel
  readonly update: SchemaModel
  /** What the second refuses that the first allowed; null is a schema that is not there. */
  compare(original: SchemaPart | null, update: SchemaPart | null): readonly Difference[]
  /** The same two the other way round, below `not`. */
  swapped(): Compared
}
