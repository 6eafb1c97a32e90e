import { type Code, type Retry, TrestleError } from 'trestle/contract'

/** What the system's error codes mean to the hub; nothing here is the fault of a message, so nothing is `never`. */
const meanings: Readonly<Record<string, [code: Code, retry: Retry, advice: string]>> = {
  ENOSPC: ['E607', 'later', 'free some space'],
  EDQUOT: ['E607', 'later', 'raise the quota'],
  EFBIG: ['E607', 'later', 'set rotate_size_bytes below what the file system takes'],
  EMFILE: ['E607', 'later', 'raise the limit of open files'],
  ENFILE: ['E607', 'later', 'raise the limit of open files'],
  EACCES: ['E603', 'later', 'let the user of the hub write there'],
  EPERM: ['E603', 'later', 'let the user of the hub write there'],
  EROFS: ['E603', 'later', 'mount it for writing'],
  ENOENT: ['E601', 'reconnect', 'the folder is gone; it is made anew'],
  ENOTDIR: ['E601', 'reconnect', 'a part of the path is a file'],
  EISDIR: ['E604', 'later', 'a folder has the name of the file'],
  ENAMETOOLONG: ['E604', 'later', 'choose a shorter name'],
  ESTALE: ['E601', 'reconnect', 'mount the file system again'],
  EIO: ['E608', 'reconnect', 'check the disk'],
}

/** Whatever the file system threw, as a TrestleError. */
export function fromThrown(thrown: unknown, place: string): TrestleError {
  if (thrown instanceof TrestleError) return thrown
  const { code, message } = thrown as NodeJS.ErrnoException
  const [ours, retry, advice] = meanings[code ?? ''] ?? ['E608', 'reconnect', 'see the log of the system']
  const words = message ?? String(thrown)
  return new TrestleError(ours, `${place}: ${words}`, { retry, detail: { place, advice }, cause: thrown })
}

/** The name of a file as a message decided it is no name below the folder: sending it again cannot help. */
export const badName = (name: string): TrestleError =>
  new TrestleError('E606', `\`${name}\` is not a file below the path of the connector`, {
    detail: { advice: 'use a relative path without `..`' },
  })
