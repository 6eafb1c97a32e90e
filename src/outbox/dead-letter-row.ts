import type { Header, Message, MessageProperties, Owed } from '../contract/message.ts'
import type { DeadLetter } from './dead-letter.ts'

/** What a list shows of a dead letter. */
export interface LetterSummary {
  /** `<position>-<index>`: the delivery's identity without the hub's. */
  id: string
  sink: string
  rule: string
  /** When it was refused. *Unit*: ms since the epoch. */
  timeMs: number
  error: { code: string; message: string }
  attempts: number
  topic: string
  client: string
  target: string | null
  key: string | null
  sizeBytes: number
}

/** A dead letter with everything: the message as it was published and the delivery as the rule shaped it. */
export interface KeptLetter extends LetterSummary {
  message: Message
  owed: Owed
}

/**
 * One row of the store. *Shape*: `payload` the published bytes; `shaped` the sink's bytes, null when they are the same;
 * `message` and `owed` the remaining fields as JSON, bytes in them as `{"$bytes": …}`.
 */
export interface LetterRow {
  position: number
  entry: number
  sink: string
  rule: string
  time: number
  code: string
  error: string
  attempts: number
  topic: string
  client: string
  payload: Uint8Array
  message: string
  shaped: Uint8Array | null
  owed: string
}

export const toRow = ({ delivery, error, timeMs }: DeadLetter): LetterRow => {
  const { message } = delivery
  const { qos, retain, username, source, properties } = message
  const { target, key, orderKey, headers, options } = delivery
  return {
    position: delivery.position,
    entry: delivery.index,
    sink: delivery.sink,
    rule: delivery.rule,
    time: timeMs,
    code: error.code,
    error: error.message,
    attempts: delivery.attempt,
    topic: message.topic,
    client: message.client,
    payload: message.payload,
    message: JSON.stringify({ qos, retain, username, source, properties, timeMs: message.timeMs }, bytesToText),
    shaped: delivery.payload === message.payload ? null : delivery.payload,
    owed: JSON.stringify({ target, key, orderKey, headers, options }, bytesToText),
  }
}

export const fromRow = (row: LetterRow): KeptLetter => {
  const message = { ...JSON.parse(row.message, textToBytes) } as RestOfMessage
  const owed = { ...JSON.parse(row.owed, textToBytes) } as RestOfOwed
  return {
    ...summaryOf(row),
    message: { topic: row.topic, payload: row.payload, client: row.client, ...message },
    owed: { sink: row.sink, rule: row.rule, payload: row.shaped ?? row.payload, ...owed },
  }
}

export const summaryOf = (row: LetterRow): LetterSummary => {
  const { target, key } = JSON.parse(row.owed) as RestOfOwed
  return {
    id: `${row.position}-${row.entry}`,
    sink: row.sink,
    rule: row.rule,
    timeMs: row.time,
    error: { code: row.code, message: row.error },
    attempts: row.attempts,
    topic: row.topic,
    client: row.client,
    target,
    key,
    sizeBytes: row.payload.byteLength,
  }
}

interface RestOfMessage {
  qos: 0 | 1 | 2
  retain: boolean
  username: string | null
  source: string | null
  properties: MessageProperties | null
  timeMs: number
}

interface RestOfOwed {
  target: string | null
  key: string | null
  orderKey: string
  headers: Header[]
  options: Record<string, unknown> | null
}

/** Buffers have a `toJSON` that runs before a replacer sees them; `this` still has the bytes. */
function bytesToText(this: Record<string, unknown>, name: string, value: unknown): unknown {
  const raw = this[name]
  if (!(raw instanceof Uint8Array)) return value
  return { $bytes: Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('base64') }
}

const textToBytes = (_name: string, value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || !('$bytes' in value)) return value
  return typeof value.$bytes === 'string' && Object.keys(value).length === 1
    ? new Uint8Array(Buffer.from(value.$bytes, 'base64'))
    : value
}
