import { readFile } from 'node:fs/promises'
import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as plainRequest } from 'node:http'
import { Agent as HttpsAgent, request as secureRequest } from 'node:https'
import { TrestleError } from 'trestle/contract'
import { fromStatus, fromThrown } from './errors.ts'
import type { ReductOptions } from './options.ts'

/** An answer of the server. Header names are lower case; labels and records are among the raw ones. */
export interface Answer {
  readonly status: number
  /** Name, value, name, value, in the server's order. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  /** The server's own words when the status is an error. */
  readonly said: string | null
}

export interface Question {
  readonly method: string
  /** Behind `/api/v1`, with its query. */
  readonly path: string
  /** Name, value, name, value. */
  readonly headers?: readonly string[]
  readonly body?: readonly Uint8Array[]
}

/** A batch read has one header per record, up to the server's limit of 512 kB. */
const maxAnswerHeaderBytes = 2 << 20

/** The oldest API with batches over several entries, in which all of this is written. */
const oldestApi = [1, 18] as const

/**
 * Requests to one server over connections that stay open. It asks again once, and only when a connection that had been
 * resting turned out to be closed: every request here may be made twice. All else is for who holds it to decide.
 */
export class ReductClient {
  readonly place: string
  readonly #options: ReductOptions
  readonly #url: URL
  readonly #base: string
  #agent: HttpAgent | HttpsAgent | null = null
  #closed = false
  /** Connections that ended without this client's doing: the server may have ended with them. */
  closings = 0

  constructor(options: ReductOptions) {
    this.#options = options
    this.#url = new URL(options.url)
    this.#base = `${this.#url.pathname.replace(/\/+$/, '')}/api/v1`
    this.place = this.#url.host
  }

  /** Connects, and sees that the server can be used. *Errors*: E601, E602, E611. */
  async open(): Promise<string> {
    this.#agent ??= await this.#makeAgent()
    const answer = await this.ask({ method: 'GET', path: '/info' })
    const api = headerOf(answer, 'x-reduct-api')
    if (api === null) {
      const advice = 'check `url`: this is another server, or a proxy without the path'
      if (answer.status < 500) throw new TrestleError('E611', `${this.place} is no ReductStore`, { detail: { advice } })
      throw fromStatus(answer.status, answer.said, this.place)
    }
    if (answer.status !== 200) throw fromStatus(answer.status, answer.said, this.place)
    const [major = 0, minor = 0] = api.split('.').map(Number)
    if (major !== oldestApi[0] || minor < oldestApi[1]) {
      const words = `${this.place} speaks version ${api} of the API`
      throw new TrestleError('E611', words, { detail: { advice: 'ReductStore 1.18 or newer is needed' } })
    }
    return headerOf(answer, 'server') ?? `API ${api}`
  }

  /** *Errors*: of the connection only; a status is an answer. */
  async ask(question: Question): Promise<Answer> {
    try {
      return await this.#once(question)
    } catch (thrown) {
      if (!(thrown instanceof RestingConnectionClosed)) throw fromThrown(thrown, this.place)
    }
    try {
      return await this.#once(question)
    } catch (thrown) {
      throw fromThrown(thrown instanceof RestingConnectionClosed ? thrown.cause : thrown, this.place)
    }
  }

  /** As `ask`, and a status that is an error is thrown. */
  async must(question: Question): Promise<Answer> {
    const answer = await this.ask(question)
    if (answer.status >= 400) throw fromStatus(answer.status, answer.said, this.place)
    return answer
  }

  close(): void {
    this.#closed = true
    this.#agent?.destroy()
  }

  #once({ method, path, headers = [], body = [] }: Question): Promise<Answer> {
    const { token, timeout_ms: timeoutMs } = this.#options
    const agent = this.#agent
    if (this.#closed || agent === null) throw new TrestleError('E601', `${this.place}: the connection is closed`)
    const { host, hostname, port, protocol } = this.#url
    let length = 0
    for (const { byteLength } of body) length += byteLength
    const all = ['host', host, 'content-length', String(length), ...headers]
    if (token !== undefined) all.push('authorization', `Bearer ${token}`)
    return new Promise((settle, fail) => {
      const make = protocol === 'https:' ? secureRequest : plainRequest
      const request = make({
        agent,
        hostname: hostname.replace(/^\[|\]$/g, ''),
        port,
        method,
        path: this.#base + path,
        headers: all,
        maxHeaderSize: maxAnswerHeaderBytes,
        setDefaultHeaders: false,
      })
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
      const end = (work: () => void): void => {
        clearTimeout(timer)
        work()
      }
      request.on('response', (response) =>
        collect(response, (error, answer) => end(() => (answer === null ? fail(error) : settle(answer)))),
      )
      request.on('socket', (socket) => {
        if (!request.reusedSocket) socket.once('close', () => this.#closed || this.closings++)
      })
      request.on('error', (error) =>
        end(() => fail(wasResting(request, error) ? new RestingConnectionClosed(error) : error)),
      )
      for (const part of body) request.write(part)
      request.end()
    })
  }

  async #makeAgent(): Promise<HttpAgent | HttpsAgent> {
    const { max_requests: maxRequests, tls = {} } = this.#options
    // One more for questions beside the batches.
    const settings = { keepAlive: true, maxSockets: maxRequests + 1, noDelay: true }
    if (this.#url.protocol !== 'https:') return new HttpAgent(settings)
    const { ca, cert, key, reject_unauthorized: rejectUnauthorized = true } = tls as NonNullable<ReductOptions['tls']>
    const pem = async (name: string, given: string | undefined): Promise<Record<string, string>> =>
      given === undefined ? {} : { [name]: given.includes('-----BEGIN') ? given : await readFile(given, 'utf8') }
    try {
      const keys = { ...(await pem('ca', ca)), ...(await pem('cert', cert)), ...(await pem('key', key)) }
      return new HttpsAgent({ ...settings, ...keys, rejectUnauthorized })
    } catch (thrown) {
      throw fromThrown(thrown, this.place)
    }
  }
}

/** The value of a header; null when it is not there. `name` in lower case. */
export function headerOf({ rawHeaders }: Answer, name: string): string | null {
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toLowerCase() === name) return rawHeaders[at + 1]!
  }
  return null
}

/** The server ends connections that rest; a request that meets this was not read by it. */
class RestingConnectionClosed extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause })
  }
}

const wasResting = (request: ClientRequest, error: NodeJS.ErrnoException): boolean =>
  request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')

function collect(response: IncomingMessage, done: (error: Error | null, answer: Answer | null) => void): void {
  const chunks: Buffer[] = []
  response.on('data', (chunk: Buffer) => chunks.push(chunk))
  response.on('error', (error) => done(error, null))
  response.on('aborted', () => done(new Error('the server ended the connection within its answer'), null))
  response.on('end', () => {
    const status = response.statusCode ?? 0
    const said = status < 400 ? null : wordsOf(response)
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    done(null, { status, rawHeaders: response.rawHeaders, body, said })
  })
}

const wordsOf = (response: IncomingMessage): string => {
  const said = response.headers['x-reduct-error']
  return typeof said === 'string' ? said : `${response.statusCode} ${response.statusMessage ?? ''}`.trim()
}
