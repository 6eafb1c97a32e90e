import type { Connector } from 'trestle/contract'

/** The connectors that come with the hub, by the word after `type:`; each is loaded when it is first asked for. */
export const connectors: Record<string, () => Promise<{ default: Connector }>> = {
  file: () => import('./file/index.ts'),
  http: () => import('./http/index.ts'),
  kafka: () => import('./kafka/index.ts'),
  mqtt: () => import('./mqtt/index.ts'),
  nats: () => import('./nats/index.ts'),
  pulsar: () => import('./pulsar/index.ts'),
  reductstore: () => import('./reductstore/index.ts'),
}
