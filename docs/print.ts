/**
 * `npm run docs`: prints the pages of `docs/reference` from the program itself.
 * `--check` prints nothing, names what is stale and exits 1 when anything is.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { printPages } from './pages.ts'

const folder = fileURLToPath(new URL('reference', import.meta.url))

/** What in `docs/reference` is not as it would be printed now: pages that differ, are missing, or are no page at all. */
export async function stalePages(pages: ReadonlyMap<string, string>): Promise<string[]> {
  const present = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : []
  const files = present.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const strays = files.filter((file) => !pages.has(file.slice(folder.length + 1).replaceAll('\\', '/')))
  const differing = [...pages].filter(([name, text]) => {
    const file = join(folder, name)
    return !existsSync(file) || readFileSync(file, 'utf8') !== text
  })
  return [...strays.map((file) => file.slice(folder.length + 1)), ...differing.map(([name]) => name)].sort()
}

function write(pages: ReadonlyMap<string, string>, stale: readonly string[]): void {
  for (const name of stale) {
    const file = join(folder, name)
    const text = pages.get(name)
    if (text === undefined) rmSync(file)
    else {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
    console.log(`${text === undefined ? 'removed' : 'printed'} docs/reference/${name}`)
  }
}

if (import.meta.main) {
  const pages = await printPages()
  const stale = await stalePages(pages)
  if (!process.argv.includes('--check')) write(pages, stale)
  else if (stale.length > 0) {
    for (const name of stale) console.error(`docs/reference/${name} is stale; npm run docs prints it anew`)
    process.exitCode = 1
  }
}
