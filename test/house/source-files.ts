/** The repository as the house tests see it: its files, and which of them import which. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Folders that hold nothing of ours. */
const notOurs = new Set(['node_modules', 'dist', '.git', 'data', 'coverage', '.cache'])

/** Every file below the given folders (or the whole repository), by its path from the root, sorted. */
export function filesBelow(...folders: string[]): string[] {
  const walk = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return notOurs.has(entry.name) ? [] : walk(path)
      return entry.isFile() ? [path] : []
    })
  return (folders.length === 0 ? [''] : folders)
    .flatMap((folder) => (existsSync(join(root, folder)) ? walk(folder) : []))
    .sort()
}

export const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')

/** One import of a file: where it stands, what it names, and the file it leads to when that is one of ours. */
export interface Import {
  file: string
  line: number
  specifier: string
  /** Path from the root; null for a package or a Node module. */
  target: string | null
}

const forms = [
  // import … from, export … from (also `import type`), over several lines; formatted sources begin them in the first column.
  /^(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^import\s*['"]([^'"]+)['"]/gm,
  // import('…'), as a value and as a type.
  /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
  // The file of a worker thread.
  /\bnew URL\(\s*['"](\.[^'"]+\.ts)['"]\s*,\s*import\.meta\.url\s*\)/g,
]

/** All imports of a file: of values, of types, on demand, and of worker threads. */
export function importsOf(file: string): Import[] {
  const text = textOf(file)
  return forms.flatMap((form) =>
    [...text.matchAll(form)].map((match) => {
      const specifier = match[1]!
      const line = text.slice(0, match.index).split('\n').length
      return { file, line, specifier, target: targetOf(file, specifier) }
    }),
  )
}

function targetOf(file: string, specifier: string): string | null {
  if (specifier === 'trestle/contract') return join('src', 'contract', 'index.ts')
  if (specifier === 'trestle') return join('src', 'index.ts')
  return specifier.startsWith('.') ? relative(root, resolve(root, dirname(file), specifier)) : null
}

/** Where a finding is, as an editor opens it. */
export const place = ({ file, line }: { file: string; line: number }): string => `${file}:${line}`

/** A failure message: one finding a line. */
export const listed = (headline: string, findings: readonly string[]): string =>
  `${headline}\n${findings.map((finding) => `  ${finding}`).join('\n')}`
