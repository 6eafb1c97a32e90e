import type { Fault } from '../document/fault.ts'
import { type Loaded, loadSettings } from '../settings/settings.ts'
import { type Plan, referencesOnly } from './plan.ts'

/** A connector as someone asks for it: the text of its entry, or its type, and options by dotted path laid over either. */
export interface WishedEntry {
  readonly name: string
  readonly type?: string | undefined
  /** YAML, as it would stand under the connector's name. */
  readonly text?: string | undefined
  /** Where the text comes from, for faults. */
  readonly file?: string | undefined
  readonly set?: Readonly<Record<string, string>> | undefined
}

const indent = '    '

/** Holds an entry against the very schema of the configuration; places in faults are those of the entry's own text. */
export async function checkEntry(wish: WishedEntry, plan: Plan): Promise<Loaded> {
  const { name, type, text = '', file = `connector ${wish.name}`, set = {} } = wish
  const lines = text.split('\n').map((line) => (line.trim() === '' ? '' : indent + line))
  const isEmpty = text.trim() === ''
  const head = `connectors:\n  ${JSON.stringify(name)}:${isEmpty ? ' {}' : ''}\n`
  const path = `connectors.${name}`
  const flags = Object.fromEntries(Object.entries(set).map(([option, value]) => [`${path}.${option}`, value]))
  // The type decides which options there are: it must stand in the text before they are looked at.
  const whole =
    isEmpty && type !== undefined
      ? `connectors:\n  ${JSON.stringify(name)}:\n    type: ${JSON.stringify(type)}\n`
      : head + lines.join('\n')
  const loaded = await loadSettings({
    file,
    text: whole,
    folder: plan.folder,
    flags: { ...flags, data: plan.settings.data, listeners: [] },
    env: referencesOnly(plan.env),
    connectorSchemas: plan.types,
  })
  return { ...loaded, faults: loaded.faults.map((fault) => moved(fault, file, isEmpty)) }
}

function moved(fault: Fault, file: string, isEmpty: boolean): Fault {
  if (isEmpty || fault.line < 3) return { ...fault, line: 1, column: 1 }
  return {
    ...fault,
    file: fault.file.endsWith(file) ? file : fault.file,
    line: fault.line - 2,
    column: Math.max(1, fault.column - indent.length),
  }
}
