import type { FastifyInstance } from 'fastify'
import { schemaType } from '../../registry/change.ts'
import type { Entry } from '../../registry/entry.ts'
import { formats } from '../../registry/formats/formats.ts'
import type { Registry } from '../../registry/registry.ts'
import { schemaNotFound } from '../../registry/registry-error.ts'
import type { ApiContext } from '../context.ts'
import { describe } from './describe.ts'
import { type Page, pageOf, params, queries } from './request.ts'
import { prefixOf } from './subjects.ts'
import { answers, schemaView, versionView } from './view.ts'

interface ById {
  Params: { id: number }
  Querystring: { deleted: boolean; fetchMaxId: boolean; format: string }
}
interface ByGuid {
  Params: { guid: string }
  Querystring: { format: string }
}
interface All {
  Querystring: Page & { subjectPrefix: string; deleted: boolean; latestOnly: boolean }
}

/** /schemas: by id, by GUID, all of them, and the languages there are. */
export function addIds(app: FastifyInstance, context: ApiContext): void {
  const find = (id: number): Entry => {
    const entry = context.hub.schemas.registry.ofId(id)
    if (entry === null) throw schemaNotFound(id)
    return entry
  }
  const one = describe('A schema by its id', answers.schema, { params: params.id, querystring: queries.fetchMaxId })
  app.get<ById>('/schemas/ids/:id', { schema: one }, async ({ params: { id }, query: { fetchMaxId, format } }) => {
    const view = schemaView(find(id), format)
    return fetchMaxId ? { ...view, maxId: maxIdOf(context.hub.schemas.registry) } : view
  })
  const bare = describe('Its schema alone', answers.text, { params: params.id })
  app.get<ById>('/schemas/ids/:id/schema', { schema: bare }, async ({ params: { id } }) => find(id).content.text)
  const parts = { params: params.id, querystring: queries.deleted }
  const names = describe('The subjects that have it', answers.names, parts)
  app.get<ById>('/schemas/ids/:id/subjects', { schema: names }, async ({ params: { id }, query: { deleted } }) => [
    ...new Set(entriesOf(context.hub.schemas.registry, find(id), deleted).map(({ subject }) => subject)),
  ])
  const places = describe('The subjects and versions that have it', { type: 'array', items: answers.version }, parts)
  app.get<ById>('/schemas/ids/:id/versions', { schema: places }, async ({ params: { id }, query: { deleted } }) =>
    entriesOf(context.hub.schemas.registry, find(id), deleted).map(({ subject, version }) => ({ subject, version })),
  )
  const guid = describe('A schema by its GUID', answers.schema, { params: params.guid, querystring: queries.deleted })
  const findGuid = (text: string): Entry => {
    const entry = context.hub.schemas.registry.ofGuid(text.toLowerCase())
    if (entry === null) throw schemaNotFound(text)
    return entry
  }
  app.get<ByGuid>('/schemas/guids/:guid', { schema: guid }, async ({ params, query }) =>
    schemaView(findGuid(params.guid), query.format),
  )
  const ids = describe(
    'The ids a GUID stands for',
    { type: 'array', items: { type: 'object' } },
    { params: params.guid },
  )
  app.get<ByGuid>('/schemas/guids/:guid/ids', { schema: ids }, async ({ params }) => [
    { context: '.', id: findGuid(params.guid).content.id },
  ])
  const types = describe('The schema languages there are', answers.names)
  app.get('/schemas/types', { schema: types }, async () =>
    [...formats.keys()].filter((format) => format !== 'sparkplug').map(schemaType),
  )
  addAll(app, context)
}

function addAll(app: FastifyInstance, context: ApiContext): void {
  const all = describe('All schemas', { type: 'array', items: answers.version }, { querystring: queries.all })
  app.get<All>('/schemas', { schema: all }, async ({ query }) => {
    const { registry } = context.hub.schemas
    const { subjectPrefix, deleted, latestOnly } = query
    const entries = registry
      .names(deleted)
      .filter((name) => name.startsWith(prefixOf(subjectPrefix)))
      .flatMap((name) => {
        const found = deleted ? registry.all(name) : registry.live(name)
        return latestOnly ? found.slice(-1) : found
      })
    return pageOf(
      entries.map((entry) => versionView(entry)),
      query,
    )
  })
  const contexts = describe('The contexts there are', answers.names)
  app.get('/contexts', { schema: contexts }, async () => ['.'])
}

const maxIdOf = ({ state }: Registry): number =>
  [...state.subjects.values()].flat().reduce((max, { content }) => Math.max(max, content.id), 0)

const entriesOf = ({ state }: Registry, { content }: Entry, deleted: boolean): readonly Entry[] =>
  [...state.subjects.values()].flat().filter((one) => one.content.id === content.id && (deleted || !one.deleted))
