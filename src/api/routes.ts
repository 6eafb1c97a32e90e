import type { FastifyInstance } from 'fastify'
import type { ApiContext } from './context.ts'
import { addRegistry } from './registry/registry.ts'
import { addClients } from './routes/clients.ts'
import { addConnectors } from './routes/connectors.ts'
import { addDeadLetters } from './routes/dead-letters.ts'
import { addHealth } from './routes/health.ts'
import { addMetrics } from './routes/metrics.ts'
import { addOpenapi } from './routes/openapi.ts'
import { addPublish } from './routes/publish.ts'
import { addReload } from './routes/reload.ts'
import { addStatus } from './routes/status.ts'
import { addSubscribe } from './routes/subscribe.ts'

/** Every route of the API, in the order in which the OpenAPI document lists them. */
export function addRoutes(app: FastifyInstance, context: ApiContext): void {
  addStatus(app, context)
  addConnectors(app, context)
  addClients(app, context)
  addDeadLetters(app, context)
  addReload(app, context)
  addRegistry(app, context)
  addPublish(app, context)
  addSubscribe(app, context)
  addHealth(app, context)
  addMetrics(app, context)
  addOpenapi(app, context)
}
