import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { TrestleError } from 'trestle/contract'
import { fromThrown } from './errors.ts'
import type { HttpOptions } from './options.ts'

export type ListenOptions = NonNullable<HttpOptions['listen']>

/** One source at a listener. */
export interface Route {
  /** Of routes that match, the one with most levels that are no captures takes it. */
  readonly weight: number
  /** Answers the captures when the path is this route's. */
  match(path: string): Map<string, string> | null
  take(request: IncomingMessage, response: ServerResponse, path: string, captures: Map<string, string>): void
}

/** A sender has so long for its head, and for all of its request. *Unit*: ms. */
const headersTimeoutMs = 10_000
const requestTimeoutMs = 60_000
const maxHeaderBytes = 65_536

/** Listeners that are open, by connector: its sources share one. */
const open = new Map<string, Promise<Listener>>()

/** The listener of a connector, opened by its first source. *Errors*: E108, E901, E104. */
export async function joinListener(connector: string, options: ListenOptions, route: Route): Promise<Listener> {
  const name = `${connector} ${options.address}`
  let opening = open.get(name)
  if (opening === undefined) {
    opening = Listener.open(options, () => open.delete(name))
    open.set(name, opening)
    opening.catch(() => open.delete(name))
  }
  const listener = await opening
  listener.join(route)
  return listener
}

/** A socket that is listened at, and who may post there. */
export class Listener {
  readonly #server: Server
  readonly #routes = new Set<Route>()
  readonly #digest: Buffer | null
  readonly #onEnd: () => void
  readonly #lost = new Set<(error: TrestleError) => void>()

  private constructor(server: Server, token: string | undefined, onEnd: () => void) {
    this.#server = server
    this.#digest = token === undefined ? null : hash(token)
    this.#onEnd = onEnd
    server.on('request', (request, response) => this.#take(request, response))
    server.on('error', (error) => {
      for (const lost of this.#lost) lost(fromThrown(error, 'listen'))
    })
    // Who sends no HTTP hears it and is cut off.
    server.on('clientError', (_error, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n')
    })
  }

  static async open(options: ListenOptions, onEnd: () => void): Promise<Listener> {
    const { host, port } = parseAddress(options.address)
    if (!isLoopback(host) && options.token === undefined) {
      const advice = 'set listen.token, or listen at 127.0.0.1'
      throw new TrestleError('E108', `listen: ${options.address} is not loopback and has no token`, {
        detail: { advice },
      })
    }
    const server = await makeServer(options)
    server.maxConnections = options.max_connections ?? 1000
    server.headersTimeout = headersTimeoutMs
    server.requestTimeout = requestTimeoutMs
    const listener = new Listener(server, options.token, onEnd)
    try {
      server.listen(port, host)
      await once(server, 'listening')
    } catch (thrown) {
      throw fromThrown(thrown, `listen ${options.address}`)
    }
    return listener
  }

  join(route: Route): void {
    this.#routes.add(route)
  }

  onLost(lost: (error: TrestleError) => void): void {
    this.#lost.add(lost)
  }

  /** Takes a route away, and with the last one ends the listener. */
  async leave(route: Route, lost: (error: TrestleError) => void): Promise<void> {
    this.#routes.delete(route)
    this.#lost.delete(lost)
    if (this.#routes.size > 0) return
    this.#onEnd()
    const closed = new Promise<void>((done) => this.#server.close(() => done()))
    this.#server.closeIdleConnections()
    const timer = setTimeout(() => this.#server.closeAllConnections(), 1000)
    await closed
    clearTimeout(timer)
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '/').split('?')[0]!
    try {
      this.#check(request)
    } catch (thrown) {
      const error = TrestleError.from(thrown)
      if (error.code === 'E704') response.setHeader('www-authenticate', 'Bearer')
      return void answerError(response, error.code === 'E704' ? 401 : 403, error)
    }
    let found: { route: Route; captures: Map<string, string> } | null = null
    for (const route of this.#routes) {
      if (found !== null && found.route.weight >= route.weight) continue
      const captures = route.match(path)
      if (captures !== null) found = { route, captures }
    }
    if (found !== null && request.method === 'POST')
      return void found.route.take(request, response, path, found.captures)
    if (found !== null) {
      response.setHeader('allow', 'POST')
      return void answerError(response, 405, new TrestleError('E703', `${path} takes POST only`))
    }
    answerError(response, 404, new TrestleError('E702', `nothing is taken at ${path}`))
  }

  /**
   * With a token: who brings it. Without one, people of this machine, but no page in their browser. *Errors*: E704, E707.
   */
  #check({ headers }: IncomingMessage): void {
    if (this.#digest !== null) {
      const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
      // Digests are compared, so that the time tells neither length nor prefix.
      if (given !== undefined && timingSafeEqual(hash(given), this.#digest)) return
      throw new TrestleError('E704', given === undefined ? 'a token is wanted' : 'the token is not the one')
    }
    const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
    if (!isLoopback(host)) throw new TrestleError('E707', `requests addressed to '${host}' are not served`)
    if (headers.origin !== undefined) throw new TrestleError('E707', `a page of '${headers.origin}' may not send here`)
  }
}

const hash = (token: string): Buffer => createHash('sha256').update(token).digest()

/** Ends a request with an error in the shape of the hub's API. What of its body is still to come is not read. */
export function answerError(response: ServerResponse, status: number, error: TrestleError, more: object = {}): void {
  if (response.headersSent) return
  const { code, detail, message } = error
  const advice = detail.advice === undefined ? {} : { advice: detail.advice }
  const body = JSON.stringify({ error: { code, message, ...advice }, ...more })
  const unread = !response.req.complete
  if (status === 429 || status === 503) response.setHeader('retry-after', '1')
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(unread ? { connection: 'close' } : {}),
  })
  response.end(body)
}

export function parseAddress(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':')
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) }
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)

async function makeServer({ ca, cert, key }: ListenOptions): Promise<Server> {
  const settings = { maxHeaderSize: maxHeaderBytes, noDelay: true, keepAlive: true }
  if (cert === undefined && key === undefined) {
    if (ca === undefined) return createServer(settings)
    throw new TrestleError('E109', 'listen.ca needs listen.cert and listen.key')
  }
  if (cert === undefined || key === undefined) throw new TrestleError('E109', 'listen.cert and listen.key go together')
  const text = (given: string): Promise<string> | string =>
    given.includes('-----BEGIN') ? given : readFile(given, 'utf8')
  try {
    const clients = ca === undefined ? {} : { ca: await text(ca), requestCert: true, rejectUnauthorized: true }
    return createSecureServer({ ...settings, cert: await text(cert), key: await text(key), ...clients })
  } catch (thrown) {
    throw fromThrown(thrown, 'listen')
  }
}
