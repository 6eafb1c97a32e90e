import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from '@platformatic/kafka'
import { TrestleError } from 'trestle/contract'
import type { KafkaOptions } from './options.ts'

type Sasl = NonNullable<KafkaOptions['sasl']>

/** A token is asked for anew when it has less than this left, or a fifth of its life. */
const spareMs = 60_000

/**
 * TLS and login of a connection, from the options. PEM files are read now, so that new ones count from the next start.
 * *Errors*: E104 for what the options lack.
 */
export async function connectionSettings(options: KafkaOptions): Promise<ConnectionOptions> {
  const { tls, sasl } = options
  const settings: ConnectionOptions = {
    connectTimeout: options.connect_timeout_ms,
    requestTimeout: options.request_timeout_ms,
  }
  if (tls !== undefined) {
    settings.tls = { rejectUnauthorized: tls.reject_unauthorized }
    if (tls.ca !== undefined) settings.tls.ca = await pem(tls.ca)
    if (tls.cert !== undefined) settings.tls.cert = await pem(tls.cert)
    if (tls.key !== undefined) settings.tls.key = await pem(tls.key)
  }
  if (sasl !== undefined) settings.sasl = login(sasl)
  return settings
}

const pem = async (text: string): Promise<string> => (text.includes('-----BEGIN') ? text : readFile(text, 'utf8'))

function login(sasl: Sasl): NonNullable<ConnectionOptions['sasl']> {
  if (sasl.mechanism === 'oauthbearer') {
    const extensions = sasl.extensions as Readonly<Record<string, string>> | undefined
    return {
      mechanism: 'OAUTHBEARER',
      token: tokenProvider(sasl),
      ...(extensions === undefined ? {} : { oauthBearerExtensions: { ...extensions } }),
    }
  }
  const { mechanism, username, password } = sasl
  if (username === undefined || password === undefined)
    throw new TrestleError('E104', `sasl.mechanism ${mechanism} needs username and password`)
  return { mechanism: mechanism.toUpperCase() as Uppercase<typeof mechanism>, username, password }
}

/** A token that the options name (text or file, read each time), or one of the token endpoint, kept while it holds. */
function tokenProvider(sasl: Sasl): () => Promise<string> {
  const { token, token_file: file, token_endpoint: endpoint } = sasl
  if (token !== undefined) return async () => token
  if (file !== undefined) return async () => (await readFile(file, 'utf8')).trim()
  if (endpoint === undefined)
    throw new TrestleError('E104', 'sasl.mechanism oauthbearer needs token, token_file or token_endpoint')
  let kept: { token: string; untilMs: number } | null = null
  return async () => {
    if (kept === null || Date.now() >= kept.untilMs) kept = await askForToken(sasl, endpoint)
    return kept.token
  }
}

/** *Source*: RFC 6749 §4.4. */
async function askForToken(sasl: Sasl, endpoint: string): Promise<{ token: string; untilMs: number }> {
  const { client_id: id = '', client_secret: secret = '', scope } = sasl
  const refused = (words: string, cause?: unknown): TrestleError =>
    new TrestleError('E602', `${endpoint}: ${words}`, {
      detail: { place: endpoint, advice: 'check sasl.token_endpoint, client_id and client_secret' },
      cause,
    })
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) })
  const basic = Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')
  const headers = { authorization: `Basic ${basic}`, accept: 'application/json' }
  const signal = AbortSignal.timeout(10_000)
  const answer = await fetch(endpoint, { method: 'POST', headers, body, signal }).catch((thrown: Error) => {
    throw refused(
      `the token endpoint does not answer: ${(thrown.cause as Error | undefined)?.message ?? thrown.message}`,
      thrown,
    )
  })
  const said = (await answer.json().catch(() => ({}))) as Record<string, unknown>
  const token = said['access_token']
  if (answer.ok && typeof token === 'string') {
    const lifeMs = Number(said['expires_in'] ?? 300) * 1000
    return { token, untilMs: Date.now() + Math.max(lifeMs * 0.8, lifeMs - spareMs) }
  }
  throw refused(String(said['error_description'] ?? said['error'] ?? `the token endpoint answered ${answer.status}`))
}
