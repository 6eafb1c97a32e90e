import { PulsarFault } from './fault.ts'

export type Fetch = (url: string, init?: RequestInit) => Promise<Response>

export interface OAuth2Settings {
  /** Its `/.well-known/openid-configuration` names the token endpoint. */
  readonly issuerUrl: string
  readonly clientId: string
  readonly clientSecret: string
  readonly audience?: string | undefined
  readonly scope?: string | undefined
}

const askTimeoutMs = 10_000
/** A token is renewed when less than this part of its life is left. */
const renewAt = 0.1

/** Access tokens by client credentials; one is kept until shortly before it runs out. *Source*: RFC 6749 §4.4. */
export class OAuth2Tokens {
  readonly #settings: OAuth2Settings
  readonly #fetch: Fetch
  readonly #now: () => number
  #endpoint: string | null = null
  #token: string | null = null
  #renewAtMs = 0
  #asking: Promise<string> | null = null

  constructor(settings: OAuth2Settings, fetcher: Fetch, now: () => number = Date.now) {
    this.#settings = settings
    this.#fetch = fetcher
    this.#now = now
  }

  /** A token that is valid now. *Errors*: PulsarFault `auth`, with the words of the issuer and never the secret. */
  token(): Promise<string> {
    if (this.#token !== null && this.#now() < this.#renewAtMs) return Promise.resolve(this.#token)
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  async #ask(): Promise<string> {
    const { issuerUrl, clientId, clientSecret, audience, scope } = this.#settings
    this.#endpoint ??= await this.#discover(issuerUrl)
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    })
    if (audience !== undefined) form.set('audience', audience)
    if (scope !== undefined) form.set('scope', scope)
    const answer = await this.#json(this.#endpoint, { method: 'POST', body: form })
    const token = answer['access_token']
    if (typeof token !== 'string') throw this.#fault('the answer has no access_token')
    const seconds = typeof answer['expires_in'] === 'number' ? answer['expires_in'] : 0
    this.#token = token
    this.#renewAtMs = this.#now() + seconds * 1000 * (1 - renewAt)
    return token
  }

  async #discover(issuerUrl: string): Promise<string> {
    const found = await this.#json(`${issuerUrl.replace(/\/+$/, '')}/.well-known/openid-configuration`)
    const endpoint = found['token_endpoint']
    if (typeof endpoint !== 'string') throw this.#fault('its configuration has no token_endpoint')
    return endpoint
  }

  async #json(url: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
    let response: Response
    let body: string
    try {
      response = await this.#fetch(url, { ...init, signal: AbortSignal.timeout(askTimeoutMs) })
      body = await response.text()
    } catch (cause) {
      throw this.#fault(`${url} does not answer: ${cause instanceof Error ? cause.message : cause}`, cause)
    }
    if (!response.ok) throw this.#fault(`${url} answers ${response.status}: ${body.slice(0, 300)}`)
    try {
      return JSON.parse(body) as Record<string, unknown>
    } catch (cause) {
      throw this.#fault(`${url} does not answer JSON`, cause)
    }
  }

  #fault(words: string, cause?: unknown): PulsarFault {
    const { issuerUrl } = this.#settings
    return new PulsarFault('auth', issuerUrl, `no token from ${issuerUrl}: ${words}`, { cause })
  }
}
