import { readFile } from 'node:fs/promises'
import {
  type Authenticator,
  credsAuthenticator,
  jwtAuthenticator,
  type NodeConnectionOptions,
  nkeyAuthenticator,
  type TlsOptions,
} from '@nats-io/transport-node'
import type { NatsOptions } from './options.ts'

/** How the connection is secured and who we are, as the library wants it. *Errors*: of reading the files. */
export async function loginOf(options: NatsOptions): Promise<NodeConnectionOptions> {
  const { auth = {} } = options
  const login: NodeConnectionOptions = {}
  if (options.tls !== undefined || options.servers.some((server) => server.startsWith('tls://'))) {
    login.tls = await tlsOf(options.tls ?? {})
  }
  if (auth.user !== undefined) login.user = auth.user
  if (auth.password !== undefined) login.pass = auth.password
  if (auth.token !== undefined) login.token = auth.token
  const authenticator = await proofOf(auth)
  if (authenticator !== null) login.authenticator = authenticator
  return login
}

async function proofOf(auth: NonNullable<NatsOptions['auth']>): Promise<Authenticator | null> {
  const seed = auth.nkey === undefined ? undefined : new TextEncoder().encode(auth.nkey.trim())
  if (auth.creds !== undefined) return credsAuthenticator(new TextEncoder().encode(await text(auth.creds)))
  if (auth.jwt !== undefined) return jwtAuthenticator(auth.jwt.trim(), seed)
  return seed === undefined ? null : nkeyAuthenticator(seed)
}

interface Tls extends TlsOptions {
  rejectUnauthorized?: boolean
}

async function tlsOf(given: Partial<NonNullable<NatsOptions['tls']>>): Promise<Tls> {
  const tls: Tls = { rejectUnauthorized: given.reject_unauthorized ?? true, handshakeFirst: given.first ?? false }
  if (given.ca !== undefined) tls.ca = await text(given.ca)
  if (given.cert !== undefined) tls.cert = await text(given.cert)
  if (given.key !== undefined) tls.key = await text(given.key)
  return tls
}

/** The text itself, or what is in the file of that path. */
const text = async (given: string): Promise<string> => (given.includes('-----BEGIN') ? given : readFile(given, 'utf8'))

/** How one logs in, for people; no secret is in it. */
export function loginWords(options: NatsOptions): string {
  const { auth = {} } = options
  if (auth.user !== undefined) return `user ${auth.user}`
  for (const way of ['creds', 'jwt', 'nkey', 'token'] as const) if (auth[way] !== undefined) return way
  return 'no login'
}
