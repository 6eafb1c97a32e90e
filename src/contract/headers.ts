import type { Delivery, Header, MessageProperties } from './message.ts'

/** One row of the table by which a message's MQTT side travels in headers, properties or labels of other systems. */
export interface HeaderRow {
  readonly header: string
  readonly holds: string
  /** When the header is there. */
  readonly when: string
}

/** `docs/reference/properties.md` is printed from this; `headersOf` writes it, `readHeaders` reads it. */
export const headerTable: readonly HeaderRow[] = [
  { header: 'trestle-id', holds: 'identity of the delivery: the same on every repeat', when: 'always' },
  {
    header: 'trestle-hops',
    holds: 'ids of the hubs it went through, the first is its origin, spaces between',
    when: 'always',
  },
  { header: 'mqtt-topic', holds: 'topic name as published', when: 'always' },
  { header: 'mqtt-client', holds: 'client id of the publisher', when: 'always' },
  { header: 'mqtt-qos', holds: '`1` or `2`', when: 'not QoS 0' },
  { header: 'mqtt-retain', holds: '`true`', when: 'retained' },
  { header: 'mqtt-time', holds: 'arrival at the first hub, ms since the epoch', when: 'always' },
  { header: 'mqtt-expires', holds: 'when the message expires, ms since the epoch', when: 'it has an expiry interval' },
  { header: 'mqtt-payload-format', holds: '`0` bytes, `1` UTF-8', when: 'the publisher said' },
  { header: 'content-type', holds: 'content type', when: 'the publisher said' },
  { header: 'mqtt-response-topic', holds: 'response topic', when: 'the publisher said' },
  {
    header: 'mqtt-correlation-data',
    holds: 'correlation data: bytes where the system has bytes, else base64',
    when: 'the publisher said',
  },
  { header: 'NAME', holds: 'user property NAME; names may repeat, order is kept', when: 'each user property' },
  {
    header: 'mqtt-user-NAME',
    holds: 'user property NAME whose name would be taken for one of the above, is empty or ends in `*`',
    when: 'each such user property',
  },
  {
    header: 'mqtt-user',
    holds: 'all user properties as JSON `[[name, value], …]`',
    when: 'the system has only plain names, each once (NATS, HTTP, ReductStore), and a user property needs more',
  },
  {
    header: 'NAME*',
    holds: 'the value of NAME, percent-encoded UTF-8',
    when: 'the system takes ASCII only (NATS, HTTP, ReductStore) and the value is more',
  },
]

/** Name of the user property in which the hop list travels inside MQTT. *Shape*: hub ids, spaces between. */
export const hopsProperty = 'trestle-hops'

/**
 * Everything a record of another system must carry so that `readHeaders` can make the same message of it again: the
 * table above, in its order, then the headers the rule names.
 *
 * *Shape*: correlation data is bytes, all else text.
 */
export function headersOf(delivery: Delivery, hub: string): Header[] {
  const { id, message, headers } = delivery
  const { properties } = message
  const out: Header[] = [
    ['trestle-id', id],
    [hopsProperty, hopsThrough(properties, hub)],
    ['mqtt-topic', message.topic],
    ['mqtt-client', message.client],
    ['mqtt-time', String(message.timeMs)],
  ]
  if (message.qos !== 0) out.push(['mqtt-qos', message.qos === 1 ? '1' : '2'])
  if (message.retain) out.push(['mqtt-retain', 'true'])
  if (properties !== null) pushProperties(out, properties, message.timeMs)
  for (const header of headers) out.push(header)
  return out
}

/** The hop list of a message that leaves this hub. */
export function hopsThrough(properties: MessageProperties | null, hub: string): string {
  const before = hopsOf(properties)
  return before === '' ? hub : `${before} ${hub}`
}

/**
 * The hubs a message went through before it came here, the origin first; empty for what began here. A peer that adds a list
 * instead of adding to it hides none.
 */
export function hopsOf(properties: MessageProperties | null): string {
  let hops = ''
  for (const [name, value] of properties?.user ?? []) {
    if (name === hopsProperty) hops = hops === '' ? value : `${hops} ${value}`
  }
  return hops
}

/** Whether a message was in this hub before: it must not be taken again. */
export const wentThrough = (properties: MessageProperties | null, hub: string): boolean => {
  if (properties?.user === undefined) return false
  const hops = hopsOf(properties)
  return hops !== '' && hops.split(' ').includes(hub)
}

