import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { TrestleError } from '../contract/error.ts'

/** Entries by name, as they were given: references to the environment and to files are not filled in. */
export type WrittenEntries = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const heading = `# Connectors that were added while the hub ran (\`trestle connectors add\`, \`remove\`).
# Edit it only while the hub is stopped; entries are written as in the configuration.
`

/** Where the connectors that were added at run time are kept over a restart. */
export const storeFileOf = (data: string): string => join(data, 'connectors.yaml')

/** The store's text; null when nothing was ever added. */
export const readStore = (data: string): string | null =>
  existsSync(storeFileOf(data)) ? readFileSync(storeFileOf(data), 'utf8') : null

/** Adds, replaces or (null) takes out one entry, whole or not at all. *Errors*: E501. */
export function writeEntry(data: string, name: string, entry: Readonly<Record<string, unknown>> | null): void {
  const file = storeFileOf(data)
  try {
    const text = readStore(data)
    const known = text === null ? null : (parse(text) as { connectors?: WrittenEntries } | null)
    const entries = Object.entries(known?.connectors ?? {}).filter(([other]) => other !== name)
    if (entry !== null) entries.push([name, entry])
    const all = { connectors: Object.fromEntries(entries) }
    // Secrets may be written out in it.
    writeFileSync(`${file}.new`, heading + stringify(all, { lineWidth: 0 }), { mode: 0o600, flush: true })
    renameSync(`${file}.new`, file)
  } catch (cause) {
    throw new TrestleError('E501', `${file} cannot be written: ${(cause as Error).message}`, { cause })
  }
}
