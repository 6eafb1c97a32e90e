import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './cache.ts'
import { freePorts, type Server, startProcess, waitFor } from './process.ts'
import { needTools } from './tools.ts'

const run = promisify(execFile)
const version = '1.21.5'

export interface ReductServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly token: string
  readonly pid: number
  stop(): Promise<void>
  /** Ends it by a signal and keeps its data. */
  end(signal: NodeJS.Signals): Promise<void>
  /** `kill -9`. */
  kill(): Promise<void>
  /** Starts it again after `kill`, with the same folder and port. */
  restart(): Promise<void>
}

/** The built server's file; compiled once, which takes minutes. */
export async function needReductStore(progress: (line: string) => void = () => {}): Promise<string> {
  const folder = await cached(`reductstore-${version}`, async (draft) => {
    await needTools(
      [
        { command: 'cargo', packages: ['cargo'] },
        { command: 'protoc', packages: ['protobuf-compiler'] },
      ],
      progress,
    )
    progress(`compiling reductstore ${version}, about 5 minutes`)
    const args = ['install', 'reductstore', '--version', version, '--no-default-features', '--features', 'fs-backend']
    await run('cargo', [...args, '--root', draft], { maxBuffer: 1 << 26 })
  })
  return join(folder, 'bin', 'reductstore')
}

/** A real ReductStore on 127.0.0.1 with a fresh data folder; `env` are settings of it (`RS_…`). */
export async function startReductStore(env: Readonly<Record<string, string>> = {}): Promise<ReductServer> {
  const binary = await needReductStore()
  const folder = await mkdtemp(join(tmpdir(), 'trestle-reductstore-'))
  const [port] = (await freePorts(1)) as [number]
  const token = 'secret'
  const url = `${env['RS_CERT_PATH'] === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  const settings = { RS_DATA_PATH: folder, RS_HOST: '127.0.0.1', RS_PORT: String(port), RS_API_TOKEN: token, ...env }
  const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const start = (): Server => startProcess('env', [...words, binary])
  let server = start()
  const ready = async (): Promise<void> => {
    await waitFor('ReductStore to answer', 30_000, async () => {
      // Over TLS an open port must do: nothing is asked of it before.
      if (url.startsWith('https')) return listens(port)
      const headers = { authorization: `Bearer ${token}` }
      const answer = await fetch(`${url}/api/v1/info`, { headers }).catch(() => null)
      return answer?.status === 200
    }).catch(async (error: Error) => {
      await server.end('SIGKILL')
      throw new Error(`${error.message}:\n${server.output()}`)
    })
  }
  await ready()
  return {
    url,
    token,
    get pid() {
      return server.pid
    },
    async stop() {
      await server.end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
    end: (signal) => server.end(signal),
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
    const socket = connect({ port, host: '127.0.0.1' })
    const answer = (there: boolean): void => {
      socket.destroy()
      settle(there)
    }
    socket.on('connect', () => answer(true))
    socket.on('error', () => answer(false))
  })
}
