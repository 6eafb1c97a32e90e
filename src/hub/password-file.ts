import { randomBytes } from 'node:crypto'
import { readFile, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { hashPassword } from '../broker/access/password.ts'
import { userNameFault } from '../broker/access/users.ts'
import { TrestleError } from '../contract/error.ts'

/**
 * Sets the password of a user in a file of users, or takes the user out (`password` null). All other lines stay as they
 * are; the file is exchanged in one step, readable by its owner only where it is new. *Errors*: E703, E702, E101.
 */
export async function editPasswordFile(
  file: string,
  name: string,
  password: string | null,
): Promise<'added' | 'changed' | 'removed'> {
  const fault = userNameFault(name)
  if (fault !== null) throw new TrestleError('E703', `${name}: ${fault}`)
  if (password === '') throw new TrestleError('E703', 'the password is empty')
  const text = await contentOf(file)
  const lines = text.split('\n')
  const at = lines.findIndex((line) => line.startsWith(`${name}:`))
  if (password === null && at === -1) throw new TrestleError('E702', `${file} has no user ${name}`)
  const line = password === null ? [] : [`${name}:${await hashPassword(password)}`]
  if (at === -1) lines.splice(lines.at(-1) === '' ? lines.length - 1 : lines.length, 0, ...line)
  else lines.splice(at, 1, ...line)
  await exchange(file, `${lines.join('\n').replace(/\n*$/, '')}\n`)
  return password === null ? 'removed' : at === -1 ? 'added' : 'changed'
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw unusable(file, error as Error)
  }
}

async function exchange(file: string, text: string): Promise<void> {
  const beside = `${file}.${randomBytes(4).toString('hex')}`
  try {
    const mode = await stat(file).then(
      (found) => found.mode & 0o777,
      () => 0o600,
    )
    await writeFile(beside, text, { mode, flag: 'wx' })
    await rename(beside, file)
  } catch (error) {
    await unlink(beside).catch(() => null)
    throw unusable(file, error as Error)
  }
}

const unusable = (file: string, cause: Error): TrestleError =>
  new TrestleError('E101', `${file} cannot be read or written: ${cause.message}`, { cause })
