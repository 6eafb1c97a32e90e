/** What the states of all rules of a thread weigh together, and may. */
export class StateLimits {
  /** *Unit*: bytes, as estimated. */
  maxBytes = 256 * 1024 * 1024
  bytes = 0

  get isFull(): boolean {
    return this.bytes >= this.maxBytes
  }
}

/** The limits a rule has without a word about them. */
export const defaultMaxKeys = 1_000_000

/** What a key in a table costs besides its texts, as measured: the entry, its place in the map. *Unit*: bytes. */
export const entryBytes = 176

/** Above the bound by so much nothing more is gathered: closing windows early could not keep up. */
export const hardFactor = 1.25
