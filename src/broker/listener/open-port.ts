import { chmod, lstat, unlink } from 'node:fs/promises'
import { type AddressInfo, connect, type Server } from 'node:net'
import { TrestleError } from '../../contract/error.ts'
import type { ListenerOptions } from './listener.ts'

const backlog = 4096

/** Opens the port or socket, and answers the port. *Errors*: E901 with the place and what to do. */
export async function openPort(server: Server, options: ListenerOptions): Promise<number> {
  if (options.type === 'unix') return await openSocket(server, options)
  const { host = '127.0.0.1', port = 0 } = options
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`
  try {
    await listen(server, { host, port, backlog })
  } catch (cause) {
    throw refusal(place, cause as NodeJS.ErrnoException, 'port')
  }
  return (server.address() as AddressInfo).port
}

/** A socket file that nobody listens on any more, as a crash leaves it, is removed. */
async function openSocket(server: Server, { socket = '', mode = '0600' }: ListenerOptions): Promise<number> {
  try {
    await listenOnFile(server, socket).catch(async (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EADDRINUSE' || !(await isStale(socket))) throw cause
      await unlink(socket)
      await listenOnFile(server, socket)
    })
    await chmod(socket, Number.parseInt(mode, 8))
  } catch (cause) {
    throw refusal(socket, cause as NodeJS.ErrnoException, 'socket')
  }
  return 0
}

async function listenOnFile(server: Server, path: string): Promise<void> {
  // Nobody else may come in between the file's making and its own mode.
  const before = process.umask(0o177)
  try {
    await listen(server, { path, backlog })
  } finally {
    process.umask(before)
  }
}

async function isStale(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false
  return await new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'))
  })
}

function listen(
  server: Server,
  where: { host?: string; port?: number; path?: string; backlog: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function refusal(place: string, cause: NodeJS.ErrnoException, what: 'port' | 'socket'): TrestleError {
  const [why, advice] =
    cause.code === 'EADDRINUSE'
      ? ['is taken', `stop the program that uses it, or set another ${what} for this listener`]
      : cause.code === 'EACCES'
        ? what === 'port'
          ? ['may not be opened by this user', 'choose a port above 1023, or give the program the right']
          : ['may not be made by this user', 'give the program the right to write in its folder']
        : [`cannot be opened (${cause.message})`, `check the address and the ${what} of this listener`]
  return new TrestleError('E901', `${place} ${why}: ${advice}`, { detail: { place, advice }, cause })
}
