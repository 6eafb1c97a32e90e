import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** Where fetched and built servers are kept between runs, outside the checkout. */
export const cacheFolder = (): string =>
  process.env['TRESTLE_SERVICES_CACHE'] ?? join(homedir(), '.cache', 'trestle-services')

/** The folder `name` of the cache; built whole in a folder beside it and renamed, so a half one is never seen. */
export async function cached(name: string, build: (folder: string) => Promise<void>): Promise<string> {
  const target = join(cacheFolder(), name)
  if (await exists(target)) return target
  await mkdir(dirname(target), { recursive: true })
  const draft = await mkdtemp(join(dirname(target), `.${basename(target)}-`))
  try {
    await build(draft)
    await rename(draft, target)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    // Another process may have been quicker: then its folder serves.
    if (!(await exists(target))) throw error
  }
  return target
}

export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
