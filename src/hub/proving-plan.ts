import { dirname } from 'node:path'
import type { Fault } from '../document/fault.ts'
import type { ProvingPlan, ProvingSink } from '../proving/plan.ts'
import { sparkplugPrefix } from '../registry/formats/sparkplug/topic.ts'
import { loadSettings } from '../settings/settings.ts'
import { FolderWatch } from './folder-watch.ts'
import { connectorSchemas, makePlan, type Plan, type PlanOptions, surroundings } from './plan.ts'

/** What `trestle test` and `trestle explain` run against. */
export interface PlannedProof {
  /** null when there is any fault. */
  readonly plan: ProvingPlan | null
  readonly faults: readonly Fault[]
}

/** Reads configuration, rules and schemas; opens nothing, and so needs none of the secrets that a build server has not. */
export async function planProof(options: PlanOptions): Promise<PlannedProof> {
  const { plan, faults } = await makePlan({ ...options, secretsMayLack: true })
  if (plan === null) return { plan: null, faults }
  const { sparkplug } = plan.registry.sparkplug
  const made: ProvingPlan = {
    rules: plan.rules,
    sinks: sinksOf(plan),
    schemas: plan.registry,
    forget: () => sparkplug.sessions.clear(),
    trust: () => {
      sparkplug.isTrusting = true
    },
    observe: ({ payload, topic }) => {
      if (topic.startsWith(sparkplugPrefix)) sparkplug.observe(payload, topic)
    },
  }
  return { plan: made, faults }
}

function sinksOf({ connectors, settings }: Plan): ReadonlyMap<string, ProvingSink> {
  const sinks = new Map<string, ProvingSink>()
  for (const [name, info] of surroundings(settings.connectors, connectors).sinks)
    sinks.set(name, { ...info, budget: settings.connectors[name]?.retry ?? null })
  return sinks
}

/** Calls `onChange` when the configuration, a rule or a schema has changed and come to rest. */
export async function watchSources(options: PlanOptions, onChange: () => void): Promise<{ close(): void }> {
  const { configFile, env = process.env } = options
  const { settings } = await loadSettings({
    ...(configFile === undefined ? {} : { file: configFile }),
    flags: {},
    env,
    secretsMayLack: true,
    connectorSchemas: await connectorSchemas(),
  })
  const file = settings?.file ?? configFile ?? null
  const folders = [
    ...(file === null ? [] : [dirname(file)]),
    ...(settings === null ? [] : [settings.rules, settings.schemas]),
  ]
  // What can no longer be watched is told by the next run, which cannot read it.
  return await FolderWatch.over([...new Set(folders)], onChange, onChange)
}
