import type { Header, Message, MessageProperties, Owed } from '../contract/message.ts'
import { type ByteWriter, maxTextBytes } from './byte-writer.ts'
import type { Pair } from './tallies.ts'

/**
 * The layout of one record, and its writing. All offsets count from the record's start; all numbers are little-endian.
 *
 * ```
 * record    0  4  size of the whole record
 *           4  4  count of owed
 *           8  8  arrival, ms since the epoch (float64)
 *          16  4  length of the message's payload
 *          20  1  flags: 1 awaited, 2 retain, 4+8 qos, 16 username, 32 source, 64 properties
 *          21  1  properties: 1 payload format is there, 2 it is 1, 4 expiry, 8 content type, 16 response topic,
 *                 32 correlation data, 64 user properties
 *          22  2  0
 *          24  …  owed, 32 bytes each, in order: who skips a record or counts it reads no further
 *           …  …  payload of the message
 *           …  …  topic, client, [username], [source]        text
 *           …  …  [expiry float64] [content type text] [response topic text] [correlation blob]
 *                 [count 4, (name text, value text)*]
 *           …  …  payloads and details of the owed
 *
 * owed      0  4  sink, its number in the segment's dictionary
 *           4  4  rule, likewise
 *           8  8  ordinal (float64)
 *          16  4  offset of the payload; 0: the message's own
 *          20  4  length of the payload
 *          24  4  offset of the detail
 *          28  4  flags: 1 target, 2 key, 4 order key is not `client/topic`, 8 options, 16 headers
 *
 * detail    [target text] [key text] [order key text] [options: JSON, blob]
 *           [count 4, (name text, kind 1, value: 0 text or 1 blob)*]
 *
 * text      length 2, UTF-8     or     0xFFFF, length 4, UTF-8
 * blob      length 4, bytes
 * ```
 */
export const recordHeaderBytes = 24
export const owedEntryBytes = 32

export const recordFlag = { awaited: 1, retain: 2, qosShift: 2, username: 16, source: 32, properties: 64 } as const

export const propertyFlag = {
  formatKnown: 1,
  formatText: 2,
  expiry: 4,
  contentType: 8,
  responseTopic: 16,
  correlation: 32,
  user: 64,
} as const

export const owedFlag = { target: 1, key: 2, orderKey: 4, options: 8, headers: 16 } as const

/** An upper bound of what `encodeRecord` will write. `options` are the targets' options as JSON, in order. */
export function maxRecordBytes(message: Message, owed: readonly Owed[], options: readonly (Buffer | null)[]): number {
  let size = recordHeaderBytes + message.payload.length + maxTextBytes(message.topic) + maxTextBytes(message.client)
  if (message.username !== null) size += maxTextBytes(message.username)
  if (message.source !== null) size += maxTextBytes(message.source)
  if (message.properties !== null) size += maxPropertiesBytes(message.properties)
  for (let index = 0; index < owed.length; index += 1) {
    const one = owed[index]!
    size += owedEntryBytes + 16 + maxTextBytes(one.orderKey) + (options[index]?.length ?? 0)
    if (one.payload !== message.payload) size += one.payload.length
    if (one.target !== null) size += maxTextBytes(one.target)
    if (one.key !== null) size += maxTextBytes(one.key)
    for (const [name, value] of one.headers) {
      size += 1 + maxTextBytes(name) + (typeof value === 'string' ? maxTextBytes(value) : 4 + value.length)
    }
  }
  return size
}

function maxPropertiesBytes(properties: MessageProperties): number {
  let size = 16
  if (properties.contentType !== undefined) size += maxTextBytes(properties.contentType)
  if (properties.responseTopic !== undefined) size += maxTextBytes(properties.responseTopic)
  if (properties.correlationData !== undefined) size += 4 + properties.correlationData.length
  for (const [name, value] of properties.user ?? []) size += maxTextBytes(name) + maxTextBytes(value)
  return size
}

/** Writes one record at the writer's place, which has room for `maxRecordBytes`; counts the ordinals of its sinks up. */
export function encodeRecord(
  to: ByteWriter,
  message: Message,
  owed: readonly Owed[],
  pairs: readonly Pair[],
  options: readonly (Buffer | null)[],
  awaited: boolean,
): void {
  const start = to.at
  const count = owed.length
  to.at = start + 4
  to.u32(count)
  to.f64(message.timeMs)
  to.u32(message.payload.length)
  to.u8(flagsOf(message, awaited))
  to.u8(message.properties === null ? 0 : propertyFlagsOf(message.properties))
  to.u8(0)
  to.u8(0)
  to.at += count * owedEntryBytes
  to.raw(message.payload)
  to.text(message.topic)
  to.text(message.client)
  if (message.username !== null) to.text(message.username)
  if (message.source !== null) to.text(message.source)
  if (message.properties !== null) writeProperties(to, message.properties)
  for (let index = 0; index < count; index += 1) {
    writeOwed(to, start, message, owed, index, pairs[index]!, options[index] ?? null)
  }
  to.view.setUint32(start, to.at - start, true)
}