function pushProperties(out: Header[], properties: MessageProperties, timeMs: number): void {
  const { payloadFormat, expirySeconds, contentType, responseTopic, correlationData, user } = properties
  if (expirySeconds !== undefined) out.push(['mqtt-expires', String(timeMs + expirySeconds * 1000)])
  if (payloadFormat !== undefined) out.push(['mqtt-payload-format', String(payloadFormat)])
  if (contentType !== undefined) out.push(['content-type', contentType])
  if (responseTopic !== undefined) out.push(['mqtt-response-topic', responseTopic])
  if (correlationData !== undefined) out.push(['mqtt-correlation-data', correlationData])
  for (const [name, value] of user ?? []) {
    if (name === hopsProperty) continue
    out.push([isReserved(name) ? `${userPrefix}${name}` : name, value])
  }
}

/**
 * Names of user properties that go under `mqtt-user-NAME`: the table gives them a meaning (a device that uses one must not be
 * mistaken for the hub), or a header cannot have them.
 */
export const isReserved = (name: string): boolean =>
  name.startsWith('trestle-') ||
  name.startsWith('mqtt-') ||
  name === 'content-type' ||
  name === '' ||
  name.endsWith('*')

/** `headersOf` for systems whose values are text (Pulsar): correlation data is base64. */
export function textHeadersOf(delivery: Delivery, hub: string): [name: string, value: string][] {
  return headersOf(delivery, hub).map(([name, value]) => [name, asText(name, value)])
}

const asText = (name: string, value: string | Uint8Array): string => {
  if (typeof value === 'string') return value
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return name === 'mqtt-correlation-data' ? bytes.toString('base64') : bytes.toString('utf8')
}

/**
 * `headersOf` for systems of unique names and ASCII values (NATS, HTTP, ReductStore). User properties and the rule's headers go under
 * their own names where all of them can, else together into `mqtt-user`; other values that are more than ASCII go
 * percent-encoded under `NAME*`.
 */
export function asciiHeadersOf(delivery: Delivery, hub: string): [name: string, value: string][] {
  const ours: [string, string][] = []
  const users: [string, string][] = []
  for (const [name, value] of textHeadersOf(delivery, hub)) {
    if (isReserved(name) && !name.startsWith(userPrefix)) ours.push(encoded(name, value))
    else users.push([name.startsWith(userPrefix) ? name.slice(userPrefix.length) : name, value])
  }
  if (users.length === 0) return ours
  const names = new Set(users.map(([name]) => name))
  const plain =
    names.size === users.length && users.every(([name, value]) => isToken(name) && !isReserved(name) && isPlain(value))
  if (plain) ours.push(...users)
  else ours.push(encoded('mqtt-user', JSON.stringify(users)))
  return ours
}

const encoded = (name: string, value: string): [string, string] =>
  isPlain(value) ? [name, value] : [`${name}*`, encodeURIComponent(value)]

