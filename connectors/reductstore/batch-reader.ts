import { type Header, TrestleError } from 'trestle/contract'
import { type Answer, headerOf } from './client.ts'

/** A record as it was read. */
export interface ReadRecord {
  readonly entry: string
  /** *Unit*: µs since the epoch. */
  readonly timestamp: number
  readonly contentType: string
  readonly labels: readonly (readonly [name: string, value: string])[]
  readonly payload: Uint8Array
}

interface Before {
  contentType: string
  labels: Map<string, string>
}

/**
 * Reads an answer of the batch protocol, version 2: what `batch-writer` draws, as the server writes it. Records of an
 * entry come in the order of time. Without bodies (the answer to a HEAD) the payloads are empty.
 * *Errors*: E608, headers that are not of this protocol.
 */
export function readBatch(answer: Answer, withBodies = true): ReadRecord[] {
  const entries = namesIn(headerOf(answer, 'x-reduct-entries'))
  const names = namesIn(headerOf(answer, 'x-reduct-labels'))
  const start = Number(headerOf(answer, 'x-reduct-start-ts') ?? '0')
  const found: { entry: number; later: number; value: string }[] = []
  const { body, rawHeaders } = answer
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const match = /^x-reduct-(\d+)-(\d+)$/i.exec(rawHeaders[at]!)
    if (match !== null) found.push({ entry: Number(match[1]), later: Number(match[2]), value: rawHeaders[at + 1]! })
  }
  found.sort((one, other) => one.entry - other.entry || one.later - other.later)
  const before = new Map<number, Before>()
  const records: ReadRecord[] = []
  let at = 0
  for (const { entry, later, value } of found) {
    const name = entries[entry]
    const record = readHeader(value, before.get(entry), names)
    if (name === undefined || record === null || (withBodies && at + record.length > body.length)) {
      throw new TrestleError('E608', 'an answer of the server is not of its protocol')
    }
    before.set(entry, record)
    records.push({
      entry: name,
      timestamp: start + later,
      contentType: record.contentType,
      labels: [...record.labels],
      payload: body.subarray(at, at + record.length),
    })
    at += record.length
  }
  return records
}

const namesIn = (header: string | null): string[] =>
  header === null || header === '' ? [] : header.split(',').map(decodeURIComponent)

/** `LENGTH[,CONTENT-TYPE[,LABELS]]`: what is left out is as in the record before. */
function readHeader(
  value: string,
  before: Before | undefined,
  names: readonly string[],
): (Before & { length: number }) | null {
  const first = value.indexOf(',')
  const length = Number(first < 0 ? value : value.slice(0, first))
  if (!Number.isSafeInteger(length) || length < 0) return null
  const second = first < 0 ? -1 : value.indexOf(',', first + 1)
  const type = first < 0 ? '' : value.slice(first + 1, second < 0 ? undefined : second).trim()
  const contentType = type !== '' ? type : (before?.contentType ?? 'application/octet-stream')
  const labels = new Map(before?.labels)
  if (second >= 0) readLabels(value.slice(second + 1), names, labels)
  return { length, contentType, labels }
}

/** `1=a,2="b,c",3=`: the server quotes what has a comma, and does not escape: a value ends where the next number begins. */
function readLabels(text: string, names: readonly string[], labels: Map<string, string>): void {
  const starts = [...text.matchAll(/(?:^|,)(\d+)=/g)].filter(
    ({ index }, at, all) => at === 0 || !withinQuotes(text, all, index),
  )
  for (const [at, match] of starts.entries()) {
    const name = names[Number(match[1])]
    if (name === undefined) continue
    let value = text.slice(match.index + match[0].length, starts[at + 1]?.index)
    if (value.length > 1 && value.startsWith('"') && value.endsWith('"') && value.includes(','))
      value = value.slice(1, -1)
    if (value === '') labels.delete(name)
    else labels.set(name, value)
  }
}

/** Whether a place lies in a quoted value: that one ends with a quote right before a comma or at the end. */
function withinQuotes(text: string, starts: readonly RegExpExecArray[], place: number): boolean {
  const owner = starts.findLast(({ index }) => index < place)!
  const begin = owner.index + owner[0].length
  return text[begin] === '"' && text[place - 1] !== '"' && text.indexOf('"', begin + 1) >= place
}

/** The headers of a record for the hub: its labels, and the content type where they do not say it. */
export function headersFrom({ contentType, labels }: ReadRecord): Header[] {
  const headers: Header[] = [...labels]
  // What a hub wrote says in its labels whether the publisher named a content type.
  const ours = labels.some(([name]) => name === 'trestle-id')
  if (
    !ours &&
    contentType !== '' &&
    contentType !== 'application/octet-stream' &&
    !labels.some(([name]) => name === 'content-type')
  ) {
    headers.push(['content-type', contentType])
  }
  return headers
}
