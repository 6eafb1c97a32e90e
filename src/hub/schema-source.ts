import { join } from 'node:path'
import type { Fault } from '../document/fault.ts'
import { readLevel } from '../registry/policy.ts'
import type { Registry } from '../registry/registry.ts'
import { RegistryStore } from '../registry/store.ts'
import type { Settings } from '../settings/settings.ts'

/** Where the schemas of a hub come from that do not lie in its folder, and where their changes go. */
export interface SchemaSource {
  readonly registry: Registry
  readonly faults: readonly Fault[]
  readonly store: RegistryStore
}

/** Opens what was registered over the API. *Errors*: as faults, E301. */
export function openSchemas({ data, registry }: Settings): SchemaSource {
  const store = new RegistryStore(join(data, 'registry'), readLevel(registry.compatibility)!)
  return { ...store.load(), store }
}
