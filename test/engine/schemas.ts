import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { printFault } from '../../src/document/fault.ts'
import type { Schemas, SinkInfo } from '../../src/engine/port.ts'
import { RuleSet } from '../../src/engine/rule-set.ts'
import type { TableSource } from '../../src/engine/tables/table.ts'
import { loadRegistry } from '../../src/registry/files.ts'

/** A real registry of these files: `{ 'reading/1.avsc': text }`. */
export function registryOfFiles(files: Readonly<Record<string, unknown>>): Schemas {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-schemas-'))
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  }
  const { registry, faults } = loadRegistry(folder)
  if (registry === null || faults.length > 0) throw new Error(faults.map(printFault).join('\n'))
  return registry
}

const sinks = new Map<string, SinkInfo>([
  ['lake', { type: 'kafka', targetField: 'topic', targetOptions: null }],
  ['records', { type: 'file', targetField: null, targetOptions: null }],
])

/** Rules of `from: a`-like texts against a registry; throws their faults. */
export function rulesWith(registry: Schemas, files: Readonly<Record<string, string>>, tables?: TableSource): RuleSet {
  const texts = Object.entries(files).map(([name, text]) => ({ file: `rules/${name}.yaml`, text }))
  const { rules, faults } = RuleSet.load(texts, { sinks, registry, ...(tables === undefined ? {} : { tables }) })
  if (rules === null) throw new Error(faults.map(printFault).join('\n'))
  return rules
}