function flagsOf(message: Message, awaited: boolean): number {
  return (
    (awaited ? recordFlag.awaited : 0) |
    (message.retain ? recordFlag.retain : 0) |
    (message.qos << recordFlag.qosShift) |
    (message.username !== null ? recordFlag.username : 0) |
    (message.source !== null ? recordFlag.source : 0) |
    (message.properties !== null ? recordFlag.properties : 0)
  )
}

function propertyFlagsOf(properties: MessageProperties): number {
  return (
    (properties.payloadFormat !== undefined ? propertyFlag.formatKnown : 0) |
    (properties.payloadFormat === 1 ? propertyFlag.formatText : 0) |
    (properties.expirySeconds !== undefined ? propertyFlag.expiry : 0) |
    (properties.contentType !== undefined ? propertyFlag.contentType : 0) |
    (properties.responseTopic !== undefined ? propertyFlag.responseTopic : 0) |
    (properties.correlationData !== undefined ? propertyFlag.correlation : 0) |
    (properties.user !== undefined ? propertyFlag.user : 0)
  )
}

function writeProperties(to: ByteWriter, properties: MessageProperties): void {
  if (properties.expirySeconds !== undefined) to.f64(properties.expirySeconds)
  if (properties.contentType !== undefined) to.text(properties.contentType)
  if (properties.responseTopic !== undefined) to.text(properties.responseTopic)
  if (properties.correlationData !== undefined) to.blob(properties.correlationData)
  if (properties.user === undefined) return
  to.u32(properties.user.length)
  for (const [name, value] of properties.user) {
    to.text(name)
    to.text(value)
  }
}

function writeOwed(
  to: ByteWriter,
  start: number,
  message: Message,
  all: readonly Owed[],
  index: number,
  pair: Pair,
  options: Buffer | null,
): void {
  const one = all[index]!
  const entry = start + recordHeaderBytes + index * owedEntryBytes
  const payloadOffset = placePayload(to, start, message, all, index)
  const ownOrder = !isDefaultOrder(one.orderKey, message)
  const view = to.view
  pair.sink.ordinal += 1
  view.setUint32(entry, pair.sink.number, true)
  view.setUint32(entry + 4, pair.number, true)
  view.setFloat64(entry + 8, pair.sink.ordinal, true)
  view.setUint32(entry + 16, payloadOffset, true)
  view.setUint32(entry + 20, one.payload.length, true)
  view.setUint32(entry + 24, to.at - start, true)
  view.setUint32(
    entry + 28,
    (one.target !== null ? owedFlag.target : 0) |
      (one.key !== null ? owedFlag.key : 0) |
      (ownOrder ? owedFlag.orderKey : 0) |
      (options !== null ? owedFlag.options : 0) |
      (one.headers.length > 0 ? owedFlag.headers : 0),
    true,
  )
  if (one.target !== null) to.text(one.target)
  if (one.key !== null) to.text(one.key)
  if (ownOrder) to.text(one.orderKey)
  if (options !== null) to.blob(options)
  if (one.headers.length > 0) writeHeaders(to, one.headers)
}

/** Offset of an owed payload: 0 for the message's own, that of an earlier owed with the same object, or a new place. */
function placePayload(to: ByteWriter, start: number, message: Message, all: readonly Owed[], index: number): number {
  const payload = all[index]!.payload
  if (payload === message.payload) return 0
  for (let before = 0; before < index; before += 1) {
    if (all[before]!.payload === payload) {
      return to.view.getUint32(start + recordHeaderBytes + before * owedEntryBytes + 16, true)
    }
  }
  const offset = to.at - start
  to.raw(payload)
  return offset
}

/** Whether an order key is `client/topic`; compared in place, since most are. */
function isDefaultOrder(orderKey: string, message: Message): boolean {
  const { client, topic } = message
  return (
    orderKey.length === client.length + 1 + topic.length &&
    orderKey.charCodeAt(client.length) === 0x2f &&
    orderKey.startsWith(client) &&
    orderKey.endsWith(topic)
  )
}

function writeHeaders(to: ByteWriter, headers: readonly Header[]): void {
  to.u32(headers.length)
  for (const [name, value] of headers) {
    to.text(name)
    if (typeof value === 'string') {
      to.u8(0)
      to.text(value)
    } else {
      to.u8(1)
      to.blob(value)
    }
  }
}
