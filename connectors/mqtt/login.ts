import { createHash } from 'node:crypto'
import { type ConnectorContext, TrestleError } from 'trestle/contract'
import type { MqttOptions, WillOptions } from './options.ts'
import type { Connack, ConnectPacket, Will } from './wire/packets.ts'

/** Stable over restarts, and unique for each connection of each hub. */
export const clientIdOf = (options: MqttOptions, { hub, name }: ConnectorContext, end: string): string =>
  `${options.client_id_prefix}-${hub}-${name}-${end}`

/** The end of a source's client id: the same as long as its filters are. */
export const filtersMark = (filters: readonly string[], share: string | undefined): string =>
  `in-${createHash('sha256')
    .update(JSON.stringify([share ?? null, ...filters.toSorted()]))
    .digest('hex')
    .slice(0, 8)}`

/** `receiveMaximum` and `topicAliasMaximum` of 0 leave the server its defaults. */
export function connectPacket(
  options: MqttOptions,
  clientId: string,
  clean: boolean,
  will: WillOptions | undefined,
  receiveMaximum: number,
  topicAliasMaximum: number,
): ConnectPacket {
  const { version, keepalive_s: keepalive, session_expiry_s: expiry, username, password } = options
  return {
    version: version === '5' ? 5 : 4,
    clientId,
    clean,
    keepaliveSeconds: Math.min(65_535, Math.round(keepalive)),
    username: username ?? null,
    password: password ?? null,
    will: willOf(will),
    sessionExpirySeconds: Math.min(0xffff_ffff, Math.round(expiry)),
    receiveMaximum,
    maxPacketBytes: options.max_packet_bytes,
    topicAliasMaximum,
  }
}

/** *Errors*: E611 where the server cannot do what the options ask for. */
export function checkServer(options: MqttOptions, { maxQos, retainAvailable }: Connack, place: string): void {
  if (maxQos === 0 && options.qos !== 0) {
    const advice = 'set qos: 0, which gives no promise'
    throw new TrestleError('E611', `${place} takes QoS 0 only`, { retry: 'reconnect', detail: { place, advice } })
  }
  if (!retainAvailable && options.retain === true) {
    const detail = { place, advice: 'set retain: false' }
    throw new TrestleError('E611', `${place} does not retain`, { retry: 'reconnect', detail })
  }
}

function willOf(given: WillOptions | undefined): Will | null {
  if (given === undefined) return null
  const { topic, payload = '', encoding = 'plain', qos = 1, retain = false, delay_s: delaySeconds = 0 } = given
  const bytes = Buffer.from(payload, encoding === 'base64' ? 'base64' : 'utf8')
  return { topic, payload: bytes, qos, retain, delaySeconds: Math.round(delaySeconds) }
}
