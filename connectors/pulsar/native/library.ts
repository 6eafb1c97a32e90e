/**
 * The library `pulsar-client` (a binding of the C++ client), as far as it is used here. It does not come with the hub: a
 * user who wants it adds it. It knows properties as an object, so names that repeat travel as `mqtt-user`, and it does
 * not number messages in a way that survives a restart: a topic with deduplication does not recognise them.
 *
 * `sink` and `source` are the two ports over it; the built-in client is in `../protocol`.
 */
import { readFile } from 'node:fs/promises'
import { TrestleError } from 'trestle/contract'
import { fromThrown } from '../errors.ts'
import type { PulsarOptions } from '../options.ts'

/** A message on its way out. */
export interface NativeOutgoing {
  readonly data: Buffer
  readonly properties: Readonly<Record<string, string>>
  readonly eventTimestamp?: number
  readonly partitionKey?: string
  readonly orderingKey?: string
  readonly deliverAt?: number
  readonly replicationClusters?: readonly string[]
}

export interface NativeProducer {
  send(message: NativeOutgoing): Promise<{ toString(): string }>
  isConnected(): boolean
  close(): Promise<unknown>
}

/** A message on its way in. */
export interface NativeMessage {
  getData(): Buffer
  getTopicName(): string
  getMessageId(): { toString(): string }
  getProperties(): Readonly<Record<string, string>>
  /** 0: the producer named none. */
  getEventTimestamp(): number
  getPublishTimestamp(): number
  getPartitionKey(): string
  getRedeliveryCount(): number
}

export interface NativeConsumer {
  batchReceive(): Promise<readonly NativeMessage[]>
  acknowledge(message: NativeMessage): Promise<unknown>
  negativeAcknowledge(message: NativeMessage): unknown
  seekTimestamp(timeMs: number): Promise<unknown>
  isConnected(): boolean
  close(): Promise<unknown>
}

export interface NativeClient {
  createProducer(options: object): Promise<NativeProducer>
  subscribe(options: object): Promise<NativeConsumer>
  close(): Promise<unknown>
}

/** What the package exports. */
export interface NativeLibrary {
  readonly Client: new (options: object) => NativeClient
  readonly AuthenticationToken: new (options: { token: string | (() => Promise<string>) }) => object
  readonly AuthenticationBasic: new (options: { username: string; password: string }) => object
  readonly AuthenticationTls: new (options: { certificatePath: string; privateKeyPath: string }) => object
  readonly AuthenticationOauth2: new (options: object) => object
}

const packageName = 'pulsar-client'

/** Loads the library. *Errors*: E609 when it is not there, with the command that adds it. */
export async function loadLibrary(name: string = packageName): Promise<NativeLibrary> {
  try {
    const module = (await import(name)) as { default?: NativeLibrary } & NativeLibrary
    return module.default ?? module
  } catch (cause) {
    const advice = `npm install ${packageName}, or leave \`driver\` out to use the built-in client`
    const why = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' ? '' : `: ${(cause as Error).message}`
    throw new TrestleError('E609', `\`driver: native\` needs the library ${packageName}${why} (${advice})`, {
      detail: { advice },
      cause,
    })
  }
}

/** A client of the library as the options say. *Errors*: E104 for what the library cannot do, E609. */
export async function openNative(options: PulsarOptions, library: NativeLibrary): Promise<NativeClient> {
  const { servers, tls, listener_name: listenerName } = options
  for (const pem of [tls?.ca, tls?.cert, tls?.key]) {
    if (pem?.includes('-----BEGIN')) {
      throw new TrestleError('E104', '`driver: native` takes the paths of PEM files under `tls`, not their text')
    }
  }
  const authentication = await authOf(options, library)
  return new library.Client({
    serviceUrl: servers.map((url, at) => (at === 0 ? url : url.replace(/^.*:\/\//, ''))).join(','),
    operationTimeoutSeconds: Math.max(1, Math.ceil(options.request_timeout_ms / 1000)),
    connectionTimeoutMs: options.connect_timeout_ms,
    ...(listenerName === undefined ? {} : { listenerName }),
    ...(tls?.ca === undefined ? {} : { tlsTrustCertsFilePath: tls.ca }),
    ...(tls?.cert === undefined ? {} : { tlsCertificateFilePath: tls.cert }),
    ...(tls?.key === undefined ? {} : { tlsPrivateKeyFilePath: tls.key }),
    ...(tls === undefined
      ? {}
      : { tlsAllowInsecureConnection: !tls.reject_unauthorized, tlsValidateHostname: tls.verify_host }),
    ...(authentication === null ? {} : { authentication }),
  })
}

async function authOf({ auth, tls }: PulsarOptions, library: NativeLibrary): Promise<object | null> {
  if (auth === undefined) return null
  switch (auth.type) {
    case 'token': {
      const { token_file: file, token = '' } = auth
      const read = async (): Promise<string> => (await readFile(file!, 'utf8')).trim()
      return new library.AuthenticationToken({ token: file === undefined ? token : read })
    }
    case 'basic':
      return new library.AuthenticationBasic({ username: auth.username ?? '', password: auth.password ?? '' })
    case 'tls':
      return new library.AuthenticationTls({ certificatePath: tls?.cert ?? '', privateKeyPath: tls?.key ?? '' })
    case 'oauth2':
      return new library.AuthenticationOauth2({
        type: 'client_credentials',
        issuer_url: auth.issuer_url,
        client_id: auth.client_id,
        client_secret: auth.client_secret,
        ...(auth.audience === undefined ? {} : { audience: auth.audience }),
        ...(auth.scope === undefined ? {} : { scope: auth.scope }),
      })
  }
}

/** The results of the C++ client that a connection cannot outlive, or that trying again will not cure. */
const results: readonly (readonly [pattern: RegExp, code: 'E601' | 'E602' | 'E603' | 'E604' | 'E605' | 'E607'])[] = [
  [/AuthenticationError|InvalidConfiguration/, 'E602'],
  [/AuthorizationError/, 'E603'],
  [/TopicNotFound|TopicTerminated/, 'E604'],
  [/MessageTooBig/, 'E605'],
  [/ConsumerBusy|ProducerBusy|ServiceUnitNotReady|ProducerQueueIsFull|ProducerBlockedQuota|MemoryBuffer/, 'E607'],
  [/Timeout|Connect|Disconnected|AlreadyClosed|NotConnected|Retryable|LookupError/, 'E601'],
]

/** What the library threw, as a TrestleError in its own words. */
export function fromNative(thrown: unknown, place: string): TrestleError {
  if (thrown instanceof TrestleError) return thrown
  const words = thrown instanceof Error ? thrown.message : String(thrown)
  const known = results.find(([pattern]) => pattern.test(words))
  if (known === undefined) return fromThrown(thrown, place)
  return new TrestleError(known[1], `${place}: ${words}`, { detail: { place }, cause: thrown })
}
