/** What bounds the broker: no client can make it hold more than this. Every field has a default in `defaultLimits`. */
export interface BrokerLimits {
  /** Largest packet a connected client may send; announced to MQTT 5 clients. *Unit*: bytes. */
  maxPacketBytes: number
  /** Largest CONNECT packet: what a stranger may make us hold. *Unit*: bytes. */
  maxConnectBytes: number
  maxConnections: number
  maxSessions: number
  /** A client that has not sent a whole CONNECT by then is cut off. *Unit*: ms. */
  connectTimeoutMs: number
  /** Output waiting for one receiver; above it QoS 0 is dropped and QoS 1 and 2 wait in the session. *Unit*: bytes. */
  maxOutputBytes: number
  /** Output waiting for all receivers together. *Unit*: bytes. */
  maxAllOutputBytes: number
  /** QoS 1 and 2 messages under way to one client; an MQTT 5 client may ask for fewer. */
  maxInflight: number
  /** QoS 1 and 2 messages of one client that are not answered yet; announced as Receive Maximum. */
  receiveMaximum: number
  /** Messages waiting in one session. */
  maxQueuedMessages: number
  /** Bytes waiting in one session, or kept in it to be sent again. *Unit*: bytes. */
  maxQueuedBytes: number
  /** Bytes waiting in all sessions together. *Unit*: bytes. */
  maxAllQueuedBytes: number
  /** How long reading from a publisher may rest because a subscriber of its messages is slow. *Unit*: ms. */
  maxPublisherPauseMs: number
  /** Topic aliases one client may set. */
  maxTopicAliases: number
  maxSubscriptionsPerSession: number
  /** What the subscriptions of one session may weigh: their filters, and the levels no other had before. *Unit*: bytes. */
  maxSubscriptionBytes: number
  /** What all subscriptions together may weigh, shared levels once. *Unit*: bytes. */
  maxAllSubscriptionBytes: number
  /** Levels of one filter; one with more is refused with 0x8F. */
  maxFilterLevels: number
  /** Longest time a session is kept without its client; 4,294,967,295 is for ever. *Unit*: s. */
  maxSessionExpiryS: number
  /** Longest keep-alive; 0 takes what the client asks for, none included. *Unit*: s. */
  maxKeepAliveS: number
  maxRetainedMessages: number
  /** *Unit*: bytes. */
  maxRetainedBytes: number
  /** Topics whose receivers and rules are remembered. */
  maxCachedTopics: number
  /** What the loop may add to a message's latency to make one poll of several; 0: nothing. *Unit*: µs. */
  latencyBudgetUs: number
}

const mebibyte = 1024 * 1024

export const defaultLimits: BrokerLimits = {
  maxPacketBytes: 16 * mebibyte,
  maxConnectBytes: mebibyte / 4,
  maxConnections: 100_000,
  maxSessions: 200_000,
  connectTimeoutMs: 10_000,
  maxOutputBytes: 8 * mebibyte,
  maxAllOutputBytes: 256 * mebibyte,
  maxInflight: 1_024,
  receiveMaximum: 1_024,
  maxQueuedMessages: 100_000,
  maxQueuedBytes: 16 * mebibyte,
  maxAllQueuedBytes: 256 * mebibyte,
  maxPublisherPauseMs: 2_000,
  maxTopicAliases: 64,
  maxSubscriptionsPerSession: 10_000,
  maxSubscriptionBytes: 8 * mebibyte,
  maxAllSubscriptionBytes: 256 * mebibyte,
  maxFilterLevels: 128,
  maxSessionExpiryS: 0xffff_ffff,
  maxKeepAliveS: 0,
  maxRetainedMessages: 1_000_000,
  maxRetainedBytes: 256 * mebibyte,
  maxCachedTopics: 16_384,
  latencyBudgetUs: 500,
}
