import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Certificate, makeCertificate } from './certificates.ts'
import { kafkaJars } from './kafka-jars.ts'
import { freePorts, type Server, startProcess, waitFor } from './process.ts'

const run = promisify(execFile)

export interface KafkaOptions {
  /** Adds a TLS listener with a self-signed certificate. */
  tls?: boolean
  /** The TLS listener wants a certificate of who connects: the server's own is taken. */
  clientCertificate?: boolean
  /** Adds a SASL listener (and with `tls` one over TLS) that knows these users under PLAIN and both SCRAMs. */
  users?: Readonly<Record<string, string>>
  /** Adds OAUTHBEARER to the SASL listeners, with Kafka's own login module for unsecured tokens. */
  oauth?: boolean
  /** Whether a topic comes into being by being asked for; default false. */
  autoCreateTopics?: boolean
  partitions?: number
  maxMessageBytes?: number
  /** Lines of server.properties to add or to override. */
  properties?: Readonly<Record<string, string | number | boolean>>
  /** One more plain listener, which tells its clients that it is at another port: that of a proxy in front of it. */
  behind?: { port: number; advertised: number }
}

/** A real broker on 127.0.0.1 with a fresh data folder. */
export interface KafkaServer {
  /** `host:port` of the plain listener. */
  readonly brokers: string
  /** `host:port` of the other listeners; empty when not asked for. */
  readonly tls: string
  readonly sasl: string
  readonly saslTls: string
  readonly certificate: Certificate | null
  readonly pid: number
  /** Ends it in an orderly way and removes its data. */
  stop(): Promise<void>
  /** Ends it by a signal and keeps its data. */
  end(signal: NodeJS.Signals): Promise<void>
  /** `kill -9`. */
  kill(): Promise<void>
  /** Starts it again after `kill`, with the same folder and ports. */
  restart(): Promise<void>
  /** What Kafka's own reader prints of a topic's log files: every batch, record and its checks. */
  dumpLog(topic: string): Promise<string>
}

const heap = ['-Xmx512m', '-Xms256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=4']
const toolHeap = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
const clusterId = 'MkU3OEVBNTcwNTJENDM2Qk'

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const jars = join(await kafkaJars(), 'lib', '*')
  const folder = await mkdtemp(join(tmpdir(), 'trestle-kafka-'))
  const ports = await freePorts(5)
  const certificate = options.tls ? await makeCertificate(folder) : null
  // Kafka reads key and chain from one file.
  if (certificate !== null) await writeFile(join(folder, 'keystore.pem'), certificate.key + certificate.cert)
  if (certificate !== null) await writeFile(join(folder, 'truststore.pem'), certificate.cert)
  const file = join(folder, 'server.properties')
  await writeFile(file, propertiesText(folder, ports, options, certificate))
  await mkdir(join(folder, 'logs'))
  await run('java', [...toolHeap, '-cp', jars, 'kafka.tools.StorageTool', ...formatArgs(file, options)])
  const start = (): Server => startProcess('java', [...heap, '-cp', jars, 'kafka.Kafka', file])
  let server = start()
  const ready = () => waitUntilReady(server, ports[0]!)
  await ready()
  const at = (index: number, wanted: unknown): string => (wanted ? `127.0.0.1:${ports[index]}` : '')
  return {
    brokers: at(0, true),
    tls: at(2, options.tls),
    sasl: at(3, options.users),
    saslTls: at(4, options.users && options.tls),
    certificate,
    get pid() {
      return server.pid
    },
    async stop() {
      // Its orderly shutdown waits for a controller that is itself: 4 s that no test needs.
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
    dumpLog: (topic) => dumpLog(jars, join(folder, 'logs'), topic),
  }
}

