import type { DocumentPath, SourceDocument } from '../../document/source-document.ts'
import { type Range, readRange, readSpan } from './range.ts'

/** Bytes as they are, or data that is encoded as the rule decodes; `text` is how it was written, where that is JSON. */
export type GivenPayload = { readonly bytes: Uint8Array } | { readonly data: unknown; readonly text?: string }

/** A message that an example publishes. */
export interface Given {
  readonly path: DocumentPath
  readonly topic: string
  readonly payload: GivenPayload
  /** Counted from the start. *Unit*: ms. */
  readonly atMs: number
  readonly client: string
  readonly username: string | null
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly properties: Readonly<Record<string, unknown>> | null
  readonly source: string | null
}

/** What goes wrong while an example runs. */
export interface ScriptedFault {
  readonly path: DocumentPath
  /** null: it is the journal's. */
  readonly sink: string | null
  readonly fails: string
  readonly fromMs: number
  /** null: for ever. */
  readonly forMs: number | null
  /** null: as often as it is asked. */
  readonly times: number | null
}

export type Channel = 'sink' | 'publish' | 'puback' | 'dead_letter'

/** One entry of `expect:`; the fields that say what is compared stay as they were written. */
export interface Expectation {
  readonly path: DocumentPath
  readonly channel: Channel
  readonly fields: Readonly<Record<string, unknown>>
  readonly after: Range | null
  readonly attempts: Range | null
  readonly count: number | null
  readonly rule: string | null
}

/** One example of a rule, as it is to be run. */
export interface Example {
  readonly name: string
  readonly path: DocumentPath
  readonly given: readonly Given[]
  readonly faults: readonly ScriptedFault[]
  /** Arrival of what comes at the start; null: any. *Unit*: ms since the epoch. */
  readonly timeMs: number | null
  /** null: until all is quiet. *Unit*: ms. */
  readonly untilMs: number | null
  readonly expect: readonly Expectation[]
}

type Fields = Readonly<Record<string, unknown>>

/** The examples of a rule whose file has no faults. */
export function readExamples(document: SourceDocument): Example[] {
  const { examples } = document.value as { examples?: readonly Fields[] }
  return (examples ?? []).map((example, at) => readExample(example, ['examples', at]))
}

function readExample(raw: Fields, path: DocumentPath): Example {
  const list = Array.isArray(raw['given'])
  const given: Given[] = []
  for (const [at, one] of (list ? (raw['given'] as Fields[]) : [raw['given'] as Fields]).entries())
    given.push(readGiven(one, list ? [...path, 'given', at] : [...path, 'given'], given.at(-1)?.atMs ?? 0))
  const time = (list ? (raw['given'] as Fields[])[0] : (raw['given'] as Fields))?.['time']
  return {
    name: String(raw['name']),
    path,
    given,
    faults: ((raw['faults'] ?? []) as Fields[]).map((one, at) => readFault(one, [...path, 'faults', at])),
    timeMs: typeof time === 'string' ? Date.parse(time) : null,
    untilMs: spanOf(raw['until']),
    expect: (raw['expect'] as Fields[]).map((one, at) => readExpectation(one, [...path, 'expect', at])),
  }
}

function readGiven(raw: Fields, path: DocumentPath, beforeMs: number): Given {
  return {
    path,
    topic: String(raw['topic']),
    payload: payloadOf(raw),
    atMs: spanOf(raw['at']) ?? beforeMs,
    client: (raw['client'] as string | undefined) ?? 'example',
    username: (raw['username'] as string | null | undefined) ?? null,
    qos: (raw['qos'] as 0 | 1 | 2 | undefined) ?? 1,
    retain: raw['retain'] === true,
    properties: (raw['properties'] as Fields | undefined) ?? null,
    source: (raw['source'] as string | undefined) ?? null,
  }
}

function payloadOf(raw: Fields): GivenPayload {
  const bytes = bytesOf(raw)
  if (bytes !== null) return { bytes }
  const data = raw['payload']
  if (data === undefined) return { bytes: new Uint8Array(0) }
  return typeof data === 'string' ? { bytes: Buffer.from(data) } : { data }
}

/** Bytes that are written as hexadecimal or base64; null when there are none. */
export function bytesOf(raw: Fields): Uint8Array | null {
  if (typeof raw['payload_hex'] === 'string') return Buffer.from(raw['payload_hex'].replaceAll(/\s/g, ''), 'hex')
  return typeof raw['payload_base64'] === 'string' ? Buffer.from(raw['payload_base64'], 'base64') : null
}

function readFault(raw: Fields, path: DocumentPath): ScriptedFault {
  return {
    path,
    sink: (raw['sink'] as string | undefined) ?? null,
    fails: String(raw['journal'] ?? raw['fails']),
    fromMs: spanOf(raw['from']) ?? 0,
    forMs: spanOf(raw['for']),
    times: (raw['times'] as number | undefined) ?? null,
  }
}

const channels: readonly Channel[] = ['puback', 'dead_letter', 'publish', 'sink']

/** What an entry of `expect:` speaks of; null when it says nothing of the kind. */
export const channelOf = (raw: Fields): Channel | null => channels.find((channel) => channel in raw) ?? null

function readExpectation(raw: Fields, path: DocumentPath): Expectation {
  return {
    path,
    channel: channelOf(raw)!,
    fields: raw,
    after: raw['after'] === undefined ? null : readRange(raw['after'] as string),
    attempts: raw['attempts'] === undefined ? null : readRange(raw['attempts'] as string, true),
    count: (raw['count'] as number | undefined) ?? null,
    rule: (raw['rule'] as string | undefined) ?? null,
  }
}

const spanOf = (raw: unknown): number | null => (typeof raw === 'string' ? readSpan(raw) : null)
