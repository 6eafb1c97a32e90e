import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Fault } from '../document/fault.ts'
import type { DocumentPath, SourceDocument } from '../document/source-document.ts'

export interface References {
  /** The value with every reference replaced. */
  value: unknown
  /** What the references stand for. */
  secrets: Set<string>
  /** E106 for each that stands for nothing. */
  faults: Fault[]
  /** The values they are in; what else is wrong with those cannot be told. */
  unresolved: DocumentPath[]
}

interface Sources {
  env: Readonly<Record<string, string | undefined>>
  /** What relative paths are relative to. */
  folder: string
  /** A whole-string reference as the kind of value its field wants. */
  read(text: string, path: DocumentPath): unknown
}

/**
 * Replaces `${env:NAME}` by the environment's variable and `${file:PATH}` by the file's content (without the line
 * break at its end), anywhere in a string. `$${` stands for `${`, and is needed only before `env:` and `file:`.
 */
export async function resolveReferences(document: SourceDocument, sources: Sources): Promise<References> {
  const secrets = new Set<string>()
  const faults: Fault[] = []
  const unresolved: DocumentPath[] = []

  async function walk(value: unknown, path: DocumentPath): Promise<unknown> {
    if (typeof value === 'string') return value.includes('${') ? fill(value, path) : value
    if (Array.isArray(value)) return Promise.all(value.map((item, index) => walk(item, [...path, index])))
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value).map(async ([key, item]) => [key, await walk(item, [...path, key])] as const)
    return Object.fromEntries(await Promise.all(entries))
  }

  async function fill(text: string, path: DocumentPath): Promise<unknown> {
    let filled = ''
    let end = 0
    for (const match of text.matchAll(reference)) {
      const content = match[1] !== undefined ? match[0].slice(1) : await look(match, path)
      filled += text.slice(end, match.index) + content
      end = match.index + match[0].length
    }
    filled += text.slice(end)
    const whole = end === text.length && text.startsWith('${') && text.indexOf('${', 1) === -1
    return whole ? sources.read(filled, path) : filled
  }

  async function look(match: RegExpExecArray, path: DocumentPath): Promise<string> {
    const [, , kind, name = ''] = match
    const found = kind === 'env' ? sources.env[name] : await content(resolve(sources.folder, name))
    if (typeof found === 'string') {
      if (found !== '') secrets.add(found)
      return found
    }
    const message =
      kind === 'env'
        ? `the environment has no variable ${name}`
        : `cannot read the secret file ${name}: ${found?.reason}`
    unresolved.push(path)
    faults.push({ file: document.file, ...document.at(path, match.index), code: 'E106', message })
    return ''
  }

  const value = await walk(document.value, [])
  return { value, secrets, faults, unresolved }
}

const reference = /(\$)?\$\{(env|file):([^}]*)\}/g

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  EACCES: 'not permitted',
  EISDIR: 'it is a folder',
}

async function content(file: string): Promise<string | { reason: string }> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    return { reason: reasons[code] ?? code }
  }
}