function propertiesText(
  folder: string,
  ports: readonly number[],
  options: KafkaOptions,
  certificate: Certificate | null,
): string {
  const listeners: [string, string, number][] = [['PLAINTEXT', 'PLAINTEXT', ports[0]!]]
  if (options.tls) listeners.push(['TLS', 'SSL', ports[2]!])
  if (options.users) listeners.push(['SASL', 'SASL_PLAINTEXT', ports[3]!])
  if (options.users && options.tls) listeners.push(['SASLTLS', 'SASL_SSL', ports[4]!])
  const { behind } = options
  if (behind !== undefined) listeners.push(['BEHIND', 'PLAINTEXT', behind.port])
  const urls = listeners.map(([name, , port]) => `${name}://127.0.0.1:${port}`).join(',')
  const told = behind === undefined ? urls : urls.replace(`:${behind.port}`, `:${behind.advertised}`)
  const properties: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    listeners: `${urls},CONTROLLER://127.0.0.1:${ports[1]}`,
    'advertised.listeners': told,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.quorum.voters': `1@127.0.0.1:${ports[1]}`,
    'listener.security.protocol.map': ['CONTROLLER:PLAINTEXT', ...listeners.map(([n, p]) => `${n}:${p}`)].join(','),
    'log.dirs': join(folder, 'logs'),
    'num.partitions': options.partitions ?? 3,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    // A killed broker is let in again when its old session is over: 9 s by default.
    'broker.session.timeout.ms': 1500,
    'broker.heartbeat.interval.ms': 300,
    'auto.create.topics.enable': options.autoCreateTopics ?? false,
    ...(options.maxMessageBytes === undefined ? {} : { 'message.max.bytes': options.maxMessageBytes }),
    ...(certificate === null ? {} : tlsProperties(folder, options.clientCertificate === true)),
    ...(options.users === undefined ? {} : saslProperties(options.users, options.oauth === true)),
    ...options.properties,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

function tlsProperties(folder: string, clientCertificate: boolean): Record<string, string> {
  const keystore = { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': join(folder, 'keystore.pem') }
  if (!clientCertificate) return keystore
  return {
    ...keystore,
    'listener.name.tls.ssl.client.auth': 'required',
    'listener.name.tls.ssl.truststore.type': 'PEM',
    'listener.name.tls.ssl.truststore.location': join(folder, 'truststore.pem'),
  }
}

function saslProperties(users: Readonly<Record<string, string>>, oauth: boolean): Record<string, string> {
  const known = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`)
  const properties: Record<string, string> = {
    'sasl.enabled.mechanisms': `PLAIN,SCRAM-SHA-256,SCRAM-SHA-512${oauth ? ',OAUTHBEARER' : ''}`,
  }
  for (const listener of ['sasl', 'sasltls']) {
    const prefix = `listener.name.${listener}`
    properties[`${prefix}.plain.sasl.jaas.config`] =
      `org.apache.kafka.common.security.plain.PlainLoginModule required ${known.join(' ')};`
    if (oauth) {
      properties[`${prefix}.oauthbearer.sasl.jaas.config`] =
        'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
    }
    for (const scram of ['scram-sha-256', 'scram-sha-512']) {
      properties[`${prefix}.${scram}.sasl.jaas.config`] =
        'org.apache.kafka.common.security.scram.ScramLoginModule required;'
    }
  }
  return properties
}

function formatArgs(file: string, options: KafkaOptions): string[] {
  const scram = Object.entries(options.users ?? {}).flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((kind) => [
      '--add-scram',
      `${kind}=[name=${name},password=${password}]`,
    ]),
  )
  return ['format', '-t', clusterId, '-c', file, ...scram]
}

async function waitUntilReady(server: Server, port: number): Promise<void> {
  let ended: string | null = null
  void server.ended.then((how) => {
    ended = how
  })
  await waitFor('Kafka to answer', 60_000, async () => {
    if (ended !== null) throw new Error(`Kafka ended (${ended}):\n${server.output()}`)
    return answersMetadata(port)
  })
}

/** Sends an empty Metadata v1 request by hand: ready is who answers it with itself among the brokers. */
function answersMetadata(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    const answer = (ready: boolean): void => {
      socket.destroy()
      settle(ready)
    }
    socket.setTimeout(1000, () => answer(false))
    socket.on('error', () => answer(false))
    socket.on('close', () => answer(false))
    // size 14, api 3 version 1, correlation 1, client id "", no topics
    socket.on('connect', () => socket.write(Buffer.from('0000000e00030001000000010000' + '00000000', 'hex')))
    // size, correlation, number of brokers
    socket.on('data', (bytes: Buffer) => answer(bytes.length >= 12 && bytes.readInt32BE(8) > 0))
  })
}

async function dumpLog(jars: string, logs: string, topic: string): Promise<string> {
  const folders = (await readdir(logs)).filter((name) => name.replace(/-\d+$/, '') === topic)
  const files: string[] = []
  for (const name of folders) {
    for (const file of await readdir(join(logs, name))) if (file.endsWith('.log')) files.push(join(logs, name, file))
  }
  const args = ['kafka.tools.DumpLogSegments', '--deep-iteration', '--print-data-log', '--files', files.join(',')]
  const { stdout } = await run('java', [...toolHeap, '-cp', jars, ...args], { maxBuffer: 1 << 26 })
  return stdout
}
