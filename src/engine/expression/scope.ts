import type { Code } from '../../contract/codes.ts'
import type { Message } from '../../contract/message.ts'
import type { PayloadSchema, SchemaFault } from '../port.ts'
import { DecodedPayload, type DecodeFault, jsonPayload, type PayloadDecoder, unread } from './payload.ts'
import { failed, type MapValue, Timestamp } from './value.ts'

/** Where in the rule files a piece of an expression stands. */
export interface Site {
  /** The expression it belongs to. */
  readonly origin: Origin
  /** *Unit*: characters into the string the expression stands in. */
  readonly offset: number
}

/** The string in a document that holds an expression. */
export interface Origin {
  readonly path: readonly (string | number)[]
}

/** A compiled expression: gives its value, or `failed` with the reason left in the scope. */
export type Evaluate = (scope: Scope) => unknown

/** The beginning of a value in the rule file. */
export const siteOf = (...path: (string | number)[]): Site => ({ origin: { path }, offset: 0 })

/** Of failures that no piece of an expression is to blame for: a payload that is not JSON. */
export const noSite: Site = { origin: { path: [] }, offset: 0 }

/**
 * Steps one rule may spend on one message, beside one for every four bytes of its payload, but never more than twice as
 * many; operations whose cost grows with the data spend by size. A step is about 20 ns at most, and most are far less, so
 * that all of them are done within 10 ms.
 */
export const maxSteps = 250_000
/** Why evaluation ends when the steps are spent. */
export const spentBudget = 'the expression takes too many steps on this message'
/** What one rule may make of one message, beside twice its payload: text, bytes, 8 an element. *Unit*: bytes. */
export const maxMadeBytes = 4 * 1024 * 1024

/**
 * The working memory of expressions: the message, what has been decoded of it, the values of `let`, the budget and
 * the reason of the last failure. One object serves all messages of a thread.
 */
export class Scope {
  message: Message = noMessage
  captures: readonly string[] = []
  budget = maxSteps
  room = maxMadeBytes
  site: Site = noSite
  reason = ''
  code: Code = 'E403'
  /** What a decoder found wrong with the payload, when `code` is E401 or E402. */
  fault: DecodeFault | null = null
  /** Of a rule with `for_each`: the item whose turn it is, and its place in the list or its name. */
  item: unknown = null
  index: number | string = 0
  /** What the decoder whose turn it is has made of the payload, once it was asked and could. */
  #payload: unknown = unread
  readonly #decoded = new DecodedPayload()
  #properties: MapValue | null = null
  readonly #locals: unknown[] = []
  #localCount = 0
  #schemaCount = 0
  /** The schemas this message was held against, and what each found. */
  readonly #schemas: PayloadSchema[] = []
  readonly #schemaPayloads: unknown[] = []
  readonly #schemaFaults: (SchemaFault | null)[] = []

  /** Takes up a message; nothing is decoded yet. */
  begin(message: Message): void {
    this.message = message
    this.#payload = unread
    this.#decoded.reset()
    this.#properties = null
    this.#schemaCount = 0
  }

  /** Lets go of the message. */
  end(): void {
    this.message = noMessage
    this.#payload = unread
    this.#decoded.reset()
    this.#properties = null
    this.#localCount = 0
    this.item = null
  }

