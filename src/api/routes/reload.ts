import type { FastifyInstance } from 'fastify'
import type { ApiContext } from '../context.ts'
import { errorSchema, reloadedSchema } from '../schemas.ts'

const schema = {
  summary: 'Load rules and schemas anew from their folders, all or nothing',
  description: 'With any fault nothing changes: the answer lists all of them, and the rules that were loaded go on.',
  tags: ['rules'],
  response: { 200: reloadedSchema, 400: errorSchema },
}

/** /api/reload: rules and schemas as they lie in their folders now. */
export function addReload(app: FastifyInstance, context: ApiContext): void {
  app.post('/api/reload', { schema }, () => context.hub.reload())
}
