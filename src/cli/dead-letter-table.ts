import type { DeadLetterSummary } from '../telemetry/report.ts'
import { nothing, printAge, printCount, printPlural, printSafe, printSize, printTime } from './human.ts'
import type { Paint } from './paint.ts'
import { drawPairs, drawTable } from './table.ts'

/** A dead letter as the API tells it. */
export interface ShownDeadLetter extends DeadLetterSummary {
  target: string | null
  key: string | null
  headers: { name: string; value: string | null; valueBase64?: string }[]
  properties: Record<string, unknown> | null
  payloadBase64: string
  payloadText: string | null
}

const columns = ['ID', 'AGE', 'SINK', 'RULE', 'TRIES', 'TOPIC', 'CODE', 'ERROR'].map((title) => ({ title }))

/** A page of dead letters as a table, and how to see the next. */
export function drawDeadLetters(page: { items: DeadLetterSummary[]; total: number }, nowMs: number): string[] {
  const { items, total } = page
  const last = items.at(-1)
  if (last === undefined) return ['No dead letters.']
  const rows = items.map((letter) => [
    printSafe(letter.id),
    printAge(nowMs - letter.timeMs),
    printSafe(letter.sink),
    printSafe(letter.rule),
    printCount(letter.attempts),
    printSafe(letter.topic),
    letter.code,
    printSafe(letter.error),
  ])
  const shown = `${printCount(items.length)} of ${printPlural(total, 'dead letter')}`
  const more = items.length < total ? `; the next: trestle dead-letters list --after ${printSafe(last.id)}` : ''
  return [...drawTable(columns, rows), '', `${shown}${more}`]
}

/** One dead letter with all that is known of it. */
export function drawDeadLetter(letter: ShownDeadLetter, paint: Paint): string[] {
  const pairs: [string, string][] = [
    ['error', `${letter.code}  ${printSafe(letter.error)}`],
    ['at', printTime(letter.timeMs)],
    ['tries', printCount(letter.attempts)],
    ['topic', printSafe(letter.topic)],
    ['client', printSafe(letter.client)],
    ['rule', printSafe(letter.rule)],
    ['sink', printSafe(letter.sink)],
    ['target', letter.target === null ? nothing : printSafe(letter.target)],
    ['key', letter.key === null ? nothing : printSafe(letter.key)],
  ]
  for (const { name, value, valueBase64 } of letter.headers) {
    pairs.push([`header ${printSafe(name)}`, printSafe(value ?? valueBase64 ?? '')])
  }
  for (const [name, value] of Object.entries(letter.properties ?? {})) {
    pairs.push([`property ${printSafe(name)}`, printSafe(typeof value === 'string' ? value : JSON.stringify(value))])
  }
  const payload = Buffer.from(letter.payloadBase64, 'base64')
  return [
    paint.strong(printSafe(letter.id)),
    ...drawPairs(pairs, '  '),
    '',
    `payload, ${printSize(payload.length)}`,
    ...(letter.payloadText === null ? drawHex(payload) : letter.payloadText.split('\n').map(printSafe)),
  ]
}

const maxHexRows = 64

/** Bytes as `offset  hex  characters`, sixteen a row. */
export function drawHex(bytes: Uint8Array): string[] {
  const rows: string[] = []
  for (let at = 0; at < bytes.length && rows.length < maxHexRows; at += 16) {
    const row = [...bytes.subarray(at, at + 16)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const characters = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    rows.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(47)}  ${characters}`)
  }
  const left = bytes.length - maxHexRows * 16
  if (left > 0) rows.push(`… and ${printPlural(left, 'byte')} more; --json has them all`)
  return rows
}
