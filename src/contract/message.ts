/** MQTT 5 publish properties that travel with a message. Absent ones are undefined. *Source*: MQTT 5.0 §3.3.2.3. */
export interface MessageProperties {
  /** 0 unspecified bytes, 1 UTF-8 text. */
  payloadFormat?: 0 | 1
  /** Seconds the message may still live, as the publisher gave it. *Unit*: s. */
  expirySeconds?: number
  contentType?: string
  responseTopic?: string
  correlationData?: Uint8Array
  /** User properties in the publisher's order; names may repeat. */
  user?: ReadonlyArray<readonly [name: string, value: string]>
}

/**
 * One published message on its way down the house.
 *
 * *Shape*: all fields are always present, so that every Message has one hidden class. The payload may be a view
 * into a read buffer: who keeps a Message beyond the current call copies it (the journal does).
 */
export interface Message {
  /** Topic name: no wildcards, no NUL, 1 to 65,535 bytes of UTF-8. */
  topic: string
  payload: Uint8Array
  qos: 0 | 1 | 2
  retain: boolean
  properties: MessageProperties | null
  /** Client id of the MQTT publisher, or the source's own name for ingress. */
  client: string
  username: string | null
  /** Connector name for ingress, null for what a device published. */
  source: string | null
  /** Arrival at the hub. *Unit*: ms since the epoch. */
  timeMs: number
}

/** A header of a far system: name and value, in order, names may repeat. */
export type Header = readonly [name: string, value: string | Uint8Array]

/** What a rule owes one sink: the message as the rule shaped it for that sink. */
export interface Owed {
  /** Name of the sink (a connector's name in the configuration). */
  sink: string
  /** Name of the rule that decided it. */
  rule: string
  /** Far-side address the rule named (Kafka topic, file, entry …); null leaves it to the sink's own default. */
  target: string | null
  /** Far-side key; null when the rule names none. */
  key: string | null
  /** Deliveries of one sink that share this value keep their order. Default: client and topic. */
  orderKey: string
  headers: readonly Header[]
  /** The bytes for this sink; the very same object as the Message's payload when the rule did not change it. */
  payload: Uint8Array
  /** Options of the target beyond topic, key and headers, as the rule gave them (labels, partition …). */
  options: Readonly<Record<string, unknown>> | null
}

/** What a sink is handed: one owed message with its identity. Valid until its Receipt is given. */
export interface Delivery extends Owed {
  /**
   * Identity of this delivery for the far side: `<hub id>-<position>-<index>`. The same after every retry and restart,
   * so that a reader can drop what it has seen.
   */
  id: string
  /** Position of the message in the journal: counts up by one per record, never reused. */
  position: number
  /** Index among the deliveries of that journal record. */
  index: number
  /** 1 for the first attempt. */
  attempt: number
  /** The message as it was published. */
  message: Message
}
