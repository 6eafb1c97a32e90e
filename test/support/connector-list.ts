import type { ConnectorList } from '../../src/bridge/connector-modules.ts'

/** The connectors of the tests, as `connectors/index.ts` lists the product's. */
export const connectors: ConnectorList = {
  memory: () => import('./memory-connector.ts'),
  line: () => import('./line-connector.ts'),
  log: () => import('./log-connector.ts'),
  broken: () => Promise.reject(new Error('its client library is missing')),
}
