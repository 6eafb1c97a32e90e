import type { FastifyInstance } from 'fastify'
import type { XStatic } from 'typebox/schema'
import { TrestleError } from '../../contract/error.ts'
import type { ConnectorReport } from '../../telemetry/report.ts'
import type { ApiContext } from '../context.ts'
import {
  connectorEntrySchema,
  connectorSchema,
  connectorSettingsSchema,
  errorSchema,
  nameSchema,
  probeSchema,
  removalSchema,
  removedSchema,
} from '../schemas.ts'

interface Named {
  Params: { name: string }
}

const tags = ['connectors']
const listSchema = {
  type: 'object',
  properties: { items: { type: 'array', items: connectorSchema } },
  required: ['items'],
}

type Entry = XStatic<typeof connectorEntrySchema>
interface Removal {
  Params: { name: string }
  Querystring: { discard?: boolean }
}

/** /api/connectors: list, one, its settings, pause, resume, probe, add, remove. */
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
  addChanges(app, context, find, describe)
}

function addChanges(
  app: FastifyInstance,
  context: ApiContext,
  find: (name: string) => Promise<ConnectorReport>,
  describe: (summary: string, answer: object) => object,
): void {
  const settings = describe('What it is configured with, secrets masked', connectorSettingsSchema)
  app.get<Named>('/api/connectors/:name/settings', { schema: settings }, ({ params: { name } }) =>
    context.hub.connectors.settings(name),
  )
  const add = {
    summary: 'Add a connector while the hub runs; it is kept over restarts',
    tags,
    body: connectorEntrySchema,
    response: { 200: connectorSchema, 400: errorSchema, 409: errorSchema },
  }
  app.post<{ Body: Entry }>('/api/connectors', { schema: add }, async ({ body }) => {
    await context.hub.connectors.add(body)
    return find(body.name)
  })
  const remove = {
    ...describe('Remove a connector that was added, or what is left of one', removedSchema),
    querystring: removalSchema,
  }
  app.delete<Removal>('/api/connectors/:name', { schema: remove }, ({ params: { name }, query: { discard = false } }) =>
    context.hub.connectors.remove(name, { discard }),
  )
}
