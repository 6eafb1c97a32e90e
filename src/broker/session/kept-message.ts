import type { MessageProperties } from '../../contract/message.ts'

/** A message that outlives the call that brought it: its bytes are its own. Shared by all sessions that wait for it. */
export interface KeptMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly properties: MessageProperties | null
  /** Arrival at the hub. *Unit*: ms since the epoch. */
  readonly timeMs: number
  /** Who published it. */
  readonly client: string
  readonly username: string | null
  /** What it weighs in a queue. *Unit*: bytes. */
  readonly bytes: number
}

/** A message that waits in one session, or is under way and may have to be sent again. */
export interface QueuedMessage {
  readonly message: KeptMessage
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly subscriptionIds: readonly number[] | null
  /** The shared subscription it came by; null for the session's own. */
  readonly share: SharedOrigin | null
}

/** A shared subscription, as a message knows it that came by it. */
export interface SharedOrigin {
  /** Whether one of its members is connected. */
  readonly hasOnline: boolean
  /** Gives the message to another member. Answers whether there is one. */
  handOver(item: QueuedMessage): boolean
}

/** Weight of the objects around a queued message. *Unit*: bytes. */
export const queuedOverheadBytes = 200

/**
 * The Message Expiry Interval to send now: what the publisher gave less the time it waited here; undefined when it
 * gave none, 0 or less when its time is over. *Source*: MQTT-3.3.2-5, MQTT-3.3.2-6.
 */
export function remainingExpiryS(message: KeptMessage, nowMs: number): number | undefined {
  const given = message.properties?.expirySeconds
  if (given === undefined) return undefined
  return given - Math.floor(Math.max(0, nowMs - message.timeMs) / 1000)
}

export function isExpired(message: KeptMessage, nowMs: number): boolean {
  const given = message.properties?.expirySeconds
  return given !== undefined && nowMs - message.timeMs >= given * 1000
}
