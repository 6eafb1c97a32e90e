import type { FastifyInstance } from 'fastify'
import type { ApiContext } from '../context.ts'

/** GET /api/openapi.json: this API's description; made once, when first asked for. */
export function addOpenapi(app: FastifyInstance, context: ApiContext): void {
  let text: Promise<string> | undefined
  const schema = { hide: true }
  app.get('/api/openapi.json', { schema }, async (_request, reply) => {
    text ??= context.describe()
    return reply.type('application/json; charset=utf-8').send(await text)
  })
}
