import { TrestleError } from './error.ts'
import { readHeaders } from './headers.ts'
import type { Header, Message } from './message.ts'
import { quantities } from './options.ts'

/** A record of another system as a source read it. */
export interface ForeignRecord {
  /** Where it was read: Kafka or Pulsar topic, NATS subject, ReductStore entry, MQTT topic, HTTP path. */
  readonly address: string
  readonly key: string | null
  /** Headers, properties or labels, in their order. */
  readonly headers: readonly Header[]
  readonly payload: Uint8Array
  /** When the record was made, by the far side's own word. *Unit*: ms since the epoch. */
  readonly timeMs: number | null
}

/**
 * Fields that every entry of `sources:` has, whatever the connector: spread them into `sourceOptions.properties`.
 * `on_refused` is the hub's to keep; a source only acknowledges upstream what its Receipt says.
 */
export const inboundFields = {
  publish: {
    type: 'string',
    description:
      'MQTT topic to publish to. `${topic}` is where the record was read, `${key}` its key, `${header.NAME}` a header, `${payload.a.b}` a field of its JSON, `${mqtt.topic}` the topic it once had in MQTT.',
    examples: ['orders/${key}'],
  },
  qos: {
    type: 'integer',
    enum: [0, 1, 2],
    description: 'QoS of the MQTT message. Without it: what the record carries (`mqtt-qos`), else 1.',
  },
  retain: {
    type: 'boolean',
    description: 'Whether it is retained. Without it: what the record carries (`mqtt-retain`), else no.',
  },
  expiry_s: { ...quantities.s, description: 'Expiry interval of messages that carry none.' },
  on_refused: {
    type: 'string',
    enum: ['dead-letter', 'drop', 'hold'],
    default: 'dead-letter',
    description:
      'What becomes of a record that cannot be an MQTT message: kept as a dead letter and acknowledged upstream, dropped and acknowledged, or held: the source stands still until it is gone upstream.',
  },
} as const

/** The fields above as a source has them. */
export interface InboundOptions {
  readonly publish: string
  readonly qos?: number
  readonly retain?: boolean
  readonly expiry_s?: number
}

/** Messages on their way in; `faults` says by place which of them cannot be MQTT messages, and why. */
export interface InboundBatch {
  readonly messages: Message[]
  readonly faults: Map<number, TrestleError>
}

/** Makes MQTT messages of foreign records: one per source, made when it opens. *Errors*: E206, a template that cannot be read. */
export class Inbound {
  readonly #parts: readonly Part[]
  readonly #options: InboundOptions
  readonly #source: string

  constructor(options: InboundOptions, source: string) {
    this.#options = options
    this.#source = source
    this.#parts = parseTemplate(options.publish)
  }

  begin(): InboundBatch {
    return { messages: [], faults: new Map() }
  }

  /** Adds the message of a record to a batch. The payload is not copied. */
  add(batch: InboundBatch, record: ForeignRecord, nowMs: number): void {
    const otherwiseMs = record.timeMs ?? nowMs
    const carried = readHeaders(record.headers, otherwiseMs)
    const { qos, retain, expiry_s: expirySeconds } = this.#options
    let properties = carried.properties
    if (expirySeconds !== undefined && properties?.expirySeconds === undefined) {
      properties = { ...properties, expirySeconds }
    }
    const topic = this.#topic(record, carried.topic)
    if (typeof topic !== 'string') batch.faults.set(batch.messages.length, topic)
    batch.messages.push({
      topic: typeof topic === 'string' ? topic : record.address,
      payload: record.payload,
      qos: (qos as 0 | 1 | 2 | undefined) ?? carried.qos ?? 1,
      retain: retain ?? carried.retain ?? false,
      properties,
      client: carried.client ?? this.#source,
      username: null,
      source: this.#source,
      timeMs: carried.timeMs ?? otherwiseMs,
    })
  }

  #topic(record: ForeignRecord, mqttTopic: string | null): string | TrestleError {
    let topic = ''
    let parsed: { value: unknown } | null = null
    for (const part of this.#parts) {
      if (part.kind === 'text') {
        topic += part.text
        continue
      }
      if (part.kind === 'payload') parsed ??= { value: parse(record.payload) }
      const value = fieldOf(part, record, mqttTopic, parsed?.value)
      if (value === null) {
        const message = `the topic needs ${part.text}, which this record does not have`
        return new TrestleError('E405', message, { detail: { place: record.address } })
      }
      topic += value
    }
    // UTF-8 has no form for it: it would arrive as another topic than was said.
    if (!topic.isWellFormed())
      return new TrestleError('E405', 'topic contains half of a surrogate pair, which is not Unicode text')
    return topic
  }
}

interface Part {
  readonly kind: 'text' | 'topic' | 'key' | 'mqtt' | 'header' | 'payload'
  /** The text itself, or the variable as it was written. */
  readonly text: string
  readonly path: readonly string[]
}

const fixed: Readonly<Record<string, Part['kind']>> = { topic: 'topic', key: 'key', 'mqtt.topic': 'mqtt' }

/** *Errors*: E206. */
function parseTemplate(template: string): Part[] {
  const parts: Part[] = []
  let at = 0
  for (const match of template.matchAll(/\$\{([^}]*)\}/g)) {
    if (match.index > at) parts.push({ kind: 'text', text: template.slice(at, match.index), path: [] })
    parts.push(variable(match[0], match[1]!.trim()))
    at = match.index + match[0].length
  }
  if (at < template.length) parts.push({ kind: 'text', text: template.slice(at), path: [] })
  return parts
}

function variable(text: string, name: string): Part {
  const kind = Object.hasOwn(fixed, name) ? fixed[name] : undefined
  if (kind !== undefined) return { kind, text, path: [] }
  if (name.startsWith('header.')) return { kind: 'header', text, path: [name.slice('header.'.length)] }
  if (name.startsWith('payload.')) return { kind: 'payload', text, path: name.split('.').slice(1) }
  const advice = 'there are topic, key, mqtt.topic, header.NAME and payload.FIELD'
  throw new TrestleError('E206', `publish: unknown variable ${text}; ${advice}`, { detail: { advice } })
}

function fieldOf(part: Part, record: ForeignRecord, mqttTopic: string | null, json: unknown): string | null {
  if (part.kind === 'topic') return record.address
  if (part.kind === 'key') return record.key
  if (part.kind === 'mqtt') return mqttTopic
  if (part.kind === 'header') return headerOf(record.headers, part.path[0]!)
  let value = json
  for (const field of part.path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field)) return null
    value = (value as Record<string, unknown>)[field]
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : null
}

function headerOf(headers: readonly Header[], name: string): string | null {
  for (const [given, value] of headers) {
    if (given === name) return typeof value === 'string' ? value : Buffer.from(value).toString('utf8')
  }
  return null
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'))
  } catch {
    // Not JSON: it has no fields, which the caller tells.
    return null
  }
}
