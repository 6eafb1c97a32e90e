import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { TrestleError } from '../contract/error.ts'
import type { Events } from '../telemetry/events.ts'

export interface GuardOptions {
  token: string | null
  allowedHosts?: readonly string[]
  events: Events
}

/** Answered to anyone, because what starts and watches the process has no token. They tell nothing but yes or no. */
const openPaths = new Set(['/health', '/ready'])

/** Where the API speaks as Confluent's registry does: with its content types, and to clients that know Basic only. */
const registryPath = /^\/(subjects|schemas|compatibility|config|mode|contexts)(?=[/?]|$)/
const registryTypes = /^application\/(vnd\.schemaregistry(\.v1)?\+json|octet-stream)$/

/**
 * Who may call the API.
 *
 * With a token: whoever brings it. Without one the API is for the people of this machine, and the danger is their
 * browser: a page of another site could post to loopback, or rebind its own name to it. So the Host must be a
 * loopback name, an Origin must be the API's own, and a POST must be JSON, which no page can send across sites unasked.
 */
export function guard(app: FastifyInstance, options: GuardOptions): void {
  const digest = options.token === null ? null : hash(options.token)
  const allowed = new Set(options.allowedHosts?.map((host) => host.toLowerCase()))
  app.addHook('onRequest', async (request) => {
    try {
      if (request.method === 'POST') checkContentType(request)
      if (digest === null) checkSite(request, allowed)
      else if (!openPaths.has(request.url.split('?')[0]!)) checkToken(request, digest)
    } catch (error) {
      const { code, message } = TrestleError.from(error)
      options.events.emit('api.refused', { code, message, method: request.method, from: request.ip })
      throw error
    }
  })
}

const hash = (token: string) => createHash('sha256').update(token).digest()

/** True when the request brought the token; digests are compared, so that the time tells neither length nor prefix. */
export function bringsToken(request: FastifyRequest, token: string): boolean {
  return matches(request, hash(token))
}

function matches(request: FastifyRequest, digest: Buffer): boolean {
  const { authorization = '' } = request.headers
  const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? passwordOf(request.url, authorization)
  return given !== undefined && timingSafeEqual(hash(given), digest)
}

/** The token as the password of whatever user, where registry clients ask. */
function passwordOf(url: string, authorization: string): string | undefined {
  const pair = registryPath.test(url) ? /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization)?.[1] : undefined
  return pair === undefined ? undefined : /^[^:]*:(.+)$/s.exec(Buffer.from(pair, 'base64').toString())?.[1]
}

function checkToken(request: FastifyRequest, digest: Buffer): void {
  if (matches(request, digest)) return
  const missing = request.headers.authorization === undefined
  throw new TrestleError('E704', missing ? 'this API wants a token' : 'the token is not the one of this API', {
    detail: { advice: 'send it as `Authorization: Bearer …`; the command line takes it from TRESTLE_TOKEN' },
  })
}

function checkSite(request: FastifyRequest, allowed: ReadonlySet<string>): void {
  const host = request.headers.host ?? ''
  const name = hostName(host)
  if (!isLoopback(name) && !allowed.has(name)) {
    throw new TrestleError('E707', `requests addressed to '${name}' are not served`, {
      detail: { advice: 'use 127.0.0.1 or localhost, or set api.token' },
    })
  }
  const { origin } = request.headers
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    throw new TrestleError('E707', `a page of '${origin}' may not use this API`)
  }
}

function checkContentType(request: FastifyRequest): void {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (type === 'application/json') return
  // No page can send these across sites unasked, either.
  if (type !== undefined && registryPath.test(request.url) && registryTypes.test(type)) return
  const found = type === undefined ? 'and this one has no content type' : `not ${type}`
  throw new TrestleError('E703', `a POST must be application/json, ${found}`, {
    detail: { advice: "curl sends it with -H 'content-type: application/json' -d '{}'" },
  })
}

/** `[::1]:8080` → `::1`, `localhost:8080` → `localhost`. */
const hostName = (host: string) =>
  host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()

/** True for the names and addresses under which only this machine can be meant. */
export const isLoopback = (name: string) => name === 'localhost' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name)
