import { execFile } from 'node:child_process'
import { access, constants, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Where a command is on the search path, Debian's server folders included; null when it is not there. */
export async function findTool(name: string): Promise<string | null> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  for (const folder of folders) {
    const path = join(folder, name)
    const there = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (there) return path
  }
  return null
}

export interface Tool {
  /** The command that must be found. */
  command: string
  /** Debian packages that bring it, the first that can be had is taken. */
  packages: readonly string[]
}

let listsAreFresh = false

/**
 * Sees that the tools are there; as root on a Debian machine it installs what is missing.
 * *Errors*: one sentence that says what is missing and how to get it.
 */
export async function needTools(tools: readonly Tool[], progress: (line: string) => void): Promise<void> {
  for (const tool of tools) {
    if ((await findTool(tool.command)) !== null) continue
    const apt = await findTool('apt-get')
    const hint = `${tool.command} is not installed (on Debian: apt-get install --no-install-recommends ${tool.packages[0]})`
    if (apt === null || process.getuid?.() !== 0) throw new Error(hint)
    progress(`installing ${tool.packages[0]}`)
    await install(apt, tool.packages).catch((error: Error) => {
      throw new Error(`${hint}; apt-get says: ${error.message}`)
    })
  }
}

async function install(apt: string, packages: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  if (!listsAreFresh) await run(apt, ['update', '-qq'], { env })
  listsAreFresh = true
  const allowServices = await forbidServices()
  let last: unknown
  try {
    for (const name of packages) {
      try {
        await run(apt, ['install', '-y', '-qq', '--no-install-recommends', name], { env, maxBuffer: 1 << 26 })
        return
      } catch (error) {
        last = error
      }
    }
  } finally {
    await allowServices()
  }
  throw last
}

/**
 * Debian starts the servers it installs, a mosquitto on the hub's own port among them; its `policy-rc.d` says no.
 * A file that is already there stays as it is.
 */
async function forbidServices(): Promise<() => Promise<void>> {
  const policy = '/usr/sbin/policy-rc.d'
  try {
    await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return async () => {}
  }
  return () => rm(policy)
}
