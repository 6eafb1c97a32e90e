/**
 * The hub's settings: `config/trestle.yaml`, then the environment (`TRESTLE_…`), then flags, held against one schema.
 *
 * It promises that every fault is told at once with its file, line, column and the nearest legal word; that nothing
 * starts from a file with a fault; and that secrets are known as such. It does not know what connectors do: their
 * schemas are handed in. It does not connect, listen or write.
 *
 * `schema.ts` is the schema and `fields.ts` its kinds of field; `layers.ts` lays environment and flags over the file;
 * `references.ts` fills in `${env:…}` and `${file:…}`; `connector-options.ts` adds the connectors' own options;
 * `listener-schema.ts`, `listeners.ts` and `listener-faults.ts` are about where clients come in; `refine.ts` reads units and paths; `exposure.ts` refuses what is open to the world; `redact.ts` and `print.ts` show
 * settings without their secrets; `rule-files.ts` lists the rules.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { checkDocument, sortFaults } from '../document/check.ts'
import type { Fault, Position } from '../document/fault.ts'
import type { SourceDocument } from '../document/source-document.ts'
import { readDocument } from '../document/yaml.ts'
import { type Address, readAddress } from './address.ts'
import { type ConnectorSchemas, schemaAt, schemaOfFile, unknownTypes } from './connector-options.ts'
import { defaultConfig } from './default-config.ts'
import { exposureFaults } from './exposure.ts'
import { environmentOverrides, flagOverrides, LayeredDocument, readText } from './layers.ts'
import { type ListenerSettings, listenerOf } from './listeners.ts'
import { Redactor } from './redact.ts'
import { resolveReferences } from './references.ts'
import { refine } from './refine.ts'
import { shortPath } from './rule-files.ts'
import type { SettingsFile } from './schema.ts'
import { type CamelKeys, camelKeys } from './snake-case.ts'

export interface ConnectorSettings {
  readonly type: string
  /** Checked, with defaults, under the names of the connector's own schema; `type`, `sources`, `retry` and `buffer` left out. */
  readonly options: Readonly<Record<string, unknown>>
  readonly sources: readonly Readonly<Record<string, unknown>>[]
  /** When the outbox stops trying again; null: never. */
  readonly retry: { readonly maxAttempts: number | null; readonly maxAgeMs: number | null }
  /** How much its sink may be owed. */
  /** `maxBytes` is Infinity where only the journal bounds it. */
  readonly buffer: { readonly maxBytes: number; readonly whenFull: 'block' | 'drop-oldest' | 'drop-newest' }
}

/** What the hub runs by. All paths are absolute, all quantities are numbers in the unit of their name. */
export interface Settings {
  /** The file they came from; null for the built-in default. */
  readonly file: string | null
  readonly listeners: readonly ListenerSettings[]
  readonly access: CamelKeys<SettingsFile['access']>
  readonly data: string
  readonly rules: string
  /** Rules and schemas are loaded anew when their files change. */
  readonly watch: boolean
  readonly schemas: string
  readonly registry: CamelKeys<SettingsFile['registry']>
  readonly connectors: Readonly<Record<string, ConnectorSettings>>
  readonly subscriptions: CamelKeys<SettingsFile['subscriptions']>
  readonly rewrite: SettingsFile['rewrite']
  readonly delayed: CamelKeys<SettingsFile['delayed']>
  readonly systemTopics: CamelKeys<SettingsFile['system_topics']>
  readonly api: Address & { readonly token: string | null }
  readonly journal: CamelKeys<SettingsFile['journal']>
  readonly deadLetters: CamelKeys<SettingsFile['dead_letters']>
  readonly limits: CamelKeys<SettingsFile['limits']>
  readonly log: CamelKeys<SettingsFile['log']>
}

export interface LoadOptions {
  /** The file named by the user; without one, `config/trestle.yaml` if it is there, else the built-in default. */
  file?: string | undefined
  /** Text in place of a file's content (`file` still says where it would lie). */
  text?: string | undefined
  env?: Readonly<Record<string, string | undefined>>
  /** Settings by dotted path, from the command line; undefined ones are left out. */
  flags?: Readonly<Record<string, unknown>>
  connectorSchemas: ConnectorSchemas
  cwd?: string
  /** What relative paths are relative to; the file's own folder without it. */
  folder?: string
  /** Nothing will be opened: a variable or secret file that is not here is no fault. */
  secretsMayLack?: boolean
}

export interface Loaded {
  /** null when there is a fault. */
  settings: Settings | null
  /** The settings under the file's own names, defaults filled in; secrets still in it. */
  effective: Readonly<Record<string, unknown>> | null
  /** As file, environment and flags have them: nothing filled in, references still references. null when it is no YAML. */
  written: Readonly<Record<string, unknown>> | null
  faults: Fault[]
  secrets: Set<string>
}

/** Reads, checks and completes the settings. *Errors*: none; what is wrong comes as faults (E101 to E109). */
export async function loadSettings(options: LoadOptions): Promise<Loaded> {
  const source = await readSource(options)
  if ('fault' in source) return nothingRead([source.fault])
  const { document, faults } = readDocument(source.shown, source.text)
  if (faults.length > 0) return nothingRead(faults)
  return completeSettings(document, source, options)
}

