import { type PasswordHash, readPasswordHash } from './password.ts'

export type Users = ReadonlyMap<string, PasswordHash>

/** What is wrong with a line of a file of users. */
export interface UserFault {
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Reads `name:hash` lines, as `trestle passwd` and mosquitto_passwd write them; blank lines and those with # in front are left out. */
export function readUsers(text: string): { users: Users; faults: UserFault[] } {
  const users = new Map<string, PasswordHash>()
  const faults: UserFault[] = []
  for (const [index, whole] of text.split('\n').entries()) {
    const row = whole.replace(/\r$/, '')
    if (row.trim() === '' || row.startsWith('#')) continue
    const colon = row.indexOf(':')
    const tell = (column: number, message: string) => faults.push({ line: index + 1, column, message })
    const name = row.slice(0, colon)
    const hash = readPasswordHash(row.slice(colon + 1))
    if (colon < 1 || userNameFault(name) !== null)
      tell(1, `expected name:hash; ${userNameFault(name) ?? 'there is no name'}`)
    else if (users.has(name)) tell(1, `the user ${name} stands here twice`)
    else if (hash === null)
      tell(colon + 2, `the password of ${name} is not hashed in a form that is known; write it with \`trestle passwd\``)
    else users.set(name, hash)
  }
  return { users, faults }
}

/** What is wrong with a name; null when nothing is. */
export const userNameFault = (name: string): string | null =>
  name === ''
    ? 'there is no name'
    : /[:\p{Cc}]/u.test(name) || name.startsWith('#')
      ? 'a name has no colon, no control character and no # in front'
      : null
