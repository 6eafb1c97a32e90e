import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './cache.ts'
import { type Certificate, makeCertificate } from './certificates.ts'
import { freePorts, startProcess, waitFor } from './process.ts'
import { findTool, needTools } from './tools.ts'

const run = promisify(execFile)
const version = '2.15.2'

export interface NatsOptions {
  /** Speaks TLS, with a self-signed certificate that is also the authority for client certificates. */
  tls?: 'offered first' | 'after INFO' | 'with client certificate'
  /** Blocks of the configuration file to add (`authorization { … }`, `max_payload: …`). */
  settings?: string
  /** The binary; the newest version that was built, else Debian's, unless said. */
  binary?: string
  /** A port of the client listener to take; a free one unless said. */
  port?: number
}

/** A real nats-server with JetStream on 127.0.0.1, with a fresh folder. */
export interface NatsServer {
  /** `host:port` of clients. */
  readonly address: string
  readonly port: number
  /** `http://host:port` of the monitoring endpoints (`/varz`, `/jsz` …). */
  readonly monitor: string
  readonly certificate: Certificate | null
  readonly pid: number
  /** Reads a monitoring endpoint. */
  read(path: string): Promise<Record<string, unknown>>
  /** Ends it and removes its data. */
  stop(): Promise<void>
  /** Ends it by a signal and keeps its data. */
  end(signal: NodeJS.Signals): Promise<void>
  /** `kill -9`. */
  kill(): Promise<void>
  /** Starts it again, with the same folder and ports. */
  restart(): Promise<void>
}

/** Builds nats-server where Go is at hand, else sees that Debian's is there; answers its path. */
export async function natsServer(progress: (line: string) => void = () => {}): Promise<string> {
  if ((await findTool('go')) !== null) {
    const built = await cached(`nats-server-${version}`, async (folder) => {
      progress(`building nats-server ${version}`)
      const module = `github.com/nats-io/nats-server/v2@v${version}`
      await run('go', ['install', module], { env: { ...process.env, GOBIN: folder }, maxBuffer: 1 << 26 })
    }).catch((error: Error) => progress(`nats-server ${version} cannot be built: ${error.message}`))
    if (built !== undefined) return join(built, 'nats-server')
  }
  await needTools([{ command: 'nats-server', packages: ['nats-server'] }], progress)
  return (await findTool('nats-server'))!
}

export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const binary = options.binary ?? (await natsServer())
  const folder = await mkdtemp(join(tmpdir(), 'trestle-nats-'))
  const [free, monitorPort] = (await freePorts(2)) as [number, number]
  const port = options.port ?? free
  const certificate = options.tls === undefined ? null : await makeCertificate(folder)
  const file = join(folder, 'server.conf')
  await writeFile(file, settingsText(options, { port, monitorPort, folder }, certificate))
  const start = () => startProcess(binary, ['-c', file])
  let server = start()
  const monitor = `http://127.0.0.1:${monitorPort}`
  const ready = async (): Promise<void> => {
    let ended: string | null = null
    void server.ended.then((how) => {
      ended = how
    })
    await waitFor('nats-server to be healthy', 20_000, async () => {
      if (ended !== null) throw new Error(`nats-server ended (${ended}):\n${server.output()}`)
      return fetch(`${monitor}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      )
    })
  }
  await ready()
  return {
    address: `127.0.0.1:${port}`,
    port,
    monitor,
    certificate,
    get pid() {
      return server.pid
    },
    read: async (path) => (await (await fetch(`${monitor}${path}`)).json()) as Record<string, unknown>,
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

interface Place {
  port: number
  monitorPort: number
  folder: string
}

function settingsText(options: NatsOptions, place: Place, certificate: Certificate | null): string {
  const lines = [
    `listen: "127.0.0.1:${place.port}"`,
    `http: "127.0.0.1:${place.monitorPort}"`,
    `jetstream { store_dir: "${join(place.folder, 'store')}", max_mem: 256MB, max_file: 2GB }`,
  ]
  if (certificate !== null) {
    lines.push('tls {', `  cert_file: "${certificate.certFile}"`, `  key_file: "${certificate.keyFile}"`)
    if (options.tls === 'offered first') lines.push('  handshake_first: true')
    if (options.tls === 'with client certificate') lines.push(`  ca_file: "${certificate.certFile}"`, '  verify: true')
    lines.push('}')
  }
  return `${[...lines, options.settings ?? ''].join('\n')}\n`
}