/** What every one of these systems takes as a name and gives back as it was: HTTP makes all letters small. *Source*: RFC 9110 §5.6.2. */
const isToken = (name: string): boolean => /^[a-z0-9_.-]+$/.test(name)
/** Printable ASCII without quotes, commas and backslashes, no space at either end. */
const isPlain = (value: string): boolean => /^(?! )[ -~]*(?<! )$/.test(value) && value !== '' && !/["\\,]/.test(value)

/** What headers say about a message; null where they say nothing. */
export interface CarriedHeaders {
  topic: string | null
  client: string | null
  qos: 0 | 1 | 2 | null
  retain: boolean | null
  timeMs: number | null
  /** The hop list is among the user properties. */
  properties: MessageProperties | null
}

/**
 * Reads back what one of the three above wrote, and makes user properties of the headers of strangers.
 *
 * *Shape*: an interval of expiry counts from the message's time; `otherwiseMs` (ms since the epoch) is that time where the
 * headers carry none. A stranger's value that is no text of MQTT's becomes its base64.
 */
export function readHeaders(headers: Iterable<Header>, otherwiseMs: number): CarriedHeaders {
  const carried: CarriedHeaders = { topic: null, client: null, qos: null, retain: null, timeMs: null, properties: null }
  const properties: MessageProperties = {}
  const user: [string, string][] = []
  const reading: Reading = { carried, properties, user, expiresMs: null }
  for (const [name, value] of headers) {
    const read = readers.get(name)
    if (read !== undefined) read(textOf(value), reading)
    else if (name === 'mqtt-correlation-data') properties.correlationData = correlation(value)
    else if (name.startsWith(userPrefix)) user.push([name.slice(userPrefix.length), textOf(value)])
    else if (name.endsWith('*')) readEncoded(name.slice(0, -1), textOf(value), reading)
    else user.push([name, textOf(value)])
  }
  // A hub says it when a message is not QoS 0, or retained.
  if (carried.topic !== null) {
    carried.qos ??= 0
    carried.retain ??= false
  }
  if (user.length > 0) properties.user = user
  const { expiresMs } = reading
  if (expiresMs !== null) properties.expirySeconds = secondsBetween(carried.timeMs ?? otherwiseMs, expiresMs)
  for (const _ in properties) {
    carried.properties = properties
    break
  }
  return carried
}

interface Reading {
  carried: CarriedHeaders
  properties: MessageProperties
  user: [string, string][]
  expiresMs: number | null
}

type Reader = (value: string, reading: Reading) => void

function readEncoded(name: string, value: string, reading: Reading): void {
  let decoded: string
  try {
    decoded = decodeURIComponent(value)
  } catch {
    // Not ours: a stranger's header whose name ends so.
    reading.user.push([`${name}*`, value])
    return
  }
  const read = readers.get(name)
  if (read !== undefined) read(decoded, reading)
  else if (name === 'mqtt-correlation-data') reading.properties.correlationData = correlation(decoded)
  else reading.user.push([name, decoded])
}

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['trestle-id', () => {}],
  [hopsProperty, (value, { user }) => user.unshift([hopsProperty, value])],
  ['mqtt-topic', (value, { carried }) => (carried.topic = value)],
  ['mqtt-client', (value, { carried }) => (carried.client = value)],
  ['mqtt-qos', (value, { carried }) => (carried.qos = value === '2' ? 2 : value === '1' ? 1 : 0)],
  ['mqtt-retain', (value, { carried }) => (carried.retain = value === 'true')],
  ['mqtt-time', (value, { carried }) => (carried.timeMs = momentOf(value))],
  ['mqtt-expires', (value, reading) => (reading.expiresMs = momentOf(value))],
  ['mqtt-payload-format', (value, { properties }) => (properties.payloadFormat = value === '1' ? 1 : 0)],
  ['content-type', (value, { properties }) => (properties.contentType = value)],
  ['mqtt-response-topic', (value, { properties }) => (properties.responseTopic = value)],
  ['mqtt-user', readUser],
])

const secondsBetween = (fromMs: number, toMs: number): number =>
  Math.min(maxExpirySeconds, Math.max(0, Math.ceil((toMs - fromMs) / 1000)))

function readUser(value: string, { user }: Reading): void {
  const pairs = parsePairs(value)
  // Not ours: a stranger's header of that name.
  if (pairs === null) user.push(['mqtt-user', value])
  else user.push(...pairs)
}

function parsePairs(value: string): [string, string][] | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(value)
  } catch {
    // The caller takes it as it is.
    return null
  }
  const isPair = (pair: unknown): pair is [string, string] =>
    Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string' && typeof pair[1] === 'string'
  return Array.isArray(parsed) && parsed.every(isPair) ? parsed : null
}

/** The last that a Date can be. */
const maxMomentMs = 8_640_000_000_000_000
/** *Source*: MQTT 5.0 §3.3.2.3.3, a four byte integer. */
const maxExpirySeconds = 0xff_ff_ff_ff
const userPrefix = 'mqtt-user-'

/** A moment that a clock can show. *Unit*: ms since the epoch. */
const momentOf = (value: string): number | null => {
  const number = Number(value)
  return value !== '' && number >= 0 && number <= maxMomentMs ? number : null
}

const strict = new TextDecoder('utf-8', { fatal: true })

const textOf = (value: string | Uint8Array): string => {
  const base64 = () => Buffer.from(value as Uint8Array).toString('base64')
  // MQTT's text holds every character but this one. *Source*: MQTT 5.0 §1.5.4.
  if (typeof value === 'string') return value.includes('\0') ? base64() : value
  if (value.includes(0)) return base64()
  try {
    return strict.decode(value)
  } catch {
    return base64()
  }
}

const correlation = (value: string | Uint8Array): Uint8Array =>
  typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : value