  /** Starts one rule's turn with this message, which it reads by `decoder`. */
  beginRule(captures: readonly string[], localCount: number, decoder: PayloadDecoder = jsonPayload): void {
    this.captures = captures
    if (this.#decoded.use(decoder)) this.#payload = unread
    const sizeBytes = this.message.payload.length
    this.budget = maxSteps + Math.min(sizeBytes >> 2, maxSteps)
    this.room = maxMadeBytes + 2 * sizeBytes
    for (let at = 0; at < localCount; at++) this.#locals[at] = unread
    this.#localCount = localCount
  }

  /** Starts one item's turn; `locals` are the `let` names that it changes. */
  beginItem(item: unknown, index: number | string, locals: readonly number[]): void {
    this.item = item
    this.index = index
    for (const at of locals) this.#locals[at] = unread
  }

  /** Notes why evaluation cannot go on. */
  fail(site: Site, reason: string): typeof failed {
    this.site = site
    this.reason = reason
    this.code = 'E403'
    return failed
  }

  /** Notes that the payload, or what is made of it, does not fit a schema. */
  failBySchema(fault: DecodeFault): typeof failed {
    this.fault = fault
    this.site = noSite
    this.reason = fault.reason
    this.code = fault.code
    return failed
  }

  /** Takes `steps` off the budget; false when it is spent. */
  spend(steps: number): boolean {
    this.budget -= steps
    return this.budget >= 0
  }

  /** Pays for work and for what it makes; false, with the reason noted, when there is not enough left of either. */
  pay(site: Site, steps: number, bytes: number): boolean {
    if (!this.spend(steps)) this.fail(site, spentBudget)
    else if (!this.allocate(bytes)) this.fail(site, 'the expression makes too much data of this message')
    else return true
    return false
  }

  /** Takes what is to be made off the room there is for it; false when it does not fit. *Unit*: bytes. */
  allocate(bytes: number): boolean {
    this.room -= bytes
    return this.room >= 0
  }

  /** The payload as data, decoded once per message and decoder. *Errors*: fails with E401 or E402. */
  payload(): unknown {
    return this.#payload === unread ? this.#decode() : this.#payload
  }

  /** The fault of a decoded payload under a schema; each schema is asked once per message. */
  schemaFault(schema: PayloadSchema, payload: unknown): SchemaFault | null {
    for (let at = 0; at < this.#schemaCount; at++) {
      if (this.#schemas[at] === schema && this.#schemaPayloads[at] === payload) return this.#schemaFaults[at]!
    }
    const fault = schema.check(payload)
    this.#schemas[this.#schemaCount] = schema
    this.#schemaPayloads[this.#schemaCount] = payload
    this.#schemaFaults[this.#schemaCount++] = fault
    return fault
  }

  /** The value of a `let` name, evaluated once per rule and message; a failure is found anew each time. */
  local(at: number, evaluate: Evaluate): unknown {
    const known = this.#locals[at]
    if (known !== unread && at < this.#localCount) return known
    const value = evaluate(this)
    if (value !== failed) this.#locals[at] = value
    return value
  }

  properties(): MapValue {
    this.#properties ??= readProperties(this.message)
    return this.#properties
  }

  time(): Timestamp {
    return new Timestamp(this.message.timeMs)
  }

  #decode(): unknown {
    const value = this.#decoded.read(this.message)
    if (value === failed) return this.#undecodable()
    this.#payload = value
    return value
  }

  #undecodable(): typeof failed {
    return this.failBySchema(this.#decoded.fault ?? { code: 'E402', reason: 'payload cannot be read' })
  }
}

const noMessage: Message = {
  topic: '',
  payload: new Uint8Array(0),
  qos: 0,
  retain: false,
  properties: null,
  client: '',
  username: null,
  source: null,
  timeMs: 0,
}

/** MQTT 5 properties under the names expressions use; absent ones are absent. */
function readProperties({ properties }: Message): MapValue {
  const read: MapValue = Object.create(null)
  const user: MapValue = Object.create(null)
  read['user'] = user
  if (properties === null) return read
  // Where a name repeats, the first wins: a later one cannot override what a proxy has put in front.
  for (const [name, value] of properties.user ?? []) if (!(name in user)) user[name] = value
  if (properties.contentType !== undefined) read['content_type'] = properties.contentType
  if (properties.responseTopic !== undefined) read['response_topic'] = properties.responseTopic
  if (properties.correlationData !== undefined) read['correlation_data'] = properties.correlationData
  if (properties.payloadFormat !== undefined) read['payload_format'] = properties.payloadFormat
  if (properties.expirySeconds !== undefined) read['expiry_seconds'] = properties.expirySeconds
  return read
}
