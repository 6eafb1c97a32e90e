import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, startProcess, waitFor } from './process.ts'
import { findTool, needTools } from './tools.ts'

export interface MosquittoServer {
  /** On 127.0.0.1. */
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
  kill(): Promise<void>
  restart(): Promise<void>
}

export const needMosquitto = (progress: (line: string) => void = () => {}): Promise<void> =>
  needTools([{ command: 'mosquitto', packages: ['mosquitto'] }], progress)

/** A mosquitto on 127.0.0.1; `settings` are lines of mosquitto.conf to add, `binary` another build of it. */
export async function startMosquitto(
  options: { settings?: readonly string[]; binary?: string } = {},
): Promise<MosquittoServer> {
  if (options.binary === undefined) await needMosquitto()
  const binary = options.binary ?? (await findTool('mosquitto'))!
  const folder = await mkdtemp(join(tmpdir(), 'trestle-mosquitto-'))
  const [port] = (await freePorts(1)) as [number]
  const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'max_queued_messages 0']
  lines.push('max_inflight_messages 0', 'set_tcp_nodelay true', ...(options.settings ?? []))
  const file = join(folder, 'mosquitto.conf')
  await writeFile(file, `${lines.join('\n')}\n`)
  const start = () => startProcess(binary, ['-c', file])
  let server = start()
  const ready = () => waitFor('mosquitto to listen', 10_000, () => listens(port))
  await ready()
  return {
    port,
    get pid() {
      return server.pid
    },
    async stop() {
      await server.end('SIGTERM')
      await rm(folder, { recursive: true, force: true })
    },
    kill: () => server.end('SIGKILL'),
    async restart() {
      await server.end('SIGKILL')
      server = start()
      await ready()
    },
  }
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
