import { type Code, codes } from '../contract/codes.ts'
import { TrestleError } from '../contract/error.ts'
import type { Fault } from '../document/fault.ts'
import { registryError } from '../registry/registry-error.ts'
import { ConfigRefused } from './faults.ts'

export interface ClientOptions {
  /** `--url`; wins over TRESTLE_URL. */
  url?: string | undefined
  env: Readonly<Record<string, string | undefined>>
  /** How long an answer may take. *Unit*: ms. */
  timeoutMs?: number
}

export interface ServerEvent {
  event: string
  data: unknown
}

export const defaultUrl = 'http://127.0.0.1:8080'

/** The command line's side of the API. *Errors*: what the hub answers, as it answers it; E701 when none does. */
export class HubClient {
  readonly url: string
  readonly #token: string | undefined
  readonly #timeoutMs: number

  constructor({ url, env, timeoutMs }: ClientOptions) {
    this.url = readUrl(url ?? (env['TRESTLE_URL'] || defaultUrl))
    this.#token = env['TRESTLE_TOKEN'] || undefined
    this.#timeoutMs = timeoutMs ?? 30_000
  }

  async get<T>(path: string): Promise<T> {
    return this.#json<T>(await this.#ask('GET', path))
  }

  async post<T>(path: string, body: object = {}): Promise<T> {
    return this.#json<T>(await this.#ask('POST', path, JSON.stringify(body)))
  }

  async delete<T>(path: string): Promise<T> {
    return this.#json<T>(await this.#ask('DELETE', path))
  }

  /** Server-sent events of `path` until the hub ends them or `signal` does. */
  async *listen(path: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
    const response = await this.#ask('GET', path, undefined, signal)
    if (response.body === null) return
    let text = ''
    try {
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        text += chunk
        const frames = text.split('\n\n')
        text = frames.pop() ?? ''
        for (const frame of frames) {
          const event = readFrame(frame)
          if (event !== null) yield event
        }
      }
    } catch (error) {
      if (!signal.aborted) throw this.#unreachable(error, 'closed the connection')
    }
  }

  async #ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: string, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = {}
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`
    if (body !== undefined) headers['content-type'] = 'application/json'
    let response: Response
    try {
      response = await fetch(this.url + path, {
        method,
        headers,
        redirect: 'error',
        signal: signal ?? AbortSignal.timeout(this.#timeoutMs),
        ...(body === undefined ? {} : { body }),
      })
    } catch (error) {
      const isSlow = error instanceof Error && error.name === 'TimeoutError'
      throw this.#unreachable(error, isSlow ? `gave no answer within ${this.#timeoutMs / 1000} s` : 'does not answer')
    }
    if (!response.ok) throw await this.#refusal(response)
    return response
  }

  async #json<T>(response: Response): Promise<T> {
    try {
      return (await response.json()) as T
    } catch (error) {
      throw this.#unreachable(error, 'answers, but not as a hub does')
    }
  }

  async #refusal(response: Response): Promise<TrestleError> {
    const body = await response.json().catch(() => null)
    if (isRegistryError(body)) return registryError(body.error_code, body.message)
    if (!isErrorBody(body)) {
      return this.#unreachable(undefined, `answers with status ${response.status}, but not as a hub does`)
    }
    const { code, message, advice, faults } = body
    if (faults !== undefined && faults.length > 0) throw new ConfigRefused(faults, 'Nothing was changed.')
    return new TrestleError(code, message, { detail: advice === null ? {} : { advice } })
  }

  #unreachable(cause: unknown, what: string): TrestleError {
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : undefined
    const why = reason === undefined ? '' : ` (${('code' in reason && String(reason.code)) || reason.message})`
    return new TrestleError('E701', `the hub at ${this.url} ${what}${why}`, {
      detail: { advice: 'start one with `trestle start`, or name another with --url or TRESTLE_URL' },
      cause,
    })
  }
}

/** `localhost:8080` is meant as http. *Errors*: E703. */
function readUrl(text: string): string {
  const full = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`
  const url = URL.canParse(full) ? new URL(full) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '') {
    throw new TrestleError('E703', `'${text}' is not the address of a hub`, {
      detail: { advice: `it looks like ${defaultUrl}; a token goes into TRESTLE_TOKEN` },
    })
  }
  return url.origin + url.pathname.replace(/\/+$/, '')
}

function readFrame(frame: string): ServerEvent | null {
  const event = /^event: (.*)$/m.exec(frame)?.[1]
  const data = /^data: (.*)$/m.exec(frame)?.[1]
  return event === undefined || data === undefined ? null : { event, data: JSON.parse(data) }
}

interface Refusal {
  code: Code
  message: string
  advice: string | null
  faults?: Fault[]
}

const isErrorBody = (body: unknown): body is Refusal =>
  typeof body === 'object' &&
  body !== null &&
  'code' in body &&
  typeof body.code === 'string' &&
  Object.hasOwn(codes, body.code) &&
  'message' in body &&
  typeof body.message === 'string' &&
  'advice' in body

/** As the routes of the schema registry refuse. */
const isRegistryError = (body: unknown): body is { error_code: number; message: string } =>
  typeof body === 'object' &&
  body !== null &&
  'error_code' in body &&
  typeof body.error_code === 'number' &&
  'message' in body &&
  typeof body.message === 'string'
