import type { FastifyInstance } from 'fastify'
import { TrestleError } from '../../contract/error.ts'
import { printFault } from '../../document/fault.ts'
import { draftVersion, identify, testCompatibility } from '../../registry/change.ts'
import type { SchemaText } from '../../registry/content.ts'
import type { ApiContext } from '../context.ts'
import { describe } from './describe.ts'
import { params, queries, readSchema, readVersion, type SchemaRequest, schemaRequest } from './request.ts'

interface Test {
  Params: { subject: string; version: string }
  Body: SchemaRequest | null
  Querystring: { verbose: boolean; normalize: boolean }
}

const verdictSchema = {
  type: 'object',
  properties: { is_compatible: { type: 'boolean' }, messages: { type: 'array', items: { type: 'string' } } },
  required: ['is_compatible'],
}

/** /compatibility: whether a schema may become a version of a subject. */
export function addCompatibility(app: FastifyInstance, context: ApiContext): void {
  const path = '/compatibility/subjects/:subject/versions'
  const parts = { querystring: queries.verbose, body: schemaRequest }
  const all = describe('Whether a schema could be registered: its level, and the rules of the hub', verdictSchema, {
    ...parts,
    params: params.subject,
  })
  app.post<Test>(path, { schema: all }, async ({ params: { subject }, body, query }) =>
    verdictOf(query.verbose, async () => {
      const schema = await tried(context, body, query.normalize)
      const { normalize } = query
      const messages = testCompatibility(context.hub.schemas.registry, subject, schema, { normalize, version: null })
      if (messages.length > 0) return messages
      // What registering would refuse, this refuses too.
      return context.hub.schemas.trial((now) => draftVersion(now, subject, schema, normalize)).map(printFault)
    }),
  )
  const one = describe('Whether a schema goes with one version', verdictSchema, { ...parts, params: params.version })
  app.post<Test>(`${path}/:version`, { schema: one }, async ({ params: { subject, version }, body, query }) => {
    const which = readVersion(version)
    return verdictOf(query.verbose, async () => {
      const schema = await tried(context, body, query.normalize)
      return testCompatibility(context.hub.schemas.registry, subject, schema, {
        normalize: query.normalize,
        version: which,
      })
    })
  })
}

async function tried({ hub }: ApiContext, body: SchemaRequest | null, normalize: boolean): Promise<SchemaText> {
  const schema = readSchema(body)
  await hub.schemas.tryOut(identify(hub.schemas.registry, schema, normalize))
  return schema
}

/** With `verbose`, a schema that does not compile is a verdict with its reason; else an error. */
async function verdictOf(verbose: boolean, judge: () => Promise<readonly string[]>): Promise<object> {
  try {
    const messages = await judge()
    return { is_compatible: messages.length === 0, ...(verbose ? { messages } : {}) }
  } catch (thrown) {
    if (!verbose || !(thrown instanceof TrestleError) || thrown.detail['registry'] !== 42201) throw thrown
    return { is_compatible: false, messages: [thrown.message] }
  }
}
