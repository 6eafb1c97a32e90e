import type { FastifyInstance } from 'fastify'
import type { ApiContext } from '../context.ts'
import { errorSchema, messageSchema } from '../schemas.ts'

const querySchema = {
  type: 'object',
  properties: { filter: { type: 'string', minLength: 1, maxLength: 65535, examples: ['plants/+/lines/#'] } },
  required: ['filter'],
  additionalProperties: false,
} as const

/** GET /api/subscribe: live messages as server-sent events. */
export function addSubscribe(app: FastifyInstance, context: ApiContext): void {
  const schema = {
    summary: 'Live messages of a topic filter, as server-sent events',
    description:
      'Events: `subscribed` once, `message` for each, `too-slow` before a reader that is too far behind is cut off, `end` when the hub stops.',
    tags: ['messages'],
    querystring: querySchema,
    response: {
      200: {
        description: 'Server-sent events; the data of `message` is a message in JSON',
        content: { 'text/event-stream': { schema: messageSchema } },
      },
      400: errorSchema,
      429: errorSchema,
    },
  } as const
  app.get<{ Querystring: { filter: string } }>('/api/subscribe', { schema }, async (request, reply) => {
    context.live.add(request.query.filter, reply.raw)
    reply.hijack()
  })
}
