import type { Seen } from '../support/judge.ts'
import type { FedRecord } from '../support/stubborn-feeder.ts'

/** What may happen to a far side, or to the hub. */
export type Fault = 'server killed' | 'server stopped' | 'half-open' | 'hub killed'
export const faults: readonly Fault[] = ['server killed', 'server stopped', 'half-open', 'hub killed']

export interface StartOptions {
  /** What `readAll` gives will be judged: a system may watch the wire for it, which costs time that a measurement does not have. */
  readonly isJudged?: boolean
}

/** A system whose bridge is put to the test; one file in `systems/` for each. */
export interface FarSystem {
  readonly name: string
  /** Why it cannot run here; false when it can. */
  missing(): Promise<false | string>
  start(options?: StartOptions): Promise<RunningSystem>
  /** Faults that this system cannot have, with the reason. */
  readonly without?: Partial<Record<Fault, string>>
  /** Whether a message may stand twice under one identity, out of the hub: false where the guarantee says never. */
  readonly mayRepeat: boolean
}

/** A real server behind a stretch of network that can lose packets. The hub goes over it, the test's own clients do not. */
export interface RunningSystem {
  /** Where the test's own clients reach the server, past the stretch of network: `host:port`. */
  readonly address: string
  /**
   * An entry of `connectors:` that reaches the far side; with `reads`, it has one source. null: the system has no
   * such side. The addresses are `outward` and `inward` for the matrix, `ab` and `ba` for the ring; all exist.
   */
  entry(reads: { address: string; publish: string } | null): Readonly<Record<string, unknown>> | null
  /** A rule's target at an address, as a YAML flow mapping without braces: `topic: outward, key: "${device}"`. */
  target(address: string): string
  kill(): Promise<void>
  stopCleanly(): Promise<void>
  restart(): Promise<void>
  drop(): void
  heal(): void
  /** Puts records at `inward`, by a client that is not ours; the record's key is the name. */
  put(records: readonly FedRecord[]): Promise<void>
  /** All that is at `outward`, in the far side's order per name, read by a client that is not ours. */
  readAll(): Promise<Seen[]>
  dispose(): Promise<void>
}

/** What stands in every payload; the same in both directions. */
export const payloadOf = (name: string, n: number): string =>
  JSON.stringify({ name, n, note: 'as long as what a real device would say'.padEnd(130, '.') })

/** Reads a payload back. */
export function seenIn(payload: string, id: string): Seen {
  const { name, n } = JSON.parse(payload) as { name: string; n: number }
  return { name, n, id }
}
