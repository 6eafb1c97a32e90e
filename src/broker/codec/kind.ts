import type { PacketReader } from './reader.ts'
import type { ProtocolVersion } from './version.ts'
import type { PacketWriter } from './writer.ts'

/**
 * One kind of packet: its flags and its two directions. Each file of `packets/` exports one, but
 * `publish`, whose payload is too large to go through a reader and a writer.
 */
export interface PacketKind<P extends { type: string }> {
  readonly type: P['type']
  /** What the low four bits must be; null where `decode` judges them. *Source*: MQTT 5.0 §2.1.3, table 2-2. */
  readonly flags: number | null
  /** The clause of 5.0 that says so, and that of 3.1.1. */
  readonly flagsClause: readonly [of5: string, of3: string]
  /** Reads the body; what follows it is the dispatcher's concern. */
  decode(reader: PacketReader): P
  /** Writes the body. */
  encode(packet: P, writer: PacketWriter, version: ProtocolVersion): void
}

/** Clauses about reserved flags for the kinds that have none of their own. */
export const reservedFlags = ['MQTT-2.1.3-1', 'MQTT-2.2.2-2'] as const
