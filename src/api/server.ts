/**
 * The hub's HTTP door: status, connectors, dead letters, publish and subscribe, health, metrics.
 *
 * It promises: one error shape with the house's codes; no request from another web site is served (`guard.ts`);
 * bounded bodies, connections and live subscribers; nothing secret in an answer. It does not decide anything about
 * messages: that is the hub's, behind `port.ts`.
 *
 * `server.ts` opens and closes; `routes/` has one file per noun; `schemas.ts` is what the OpenAPI document is printed
 * from (`describe.ts`, made only when asked for); `live.ts` feeds server-sent events.
 */
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { TrestleError } from '../contract/error.ts'
import type { Events } from '../telemetry/events.ts'
import type { ApiContext } from './context.ts'
import { describeApi } from './describe.ts'
import { answerErrors, answerUnreadable } from './errors.ts'
import { guard } from './guard.ts'
import { Live } from './live.ts'
import type { HubPort } from './port.ts'
import { addRoutes } from './routes.ts'

export interface ApiOptions {
  hub: HubPort
  events: Events
  version: string
  host: string
  /** 0 lets the operating system choose. */
  port: number
  /** Bearer token every request but health and readiness must bring; null on loopback only (settings sees to it). */
  token: string | null
  /** Names under which a request may address a hub without a token, beside the loopback ones. */
  allowedHosts?: readonly string[]
  /** *Unit*: bytes of a request's body. */
  maxBodyBytes?: number
  /** Live subscribers at a time. */
  maxSubscribers?: number
  /** What may wait for a live subscriber that reads slowly. *Unit*: bytes. */
  maxSubscriberBytes?: number
}

export interface Api {
  /** Where it listens, for people and for `--url`. */
  readonly url: string
  /** Ends live subscribers, lets requests under way finish, closes the port. */
  stop(): Promise<void>
}

/** Requests that are still under way then are cut off: a client that stalls must not keep the hub from stopping. */
const stopTimeoutMs = 2000

/** Opens the API. *Errors*: E901 when the port cannot be opened. */
export async function startApi(options: ApiOptions): Promise<Api> {
  const live = new Live(options)
  const app = buildServer(options)
  const context: ApiContext = {
    hub: options.hub,
    events: options.events,
    live,
    token: options.token,
    describe: () => describeApi(options.version),
  }
  guard(app, options)
  answerErrors(app, options.events)
  addRoutes(app, context)
  app.server.maxConnections = 512
  try {
    await app.listen({ host: options.host, port: options.port })
  } catch (error) {
    await app.close()
    throw portFault(error, options)
  }
  const { address, family, port } = app.server.address() as AddressInfo
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  options.events.emit('api.opened', { url })
  return {
    url,
    stop: async () => {
      live.stop()
      const impatience = setTimeout(() => app.server.closeAllConnections(), stopTimeoutMs)
      await app.close()
      clearTimeout(impatience)
    },
  }
}

function buildServer(options: ApiOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    frameworkErrors: answerUnreadable,
    bodyLimit: options.maxBodyBytes ?? 4 * 1024 * 1024,
    requestTimeout: 30_000,
    // A subject's name may be long, and each of its characters three when it is escaped.
    routerOptions: { maxParamLength: 1000 },
    forceCloseConnections: 'idle',
    // A field that is not known is told, not dropped in silence.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, useDefaults: true, allErrors: false } },
  })
  app.removeContentTypeParser('text/plain')
  // The schemas of the answers are for the reader; compiling a serialiser for each would only cost memory.
  app.setSerializerCompiler(() => JSON.stringify)
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    reply.header('x-content-type-options', 'nosniff')
  })
  return app
}

function portFault(error: unknown, { host, port }: ApiOptions): TrestleError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const why =
    code === 'EADDRINUSE'
      ? 'is already in use'
      : code === 'EACCES'
        ? 'may not be opened by this user'
        : `cannot be opened (${error instanceof Error ? error.message : String(error)})`
  return new TrestleError('E901', `the API's address ${host}:${port} ${why}`, {
    detail: { advice: 'stop the program that has it (another hub?), or set api.address to a free port' },
    cause: error,
  })
}
