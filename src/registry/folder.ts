import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { Fault } from '../document/fault.ts'
import { formatOfExtension } from './formats/formats.ts'
import type { SchemaFormat } from './schema.ts'
import { sparkplugSubject } from './sparkplug-subject.ts'
import { SubjectFile } from './subject-file.ts'

/** A schema as it lies in `schemas/`. */
export interface SchemaFile {
  readonly subject: string
  readonly version: number
  readonly format: SchemaFormat
  readonly file: string
  readonly text: string
}

/** A subject's folder. */
export interface SubjectFolder {
  readonly subject: string
  readonly about: SubjectFile
  /** Ascending. */
  readonly files: readonly SchemaFile[]
}

/** The file of a subject's folder that is no schema. */
export const subjectFileName = 'subject.yaml'

/**
 * Reads `<subject>/<version>.<json|avsc|proto>` and `<subject>/subject.yaml` of a folder; one that is not there holds none.
 * *Errors*: as faults, E301, E302.
 */
export function readSchemaFolder(folder: string, faults: Fault[]): SubjectFolder[] {
  const found: SubjectFolder[] = []
  for (const entry of entriesOf(folder, faults)) {
    const path = join(folder, entry.name)
    if (!entry.isDirectory()) {
      if (!isProse(entry.name))
        faults.push(
          atStart(path, 'a schema lies in the folder of its subject: <subject>/<version>.json (.avsc, .proto)'),
        )
    } else if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(entry.name)) {
      faults.push(atStart(path, 'a subject is named by letters, digits, `_`, `-` and `.`'))
    } else if (entry.name === sparkplugSubject) {
      faults.push(atStart(path, `the subject ${sparkplugSubject} is built in`))
    } else found.push(readSubject(entry.name, path, faults))
  }
  return found
}

function readSubject(subject: string, folder: string, faults: Fault[]): SubjectFolder {
  const files = new Map<number, SchemaFile>()
  let about = new SubjectFile(null)
  for (const { name } of entriesOf(folder, faults)) {
    const file = join(folder, name)
    const version = /^[1-9]\d{0,8}(?=\.[a-z]+$)/.exec(name)?.[0]
    const format = formatOfExtension(extname(name).slice(1))
    if (name === subjectFileName) about = SubjectFile.read(file, faults)
    else if (version !== undefined && format !== null) {
      const other = files.get(Number(version))
      const text = readText(file, faults)
      if (other !== undefined) faults.push(atStart(file, `version ${version} is in ${other.file} already`))
      else if (text !== null)
        files.set(Number(version), { subject, version: Number(version), format: format.name, file, text })
    } else if (!isProse(name))
      faults.push(atStart(file, 'not a schema file: expected <version>.json (.avsc, .proto), as 1.json'))
  }
  for (const version of about.versions) {
    const fault = files.has(version)
      ? null
      : about.faultAt(['versions', String(version)], 'E301', `there is no version ${version} in this folder`)
    if (fault !== null) faults.push(fault)
  }
  return { subject, about, files: [...files.values()].sort((a, b) => a.version - b.version) }
}

export const atStart = (file: string, message: string, code: Fault['code'] = 'E301'): Fault => ({
  file,
  line: 1,
  column: 1,
  code,
  message,
})

const isProse = (name: string): boolean => name.startsWith('.') || name.endsWith('.md')

function entriesOf(folder: string, faults: Fault[]) {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (thrown) {
    const error = thrown as NodeJS.ErrnoException
    if (error.code !== 'ENOENT') faults.push(atStart(folder, error.message))
    return []
  }
}

function readText(file: string, faults: Fault[]): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    faults.push(atStart(file, (thrown as Error).message))
    return null
  }
}
