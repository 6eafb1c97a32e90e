import { readFile } from 'node:fs/promises'
import { TrestleError } from 'trestle/contract'
import { fromThrown } from './errors.ts'
import type { PulsarOptions } from './options.ts'
import type { AuthSettings } from './protocol/auth.ts'
import { PulsarClient } from './protocol/client.ts'
import { oldestProtocolVersion } from './protocol/connection.ts'
import type { TlsSettings } from './protocol/socket.ts'

/**
 * Opens the built-in client as the options say. *Errors*: TrestleErrors; E611 for a server that is too old, E104 for
 * files that cannot be read.
 */
export async function openClient(options: PulsarOptions): Promise<PulsarClient> {
  const place = options.servers[0]!
  const tls = await tlsSettings(options.tls)
  try {
    const client = await PulsarClient.open({
      serviceUrls: options.servers,
      auth: authSettings(options.auth),
      tls,
      clientVersion: 'trestle',
      listenerName: options.listener_name,
      connectTimeoutMs: options.connect_timeout_ms,
      requestTimeoutMs: options.request_timeout_ms,
      keepAliveMs: options.keep_alive_ms,
    })
    const { protocolVersion, serverVersion } = await client.serviceConnection()
    if (protocolVersion >= oldestProtocolVersion) return client
    client.close()
    throw new TrestleError('E611', `${place}: ${serverVersion} is too old`, {
      detail: { place, advice: 'Pulsar 2.8 or newer is needed' },
    })
  } catch (thrown) {
    throw fromThrown(thrown, place)
  }
}

function authSettings(auth: PulsarOptions['auth']): AuthSettings {
  if (auth === undefined) return { type: 'none' }
  switch (auth.type) {
    case 'token':
      if (auth.token_file !== undefined) return { type: 'token-file', path: auth.token_file }
      return { type: 'token', token: auth.token ?? '' }
    case 'basic':
      return { type: 'basic', username: auth.username ?? '', password: auth.password ?? '' }
    case 'tls':
      return { type: 'tls' }
    case 'oauth2':
      return {
        type: 'oauth2',
        issuerUrl: auth.issuer_url ?? '',
        clientId: auth.client_id ?? '',
        clientSecret: auth.client_secret ?? '',
        audience: auth.audience,
        scope: auth.scope,
      }
  }
}

async function tlsSettings(tls: PulsarOptions['tls']): Promise<TlsSettings> {
  if (tls === undefined) return {}
  return {
    ca: await pem(tls.ca),
    cert: await pem(tls.cert),
    key: await pem(tls.key),
    verify: tls.reject_unauthorized,
    verifyHost: tls.verify_host,
  }
}

async function pem(text: string | undefined): Promise<string | undefined> {
  if (text === undefined || text.includes('-----BEGIN')) return text
  try {
    return await readFile(text, 'utf8')
  } catch (cause) {
    const detail = { place: text, advice: 'check the paths under tls' }
    throw new TrestleError('E104', `${text} cannot be read: ${(cause as Error).message}`, { detail, cause })
  }
}
