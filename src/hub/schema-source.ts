import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { TrestleError } from '../contract/error.ts'
import type { Fault } from '../document/fault.ts'
import type { RuleSet } from '../engine/rule-set.ts'
import { seedRegistry } from '../registry/files.ts'
import { mirror } from '../registry/mirror.ts'
import { OtherRegistry } from '../registry/other-registry.ts'
import { readLevel } from '../registry/policy.ts'
import type { Registry } from '../registry/registry.ts'
import { RegistryStore } from '../registry/store.ts'
import type { Settings } from '../settings/settings.ts'

/** Where the schemas of a hub come from that do not lie in its folder, and where their changes go. */
export interface SchemaSource {
  readonly registry: Registry
  readonly faults: readonly Fault[]
  /** What was registered here; of another registry, the copy of what was read of it. */
  readonly store: RegistryStore
  /** Nothing was ever kept: it begins with what lies in the folder. */
  readonly isNew: boolean
  /** The other registry; null when schemas are registered here. */
  readonly other: OtherRegistry | null
}

/** Opens what was registered over the API, or the copy of another registry. *Errors*: as faults, E301. */
export function openSchemas({ data, schemas, registry }: Settings): SchemaSource {
  const { url, username, password, token } = registry
  const other = url === undefined ? null : new OtherRegistry({ url, username, password, token })
  // A copy is of one registry: another address has another.
  const copy = createHash('sha256')
    .update(url ?? '')
    .digest('hex')
    .slice(0, 12)
  const folder = join(data, other === null ? 'registry' : `registry-copy-${copy}`)
  const level = readLevel(registry.compatibility)!
  const store = new RegistryStore(folder, level)
  const { registry: kept, faults, isNew } = store.load()
  // A copy that is damaged is made anew.
  if (other !== null) return { registry: kept, faults: [], store, other, isNew }
  // Rules name schemas, and a hub whose rules have faults does not start: something must be there before the API is.
  return { ...(isNew ? seedRegistry(schemas, level) : { registry: kept, faults }), store, other, isNew }
}

interface Compiled {
  readonly rules: RuleSet | null
  readonly faults: readonly Fault[]
}

/**
 * Compiles the rules over a copy, then over what the other registry has now of all they name. Where the rules cannot live
 * with that, the copy serves; where the other registry is away as well. *Errors*: as faults, E308 beside those of the rules.
 */
export async function compileWithOther(
  source: SchemaSource,
  file: string | null,
  compile: (registry: Registry) => Compiled,
): Promise<Compiled & { registry: Registry }> {
  const before = { ...compile(source.registry), registry: source.registry }
  if (source.other === null) return before
  const { registry, error } = await fetchWanted(source.other, source.registry)
  const after = { ...compile(registry), registry }
  if (after.rules !== null || before.rules === null) {
    const away = after.rules !== null || error === null ? [] : [awayFault(file, error)]
    return { ...after, faults: [...after.faults, ...away] }
  }
  return before
}

const awayFault = (file: string | null, { code, message }: TrestleError): Fault => ({
  file: file ?? 'built-in configuration',
  line: 1,
  column: 1,
  code,
  message,
})

/** What rules have asked for by name, as the other registry has it now. */
export async function fetchWanted(
  other: OtherRegistry,
  from: Registry,
): Promise<{ registry: Registry; error: TrestleError | null }> {
  let registry = from
  try {
    for (const [subject, versions] of from.wanted) {
      for (const version of versions) {
        if (version !== null && from.live(subject).some((entry) => entry.version === version)) continue
        const fetched = await other.version(subject, version ?? 'latest')
        if (fetched !== null) registry = mirror(registry, fetched).registry
      }
    }
    return { registry, error: null }
  } catch (thrown) {
    return { registry, error: TrestleError.from(thrown) }
  }
}
