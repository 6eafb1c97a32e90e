import type { FastifyInstance } from 'fastify'
import type { ApiContext } from '../context.ts'
import { hubSchema } from '../schemas.ts'

/** GET /api/status: everything the hub tells about itself, raw. */
export function addStatus(app: FastifyInstance, context: ApiContext): void {
  const schema = { summary: 'What the hub is doing', tags: ['status'], response: { 200: hubSchema } }
  app.get('/api/status', { schema }, () => context.hub.report())
}
