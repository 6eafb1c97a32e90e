import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Agent as HttpAgent, type IncomingMessage, request as plainRequest } from 'node:http'
import { Agent as HttpsAgent, request as secureRequest } from 'node:https'
import { TrestleError } from 'trestle/contract'
import { fromThrown } from './errors.ts'
import type { HttpOptions } from './options.ts'

export interface Answer {
  readonly status: number
  /** The first words of the body. */
  readonly said: string
  readonly retryAfterMs: number | null
  readonly location: string | null
}

export interface Question {
  readonly url: URL
  readonly method: string
  /** Name, value, name, value. */
  readonly headers: readonly string[]
  readonly body: Uint8Array
}

/** Of an answer's body only so much is read for the error's words. */
const maxWords = 300

/**
 * Requests over connections that stay open, with credentials and signature. A request that met a resting connection
 * just closed is made again once: it carries an idempotency key. All else is for who holds this to decide.
 */
export class HttpClient {
  readonly #options: HttpOptions
  readonly #now: () => number
  readonly #common: string[] = []
  readonly #origin: string | null
  #agents: { plain: HttpAgent; secure: HttpsAgent } | null = null
  #closed = false

  constructor(options: HttpOptions, now: () => number) {
    this.#options = options
    this.#now = now
    this.#origin = options.url === undefined ? null : new URL(options.url).origin
    for (const [name, value] of Object.entries((options.headers ?? {}) as Record<string, string>)) {
      this.#common.push(name, value)
    }
    const { password, token, username } = options
    if (token !== undefined) this.#common.push('authorization', `Bearer ${token}`)
    else if (username !== undefined) {
      const pair = Buffer.from(`${username}:${password ?? ''}`).toString('base64')
      this.#common.push('authorization', `Basic ${pair}`)
    }
  }

  async open(): Promise<void> {
    if (this.#agents !== null) return
    const { max_requests: maxSockets, tls } = this.#options
    const settings = { keepAlive: true, maxSockets, noDelay: true }
    try {
      const secure = new HttpsAgent({
        ...settings,
        ...(await pem('ca', tls?.ca)),
        ...(await pem('cert', tls?.cert)),
        ...(await pem('key', tls?.key)),
        rejectUnauthorized: tls?.reject_unauthorized ?? true,
      })
      this.#agents = { plain: new HttpAgent(settings), secure }
    } catch (thrown) {
      throw fromThrown(thrown, 'tls')
    }
  }

  /** *Errors*: of the connection only; a status is an answer. */
  async ask(question: Question): Promise<Answer> {
    let { url } = question
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#twice({ ...question, url })
      const follow = answer.status === 307 || answer.status === 308
      if (!follow || answer.location === null || redirects >= this.#options.follow_redirects) return answer
      const next = URL.canParse(answer.location, url.href) ? new URL(answer.location, url) : null
      // Credentials and payload go to nobody else because a server says so.
      if (next === null || next.origin !== url.origin) return answer
      url = next
    }
  }

  close(): void {
    this.#closed = true
    this.#agents?.plain.destroy()
    this.#agents?.secure.destroy()
  }

  async #twice(question: Question): Promise<Answer> {
    const place = question.url.host
    try {
      return await this.#once(question)
    } catch (thrown) {
      if (!(thrown instanceof RestingConnectionClosed)) throw fromThrown(thrown, place)
    }
    try {
      return await this.#once(question)
    } catch (thrown) {
      throw fromThrown(thrown instanceof RestingConnectionClosed ? thrown.cause : thrown, place)
    }
  }

  #once({ body, headers, method, url }: Question): Promise<Answer> {
    const agents = this.#agents
    if (this.#closed || agents === null) throw new TrestleError('E601', `${url.host}: the connection is closed`)
    const { timeout_ms: timeoutMs } = this.#options
    const secure = url.protocol === 'https:'
    const all = ['host', url.host, 'content-length', String(body.byteLength), 'user-agent', 'trestle', ...headers]
    if (this.#origin === null || this.#origin === url.origin) all.push(...this.#common)
    this.#sign(all, body)
    return new Promise((settle, fail) => {
      const request = (secure ? secureRequest : plainRequest)({
        agent: secure ? agents.secure : agents.plain,
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        method,
        path: url.pathname + url.search,
        headers: all,
        setDefaultHeaders: false,
      })
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
      const end = (work: () => void): void => {
        clearTimeout(timer)
        work()
      }
      request.on('response', (response) => {
        const done = (error: Error | null, answer: Answer | null): void =>
          end(() => (answer === null ? fail(error) : settle(answer)))
        collect(response, this.#now, done)
      })
      request.on('error', (error: NodeJS.ErrnoException) => {
        const resting = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        end(() => fail(resting ? new RestingConnectionClosed(error) : error))
      })
      request.end(body)
    })
  }

  /** *Shape*: `t=SECONDS,v1=HEX`; the HMAC is over `SECONDS.` and the body. */
  #sign(headers: string[], body: Uint8Array): void {
    const { sign } = this.#options
    if (sign === undefined) return
    const seconds = Math.floor(this.#now() / 1000)
    const { algorithm = 'sha256', header = 'trestle-signature', secret } = sign
    const hex = createHmac(algorithm, secret).update(`${seconds}.`).update(body).digest('hex')
    headers.push(header, `t=${seconds},v1=${hex}`)
  }
}

const pem = async (name: string, given: string | undefined): Promise<Record<string, string>> =>
  given === undefined ? {} : { [name]: given.includes('-----BEGIN') ? given : await readFile(given, 'utf8') }

class RestingConnectionClosed extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause })
  }
}

function collect(
  response: IncomingMessage,
  now: () => number,
  done: (error: Error | null, answer: Answer | null) => void,
): void {
  let words = ''
  response.on('data', (chunk: Buffer) => {
    if (words.length < maxWords) words += chunk.toString('utf8', 0, maxWords)
  })
  response.on('error', (error) => done(error, null))
  response.on('end', () => {
    const status = response.statusCode ?? 0
    const said = status < 400 ? '' : firstWords(words)
    const retryAfterMs = parseRetryAfter(response.headers['retry-after'], now())
    done(null, { status, said, retryAfterMs, location: response.headers.location ?? null })
  })
}

/** One line without control characters. */
const firstWords = (text: string): string =>
  text
    .slice(0, maxWords)
    .replace(/\p{Cc}+/gu, ' ')
    .trim()

/** Seconds or a date; null when it is neither. *Source*: RFC 9110 §10.2.3. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs)
}
