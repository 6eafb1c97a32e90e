import { createHmac, randomBytes } from 'node:crypto'
import { Reason } from '../../codec/reason.ts'
import type { Access, Admission, ConnectInfo, Principal } from '../access.ts'
import { type AccessRule, OwnRules, type Someone } from '../access-rule.ts'
import { isPassword, nobodysHash } from '../password.ts'
import type { Users } from '../users.ts'

export interface FileAccessOptions {
  /** Whether those who say no name come in. */
  readonly anonymous: boolean
  /** null: names are not checked, and count for nothing in rules. */
  readonly users: Users | null
  /** null: everybody who is in may do everything but publish below `$SYS`. */
  readonly rules: readonly AccessRule[] | null
}

/** Passwords that were right once are known by their digest, so that thousands who come back cost no thousand hashes. */
const maxRemembered = 100_000

/** One who is in, with the rules that concern it. */
class Member implements Principal {
  readonly clientId: string
  readonly username: string | null
  readonly someone: Someone
  rules: OwnRules | null = null
  version = -1

  constructor(clientId: string, username: string | null, someone: Someone) {
    this.clientId = clientId
    this.username = username
    this.someone = someone
  }
}

/**
 * Users and rules from files. A client with a certificate comes in by that, one that says a name by its password, and
 * any other only if `anonymous` says so. Only a name that was proven, by password or certificate, counts in rules.
 */
export class FileAccess implements Access {
  version = 0
  #options: FileAccessOptions
  /** Forgotten with the process: digests are of no use to others. */
  readonly #secret = randomBytes(32)
  readonly #remembered = new Map<string, string>()

  constructor(options: FileAccessOptions) {
    this.#options = options
  }

  /** From now on these hold, also for those who are in; nobody is thrown out. */
  replace(options: FileAccessOptions): void {
    this.#options = options
    this.#remembered.clear()
    this.version++
  }

  authenticate(info: ConnectInfo): Admission | Promise<Admission> {
    const { anonymous, users } = this.#options
    if (info.isNamedByCertificate) return admit(info, true)
    if (info.username !== null && users !== null) return this.#checkPassword(info, info.username, users)
    if (info.isCertified || anonymous) return admit(info, false)
    return { refused: Reason.NotAuthorized, why: 'a user name and a password are needed' }
  }

  mayPublish(who: Principal, topic: string): boolean {
    if (topic.startsWith('$SYS/')) return false
    return this.#options.rules === null || this.#rulesOf(who, this.#options.rules).mayPublish(topic)
  }

  maySubscribe(who: Principal, filter: string): boolean {
    return this.#options.rules === null || this.#rulesOf(who, this.#options.rules).maySubscribe(filter)
  }

  #rulesOf(who: Principal, rules: readonly AccessRule[]): OwnRules {
    // One who is gone, whose will comes now: where names are checked, the one it has is its own.
    if (!(who instanceof Member)) {
      const username = this.#options.users === null ? undefined : who.username
      return new OwnRules(rules, { clientId: who.clientId, username, address: undefined, listener: undefined })
    }
    if (who.rules === null || who.version !== this.version) {
      who.rules = new OwnRules(rules, who.someone)
      who.version = this.version
    }
    return who.rules
  }

  async #checkPassword(info: ConnectInfo, name: string, users: Users): Promise<Admission> {
    const kept = users.get(name) ?? nobodysHash
    const password = info.password ?? Buffer.alloc(0)
    const digest = createHmac('sha256', this.#secret).update(kept.text).update('\0').update(password).digest('base64')
    if (this.#remembered.get(name) !== digest) {
      if (!(await isPassword(kept, password)) || info.password === null) {
        return { refused: Reason.BadUsernameOrPassword, why: 'user name or password is wrong' }
      }
      if (this.#remembered.size >= maxRemembered) this.#remembered.clear()
      // Users may have been exchanged while the hash was made: what was right then may not be now.
      if (this.#options.users === users) this.#remembered.set(name, digest)
    }
    return admit(info, true)
  }
}

const admit = ({ clientId, username, remoteAddress, listener }: ConnectInfo, isProven: boolean): Admission => ({
  principal: new Member(clientId, username, {
    clientId,
    username: isProven ? username : null,
    address: remoteAddress,
    listener,
  }),
})
