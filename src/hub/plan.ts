import { connectors as connectorList } from '../../connectors/index.ts'
import type { Connector } from '../contract/connector.ts'
import { sortFaults } from '../document/check.ts'
import type { Fault } from '../document/fault.ts'
import type { SinkInfo } from '../engine/port.ts'
import { RuleSet } from '../engine/rule-set.ts'
import { Registry } from '../registry/registry.ts'
import { readRuleFiles } from '../settings/rule-files.ts'
import { loadSettings, type Settings } from '../settings/settings.ts'
import { waysBack } from './ways-back.ts'

export interface PlanOptions {
  /** Without one: `config/trestle.yaml` if it is there, else the built-in default. */
  configFile?: string
  /** Settings by dotted path; they win over the environment, which wins over the file. */
  flags?: Record<string, unknown>
  env?: NodeJS.ProcessEnv
}

/** Everything a hub is built from, read and checked, before anything is opened. */
export interface Plan {
  readonly settings: Settings
  readonly registry: Registry
  readonly rules: RuleSet
  /** The code of every configured connector, by the connector's name. */
  readonly connectors: ReadonlyMap<string, Connector>
}

/** Reads settings, schemas and rules; `plan` is null when there is any fault, and `faults` has them all. */
export async function makePlan(
  options: PlanOptions,
): Promise<{ plan: Plan | null; faults: Fault[]; secrets: ReadonlySet<string> }> {
  const types = await connectorSchemas()
  const { settings, faults, secrets } = await loadSettings({
    ...(options.configFile === undefined ? {} : { file: options.configFile }),
    flags: options.flags ?? {},
    env: options.env ?? process.env,
    connectorSchemas: types,
  })
  if (settings === null) return { plan: null, faults, secrets }
  // The settings have no type that is not among these.
  const connectors = new Map(Object.entries(settings.connectors).map(([name, { type }]) => [name, types.get(type)!]))
  const schemas = Registry.load(settings.schemas)
  const texts = await readRuleFiles(settings.rules, { optional: true })
  const loaded = RuleSet.load(texts.files, {
    sinks: sinksOf(connectors),
    registry: schemas.registry,
    waysBack: waysBack(settings.connectors, connectors),
  })
  const all = sortFaults([...schemas.faults, ...texts.faults, ...loaded.faults])
  if (all.length > 0 || loaded.rules === null) return { plan: null, faults: all, secrets }
  return { plan: { settings, registry: schemas.registry, rules: loaded.rules, connectors }, faults: [], secrets }
}

/** What every connector type takes, for checking and for printing. */
export async function connectorSchemas(): Promise<ReadonlyMap<string, Connector>> {
  const entries = await Promise.all(
    Object.entries(connectorList).map(async ([type, load]) => [type, (await load()).default] as const),
  )
  return new Map(entries)
}

function sinksOf(connectors: ReadonlyMap<string, Connector>): ReadonlyMap<string, SinkInfo> {
  const sinks = new Map<string, SinkInfo>()
  for (const [name, { type, createSink, targetField, targetOptions }] of connectors) {
    if (createSink === undefined) continue
    sinks.set(name, { type, targetField: targetField ?? null, targetOptions: targetOptions ?? null })
  }
  return sinks
}
