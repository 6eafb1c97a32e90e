import type { FastifyInstance } from 'fastify'
import { setPolicy } from '../../registry/change.ts'
import { type Policy, readLevel, readMode } from '../../registry/policy.ts'
import type { Registry } from '../../registry/registry.ts'
import {
  invalidCompatibility,
  invalidMode,
  noCompatibility,
  noMode,
  notPermitted,
  subjectNotFound,
} from '../../registry/registry-error.ts'
import type { ApiContext } from '../context.ts'
import { describe } from './describe.ts'
import { params, queries } from './request.ts'

interface Request {
  Params: { subject?: string }
  Body: { compatibility?: string | null; mode?: string | null } | null
  Querystring: { defaultToGlobal: boolean; force: boolean }
}

/** One of the two things that hold for a subject or for all: how it is read, said and refused. */
interface Kind {
  readonly name: 'config' | 'mode'
  readonly field: keyof Policy
  /** What an answer to GET calls it. */
  readonly shown: string
  read(text: unknown): string | null
  invalid(): Error
  missing(subject: string): Error
  global(registry: Registry): string
}

const kinds: readonly Kind[] = [
  {
    name: 'config',
    field: 'compatibility',
    shown: 'compatibilityLevel',
    read: readLevel,
    invalid: invalidCompatibility,
    missing: noCompatibility,
    global: ({ state }) => state.compatibility,
  },
  {
    name: 'mode',
    field: 'mode',
    shown: 'mode',
    read: readMode,
    invalid: invalidMode,
    missing: noMode,
    global: ({ state }) => state.mode,
  },
]

/** /config and /mode: what holds for all subjects, and for one. */
export function addPolicy(app: FastifyInstance, context: ApiContext): void {
  for (const kind of kinds) {
    addKind(app, context, kind, `/${kind.name}`, {})
    addKind(app, context, kind, `/${kind.name}/:subject`, { params: params.subject })
  }
}

function addKind(app: FastifyInstance, context: ApiContext, kind: Kind, path: string, where: object): void {
  const { field, shown } = kind
  const what = kind.name === 'config' ? 'compatibility level' : 'mode'
  const of = 'params' in where ? 'of a subject' : 'of all subjects that say nothing themselves'
  const word = { type: ['string', 'null'] }
  const answer = { type: 'object', properties: { [shown]: word } }
  const own = (registry: Registry, subject: string | undefined): string | null =>
    subject === undefined ? kind.global(registry) : (registry.state.policies.get(subject)?.[field] ?? null)

  const get = describe(`The ${what} ${of}`, answer, { ...where, querystring: queries.global })
  app.get<Request>(path, { schema: get }, async ({ params: { subject }, query: { defaultToGlobal } }) => {
    const { registry } = context.hub.schemas
    const found = own(registry, subject) ?? (defaultToGlobal ? kind.global(registry) : null)
    if (found === null) throw kind.missing(subject!)
    return { [shown]: found }
  })
  const body = { type: ['object', 'null'], properties: { [field]: word } }
  const put = describe(`Set the ${what} ${of}`, body, { ...where, querystring: queries.force, body })
  app.put<Request>(path, { schema: put }, async ({ params: { subject = null }, body: sent, query: { force } }) => {
    const text = sent?.[field]
    if (text === undefined || text === null) return {}
    const value = kind.read(text)
    if (value === null) throw kind.invalid()
    await context.hub.schemas.change((now) => {
      const isFilled = subject === null ? now.names().length > 0 : now.live(subject).length > 0
      if (value === 'IMPORT' && isFilled && !force)
        throw notPermitted('Cannot import since found existing subjects; force=true imports beside them')
      return setPolicy(now, subject, { [field]: value })
    })
    return { [field]: value }
  })
  const remove = describe(`Let the ${what} ${of} be the default again`, answer, where)
  app.delete<Request>(path, { schema: remove }, async ({ params: { subject = null } }) => {
    const was = own(context.hub.schemas.registry, subject ?? undefined)
    if (was === null) throw subjectNotFound(subject!)
    await context.hub.schemas.change((now) => setPolicy(now, subject, { [field]: null }))
    return { [shown]: was }
  })
}
