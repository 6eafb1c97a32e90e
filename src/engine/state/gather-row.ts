import type { Message, MessageProperties } from '../../contract/message.ts'
import type { Listed } from './key-list.ts'

/** What one window of one key holds so far. */
export interface Gathered extends Listed {
  /** When the window began. *Unit*: ms since the epoch. */
  readonly startMs: number
  count: number
  /** The aggregates' own, see `aggregate`. */
  readonly state: unknown[]
  /** The last message: all of it where that is what is kept, else without payload and properties. */
  last: Message
  /** Place on disk of what it took last. */
  position: number
  /** What it took up to this place stood in the snapshot it came from. */
  restored: number
}

/** One window of a key as it stands in a snapshot. */
export type GatherRow = readonly [
  key: string,
  startMs: number,
  count: number,
  state: readonly unknown[],
  position: number,
  last: readonly unknown[],
]

/** A window as a row. */
export function rowOf({ key, startMs, count, state, position, last }: Gathered): GatherRow {
  const { topic, client, username, source, qos, retain, timeMs, payload, properties } = last
  const correlation = properties?.correlationData
  const kept = [topic, client, username, source, qos, retain, timeMs, Buffer.from(payload).toString('base64')]
  const known = properties === null ? null : { ...properties, correlationData: undefined }
  const data = correlation === undefined ? null : Buffer.from(correlation).toString('base64')
  return [key, startMs, count, state, position, [...kept, known, data]]
}

/** A row as a window again. */
export const gatheredOf = ([key, startMs, count, state, position, last]: GatherRow): Gathered => ({
  key,
  startMs,
  count,
  state: [...state],
  last: messageOf(last),
  position,
  restored: position,
  previous: null,
  next: null,
})

function messageOf(row: readonly unknown[]): Message {
  const [topic, client, username, source, qos, retain, timeMs, payload, known, correlation] = row
  const properties = known as MessageProperties | null
  if (properties !== null && correlation !== null) {
    properties.correlationData = Buffer.from(correlation as string, 'base64')
  }
  return {
    topic: topic as string,
    payload: Buffer.from(payload as string, 'base64'),
    qos: qos as 0 | 1 | 2,
    retain: retain as boolean,
    properties,
    client: client as string,
    username: username as string | null,
    source: source as string | null,
    timeMs: timeMs as number,
  }
}
