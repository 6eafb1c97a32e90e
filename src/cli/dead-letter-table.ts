import type { DeadLetterSummary } from '../telemetry/report.ts'
import { nothing, printAge, printCount, printPlural, printSafe, printSize, printTime } from './human.ts'
import type { Paint } from './paint.ts'
import { drawPairs, drawTable } from './table.ts'

interface ShownPayload {
  payloadBase64: string
  payloadText: string | null
}

/** A dead letter as the API tells it. */
export interface ShownDeadLetter extends DeadLetterSummary {
  message: ShownPayload & { qos: number; retain: boolean; timeMs: number; properties: Record<string, unknown> | null }
  owed: ShownPayload & {
    headers: { name: string; value: string | null; valueBase64?: string }[]
    options: Record<string, unknown> | null
  }
}

const columns = ['ID', 'AGE', 'SINK', 'RULE', 'TRIES', 'TOPIC', 'CODE', 'ERROR'].map((title) => ({ title }))

/** A page as the API answers it. */
export interface DeadLetterPage {
  items: DeadLetterSummary[]
  total: number | null
}

/** A page of dead letters as a table, and how to see the next. */
export function drawDeadLetters({ items, total }: DeadLetterPage, limit: number, nowMs: number): string[] {
  const last = items.at(-1)
  if (last === undefined) return ['No dead letters.']
  const rows = items.map((letter) => [
    printSafe(letter.id),
    printAge(nowMs - letter.timeMs),
    printSafe(letter.sink),
    printSafe(letter.rule),
    printCount(letter.attempts),
    printSafe(letter.topic),
    letter.error.code,
    printSafe(letter.error.message),
  ])
  const shown =
    total === null
      ? printPlural(items.length, 'dead letter')
      : `${printCount(items.length)} of ${printPlural(total, 'dead letter')}`
  const isAll = total === null ? items.length < limit : items.length >= total
  const more = isAll ? '' : `; the next: trestle dead-letters list --after ${printSafe(last.id)}`
  return [...drawTable(columns, rows), '', `${shown}${more}`]
}

/** One dead letter with all that is known of it; the payload as the rule shaped it only where the rule changed it. */
export function drawDeadLetter(letter: ShownDeadLetter, paint: Paint): string[] {
  const { message, owed } = letter
  const isShaped = owed.payloadBase64 !== message.payloadBase64
  return [
    paint.strong(printSafe(letter.id)),
    ...drawPairs(pairsOf(letter), '  '),
    '',
    ...drawPayload('payload as published', message),
    ...(isShaped ? ['', ...drawPayload('payload as the rule shaped it', owed)] : []),
  ]
}

function pairsOf(letter: ShownDeadLetter): [string, string][] {
  const { error, message, owed } = letter
  const pairs: [string, string][] = [
    ['error', `${error.code}  ${printSafe(error.message)}`],
    ['given up', printTime(letter.timeMs)],
    ['tries', printCount(letter.attempts)],
    ['topic', printSafe(letter.topic)],
    ['client', printSafe(letter.client)],
    ['published', `${printTime(message.timeMs)}, QoS ${message.qos}${message.retain ? ', retained' : ''}`],
    ['rule', printSafe(letter.rule)],
    ['sink', printSafe(letter.sink)],
    ['target', letter.target === null ? nothing : printSafe(letter.target)],
    ['key', letter.key === null ? nothing : printSafe(letter.key)],
  ]
  for (const { name, value, valueBase64 } of owed.headers) {
    pairs.push([`header ${printSafe(name)}`, printSafe(value ?? valueBase64 ?? '')])
  }
  for (const [name, value] of [...Object.entries(owed.options ?? {}), ...Object.entries(message.properties ?? {})]) {
    pairs.push([printSafe(name), printSafe(typeof value === 'string' ? value : JSON.stringify(value))])
  }
  return pairs
}

function drawPayload(title: string, { payloadBase64, payloadText }: ShownPayload): string[] {
  const bytes = Buffer.from(payloadBase64, 'base64')
  const lines = payloadText === null ? drawHex(bytes) : payloadText.split('\n').map(printSafe)
  return [`${title}, ${printSize(bytes.length)}`, ...lines]
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
