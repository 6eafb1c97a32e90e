import fs from 'node:fs'
import path from 'node:path'
import { TrestleError } from '../contract/error.ts'

interface Owner {
  readonly pid: number
  /** What tells this process from a later one with the same id; null where the system does not say. */
  readonly started: string | null
}

/**
 * Takes a folder for this process and answers the function that gives it free. What a killed process left behind does
 * not block: an owner that lives no more, or whose id another process has now, is replaced. *Errors*: E506.
 */
export function lockFolder(folder: string): () => void {
  const file = path.join(folder, 'lock')
  const mine: Owner = { pid: process.pid, started: startOf(process.pid) }
  const draft = path.join(folder, `lock.${process.pid}`)
  try {
    fs.writeFileSync(draft, JSON.stringify(mine))
    if (!link(draft, file)) {
      const owner = readOwner(file)
      if (owner !== null && isAlive(owner)) throw inUse(folder, owner.pid)
      fs.rmSync(file, { force: true })
      if (!link(draft, file)) throw inUse(folder, readOwner(file)?.pid ?? 0)
    }
  } finally {
    fs.rmSync(draft, { force: true })
  }
  return () => fs.rmSync(file, { force: true })
}

const inUse = (folder: string, pid: number): TrestleError =>
  new TrestleError('E506', `the data folder is in use by process ${pid}`, {
    detail: { place: folder, advice: 'stop the other hub, or give this one a data folder of its own' },
  })

/** A hard link appears whole or not at all, unlike a file that is made and then written. */
function link(draft: string, file: string): boolean {
  try {
    fs.linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function readOwner(file: string): Owner | null {
  try {
    const owner = JSON.parse(fs.readFileSync(file, 'utf8')) as Owner
    return Number.isSafeInteger(owner.pid) && owner.pid > 0 ? owner : null
  } catch (error) {
    // Unreadable or gone: nobody who lives wrote it.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function isAlive(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const started = startOf(owner.pid)
  return started === null || owner.started === null || started === owner.started
}

/** Boot and start tick of a process. *Source*: proc(5), `/proc/<pid>/stat` field 22. */
function startOf(pid: number): string | null {
  try {
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the command in parentheses and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return `${boot}/${fields[19]}`
  } catch {
    return null
  }
}
