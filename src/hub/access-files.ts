import { readFile } from 'node:fs/promises'
import type { AccessRule } from '../broker/access/access-rule.ts'
import { FileAccess, type FileAccessOptions } from '../broker/access/providers/file.ts'
import { readUsers, type Users } from '../broker/access/users.ts'
import { TrestleError } from '../contract/error.ts'
import { type Fault, printFault } from '../document/fault.ts'
import { readAccessRules } from '../settings/access-rules.ts'
import type { AccessRuleEntry } from '../settings/access-schema.ts'
import { shortPath } from '../settings/rule-files.ts'
import type { Settings } from '../settings/settings.ts'
import { topicFilterFault } from '../topic/filter.ts'

/** Who may come in and do what, from the files that the settings name; they are read anew on `reload`. */
export class AccessFiles {
  readonly access: FileAccess
  readonly faults: readonly Fault[]
  readonly #settings: Settings['access']

  static async open(settings: Settings['access']): Promise<AccessFiles> {
    return new AccessFiles(settings, await readAll(settings))
  }

  private constructor(settings: Settings['access'], { options, faults }: Read) {
    this.#settings = settings
    this.access = new FileAccess(options)
    this.faults = faults
  }

  /** *Errors*: the first fault's code, all faults in its message; what was read before holds on. */
  async reload(): Promise<void> {
    const { options, faults } = await readAll(this.#settings)
    const [first] = faults
    if (first !== undefined) throw new TrestleError(first.code, faults.map(printFault).join('\n'))
    if (this.#settings.users !== undefined || this.#settings.rules !== undefined) this.access.replace(options)
  }
}

interface Read {
  readonly options: FileAccessOptions
  readonly faults: Fault[]
}

async function readAll({ anonymous, anonymousAnywhere, users, rules }: Settings['access']): Promise<Read> {
  const faults: Fault[] = []
  const texts = await Promise.all([users, rules].map((file) => textOf(file, faults)))
  const [usersText, rulesText] = texts
  const options: FileAccessOptions = {
    anonymous: anonymous || anonymousAnywhere,
    users: usersText === null ? null : usersOf(users!, usersText!, faults),
    rules: rulesText === null ? null : rulesOf(rules!, rulesText!, faults),
  }
  return { options, faults }
}

async function textOf(file: string | undefined, faults: Fault[]): Promise<string | null> {
  if (file === undefined) return null
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : `cannot be read: ${message}`
    faults.push({ file: shortPath(file), line: 1, column: 1, code: 'E101', message: why })
    return null
  }
}

function usersOf(file: string, text: string, faults: Fault[]): Users {
  const read = readUsers(text)
  faults.push(...read.faults.map((fault) => ({ file: shortPath(file), code: 'E104' as const, ...fault })))
  return read.users
}

function rulesOf(file: string, text: string, faults: Fault[]): AccessRule[] {
  const read = readAccessRules(shortPath(file), text, topicFilterFault)
  faults.push(...read.faults)
  return read.entries.map(ruleOf)
}

const ruleOf = (entry: AccessRuleEntry): AccessRule => ({
  allows: entry.allow !== undefined,
  action: entry.allow ?? entry.deny ?? 'all',
  topics: entry.topics,
  exactly: entry.exactly ?? false,
  username: entry.username ?? null,
  clientId: entry.client_id ?? null,
  address: entry.address ?? null,
  listener: entry.listener ?? null,
})