interface Source {
  /** Absolute; null for the built-in default. */
  file: string | null
  /** As faults name it. */
  shown: string
  /** What relative paths are relative to. */
  folder: string
  text: string
}

async function completeSettings(read: SourceDocument, source: Source, options: LoadOptions): Promise<Loaded> {
  const { connectorSchemas, env = {}, flags = {}, secretsMayLack = false } = options
  const { folder } = source
  const schema = schemaOfFile(read.value, connectorSchemas)
  const layered = new LayeredDocument(read, [...environmentOverrides(schema, env), ...flagOverrides(schema, flags)])
  const filled = await resolveReferences(layered, {
    env,
    folder,
    read: (text, path) => readText(text, schemaAt(schema, path)),
  })
  const checked = checkDocument(layered, schema, { value: filled.value })
  const unresolved = new Set(filled.unresolved.map((path) => placeOf(layered.at(path))))
  const known = checked.faults.filter((fault) => !unresolved.has(placeOf(fault)))
  const data = resolve(folder, String((checked.value as Partial<SettingsFile> | null)?.data ?? '.'))
  const refined = refine(checked.value, schema, folder, data)
  const secrets = new Set([...filled.secrets, ...refined.secrets])
  const lacking = secretsMayLack ? [] : filled.faults
  let faults = [...lacking, ...unknownTypes(layered, connectorSchemas), ...known]
  const value = refined.value as SettingsFile
  // Whether a door is open to the world can only be told of settings that are well-formed.
  if (checked.faults.length === 0 && lacking.length === filled.faults.length)
    faults = [...faults, ...exposureFaults(layered, value)]
  const redactor = new Redactor(secrets)
  faults = sortFaults(faults.map((fault) => ({ ...fault, message: redactor.text(fault.message) })))
  const written = layered.value as Readonly<Record<string, unknown>>
  if (faults.length > 0) return { settings: null, effective: null, written, faults, secrets }
  return { settings: settingsOf(value, source.file), effective: { ...value }, written, faults, secrets }
}

const nothingRead = (faults: Fault[]): Loaded => ({
  settings: null,
  effective: null,
  written: null,
  faults,
  secrets: new Set(),
})

const placeOf = ({ line, column }: Position) => `${line}:${column}`

function settingsOf(value: SettingsFile, file: string | null): Settings {
  const { listeners, access, data, rules, schemas, registry, watch, connectors, api } = value
  const { journal, dead_letters, limits, log, subscriptions, rewrite, delayed, system_topics } = value
  return {
    file,
    listeners: listeners.map(listenerOf),
    access: camelKeys(access),
    data,
    rules,
    schemas,
    registry: camelKeys(registry),
    watch,
    connectors: Object.fromEntries(
      Object.entries(connectors).map(([name, entry]) => [name, connectorOf(entry as ConnectorEntry)]),
    ),
    subscriptions: camelKeys(subscriptions),
    rewrite,
    delayed: camelKeys(delayed),
    systemTopics: camelKeys(system_topics),
    api: { ...readAddress(api.address)!, token: api.token ?? null },
    journal: camelKeys(journal),
    deadLetters: camelKeys(dead_letters),
    limits: camelKeys(limits),
    log: camelKeys(log),
  }
}

interface ConnectorEntry {
  type: string
  sources?: Record<string, unknown>[]
  retry?: { max_attempts?: number; max_age_ms?: number }
  buffer: { max_bytes?: number; when_full: ConnectorSettings['buffer']['whenFull'] }
}

function connectorOf(entry: ConnectorEntry): ConnectorSettings {
  const { type, sources = [], retry = {}, buffer, ...options } = entry
  const { max_attempts: maxAttempts = null, max_age_ms: maxAgeMs = null } = retry
  // A far side that is away must not hold the others up while the journal has room.
  const { max_bytes: maxBytes = Number.POSITIVE_INFINITY, when_full: whenFull } = buffer
  return { type, options, sources, retry: { maxAttempts, maxAgeMs }, buffer: { maxBytes, whenFull } }
}

async function readSource(options: LoadOptions): Promise<Source | { fault: Fault }> {
  const cwd = options.cwd ?? process.cwd()
  const usual = resolve(cwd, 'config/trestle.yaml')
  const file = options.file === undefined ? usual : resolve(cwd, options.file)
  const shown = shortPath(file, cwd)
  const source = { file, shown, folder: options.folder ?? dirname(file) }
  if (options.text !== undefined) return { ...source, text: options.text }
  if (options.file === undefined && !existsSync(usual)) {
    return { ...source, file: null, shown: 'built-in configuration', text: defaultConfig }
  }
  try {
    return { ...source, text: await readFile(file, 'utf8') }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const message = code === 'ENOENT' ? 'there is no such file' : `cannot be read: ${(error as Error).message}`
    return { fault: { file: shown, line: 1, column: 1, code: 'E101', message } }
  }
}
