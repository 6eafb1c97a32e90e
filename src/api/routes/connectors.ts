import type { FastifyInstance } from 'fastify'
import { TrestleError } from '../../contract/error.ts'
import type { ConnectorReport } from '../../telemetry/report.ts'
import type { ApiContext } from '../context.ts'
import { connectorSchema, errorSchema, nameSchema, probeSchema } from '../schemas.ts'

interface Named {
  Params: { name: string }
}

const tags = ['connectors']
const listSchema = {
  type: 'object',
  properties: { items: { type: 'array', items: connectorSchema } },
  required: ['items'],
}

/** /api/connectors: list, one, pause, resume, probe. */
export function addConnectors(app: FastifyInstance, context: ApiContext): void {
  const find = async (name: string): Promise<ConnectorReport> => {
    const { connectors } = await context.hub.report()
    const found = connectors.find((connector) => connector.name === name)
    if (found !== undefined) return found
    const names = connectors.map((connector) => connector.name).join(', ')
    throw new TrestleError('E702', `there is no connector '${name}'`, {
      detail: { advice: names === '' ? 'none is configured' : `there are: ${names}` },
    })
  }
  const describe = (summary: string, answer: object) => ({
    summary,
    tags,
    params: nameSchema,
    response: { 200: answer, 404: errorSchema },
  })

  app.get(
    '/api/connectors',
    { schema: { summary: 'All connectors', tags, response: { 200: listSchema } } },
    async () => ({ items: (await context.hub.report()).connectors }),
  )
  app.get<Named>('/api/connectors/:name', { schema: describe('One connector', connectorSchema) }, (request) =>
    find(request.params.name),
  )
  const pause = describe('Stop delivering and reading; what is owed waits', connectorSchema)
  app.post<Named>('/api/connectors/:name/pause', { schema: pause }, async ({ params: { name } }) => {
    await find(name)
    await context.hub.connectors.pause(name)
    return find(name)
  })
  const resume = describe('Go on where it was paused', connectorSchema)
  app.post<Named>('/api/connectors/:name/resume', { schema: resume }, async ({ params: { name } }) => {
    await find(name)
    await context.hub.connectors.resume(name)
    return find(name)
  })
  const probe = describe('Try the real path to the far side, step by step', probeSchema)
  app.post<Named>('/api/connectors/:name/probe', { schema: probe }, async ({ params: { name } }) => {
    await find(name)
    const steps = await context.hub.connectors.probe(name)
    return { ok: steps.every((step) => step.ok), steps }
  })
}
