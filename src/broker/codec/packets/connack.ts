import { TrestleError } from '../../../contract/error.ts'
import { type PacketKind, reservedFlags } from '../kind.ts'
import { readProperties, writeProperties } from '../properties.ts'
import type { PropertiesOf } from '../property-table.ts'
import type { PacketReader } from '../reader.ts'
import { isReasonOf, Reason, reasonName } from '../reason.ts'

export type ConnackProperties = PropertiesOf<'connack'>

/**
 * The server's answer to CONNECT.
 *
 *     0x20 | remaining length | flags (1): 0 = session present, 7…1 reserved | code (1) | properties (5 only)
 *
 * *Source*: MQTT 5.0 §3.2; 3.1.1 §3.2.
 */
export interface ConnackPacket {
  type: 'connack'
  /** Always false in 3.1, which has no such flag. */
  sessionPresent: boolean
  /** A code of MQTT 5 in every version; 3.x carries it as the return code of the same meaning. */
  reason: number
  properties: ConnackProperties | null
}

export const connack: PacketKind<ConnackPacket> = {
  type: 'connack',
  flags: 0,
  flagsClause: reservedFlags,

  decode(reader) {
    const flags = reader.uint8('acknowledge flags')
    // MQTT 3.1 reserves the whole byte and says nothing of its value.
    if (flags > 1 && reader.version !== 3)
      throw reader.malformed('acknowledge flags', 'have a reserved bit set', 'MQTT-3.2.2-1')
    const sessionPresent = flags === 1 && reader.version !== 3
    const reason = reader.version === 5 ? readReason(reader) : readReturnCode(reader)
    if (sessionPresent && reason !== 0) {
      throw reader.wrong('session present', 'is set in a refusal', 'MQTT-3.2.2-6', 'MQTT-3.2.2-4')
    }
    const properties = reader.version === 5 ? readProperties(reader, 'connack') : null
    return { type: 'connack', sessionPresent, reason, properties }
  },

  encode(packet, writer, version) {
    writer.uint8(packet.sessionPresent && version !== 3 ? 1 : 0)
    if (version === 5) {
      writer.uint8(packet.reason)
      writeProperties(writer, 'connack', packet.properties)
      return
    }
    const code = returnCodeOf(packet.reason)
    if (code === null) throw new TrestleError('E802', `3.x has no return code for ${reasonName(packet.reason)}`)
    writer.uint8(code)
  },
}

/**
 * The return code a 3.x client is given for a reason; null when none says it and the connection is to be closed
 * without a CONNACK. *Source*: MQTT 3.1.1 §3.2.2.3 [MQTT-3.2.2-6].
 */
export function returnCodeOf(reason: number): number | null {
  const exact = reasonByReturnCode.indexOf(reason)
  return exact !== -1 ? exact : (nearest.get(reason) ?? null)
}

/** Index = return code of 3.x. */
const reasonByReturnCode: readonly number[] = [
  Reason.Success,
  Reason.UnsupportedProtocolVersion,
  Reason.ClientIdNotValid,
  Reason.ServerUnavailable,
  Reason.BadUsernameOrPassword,
  Reason.NotAuthorized,
]

/** Reasons that are a finer form of one that 3.x knows: 3 server unavailable, 5 not authorised. */
const nearest: ReadonlyMap<number, number> = new Map([
  [Reason.ServerBusy, 3],
  [Reason.QuotaExceeded, 3],
  [Reason.UseAnotherServer, 3],
  [Reason.ServerMoved, 3],
  [Reason.ConnectionRateExceeded, 3],
  [Reason.Banned, 5],
  [Reason.BadAuthenticationMethod, 5],
])

function readReason(reader: PacketReader): number {
  const reason = reader.uint8('reason code')
  if (!isReasonOf('connack', reason))
    throw reader.wrong('reason code', `0x${reason.toString(16)} is not one of its own`, 'MQTT-3.2.2-8')
  return reason
}

function readReturnCode(reader: PacketReader): number {
  const code = reader.uint8('return code')
  const reason = reasonByReturnCode[code]
  if (reason === undefined) throw reader.wrong('return code', `${code} is reserved`, '§3.2.2.3')
  return reason
}
