import type { FastifyInstance } from 'fastify'
import type { ApiContext } from '../context.ts'
import { bringsToken } from '../guard.ts'

const tags = ['health']
const healthSchema = { type: 'object', properties: { status: { const: 'ok' } }, required: ['status'] }
const readySchema = {
  type: 'object',
  properties: { ready: { type: 'boolean' }, reasons: { type: 'array', items: { type: 'string' } } },
  required: ['ready', 'reasons'],
}

/** GET /health: the process answers. GET /ready: it can do its work; if not, why. */
export function addHealth(app: FastifyInstance, context: ApiContext): void {
  const health = { summary: 'The process answers', tags, security: [], response: { 200: healthSchema } }
  app.get('/health', { schema: health }, async () => ({ status: 'ok' }))

  const ready = {
    summary: 'The hub takes messages; 503 with the reasons when it does not',
    description: 'Where a token is set, the reasons are told only to those who bring it.',
    tags,
    security: [],
    response: { 200: readySchema, 503: readySchema },
  }
  app.get('/ready', { schema: ready }, async (request, reply) => {
    const { ready: isReady, reasons } = await context.hub.readiness()
    const mayKnow = context.token === null || bringsToken(request, context.token)
    return reply.code(isReady ? 200 : 503).send({ ready: isReady, reasons: mayKnow ? reasons : [] })
  })
}
