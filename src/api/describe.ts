import { TrestleError } from '../contract/error.ts'
import type { ApiContext } from './context.ts'

/**
 * The OpenAPI document of the API, as JSON text. It is made from the same route definitions on a server that never
 * listens, so that a running hub carries neither the plugin nor the collected schemas until someone asks.
 */
export async function describeApi(version: string): Promise<string> {
  const [{ default: fastify }, { default: swagger }, { addRoutes }] = await Promise.all([
    import('fastify'),
    import('@fastify/swagger'),
    import('./routes.ts'),
  ])
  const app = fastify({ logger: false })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Trestle',
        version,
        description: 'The hub as programs see it. Times are ms since the epoch, sizes bytes, rates per second.',
        license: { name: 'Apache-2.0' },
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
  })
  await app.register(async (scope) => addRoutes(scope, undescribed))
  await app.ready()
  const text = `${JSON.stringify(app.swagger(), null, 2)}\n`
  await app.close()
  return text
}

const refuse = (): never => {
  throw new TrestleError('E999', 'routes of the description are never called')
}

/** Routes touch their context only when they are called. */
const undescribed: ApiContext = {
  get hub() {
    return refuse()
  },
  get events() {
    return refuse()
  },
  get live() {
    return refuse()
  },
  token: null,
  describe: refuse,
}
