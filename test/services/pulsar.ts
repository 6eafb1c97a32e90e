import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Certificate, makeCertificate } from './certificates.ts'
import { freePorts, type Server, startProcess, waitFor } from './process.ts'
import { pulsarFiles } from './pulsar-files.ts'

const run = promisify(execFile)

export interface PulsarOptions {
  /** Lets the broker drop what a producer sends twice; off by default in Pulsar. */
  dedup?: boolean
  /** Lets a consumer acknowledge single messages of a batch; off by default in Pulsar. */
  batchIndexAck?: boolean
  /** Adds a TLS listener with a self-signed certificate, which is also the one authority for client certificates. */
  tls?: boolean
  /** Lets in who brings a token; `admin` may do everything, other roles what was granted them. */
  tokens?: boolean
  /** Lets in these users by name and password; `admin` as above. */
  users?: Readonly<Record<string, string>>
  /** Lets Java's own producer be used by way of a WebSocket, see `webUrl`. */
  webSocket?: boolean
  maxMessageBytes?: number
  /** Lines of standalone.conf to add or to override. */
  properties?: Readonly<Record<string, string | number | boolean>>
}

/** A real standalone Pulsar on 127.0.0.1 with a fresh data folder. */
export interface PulsarServer {
  /** `pulsar://host:port`, and `pulsar+ssl://host:port`, empty when not asked for. */
  readonly url: string
  readonly tlsUrl: string
  /** `http://host:port` of the admin API. */
  readonly webUrl: string
  readonly certificate: Certificate | null
  readonly pid: number
  /** A token for a role; `expiresInS` may be negative. */
  token(role: string, expiresInS?: number): string
  /** Calls the admin API under `/admin/v2`, as the role `admin`. *Errors*: status and words of the broker. */
  admin(path: string, method?: string, body?: unknown): Promise<unknown>
  /** Calls any path of the web port and answers status and text. */
  web(path: string, method?: string, body?: unknown): Promise<{ status: number; text: string }>
  /** Runs Pulsar's own command line client (`produce`, `consume`) and answers what it printed. */
  cli(args: readonly string[]): Promise<string>
  /** Ends it and removes its data. */
  stop(): Promise<void>
  /** `kill -9`. */
  kill(): Promise<void>
  /** Ends it in an orderly way and keeps its data. */
  shutdown(): Promise<void>
  /** Starts it again after `kill` or `shutdown`, with the same folder and ports. */
  restart(): Promise<void>
}

const opened = ['java.io', 'java.util.zip', 'java.nio', 'jdk.internal.misc', 'jdk.internal.platform']
const javaArgs = [
  ...['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.net.preferIPv4Stack=true'],
  ...opened.flatMap((name) => ['--add-opens', `java.base/${name}=ALL-UNNAMED`]),
  ...['java.management/sun.management', 'jdk.management/com.sun.management.internal'].flatMap((name) => [
    '--add-opens',
    `${name}=ALL-UNNAMED`,
  ]),
  ...['-Dio.netty.tryReflectionSetAccessible=true', '-Dlog4j.configurationFile=log4j2.yaml'],
  ...['-Dpulsar.log.appender=Console', '-Dpulsar.routing.appender.default=Console'],
  ...['-Dpulsar.log.root.level=warn', '-Dpulsar.log.level=warn'],
]
const serverArgs = [
  ...['-Xms256m', '-Xmx512m', '-XX:MaxDirectMemorySize=512m', '-Dlog4j.shutdownHookEnabled=false'],
  '-Dbookkeeper.metadata.bookie.drivers=org.apache.pulsar.metadata.bookkeeper.PulsarMetadataBookieDriver',
  '-Dbookkeeper.metadata.client.drivers=org.apache.pulsar.metadata.bookkeeper.PulsarMetadataClientDriver',
]
const key = Buffer.from('a key that signs the tokens of tests and of nothing else')

