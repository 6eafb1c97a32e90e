import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Fault } from '../document/fault.ts'

/** A rule as it lies on disk; its file's name without the ending is the rule's name. */
export interface RuleFile {
  /** As faults name it: relative to the working directory where it is below it. */
  file: string
  name: string
  text: string
}

/**
 * All `*.yaml` of the rules' folder, in the order of their names, hidden files left out. A folder that is not there
 * is a fault, except where the settings never named it (`optional`); an empty one is not.
 */
export async function readRuleFiles(
  folder: string,
  options: { optional?: boolean; cwd?: string } = {},
): Promise<{ files: RuleFile[]; faults: Fault[] }> {
  const files: RuleFile[] = []
  const faults: Fault[] = []
  const shown = (file: string) => shortPath(file, options.cwd)
  const fault = (file: string, message: string) =>
    faults.push({ file: shown(file), line: 1, column: 1, code: 'E101', message })
  for (const name of await namesIn(folder, (reason) => {
    if (!(options.optional && reason === 'ENOENT')) fault(folder, `the rules’ folder cannot be read: ${reason}`)
  })) {
    const file = join(folder, name)
    if (name.endsWith('.yml')) fault(file, 'rules end in .yaml; this file would not be read')
    if (!name.endsWith('.yaml') || name.startsWith('.')) continue
    try {
      files.push({ file: shown(file), name: name.slice(0, -'.yaml'.length), text: await readFile(file, 'utf8') })
    } catch (error) {
      fault(file, `the rule cannot be read: ${(error as Error).message}`)
    }
  }
  return { files, faults }
}

/** A path as short as it can be said from the working directory. */
export function shortPath(file: string, cwd = process.cwd()): string {
  const short = relative(cwd, file)
  return short.startsWith('..') || short === '' ? file : short
}

async function namesIn(folder: string, failed: (reason: string) => void): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    failed((error as NodeJS.ErrnoException).code ?? String(error))
    return []
  }
}
