import { TrestleError } from '../contract/error.ts'
import { formatOfType } from './change.ts'
import type { Metadata, SchemaText } from './content.ts'
import { maxReferences } from './formats/format.ts'
import type { SchemaReference } from './schema.ts'

/** Another registry, and who the hub is to it. */
export interface OtherRegistryOptions {
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly token?: string | undefined
  /** How long an answer may take. *Unit*: ms. */
  readonly timeoutMs?: number
}

/** An answer as it came. */
export interface OtherRegistryAnswer {
  readonly status: number
  readonly text: string
}

/** A version of another registry. */
export interface Fetched {
  readonly subject: string
  readonly version: number
  readonly id: number
  readonly schema: SchemaText
  readonly deleted: boolean
}

interface Body {
  readonly subject?: string
  readonly version?: number
  readonly id?: number
  readonly schemaType?: string
  readonly schema?: string
  readonly references?: readonly SchemaReference[]
  readonly metadata?: Metadata | null
  readonly ruleSet?: SchemaText['ruleSet']
  readonly deleted?: boolean
}

/** Largest answer that is read. *Unit*: bytes. */
const maxAnswerBytes = 16_777_216
const contentType = 'application/vnd.schemaregistry.v1+json'

/**
 * A registry that speaks as Confluent's does, asked over HTTP. *Errors*: E308 when it is away, overloaded or does not let
 * the hub in; what it says is not there is null.
 */
export class OtherRegistry {
  readonly url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #timeoutMs: number

  constructor({ url, username, password, token, timeoutMs = 5000 }: OtherRegistryOptions) {
    this.url = url.replace(/\/+$/, '')
    this.#timeoutMs = timeoutMs
    const basic = username === undefined ? null : Buffer.from(`${username}:${password ?? ''}`).toString('base64')
    const authorization = token !== undefined ? `Bearer ${token}` : basic === null ? null : `Basic ${basic}`
    this.#headers = { accept: contentType, ...(authorization === null ? {} : { authorization }) }
  }

  /** One request, passed on; the answer as it came. */
  async ask(method: string, path: string, body?: string): Promise<OtherRegistryAnswer> {
    try {
      const response = await fetch(this.url + path, {
        method,
        headers: body === undefined ? this.#headers : { ...this.#headers, 'content-type': contentType },
        redirect: 'error',
        signal: AbortSignal.timeout(this.#timeoutMs),
        ...(body === undefined ? {} : { body }),
      })
      return { status: response.status, text: await readBounded(response) }
    } catch (cause) {
      throw this.#away(reasonOf(cause), cause)
    }
  }

  /** A version, with all that it refers to before it; null when there is none. */
  async version(subject: string, version: number | 'latest'): Promise<readonly Fetched[] | null> {
    return this.#whole(await this.#version(subject, version))
  }

  /** All places of a schema, with what it refers to before them; null when no schema has the id. */
  async ofId(id: number): Promise<readonly Fetched[] | null> {
    const found = await this.#get<Body>(`/schemas/ids/${id}`)
    if (found === null) return null
    const places = await this.#get<readonly { subject: string; version: number }[]>(
      `/schemas/ids/${id}/versions?deleted=true`,
    )
    // An id whose subject is not told is of no name: only frames lead to it.
    const named =
      places === null || places.length === 0 ? [{ subject: `ids/${id}`, version: 1 }] : places.slice(0, maxPlaces)
    const live = new Set<string>()
    if (places !== null)
      for (const { subject } of (await this.#get<typeof named>(`/schemas/ids/${id}/versions`)) ?? []) live.add(subject)
    const all = named.map((place) => fetchedOf({ ...found, ...place, id, deleted: !live.has(place.subject) }))
    return (await this.#whole(all[0] ?? null))?.concat(all.slice(1).flatMap((one) => one ?? [])) ?? null
  }

  async #version(subject: string, version: number | 'latest'): Promise<Fetched | null> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`
    return fetchedOf(await this.#get<Body>(version === 'latest' ? path : `${path}?deleted=true`))
  }

  /** What a schema refers to, then itself. */
  async #whole(fetched: Fetched | null, above = 0): Promise<readonly Fetched[] | null> {
    if (fetched === null) return null
    const found: Fetched[] = []
    for (const { subject, version } of fetched.schema.references) {
      if (above + found.length > maxReferences) throw this.#away(`${fetched.subject} refers to too many schemas`)
      const target = await this.#whole(
        await this.#version(subject, version === -1 ? 'latest' : version),
        above + found.length + 1,
      )
      found.push(...(target ?? []))
    }
    return [...found, fetched]
  }

  async #get<T>(path: string): Promise<T | null> {
    const { status, text } = await this.ask('GET', path)
    if (status === 404) return null
    if (status !== 200) throw this.#away(`answers with status ${status}`)
    try {
      return JSON.parse(text) as T
    } catch (cause) {
      throw this.#away('answers, but not as a schema registry does', cause)
    }
  }

  #away(why: string, cause?: unknown): TrestleError {
    return new TrestleError('E308', `the schema registry at ${this.url} ${why}`, {
      detail: { registry: 50003, advice: 'what was read of it before is used meanwhile' },
      ...(cause === undefined ? {} : { cause }),
    })
  }
}

/** Subjects of one id that are looked at. */
const maxPlaces = 100

function fetchedOf(body: Body | null): Fetched | null {
  const {
    subject,
    version,
    id,
    schema,
    schemaType = 'AVRO',
    references,
    metadata,
    ruleSet,
    deleted = false,
  } = body ?? {}
  const format = formatOfType(schemaType)
  if (subject === undefined || version === undefined || id === undefined || schema === undefined || format === null)
    return null
  const text = {
    format,
    text: schema,
    references: references ?? [],
    metadata: metadata ?? null,
    ruleSet: ruleSet ?? null,
  }
  return { subject, version, id, schema: text, deleted }
}

async function readBounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > maxAnswerBytes) throw new Error(`answers with more than ${maxAnswerBytes} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'cannot be asked'
  if (cause.name === 'TimeoutError') return 'gives no answer'
  const inner = cause.cause instanceof Error ? cause.cause : cause
  return `does not answer (${('code' in inner && String(inner.code)) || inner.message})`
}
