import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { ApiContext } from '../context.ts'

/** GET /metrics: Prometheus text. The client library is loaded with the first scrape. */
export function addMetrics(app: FastifyInstance, context: ApiContext): void {
  let metrics: Metrics | undefined
  const schema = {
    summary: 'Metrics in the Prometheus text format',
    tags: ['status'],
    response: { 200: { description: 'Prometheus text', content: { 'text/plain': { schema: { type: 'string' } } } } },
  }
  app.get('/metrics', { schema }, async (_request, reply) => {
    metrics ??= new (await import('../../telemetry/metrics.ts')).Metrics()
    const text = await metrics.render(await context.hub.report(), context.events.counts)
    return reply.type(metrics.contentType).send(text)
  })
}
