import { dirname } from 'node:path'
import { connectors as connectorList } from '../../connectors/index.ts'
import type { Connector } from '../contract/connector.ts'
import { sortFaults } from '../document/check.ts'
import type { Fault } from '../document/fault.ts'
import type { RuleEnvironment } from '../engine/compile.ts'
import type { SinkInfo } from '../engine/port.ts'
import { RuleSet } from '../engine/rule-set.ts'
import { loadRegistry } from '../registry/files.ts'
import { readLevel } from '../registry/policy.ts'
import type { Registry } from '../registry/registry.ts'
import { type RuleFile, readRuleFiles } from '../settings/rule-files.ts'
import { type Loaded, loadSettings, type Settings } from '../settings/settings.ts'
import { AccessFiles } from './access-files.ts'
import { readStore, storeFileOf, type WrittenEntries } from './connector-store.ts'
import type { RuleSources } from './rule-book.ts'
import { compileWithOther, openSchemas, type SchemaSource } from './schema-source.ts'
import { TableFiles } from './table-files.ts'
import { waysBack } from './ways-back.ts'

export interface PlanOptions {
  /** Without one: `config/trestle.yaml` if it is there, else the built-in default. */
  configFile?: string
  /** Settings by dotted path; they win over the environment, which wins over the file. */
  flags?: Record<string, unknown>
  env?: NodeJS.ProcessEnv
  /** Nothing will be opened: a variable or secret file that is not here is no fault. */
  secretsMayLack?: boolean
}

/** Everything a hub is built from, read and checked, before anything is opened. */
export interface Plan {
  /** Who may come in and do what. */
  readonly access: AccessFiles
  /** Connectors that were added at run time are among the others. */
  readonly settings: Settings
  readonly registry: Registry
  readonly rules: RuleSet
  /** The files the rules were compiled from. */
  readonly texts: readonly RuleFile[]
  /** The files of their tables. */
  readonly tables: TableFiles
  /** null when the schemas lie in a folder. */
  readonly schemaSource: SchemaSource | null
  /** The code of every configured connector, by the connector's name. */
  readonly connectors: ReadonlyMap<string, Connector>
  /** Names of those that were added at run time. */
  readonly added: ReadonlySet<string>
  /** Names that were added at run time and are in the configuration now, which wins. */
  readonly overruled: readonly string[]
  /** What stands under `connectors:`, and what was added, as it was written. */
  readonly written: WrittenEntries
  /** What relative paths in the settings are relative to. */
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  readonly types: ReadonlyMap<string, Connector>
}

interface Planned {
  plan: Plan | null
  faults: Fault[]
  secrets: ReadonlySet<string>
}

/** Reads settings, schemas and rules; `plan` is null when there is any fault, and `faults` has them all. */
export async function makePlan(options: PlanOptions): Promise<Planned> {
  const types = await connectorSchemas()
  const env = options.env ?? process.env
  const loaded = await loadSettings({
    ...(options.configFile === undefined ? {} : { file: options.configFile }),
    flags: options.flags ?? {},
    env,
    connectorSchemas: types,
    secretsMayLack: options.secretsMayLack ?? false,
  })
  if (loaded.settings === null) return { plan: null, faults: loaded.faults, secrets: loaded.secrets }
  const folder = loaded.settings.file === null ? process.cwd() : dirname(loaded.settings.file)
  const kept = await loadKept(loaded.settings, folder, env, types, options.secretsMayLack ?? false)
  const secrets = new Set([...loaded.secrets, ...(kept?.secrets ?? [])])
  const settings = withKept(loaded.settings, kept)
  // The settings have no type that is not among these.
  const connectors = new Map(Object.entries(settings.connectors).map(([name, { type }]) => [name, types.get(type)!]))
  const { texts, ...read } = await readRules(settings)
  const schemaSource = read.registry === null ? openSchemas(settings) : null
  const tables = new TableFiles()
  const access = await AccessFiles.open(settings.access)
  const compile = (over: Registry) =>
    RuleSet.load(texts, { ...surroundings(settings.connectors, connectors), registry: over, tables })
  const { registry, ...rules } =
    schemaSource === null
      ? { ...compile(read.registry!), registry: read.registry! }
      : await compileWithOther(schemaSource, settings.file, compile)
  const faults = sortFaults([
    ...access.faults,
    ...(kept?.faults ?? []),
    ...read.faults,
    ...(schemaSource?.faults ?? []),
    ...rules.faults,
  ])
  if (faults.length > 0 || rules.rules === null) return { plan: null, faults, secrets }
  const configured = loaded.settings.connectors
  const names = Object.keys(kept?.settings?.connectors ?? {})
  const plan: Plan = {
    settings,
    access,
    registry,
    rules: rules.rules,
    texts,
    tables,
    schemaSource,
    connectors,
    added: new Set(names.filter((name) => !Object.hasOwn(configured, name))),
    overruled: names.filter((name) => Object.hasOwn(configured, name)),
    written: { ...writtenOf(kept), ...writtenOf(loaded) },
    folder,
    env,
    types,
  }
  return { plan, faults: [], secrets }
}

/** Rules and schemas as they lie in their folders now. */
export async function readRules(settings: Settings): Promise<RuleSources & { texts: readonly RuleFile[] }> {
  const { rules, schemas, registry } = settings
  const read = registry.type === 'files' ? loadRegistry(schemas, readLevel(registry.compatibility)!) : null
  const files = await readRuleFiles(rules, { optional: true })
  return { texts: files.files, registry: read?.registry ?? null, faults: [...(read?.faults ?? []), ...files.faults] }
}

/** What rules may name of the connectors, and how those lead back in. */
export const surroundings = (
  settings: Settings['connectors'],
  connectors: ReadonlyMap<string, Connector>,
): Omit<RuleEnvironment, 'registry'> => ({ sinks: sinksOf(connectors), waysBack: waysBack(settings, connectors) })

/** What was added at run time; null when nothing was. Only its own faults are told: the others are the configuration's. */
async function loadKept(
  { data }: Settings,
  folder: string,
  env: NodeJS.ProcessEnv,
  types: ReadonlyMap<string, Connector>,
  secretsMayLack: boolean,
): Promise<Loaded | null> {
  const text = readStore(data)
  if (text === null) return null
  const file = storeFileOf(data)
  return await loadSettings({
    file,
    text,
    folder,
    flags: { data, listeners: [] },
    env: referencesOnly(env),
    connectorSchemas: types,
    secretsMayLack,
  })
}

/** The environment for references, without what would lie over the settings. */
export const referencesOnly = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !isOverride(name)))

/** Settings of the hub itself; a variable of this name that a secret stands in is of a connector. */
const isOverride = (name: string): boolean =>
  /^TRESTLE_(LISTENERS|ACCESS|API|JOURNAL|DEAD_LETTERS|LIMITS|LOG|DATA|RULES|SCHEMAS|REGISTRY|WATCH|SUBSCRIPTIONS|REWRITE|DELAYED|SYSTEM_TOPICS)(_|$)/.test(
    name,
  )

const withKept = (settings: Settings, kept: Loaded | null): Settings => ({
  ...settings,
  connectors: { ...kept?.settings?.connectors, ...settings.connectors },
})

const writtenOf = (loaded: Loaded | null): WrittenEntries =>
  (loaded?.written?.['connectors'] as WrittenEntries | undefined) ?? {}

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