export async function startPulsar(options: PulsarOptions = {}): Promise<PulsarServer> {
  const home = await pulsarFiles()
  const folder = await mkdtemp(join(tmpdir(), 'trestle-pulsar-'))
  const [port, webPort, tlsPort, bookiePort] = (await freePorts(4)) as [number, number, number, number]
  const certificate = options.tls ? await makeCertificate(folder) : null
  const file = join(folder, 'standalone.conf')
  const ports = { brokerServicePort: port, webServicePort: webPort }
  const tls = certificate === null ? {} : tlsProperties(certificate, tlsPort)
  const login = await loginProperties(options, folder)
  const base = await readFile(join(home, 'conf', 'standalone.conf'), 'utf8')
  await writeFile(file, withProperties(base, { ...ports, ...tls, ...login, ...ownProperties(options) }))
  await mkdir(join(folder, 'logs'))
  const classPath = `${join(home, 'conf')}:${join(home, 'lib', '*')}`
  const args = [...serverArgs, ...javaArgs, `-Dpulsar.config.file=${file}`, `-Dpulsar.log.dir=${join(folder, 'logs')}`]
  args.push('-cp', classPath, 'org.apache.pulsar.PulsarStandaloneStarter', '--config', file, '-nfw', '-nss')
  args.push('-a', '127.0.0.1', '--metadata-dir', join(folder, 'metadata'))
  args.push('--bookkeeper-dir', join(folder, 'bookkeeper'), '--bookkeeper-port', String(bookiePort))
  const start = (): Server => startProcess('java', args, { cwd: folder })
  const webUrl = `http://127.0.0.1:${webPort}`
  const authorization = adminAuthorization(options)
  const web = (path: string, method = 'GET', body?: unknown) => call(`${webUrl}${path}`, method, body, authorization)
  let server = start()
  const ready = () => waitUntilReady(server, web)
  await ready()
  const url = `pulsar://127.0.0.1:${port}`
  return {
    url,
    tlsUrl: certificate === null ? '' : `pulsar+ssl://127.0.0.1:${tlsPort}`,
    webUrl,
    certificate,
    get pid() {
      return server.pid
    },
    token: makeToken,
    web,
    async admin(path, method = 'GET', body) {
      const { status, text } = await web(`/admin/v2${path}`, method, body)
      if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`)
      return text === '' ? null : JSON.parse(text)
    },
    cli: (words) => runClient(classPath, folder, url, words),
    async stop() {
      await server.end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
    kill: () => server.end('SIGKILL'),
    shutdown: () => server.end('SIGTERM'),
    async restart() {
      await server.end('SIGKILL')
      server = start()
      await ready()
    },
  }
}

type Properties = Readonly<Record<string, string | number | boolean>>

function ownProperties(options: PulsarOptions): Properties {
  return {
    bindAddress: '127.0.0.1',
    advertisedAddress: '127.0.0.1',
    webSocketServiceEnabled: options.webSocket ?? false,
    brokerDeduplicationEnabled: options.dedup ?? false,
    acknowledgmentAtBatchIndexLevelEnabled: options.batchIndexAck ?? false,
    // Positions of subscriptions go to disk every 10 s by default; a killed broker would give back as much again.
    managedLedgerDefaultMarkDeleteRateLimit: 10,
    activeConsumerFailoverDelayTimeMillis: 200,
    brokerDeleteInactiveTopicsEnabled: false,
    brokerShutdownTimeoutMs: 5000,
    metadataStoreSessionTimeoutMillis: 5000,
    managedLedgerCacheSizeMB: 64,
    dbStorage_writeCacheMaxSizeMb: 32,
    dbStorage_readAheadCacheMaxSizeMb: 16,
    dbStorage_rocksDB_blockCacheSize: 16_777_216,
    numHttpServerThreads: 8,
    ...(options.maxMessageBytes === undefined ? {} : { maxMessageSize: options.maxMessageBytes }),
    ...options.properties,
  }
}

/** The file that comes with Pulsar, with our values for its lines and new lines for what it has not. */
function withProperties(base: string, properties: Properties): string {
  const names = new Set(Object.keys(properties))
  const kept = base.split('\n').filter((line) => !names.has(line.split('=', 1)[0]!.trim()))
  return [...kept, ...Object.entries(properties).map(([name, value]) => `${name}=${value}`), ''].join('\n')
}

const tlsProperties = (certificate: Certificate, port: number): Properties => ({
  brokerServicePortTls: port,
  tlsCertificateFilePath: certificate.certFile,
  tlsKeyFilePath: certificate.keyFile,
  tlsTrustCertsFilePath: certificate.certFile,
})

async function loginProperties(options: PulsarOptions, folder: string): Promise<Properties> {
  if (!options.tokens && options.users === undefined) return {}
  const providers: string[] = []
  const properties: Record<string, string | boolean> = {
    authenticationEnabled: true,
    authorizationEnabled: true,
    superUserRoles: 'admin',
  }
  const plugins = 'org.apache.pulsar.client.impl.auth'
  if (options.users !== undefined) {
    providers.push('AuthenticationProviderBasic')
    const file = join(folder, 'htpasswd')
    await writeFile(file, await passwordLines(options.users))
    properties['basicAuthConf'] = `file://${file}`
    properties['brokerClientAuthenticationPlugin'] = `${plugins}.AuthenticationBasic`
    const password = options.users['admin'] ?? ''
    properties['brokerClientAuthenticationParameters'] = JSON.stringify({ userId: 'admin', password })
  }
  if (options.tokens) {
    providers.push('AuthenticationProviderToken')
    properties['tokenSecretKey'] = `data:;base64,${key.toString('base64')}`
    properties['brokerClientAuthenticationPlugin'] = `${plugins}.AuthenticationToken`
    properties['brokerClientAuthenticationParameters'] = `token:${makeToken('admin')}`
  }
  const full = providers.map((name) => `org.apache.pulsar.broker.authentication.${name}`)
  return { ...properties, authenticationProviders: full.join(',') }
}

async function passwordLines(users: Readonly<Record<string, string>>): Promise<string> {
  let text = ''
  for (const [name, password] of Object.entries(users)) {
    const { stdout } = await run('openssl', ['passwd', '-apr1', password])
    text += `${name}:${stdout.trim()}\n`
  }
  return text
}

function adminAuthorization(options: PulsarOptions): string | null {
  if (options.tokens) return `Bearer ${makeToken('admin')}`
  if (options.users === undefined) return null
  return `Basic ${Buffer.from(`admin:${options.users['admin'] ?? ''}`).toString('base64')}`
}

/** A JSON web token signed with HS256. */
function makeToken(role: string, expiresInS?: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const until = expiresInS === undefined ? {} : { exp: Math.floor(Date.now() / 1000) + expiresInS }
  const text = `${part({ alg: 'HS256' })}.${part({ sub: role, ...until })}`
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
}

async function call(
  url: string,
  method: string,
  body: unknown,
  authorization: string | null,
): Promise<{ status: number; text: string }> {
  const headers: Record<string, string> = authorization === null ? {} : { authorization }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const init: RequestInit = { method, headers, signal: AbortSignal.timeout(30_000) }
  if (body !== undefined) init.body = JSON.stringify(body)
  const answer = await fetch(url, init)
  return { status: answer.status, text: await answer.text() }
}

async function waitUntilReady(server: Server, web: PulsarServer['web']): Promise<void> {
  let ended: string | null = null
  void server.ended.then((how) => {
    ended = how
  })
  await waitFor('Pulsar to say that it is healthy', 120_000, async () => {
    if (ended !== null) throw new Error(`Pulsar ended (${ended}):\n${server.output()}`)
    const answer = await web('/admin/v2/brokers/health').catch(() => null)
    if (answer === null || answer.status !== 200 || answer.text.trim() !== 'ok') return false
    return (await web('/admin/v2/namespaces/public')).text.includes('public/default')
  })
}

async function runClient(classPath: string, folder: string, url: string, words: readonly string[]): Promise<string> {
  const file = join(folder, 'client.conf')
  await writeFile(file, `brokerServiceUrl=${url}\nwebServiceUrl=\nauthPlugin=\nauthParams=\n`)
  const args = ['-Xmx256m', ...javaArgs, '-cp', classPath, 'org.apache.pulsar.client.cli.PulsarClientTool', file]
  const { stdout, stderr } = await run('java', [...args, ...words], { cwd: folder, maxBuffer: 1 << 26 })
  return stdout + stderr
}
