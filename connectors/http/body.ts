import { asciiHeadersOf, type Delivery, hopsThrough, TrestleError } from 'trestle/contract'

/** What a rule's headers may not be: they belong to the request itself. */
const ownHeaders = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'idempotency-key',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** A body and its content type. */
export interface Body {
  readonly bytes: Uint8Array
  readonly contentType: string
}

/** The body of one delivery: the rule's `body`, else the payload or the whole message. */
export function bodyOf(delivery: Delivery, kind: 'payload' | 'message', hub: string): Body {
  const { message, options, payload } = delivery
  const named = options?.['content_type'] ?? null
  const given = options?.['body']
  if (given !== undefined && given !== null) {
    const json = typeof given !== 'string'
    const bytes = Buffer.from(json ? JSON.stringify(given) : given)
    return { bytes, contentType: String(named ?? (json ? 'application/json' : 'text/plain; charset=utf-8')) }
  }
  if (kind === 'message') {
    return { bytes: Buffer.from(JSON.stringify(envelopeOf(delivery, hub))), contentType: 'application/json' }
  }
  if (named !== null) return { bytes: payload, contentType: String(named) }
  const said = message.properties?.contentType
  if (said !== undefined && isHeaderValue(said)) return { bytes: payload, contentType: said }
  return { bytes: payload, contentType: payload === message.payload ? 'application/octet-stream' : 'application/json' }
}

/** A message as a JSON object. *Shape*: `payload` is JSON where it is that, else text, else `payload_base64` is there. */
function envelopeOf(delivery: Delivery, hub: string): Record<string, unknown> {
  const { id, key, message, payload } = delivery
  const { correlationData, user, ...properties } = message.properties ?? {}
  return {
    id,
    hops: hopsThrough(message.properties, hub),
    topic: message.topic,
    client: message.client,
    qos: message.qos,
    retain: message.retain,
    time_ms: message.timeMs,
    ...(key === null ? {} : { key }),
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    ...(correlationData === undefined ? {} : { correlation_data: Buffer.from(correlationData).toString('base64') }),
    ...(user === undefined ? {} : { user_properties: user.filter(([name]) => name !== 'trestle-hops') }),
    ...payloadFields(payload),
  }
}

const strict = new TextDecoder('utf-8', { fatal: true })

function payloadFields(payload: Uint8Array): Record<string, unknown> {
  let text: string
  try {
    text = strict.decode(payload)
  } catch {
    // Bytes, no text.
    return { payload_base64: Buffer.from(payload).toString('base64') }
  }
  try {
    return { payload: JSON.parse(text) as unknown }
  } catch {
    // Text, no JSON.
    return { payload: text }
  }
}

/** Many bodies as one. *Errors*: none; each has been seen to be JSON by `jsonOf`. */
export function joinBodies(bodies: readonly Uint8Array[], batch: 'array' | 'ndjson'): Body {
  const parts: Uint8Array[] = []
  for (const [at, bytes] of bodies.entries()) {
    if (batch === 'array') parts.push(at === 0 ? open : comma, bytes)
    else parts.push(bytes, newline)
  }
  if (batch === 'array') parts.push(close)
  const contentType = batch === 'array' ? 'application/json' : 'application/x-ndjson'
  return { bytes: Buffer.concat(parts), contentType }
}

const [open, comma, close, newline] = ['[', ',', ']', '\n'].map((text) => Buffer.from(text)) as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
]

/** A body as a member of a batch: JSON on one line. *Errors*: E606, it is no JSON. */
export function jsonOf({ bytes }: Body): Uint8Array {
  try {
    const value = JSON.parse(strict.decode(bytes)) as unknown
    // A line end inside would make two lines of one. As it is written otherwise: numbers keep their digits.
    return bytes.includes(0x0a) || bytes.includes(0x0d) ? Buffer.from(JSON.stringify(value)) : bytes
  } catch (thrown) {
    const advice = 'send one request for each message (batch: none), or set body: message'
    throw new TrestleError('E606', 'the payload is no JSON and cannot be in a batch', {
      detail: { advice },
      cause: thrown,
    })
  }
}

/**
 * The headers of a request for one delivery. User properties go into `mqtt-user`: header names know no case, and a
 * device must not be able to set any header it likes. *Errors*: E606, a header of the rule that cannot be one.
 */
export function headersFor(delivery: Delivery, hub: string, all: boolean): string[] {
  const headers = ['idempotency-key', delivery.id]
  if (all) {
    const users: [string, string][] = []
    for (const [name, value] of asciiHeadersOf({ ...delivery, headers: [] }, hub)) {
      if (name === 'content-type' || name === 'content-type*') continue
      if (name.startsWith('trestle-') || name.startsWith('mqtt-')) headers.push(name, value)
      else users.push([name, value])
    }
    const { contentType } = delivery.message.properties ?? {}
    if (contentType !== undefined) headers.push('mqtt-content-type*', encodeURIComponent(contentType))
    if (users.length > 0) headers.push('mqtt-user*', encodeURIComponent(JSON.stringify(users)))
  } else headers.push('trestle-id', delivery.id, 'trestle-hops', hopsThrough(delivery.message.properties, hub))
  for (const [name, value] of delivery.headers) putHeader(headers, name, value)
  return headers
}

/** The rule's own headers. *Errors*: E606. */
export function putHeader(headers: string[], name: string, value: string | Uint8Array): void {
  const text = typeof value === 'string' ? value : Buffer.from(value).toString('utf8')
  const place = `header \`${name}\``
  if (!/^[\w!#$%&'+.^`|~-]+$/.test(name) || ownHeaders.has(name.toLowerCase())) {
    throw new TrestleError('E606', `${place} cannot be set by a rule`, { detail: { advice: 'use another name' } })
  }
  if (/^(trestle|mqtt)-/i.test(name)) {
    const advice = 'names that begin with trestle- or mqtt- are the hub’s'
    throw new TrestleError('E606', `${place} cannot be set by a rule`, { detail: { advice } })
  }
  if (isHeaderValue(text)) headers.push(name, text)
  else headers.push(`${name}*`, encodeURIComponent(text))
}

const isHeaderValue = (text: string): boolean => /^[\t\x20-\x7e]*$/.test(text)
