import { connectors } from '../connectors/index.ts'
import type { Connector } from '../src/contract/connector.ts'

/** Every connector that comes with the hub, by its type, in the order of the types. */
export async function connectorList(): Promise<Map<string, Connector>> {
  const types = Object.keys(connectors).sort()
  const loaded = await Promise.all(types.map(async (type) => [type, (await connectors[type]!()).default] as const))
  return new Map(loaded)
}
