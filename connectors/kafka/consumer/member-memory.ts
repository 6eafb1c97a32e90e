import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConnectorContext } from 'trestle/contract'
import type { KafkaSourceOptions } from '../source-options.ts'

/** Ids of members that could not leave, by file name; also where there is no such file. */
const remembered = new Map<string, string>()

/**
 * Remembers the id under which a source is a member of its group, in a file of the connector's folder, until it has left.
 * Who comes back after a crash or a lost broker joins under it again: otherwise the group would wait for the one that is
 * gone until its session ends, and nothing would flow meanwhile.
 */
export class MemberMemory {
  readonly #context: ConnectorContext
  readonly #path: string
  #kept = ''

  constructor(options: KafkaSourceOptions, context: ConnectorContext) {
    this.#context = context
    const { group, topics, publish } = options
    const name = createHash('sha256')
      .update(JSON.stringify([group, topics, publish]))
      .digest('hex')
      .slice(0, 16)
    this.#path = join(context.folder, `member-${name}`)
  }

  /** The id, once: two sources that look the same must not be one member. Empty when there is none. */
  async recall(): Promise<string> {
    const known = remembered.get(this.#path)
    remembered.set(this.#path, '')
    if (known !== undefined) return known
    // Without the file it is a new member.
    return readFile(this.#path, 'utf8').catch(() => '')
  }

  keep(memberId: string): void {
    if (memberId === this.#kept) return
    this.#kept = memberId
    writeFile(this.#path, memberId).catch((thrown: Error) => {
      this.#context.log('debug', 'kafka.member-not-kept', { why: thrown.message })
    })
  }

  /** It is closed without having left. */
  leave(): void {
    if (this.#kept !== '') remembered.set(this.#path, this.#kept)
  }

  /** It has left: the id is of no use any more. */
  async forget(): Promise<void> {
    this.#kept = ''
    remembered.delete(this.#path)
    await rm(this.#path, { force: true })
  }
}
