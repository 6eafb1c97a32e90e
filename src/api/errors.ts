import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Code, codes } from '../contract/codes.ts'
import { TrestleError } from '../contract/error.ts'
import type { Events } from '../telemetry/events.ts'

/** The body of every answer that is not a success. */
export interface ErrorBody {
  code: Code
  title: string
  message: string
  /** What the caller can do; null when there is nothing to add. */
  advice: string | null
  /** Everything that is wrong, where there are several things. */
  faults?: readonly FaultBody[]
}

export interface FaultBody {
  file: string
  /** Counts from 1, as the column does. */
  line: number
  column: number
  code: Code
  message: string
  suggestion?: string
}

/** An error as the API tells it. Details beyond place and advice stay in the log: they may name the inside of the house. */
export const errorBody = (error: TrestleError): ErrorBody => ({
  code: error.code,
  title: codes[error.code].title,
  message: error.message,
  advice: error.detail.advice ?? null,
  ...(Array.isArray(error.detail['faults']) ? { faults: error.detail['faults'] as FaultBody[] } : {}),
})

/** Makes every failure of `app` an ErrorBody with the status of its code. */
export function answerErrors(app: FastifyInstance, events: Events): void {
  app.setErrorHandler<FastifyError | Error>((thrown, request, reply) => {
    const error = translate(thrown)
    if (error.code === 'E999') events.emit('api.fault', { method: request.method, url: request.url, error: thrown })
    if (error.code === 'E704') reply.header('www-authenticate', 'Bearer realm="trestle"')
    return reply.code(codes[error.code].http).send(errorBody(error))
  })
  app.setNotFoundHandler((request, reply) => {
    const error = new TrestleError('E702', `there is nothing at ${request.method} ${request.url.split('?')[0]}`, {
      detail: { advice: 'see /api/openapi.json for what there is' },
    })
    return reply.code(404).send(errorBody(error))
  })
}

/** For addresses that Fastify cannot read, which it answers before any handler of ours is asked. */
export function answerUnreadable(thrown: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  const error = translate(thrown)
  reply.code(codes[error.code].http).send(errorBody(error))
}

/** Fastify's own errors as ours; a TrestleError stays what it is; the rest is unforeseen and keeps its words to the log. */
function translate(thrown: FastifyError | Error): TrestleError {
  if (thrown instanceof TrestleError) return thrown
  const { code, validation, statusCode } = thrown as FastifyError
  if (validation !== undefined) return new TrestleError('E703', unknownField(thrown as FastifyError))
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new TrestleError('E706', 'the request is larger than this API takes', {
      detail: { advice: 'publish large payloads over MQTT' },
    })
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new TrestleError('E703', thrown.message)
  return new TrestleError('E999', 'the request failed; the log of the hub says more', { cause: thrown })
}

function unknownField(error: FastifyError): string {
  const fault = error.validation?.[0]
  if (fault?.keyword !== 'additionalProperties') return error.message
  return `${error.validationContext ?? 'body'} has an unknown field '${String(fault.params['additionalProperty'])}'`
}
