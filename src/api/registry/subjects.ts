import type { FastifyInstance } from 'fastify'
import { lookUp } from '../../registry/change.ts'
import { deleteSubject } from '../../registry/deletion.ts'
import { schemaNotFound, subjectNotFound } from '../../registry/registry-error.ts'
import type { ApiContext } from '../context.ts'
import { describe } from './describe.ts'
import { type Page, pageOf, params, queries, readSchema, type SchemaRequest, schemaRequest } from './request.ts'
import { answers, versionView } from './view.ts'

interface List {
  Querystring: Page & { subjectPrefix: string; deleted: boolean; deletedOnly: boolean }
}
interface LookUp {
  Params: { subject: string }
  Body: SchemaRequest | null
  Querystring: { normalize: boolean; deleted: boolean; format: string }
}
interface Delete {
  Params: { subject: string }
  Querystring: { permanent: boolean }
}
interface Metadata {
  Params: { subject: string }
  Querystring: { key?: string | string[]; value?: string | string[]; deleted: boolean }
}

/** /subjects: list, look a schema up, delete. */
export function addSubjects(app: FastifyInstance, context: ApiContext): void {
  const list = describe('All subjects', answers.names, { querystring: queries.page })
  app.get<List>('/subjects', { schema: list }, async ({ query }) => {
    const { registry } = context.hub.schemas
    const { subjectPrefix, deleted, deletedOnly } = query
    const names = registry
      .names(deleted || deletedOnly)
      .filter((name) => name.startsWith(prefixOf(subjectPrefix)) && (!deletedOnly || registry.live(name).length === 0))
    return pageOf(names, query)
  })
  const find = describe('The version under which a subject has a schema', answers.version, {
    params: params.subject,
    querystring: queries.normalize,
    body: schemaRequest,
  })
  app.post<LookUp>('/subjects/:subject', { schema: find }, async ({ params: { subject }, body, query }) =>
    versionView(lookUp(context.hub.schemas.registry, subject, readSchema(body), query), query.format),
  )
  const remove = describe('Delete a subject: first softly, then for good', answers.numbers, {
    params: params.subject,
    querystring: queries.permanent,
  })
  app.delete<Delete>('/subjects/:subject', { schema: remove }, ({ params: { subject }, query }) =>
    context.hub.schemas.change((now) => deleteSubject(now, subject, query.permanent)),
  )
  const metadata = describe('The newest version with all these properties', answers.version, {
    params: params.subject,
    querystring: queries.deleted,
  })
  app.get<Metadata>('/subjects/:subject/metadata', { schema: metadata }, async ({ params: { subject }, query }) => {
    const { registry } = context.hub.schemas
    const entries = query.deleted ? registry.all(subject) : registry.live(subject)
    if (entries.length === 0) throw subjectNotFound(subject)
    const values = [query.value ?? []].flat()
    const pairs = [query.key ?? []].flat().map((key, at) => [key, values[at]] as const)
    const found = entries.findLast(({ content }) =>
      pairs.every(([key, value]) =>
        Object.entries(content.metadata?.properties ?? {}).some(([k, v]) => k === key && v === value),
      ),
    )
    if (found === undefined) throw schemaNotFound()
    return versionView(found)
  })
}

/** `:*:` is every context, `:.:` the one there is. */
export const prefixOf = (text: string): string => text.replace(/^:(\*|\.):/, '')
