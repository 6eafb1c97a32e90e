import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type ConnectorContext,
  codes,
  type Header,
  Inbound,
  type InboundOptions,
  type Intake,
  type Message,
  type Receipt,
  type Source,
  TrestleError,
} from 'trestle/contract'
import { answerError, joinListener, type Listener, type Route } from './listener.ts'
import type { HttpOptions, HttpSourceOptions } from './options.ts'
import { PathTemplate } from './path.ts'
import { splitBody } from './split.ts'

/** Header name under which a capture reaches the topic's template; no HTTP header can have it. */
const captureMark = ':path.'

/**
 * HTTP as a source: what is posted to its path becomes messages. The answer is 200 only when the hub has all of them as
 * safe as its rules demand; the sender that hears anything else, or nothing, sends again.
 */
export class HttpSource implements Source, Route {
  readonly #options: HttpOptions
  readonly #source: HttpSourceOptions
  readonly #context: ConnectorContext
  readonly #template: PathTemplate
  readonly #inbound: Inbound
  readonly #names: ReadonlySet<string>
  readonly #under = new Set<ServerResponse>()
  #listener: Listener | null = null
  #intake: Intake | null = null
  #paused = false
  #out = { messages: 0, bytes: 0 }
  readonly #lost = (error: TrestleError): void => this.#intake?.lost(error)

  constructor(options: HttpOptions, source: HttpSourceOptions, context: ConnectorContext) {
    this.#options = options
    this.#source = source
    this.#context = context
    this.#template = new PathTemplate(source.path)
    this.#names = new Set(source.headers.map((name) => name.toLowerCase()))
    const publish = source.publish.replace(/\$\{\s*path\.(\w+)\s*\}/g, (_, name: string) => {
      if (this.#template.names.includes(name)) return `\${header.${captureMark}${name}}`
      const advice = `it captures ${this.#template.names.join(', ') || 'nothing'}`
      throw new TrestleError('E206', `publish: the path has no {${name}}`, { detail: { advice } })
    })
    this.#inbound = new Inbound({ ...(source as unknown as InboundOptions), publish }, context.name)
  }

  async open(intake: Intake): Promise<void> {
    const { listen } = this.#options
    if (listen === undefined) {
      const advice = 'add `listen: { address: 127.0.0.1:8090 }` to the connector'
      throw new TrestleError('E105', 'a source of HTTP needs `listen`', { detail: { advice } })
    }
    this.#intake = intake
    this.#listener = await joinListener(this.#context.folder, listen, this)
    this.#listener.onLost(this.#lost)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
  }

  async close(): Promise<void> {
    this.#intake = null
    const listener = this.#listener
    this.#listener = null
    // What was answered by the hub meanwhile has its own answer by now.
    await new Promise(setImmediate)
    const error = new TrestleError('E902', 'the source is being closed')
    for (const response of this.#under) {
      response.shouldKeepAlive = false
      answerError(response, 503, error)
    }
    await listener?.leave(this, this.#lost)
  }

  get weight(): number {
    return this.#template.weight
  }

  match(path: string): Map<string, string> | null {
    return this.#template.match(path)
  }

  take(request: IncomingMessage, response: ServerResponse, path: string, captures: Map<string, string>): void {
    this.#under.add(response)
    response.on('close', () => this.#under.delete(response))
    const {
      max_body_bytes: maxBytes,
      max_unsettled: maxMessages,
      max_unsettled_bytes: maxUnsettledBytes,
    } = this.#source
    const refuse = (status: number, error: TrestleError): void => answerError(response, status, error)
    if (this.#paused) return void refuse(503, new TrestleError('E607', 'the source is paused'))
    if (this.#out.messages >= maxMessages || this.#out.bytes >= maxUnsettledBytes) {
      return void refuse(503, new TrestleError('E406', 'the hub has as much as it can take for now'))
    }
    const tooLarge = (): void => refuse(413, new TrestleError('E706', `a body has ${maxBytes} bytes at most`))
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) return void tooLarge()
    if (request.headers['content-encoding'] !== undefined) {
      return void refuse(415, new TrestleError('E703', 'bodies are taken without content-encoding'))
    }
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= maxBytes) chunks.push(chunk)
      else {
        request.pause()
        tooLarge()
      }
    })
    request.on('error', () => {
      // The sender is gone; without the end of its body nothing is taken.
    })
    request.on('end', () => {
      if (length <= maxBytes && !response.headersSent)
        this.#end(request, response, path, captures, Buffer.concat(chunks))
    })
  }

