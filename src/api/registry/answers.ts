import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { codes } from '../../contract/codes.ts'
import { TrestleError } from '../../contract/error.ts'
import { printFault } from '../../document/fault.ts'
import { draftVersion } from '../../registry/change.ts'
import { invalidSubject } from '../../registry/registry-error.ts'
import type { ApiContext } from '../context.ts'
import { readSchema, type SchemaRequest } from './request.ts'

/** What Confluent's registry calls its JSON. */
const registryJson = 'application/vnd.schemaregistry.v1+json'
const accepted = [registryJson, 'application/vnd.schemaregistry+json', 'application/octet-stream']

/** Makes a part of the API speak as the registry does: bodies of its content types, errors with its numbers. */
export function speakRegistry(app: FastifyInstance, context: ApiContext): void {
  app.addContentTypeParser([...accepted, 'application/json'], { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, null)
    try {
      done(null, JSON.parse(body as string))
    } catch (thrown) {
      done(new TrestleError('E703', `the body is not JSON: ${(thrown as Error).message}`))
    }
  })
  app.addHook('preValidation', async ({ query }) => plainFlags(query as Record<string, unknown>))
  app.addHook('preHandler', (request, reply) => passOn(request, reply, context))
  app.addHook('onSend', async (request, reply) => {
    reply.header('content-type', contentTypeFor(request))
  })
  app.setErrorHandler<FastifyError | Error>((thrown, request, reply) => {
    const number = numberOf(thrown)
    if (number >= 50001) context.events.emit('api.fault', { method: request.method, url: request.url, error: thrown })
    if (number === 401) reply.header('www-authenticate', 'Bearer realm="trestle"')
    return reply.code(statusOf(number)).send({ error_code: number, message: wordsOf(thrown) })
  })
}

/** Clients write `True` and `False` as their language does, and Confluent's registry takes it. */
function plainFlags(query: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(query))
    if (typeof value === 'string' && /^(true|false)$/i.test(value)) query[name] = value.toLowerCase()
}

const contentTypeFor = (request: FastifyRequest): string => {
  const { accept = '*/*' } = request.headers
  return /application\/json/.test(accept) && !/schemaregistry|\*\/\*/.test(accept) ? 'application/json' : registryJson
}

/** 40401 is status 404, and so is 404. */
const statusOf = (number: number): number => (number < 1000 ? number : Math.floor(number / 100))

function numberOf(thrown: FastifyError | Error): number {
  if (thrown instanceof TrestleError) {
    const { registry } = thrown.detail
    if (typeof registry === 'number') return registry
    const { http } = codes[thrown.code]
    return http === 500 ? 50001 : http
  }
  const { statusCode, validation } = thrown as FastifyError
  if (validation !== undefined) return 422
  return statusCode !== undefined && statusCode >= 400 && statusCode < 500 ? statusCode : 50001
}

/** What is unforeseen keeps its words to the log. */
const wordsOf = (thrown: FastifyError | Error): string => {
  if (thrown instanceof TrestleError) return thrown.message
  const { statusCode = 500, validation } = thrown as FastifyError
  return validation !== undefined || statusCode < 500
    ? thrown.message
    : 'the request failed; the log of the hub says more'
}

/**
 * In front of another registry, that one answers; what is known for ever is answered here, and so is what was read
 * before while the other is away. A version that would break a rule of this hub never gets there.
 */
async function passOn(request: FastifyRequest, reply: FastifyReply, { hub }: ApiContext): Promise<unknown> {
  const { forward } = hub.schemas
  if (forward === null || isKnown(request, hub)) return undefined
  const { method, url, body } = request
  // An address would be made of it that leads elsewhere on the other side, with the hub's own credentials.
  if (/\/(\.|%2e){1,2}([/?]|$)/i.test(url)) throw invalidSubject('..')
  refuseBreaking(request, hub)
  try {
    const { status, text } = await forward(
      method,
      url,
      body === undefined || body === null ? undefined : JSON.stringify(body),
    )
    return reply.code(status).send(text)
  } catch (thrown) {
    if (method === 'GET') return undefined
    throw thrown
  }
}

const isKnown = ({ method, url }: FastifyRequest, { schemas }: ApiContext['hub']): boolean => {
  const id = method === 'GET' ? /^\/schemas\/ids\/(\d+)$/.exec(url)?.[1] : undefined
  return id !== undefined && schemas.registry.ofId(Number(id)) !== null
}

/** *Errors*: E305. */
function refuseBreaking({ method, url, params, body }: FastifyRequest, { schemas }: ApiContext['hub']): void {
  if (method !== 'POST' || !/^\/subjects\/[^/]+\/versions(\?|$)/.test(url)) return
  const { subject } = params as { subject: string }
  if (!schemas.registry.wanted.has(subject)) return
  const schema = readSchema(body as SchemaRequest | null)
  const faults = schemas.trial((now) => draftVersion(now, subject, schema, false))
  if (faults.length === 0) return
  const message = `the change would break a rule of this hub: ${faults.map(printFault).join('; ')}`
  throw new TrestleError('E305', message, { detail: { registry: 409 } })
}
