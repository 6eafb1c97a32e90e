import type { FastifyInstance } from 'fastify'
import { TrestleError } from '../../contract/error.ts'
import type { ApiContext } from '../context.ts'
import { errorSchema } from '../schemas.ts'

const filters = { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1, maxItems: 1000 } as const
const idParams = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] } as const
const tags = ['clients']

const subscribeBody = {
  type: 'object',
  properties: { filters, qos: { type: 'integer', enum: [0, 1, 2], default: 0 } },
  required: ['filters'],
  additionalProperties: false,
} as const

const unsubscribeBody = {
  type: 'object',
  properties: { filters },
  required: ['filters'],
  additionalProperties: false,
} as const

const answersSchema = {
  type: 'object',
  properties: {
    items: {
      type: 'array',
      description: 'One for each filter, in their order',
      items: {
        type: 'object',
        properties: {
          filter: { type: 'string' },
          done: { type: 'boolean' },
          reason: { type: 'string', description: 'What SUBACK or UNSUBACK would have said' },
        },
        required: ['filter', 'done', 'reason'],
      },
    },
  },
  required: ['items'],
} as const

const heldSchema = {
  type: 'object',
  properties: {
    items: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          filter: { type: 'string' },
          qos: { type: 'integer' },
          noLocal: { type: 'boolean' },
          retainAsPublished: { type: 'boolean' },
        },
        required: ['filter', 'qos', 'noLocal', 'retainAsPublished'],
      },
    },
  },
  required: ['items'],
} as const

interface Params {
  id: string
}

/** /api/clients: acting for MQTT clients, with their rights and limits. */
export function addClients(app: FastifyInstance, context: ApiContext): void {
  const held = {
    summary: 'What a client is subscribed to',
    tags,
    params: idParams,
    response: { 200: heldSchema, 404: errorSchema },
  }
  app.get<{ Params: Params }>('/api/clients/:id/subscriptions', { schema: held }, async ({ params: { id } }) => ({
    items: found(id, context.hub.clients.subscriptions(id)),
  }))
  const response = { 200: answersSchema, 400: errorSchema, 404: errorSchema }
  const subscribing = {
    summary: 'Subscribe a client to filters',
    tags,
    params: idParams,
    body: subscribeBody,
    response,
  }
  app.post<{ Params: Params; Body: { filters: string[]; qos: 0 | 1 | 2 } }>(
    '/api/clients/:id/subscribe',
    { schema: subscribing },
    async ({ params: { id }, body: { filters, qos } }) => ({
      items: found(id, context.hub.clients.subscribe(id, filters, qos)),
    }),
  )
  const ending = { summary: 'End subscriptions of a client', tags, params: idParams, body: unsubscribeBody, response }
  app.post<{ Params: Params; Body: { filters: string[] } }>(
    '/api/clients/:id/unsubscribe',
    { schema: ending },
    async ({ params: { id }, body: { filters } }) => ({
      items: found(id, context.hub.clients.unsubscribe(id, filters)),
    }),
  )
}

function found<T>(id: string, answer: T | null): T {
  if (answer !== null) return answer
  throw new TrestleError('E702', `there is no session of a client ${id}`, {
    detail: { advice: 'a client has one while it is connected, and as long after as it asked for' },
  })
}