  #end(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    captures: Map<string, string>,
    body: Buffer,
  ): void {
    const intake = this.#intake
    if (intake === null) return void answerError(response, 503, new TrestleError('E902', 'the source is being closed'))
    let payloads: Uint8Array[]
    try {
      payloads = splitBody(body, this.#source.batch)
    } catch (thrown) {
      return void answerError(response, 400, TrestleError.from(thrown))
    }
    const batch = this.#inbound.begin()
    const nowMs = this.#context.now()
    const headers = this.#headersOf(request, captures)
    for (const payload of payloads) {
      this.#inbound.add(
        batch,
        { address: path, key: captures.values().next().value ?? null, headers, payload, timeMs: null },
        nowMs,
      )
    }
    if (captures.size > 0) for (const message of batch.messages) dropCaptures(message)
    this.#out.messages += payloads.length
    this.#out.bytes += body.length
    const late = (): void =>
      answerError(response, 503, new TrestleError('E607', 'the hub could not make it safe in time'))
    const timer = setTimeout(late, this.#source.answer_timeout_ms)
    response.on('close', () => clearTimeout(timer))
    void intake.take(batch.messages, batch.faults).then((receipts) => {
      this.#out.messages -= payloads.length
      this.#out.bytes -= body.length
      answer(response, receipts)
    })
  }

  /** What of the request travels on: a hub's own headers, the content type, those that were asked for, the captures. */
  #headersOf({ rawHeaders }: IncomingMessage, captures: Map<string, string>): Header[] {
    const headers: Header[] = []
    let ours = false
    let contentType: string | null = null
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at]!.toLowerCase()
      const value = rawHeaders[at + 1]!
      if (name === 'trestle-id') ours = true
      if (name === 'content-type') contentType = value
      // A hub says apart what the publisher said: a request always has a content type.
      else if (name === 'mqtt-content-type*') headers.push(['content-type*', value])
      else if (name.startsWith('trestle-') || name.startsWith('mqtt-')) {
        if (name !== 'trestle-count' && name !== 'trestle-signature') headers.push([name, value])
      } else if (this.#names.has(name)) headers.push([name, value])
    }
    if (contentType !== null && !ours && this.#source.batch === 'none') headers.push(['content-type', contentType])
    for (const [name, value] of captures) headers.push([captureMark + name, value])
    return headers
  }
}

/** Captures are for the topic; as user properties nobody asked for them. */
function dropCaptures(message: Message): void {
  const { properties } = message
  if (properties?.user === undefined) return
  const user = properties.user.filter(([name]) => !name.startsWith(captureMark))
  const { user: _, ...others } = properties
  if (user.length > 0) message.properties = { ...others, user }
  else message.properties = Object.keys(others).length > 0 ? others : null
}

/** 200 when all are safe; else what the worst of them is: failed before refused. */
function answer(response: ServerResponse, receipts: readonly Receipt[]): void {
  if (response.headersSent) return
  const failed = receipts.find(({ outcome }) => outcome === 'failed')
  if (failed !== undefined) {
    return void answerError(response, 503, failed.error ?? new TrestleError('E902', 'the hub did not take it'))
  }
  const refused = receipts.flatMap(({ error, outcome }, index) =>
    outcome === 'refused' ? [{ index, code: error?.code ?? 'E999', message: error?.message ?? 'refused' }] : [],
  )
  const accepted = receipts.length - refused.length
  if (refused.length === 0) {
    const body = JSON.stringify({ accepted })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    response.end(body)
    return
  }
  const { error } = receipts[refused[0]!.index]!
  const first = error ?? new TrestleError('E999', 'refused')
  const { http } = codes[first.code]
  answerError(response, http >= 400 && http < 500 ? http : 422, first, receipts.length > 1 ? { accepted, refused } : {})
}
