import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import { codes } from '../../contract/codes.ts'
import { TrestleError } from '../../contract/error.ts'
import type { ApiContext } from '../context.ts'

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
