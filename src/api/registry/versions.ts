import type { FastifyInstance } from 'fastify'
import { findSame, identify, type Registration, register } from '../../registry/change.ts'
import { findReferrers } from '../../registry/changed.ts'
import { deleteVersion } from '../../registry/deletion.ts'
import type { Entry } from '../../registry/entry.ts'
import type { Registry } from '../../registry/registry.ts'
import { subjectNotFound, versionNotFound } from '../../registry/registry-error.ts'
import type { ApiContext } from '../context.ts'
import type { SchemaPort } from '../port.ts'
import { describe } from './describe.ts'
import {
  type Page,
  pageOf,
  params,
  queries,
  readSchema,
  readVersion,
  type SchemaRequest,
  schemaRequest,
} from './request.ts'
import { answers, versionView } from './view.ts'

interface List {
  Params: { subject: string }
  Querystring: Page & { deleted: boolean; deletedOnly: boolean }
}
interface One {
  Params: { subject: string; version: string }
  Querystring: { deleted: boolean; format: string }
}
interface Register {
  Params: { subject: string }
  Body: SchemaRequest | null
  Querystring: { normalize: boolean }
}
interface Delete {
  Params: { subject: string; version: string }
  Querystring: { permanent: boolean }
}

/** /subjects/{subject}/versions: list, one, register, delete. */
export function addVersions(app: FastifyInstance, context: ApiContext): void {
  const path = '/subjects/:subject/versions'
  const list = describe('The versions of a subject', answers.numbers, {
    params: params.subject,
    querystring: queries.page,
  })
  app.get<List>(path, { schema: list }, async ({ params: { subject }, query }) => {
    const { deleted, deletedOnly } = query
    const all = context.hub.schemas.registry.all(subject)
    const wanted = all.filter((entry) => (deletedOnly ? entry.deleted : deleted || !entry.deleted))
    const exists = deleted || deletedOnly ? all.length > 0 : wanted.length > 0
    if (!exists) throw subjectNotFound(subject)
    return pageOf(
      wanted.map(({ version }) => version),
      query,
    )
  })
  addOne(app, context)
  const add = describe('Register a schema as the next version of a subject', answers.registered, {
    description:
      'What is registered already is only found. A version that breaks a rule of the hub is refused with 409.',
    params: params.subject,
    querystring: queries.normalize,
    body: schemaRequest,
  })
  app.post<Register>(path, { schema: add }, async ({ params: { subject }, body, query: { normalize } }) => {
    const { id = -1, version = 0 } = body ?? {}
    const registration = {
      subject,
      schema: readSchema(body),
      normalize,
      id: id < 0 ? null : id,
      version: version <= 0 ? null : version,
    }
    const entry = await registerOrFind(context.hub.schemas, registration)
    const { subject: _subject, ...view } = versionView(entry)
    return view
  })
  const remove = describe('Delete a version: first softly, then for good', answers.number, {
    params: params.version,
    querystring: queries.permanent,
  })
  app.delete<Delete>(`${path}/:version`, { schema: remove }, ({ params: { subject, version }, query }) => {
    const which = readVersion(version)
    return context.hub.schemas.change((now) => deleteVersion(now, subject, which, query.permanent))
  })
}

/** Finding what is there already changes nothing, and so is possible where nothing can be changed. */
async function registerOrFind(schemas: SchemaPort, registration: Registration): Promise<Entry> {
  const { registry } = schemas
  const { subject, schema, normalize, id } = registration
  const content = identify(registry, schema, normalize)
  const isPlain = id === null && registry.modeOf(subject) === 'READWRITE'
  const same = isPlain ? findSame(registry, registration, content) : null
  if (same !== null) return same
  await schemas.tryOut(content)
  return schemas.change((now) => register(now, registration))
}

function addOne(app: FastifyInstance, context: ApiContext): void {
  const path = '/subjects/:subject/versions/:version'
  const parts = { params: params.version, querystring: queries.deleted }
  const find = ({ subject, version }: One['Params'], deleted: boolean): Entry =>
    findVersion(context.hub.schemas.registry, subject, version, deleted)
  app.get<One>(path, { schema: describe('One version', answers.version, parts) }, async (request) =>
    versionView(find(request.params, request.query.deleted), request.query.format),
  )
  app.get<One>(
    `${path}/schema`,
    { schema: describe('Its schema alone', answers.text, parts) },
    async (request) => find(request.params, request.query.deleted).content.text,
  )
  const referrers = describe('The ids of schemas that refer to it', answers.numbers, parts)
  app.get<One>(`${path}/referencedby`, { schema: referrers }, async (request) => {
    const entry = find(request.params, true)
    const found = findReferrers(context.hub.schemas.registry, entry, request.query.deleted)
    return [...new Set(found.map(({ content }) => content.id))].sort((a, b) => a - b)
  })
}

/** *Errors*: 40401, 40402, 42202. */
export function findVersion(registry: Registry, subject: string, text: string, deleted: boolean): Entry {
  const version = readVersion(text)
  const entries = deleted ? registry.all(subject) : registry.live(subject)
  const found = version === 'latest' ? entries.at(-1) : entries.find((entry) => entry.version === version)
  if (found !== undefined) return found
  throw entries.length === 0 ? subjectNotFound(subject) : versionNotFound(version)
}
