import { isUtf8 } from 'node:buffer'
import type { Delivery, Header } from 'trestle/contract'

/*
 * One line, as this file writes it:
 *
 *   {"id":"<hub>-<position>-<index>","time":"2026-11-20T13:15:00.123Z","topic":"plants/oslo","client":"device-1",
 *    "key":"3","headers":{"line":"3"},"payload":{…}}
 *
 * `key` and `headers` only where the rule gives them; a header that repeats is a list. The payload is `payload` as it
 * came when it is JSON, `payload_text` when it is other readable text, else `payload_base64`.
 */

let lastMs = Number.NaN
let lastTime = ''

function timeText(timeMs: number): string {
  if (timeMs !== lastMs) {
    lastMs = timeMs
    lastTime = new Date(timeMs).toISOString()
  }
  return lastTime
}

/** A delivery as one line, with its line end. *Shape*: see the top of this file. */
export function printLine({ id, key, headers, payload, message }: Delivery): string {
  const { timeMs, topic, client } = message
  const head = `{"id":"${id}","time":"${timeText(timeMs)}","topic":${JSON.stringify(topic)},"client":${JSON.stringify(client)}`
  const keyed = key === null ? '' : `,"key":${JSON.stringify(key)}`
  const headed = headers.length === 0 ? '' : `,"headers":${JSON.stringify(headerObject(headers))}`
  return `${head}${keyed}${headed},${printPayload(payload)}}\n`
}

function printPayload(payload: Uint8Array): string {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  if (!isUtf8(bytes)) return `"payload_base64":"${bytes.toString('base64')}"`
  const text = bytes.toString()
  // In JSON a line end can only stand between tokens, where a space says the same.
  if (isJson(text)) return `"payload":${/[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, ' ') : text}`
  return `"payload_text":${JSON.stringify(text)}`
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    // Not being JSON is no fault: then it is text.
    return false
  }
}

function headerObject(headers: readonly Header[]): Record<string, string | string[]> {
  const values = new Map<string, string | string[]>()
  for (const [name, value] of headers) {
    const text = typeof value === 'string' ? value : Buffer.from(value).toString('base64')
    const before = values.get(name)
    values.set(name, before === undefined ? text : [before, text].flat())
  }
  return Object.fromEntries(values)
}
