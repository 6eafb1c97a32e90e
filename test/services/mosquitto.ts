import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Certificate } from './certificates.ts'
import { freePorts, startProcess, waitFor } from './process.ts'
import { findTool, needTools } from './tools.ts'

const run = promisify(execFile)

export interface MosquittoServer {
  /** On 127.0.0.1. */
  readonly port: number
  /** 0 where the options do not ask for it. */
  readonly tlsPort: number
  readonly webSocketPort: number
  readonly pid: number
  /** What it printed. */
  output(): string
  stop(): Promise<void>
  /** `kill -9`. */
  kill(): Promise<void>
  /** SIGTERM: it may tidy up. Its files stay for `start`. */
  end(): Promise<void>
  /** Starts it again on the same ports, after `kill` or `end`. */
  start(): Promise<void>
  /** `kill` and `start`. */
  restart(): Promise<void>
}

export interface MosquittoOptions {
  /** Lines of mosquitto.conf to add; they stand in front of the listeners. */
  settings?: readonly string[]
  /** Another build of it. */
  binary?: string
  /** A further listener with TLS. */
  tls?: Certificate
  /** A further listener with WebSocket. */
  webSocket?: boolean
  /** Passwords by user; without it everybody may come. */
  users?: Readonly<Record<string, string>>
  /** Lines of an ACL file. */
  acl?: readonly string[]
  /** Sessions, retained and queued messages are on disk after every change. */
  persistent?: boolean
}

export const needMosquitto = (progress: (line: string) => void = () => {}): Promise<void> =>
  needTools(
    [
      { command: 'mosquitto', packages: ['mosquitto'] },
      { command: 'mosquitto_sub', packages: ['mosquitto-clients'] },
    ],
    progress,
  )

/** A mosquitto on 127.0.0.1. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<MosquittoServer> {
  if (options.binary === undefined) await needMosquitto()
  const binary = options.binary ?? (await findTool('mosquitto'))!
  const folder = await mkdtemp(join(options.persistent ? await quickFolder() : tmpdir(), 'trestle-mosquitto-'))
  const [port, tlsPort, webSocketPort] = (await freePorts(3)) as [number, number, number]
  const lines = await configure(options, folder)
  lines.push(`listener ${port} 127.0.0.1`)
  if (options.webSocket) lines.push(`listener ${webSocketPort} 127.0.0.1`, 'protocol websockets')
  if (options.tls) {
    const { certFile, keyFile } = options.tls
    lines.push(`listener ${tlsPort} 127.0.0.1`, `certfile ${certFile}`, `keyfile ${keyFile}`)
  }
  const file = join(folder, 'mosquitto.conf')
  await writeFile(file, `${lines.join('\n')}\n`)
  const begin = () => startProcess(binary, ['-c', file])
  let server = begin()
  const ready = () => waitFor('mosquitto to listen', 10_000, () => listens(port))
  await ready().catch((error: Error) => {
    throw new Error(`${error.message}:\n${server.output()}`)
  })
  return {
    port,
    tlsPort: options.tls ? tlsPort : 0,
    webSocketPort: options.webSocket ? webSocketPort : 0,
    get pid() {
      return server.pid
    },
    output: () => server.output(),
    async stop() {
      await server.end('SIGTERM')
      await rm(folder, { recursive: true, force: true })
    },
    kill: () => server.end('SIGKILL'),
    end: () => server.end('SIGTERM'),
    async start() {
      server = begin()
      await ready()
    },
    async restart() {
      await server.end('SIGKILL')
      server = begin()
      await ready()
    },
  }
}

/**
 * A folder in memory where there is one: after every change Mosquitto writes all it has and waits for the disk, which on a
 * slow one leaves it 100 messages/s. Files of a process that is killed stay there too.
 */
const quickFolder = (): Promise<string> =>
  access('/dev/shm', constants.W_OK).then(
    () => '/dev/shm',
    () => tmpdir(),
  )

/** What stands before the listeners. */
async function configure(options: MosquittoOptions, folder: string): Promise<string[]> {
  const lines = ['max_queued_messages 0', 'max_inflight_messages 0', 'set_tcp_nodelay true']
  // As root it would become another user, who may not read the folder.
  if (process.getuid?.() === 0) lines.push('user root')
  if (options.users === undefined) lines.push('allow_anonymous true')
  else {
    const file = join(folder, 'passwords')
    const users = Object.entries(options.users).map(([user, password]) => `${user}:${password}\n`)
    await writeFile(file, users.join(''), { mode: 0o600 })
    await run((await findTool('mosquitto_passwd'))!, ['-U', file])
    lines.push('allow_anonymous false', `password_file ${file}`)
  }
  if (options.acl !== undefined) {
    const file = join(folder, 'acl')
    await writeFile(file, `${options.acl.join('\n')}\n`, { mode: 0o600 })
    lines.push(`acl_file ${file}`)
  }
  if (options.persistent) {
    lines.push('persistence true', `persistence_location ${folder}/`, 'autosave_on_changes true', 'autosave_interval 1')
  }
  return [...lines, ...(options.settings ?? [])]
}

function listens(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    const answer = (there: boolean): void => {
      socket.destroy()
      settle(there)
    }
    socket.on('connect', () => answer(true))
    socket.on('error', () => answer(false))
  })
}
