import type { ConnectorReport, ConnectorState, HubReport, WayReport } from '../telemetry/report.ts'
import { ledgerBalances } from '../telemetry/report.ts'
import { nothing, printAge, printCount, printLongAge, printPlural, printRate, printSafe, printSize } from './human.ts'
import { drawLedger, ledgerWord, shownFates } from './ledger-line.ts'
import type { Paint } from './paint.ts'
import { type Cell, type Column, drawPairs, drawTable } from './table.ts'

const columns: readonly Column[] = [
  { title: 'CONNECTOR' },
  { title: 'TYPE' },
  { title: 'STATE' },
  { title: 'FOR', minWidth: 6 },
  { title: 'IN/s', minWidth: 5 },
  { title: 'OUT/s' },
  { title: 'WAITING', minWidth: 19 },
  { title: 'OLDEST' },
  { title: 'RETRIES' },
  { title: 'DEAD' },
  { title: 'LAST ERROR' },
]

const mood: Record<ConnectorState, keyof Paint> = {
  starting: 'warn',
  connected: 'good',
  retrying: 'bad',
  failing: 'bad',
  paused: 'warn',
  stopped: 'bad',
  'not-configured': 'bad',
}

const stateWords: Record<ConnectorState, string> = {
  starting: 'starting',
  connected: 'connected',
  retrying: 'retrying',
  failing: 'failing',
  paused: 'paused',
  stopped: 'stopped',
  'not-configured': 'not configured',
}

/** The hub at a glance: headline, one row per connector, the ledger, what the broker dropped. Its clock is the report's. */
export function drawStatus(report: HubReport, paint: Paint): string[] {
  const table = drawConnectors(report.connectors, report.nowMs, paint)
  const ledger = drawLedger(report.ledger, paint)
  return [drawHeadline(report, paint), '', ...table, '', ledger, ...drawDropped(report.broker.dropped)]
}

/** A row per connector; one with several ways, in and out, has a row for each of them too. */
export function drawConnectors(connectors: readonly ConnectorReport[], nowMs: number, paint: Paint): string[] {
  const rows = connectors.flatMap((connector) => [
    drawConnectorRow(connector, nowMs, paint),
    ...(connector.ways.length < 2 ? [] : connector.ways.map((way) => drawWayRow(way, nowMs, paint))),
  ])
  return rows.length === 0 ? ['No connectors are configured.'] : drawTable(columns, rows)
}

function drawWayRow(
  { kind, name, state, sinceMs, why, perS, retries, lastError }: WayReport,
  nowMs: number,
  paint: Paint,
): Cell[] {
  return [
    `  ${printSafe(name)}`,
    '',
    { text: stateWords[state], paint: paint[mood[state]] },
    printAge(nowMs - sinceMs),
    kind === 'source' ? printRate(perS) : nothing,
    kind === 'sink' ? printRate(perS) : nothing,
    '',
    '',
    printCount(retries),
    '',
    printWhy({ state, sinceMs, why, lastError }, nowMs),
  ]
}

/** Messages not handed to a subscriber, or not taken, the most frequent reason first; no line when there are none. */
function drawDropped(dropped: HubReport['broker']['dropped']): string[] {
  const reasons = Object.entries(dropped)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
  if (reasons.length === 0) return []
  const total = reasons.reduce((sum, [, count]) => sum + count, 0)
  const told = reasons.map(([reason, count]) => `${printSafe(reason)} ${printCount(count)}`)
  return [`dropped  ${printCount(total)} (${told.join(', ')})`]
}

function drawHeadline({ version, host, startedMs, nowMs, journal, ledger }: HubReport, paint: Paint): string {
  const oldest = journal.oldestMs === null ? 'empty' : `oldest ${printAge(nowMs - journal.oldestMs)}`
  const size = `journal ${printSize(journal.bytes)}, ${oldest}`
  const written =
    journal.state === 'writing' ? size : paint.bad(`journal ${journal.state}: ${printSafe(journal.error ?? size)}`)
  const balance = ledgerBalances(ledger)
    ? `ledger balances (unaccounted 0)`
    : paint.bad(`ledger does not balance (unaccounted ${printCount(ledger.unaccounted)})`)
  const name = `${paint.strong(`trestle ${printSafe(version)}`)} on ${printSafe(host)}`
  return [name, `up ${printLongAge(nowMs - startedMs)}`, written, balance].join('   ')
}

function drawConnectorRow(connector: ConnectorReport, nowMs: number, paint: Paint): Cell[] {
  const { name, type, state, sinceMs, inPerS, outPerS, waiting, retries, deadLetters } = connector
  return [
    printSafe(name),
    printSafe(type),
    { text: stateWords[state], paint: paint[mood[state]] },
    printAge(nowMs - sinceMs),
    inPerS === null ? nothing : printRate(inPerS),
    outPerS === null || waiting === null ? nothing : printRate(outPerS),
    printWaiting(waiting),
    printOldest(waiting, nowMs),
    printCount(retries),
    printCount(deadLetters),
    printWhy(connector, nowMs),
  ]
}

function printWaiting(waiting: ConnectorReport['waiting']): string {
  if (waiting === null) return nothing
  const size = waiting.messages > 0 ? ` (${printSize(waiting.bytes)})` : ''
  return printCount(waiting.messages) + size
}

const printOldest = (waiting: ConnectorReport['waiting'], nowMs: number): string =>
  waiting === null || waiting.oldestMs === null ? nothing : printAge(nowMs - waiting.oldestMs)

/** What hinders it now; for a connected one, what went wrong since it is connected. */
function printWhy(
  { state, sinceMs, why, lastError }: Pick<ConnectorReport, 'state' | 'sinceMs' | 'why' | 'lastError'>,
  nowMs: number,
): string {
  const isPast = state === 'connected' || state === 'paused'
  if (lastError === null || (isPast && lastError.timeMs < sinceMs)) return why === null ? nothing : printSafe(why)
  const message = printSafe(lastError.message)
  if (isPast) return `${message}, ${printAge(nowMs - lastError.timeMs)} ago`
  return `${message}${printNextTry(lastError.nextTryMs, nowMs)}`
}

function printNextTry(nextTryMs: number | null, nowMs: number): string {
  if (nextTryMs === null) return ''
  return nextTryMs <= nowMs ? ', trying now' : `, next try in ${printAge(Math.ceil((nextTryMs - nowMs) / 1000) * 1000)}`
}

/** One connector with all that is known of it. */
export function drawConnector(connector: ConnectorReport, nowMs: number, paint: Paint): string[] {
  const { name, type, state, sinceMs, why, waiting, lastError, inPerS, outPerS } = connector
  const pairs: [string, string][] = [
    ['state', `${paint[mood[state]](stateWords[state])} for ${printLongAge(nowMs - sinceMs)}`],
    ['why', why === null ? nothing : printSafe(why)],
    ['in', inPerS === null ? nothing : `${printRate(inPerS)}/s`],
    ['out', outPerS === null ? nothing : `${printRate(outPerS)}/s`],
    ['waiting', printWaiting(waiting)],
    ['oldest', printOldest(waiting, nowMs)],
    ['retries', printCount(connector.retries)],
    ['dead letters', printCount(connector.deadLetters)],
    ['last error', nothing],
  ]
  if (lastError !== null) {
    const next = state === 'connected' ? '' : printNextTry(lastError.nextTryMs, nowMs)
    const ago = printAge(nowMs - lastError.timeMs)
    pairs[pairs.length - 1] = ['last error', `${lastError.code}  ${printSafe(lastError.message)}, ${ago} ago${next}`]
  }
  const dropped = Object.entries(connector.dropped).map(
    ([reason, count]) => `${printSafe(reason)} ${printCount(count)}`,
  )
  if (dropped.length > 0) pairs.push(['dropped', dropped.join(', ')])
  const title = `${paint.strong(printSafe(name))}   ${printSafe(type)}`
  const ways = connector.ways.length < 2 ? [] : ['', ...drawWays(connector.ways, nowMs, paint)]
  return [title, ...drawPairs(pairs, '  '), ...ways, '', drawLedger(connector.ledger, paint)]
}

/** The sink and each source of one connector. */
function drawWays(ways: readonly WayReport[], nowMs: number, paint: Paint): string[] {
  const titles = ['WAY', 'STATE', 'FOR', 'RATE/s', 'RETRIES', 'LAST ERROR'].map((title) => ({ title }))
  const rows = ways.map((way): Cell[] => [
    printSafe(way.name),
    { text: stateWords[way.state], paint: paint[mood[way.state]] },
    printAge(nowMs - way.sinceMs),
    printRate(way.perS),
    printCount(way.retries),
    printWhy(way, nowMs),
  ])
  return drawTable(titles, rows).map((line) => `  ${line}`)
}

/** The ledger of each rule, a column for each fate. */
export function drawRules(report: HubReport, paint: Paint): string[] {
  if (report.rules.length === 0) return ['No rules are loaded.']
  const shown = ['received', ...shownFates(report.rules.map(({ ledger }) => ledger)), 'unaccounted'] as const
  const titles: Column[] = [{ title: 'RULE' }]
  for (const column of shown) titles.push({ title: ledgerWord(column).toUpperCase(), align: 'right' })
  const rows = report.rules.map(({ name, ledger }) => {
    const cells: Cell[] = [printSafe(name)]
    const mark = ledgerBalances(ledger) ? (text: string) => text : paint.bad
    for (const column of shown) cells.push({ text: printCount(ledger[column]), paint: mark })
    return cells
  })
  return [`${printPlural(report.rules.length, 'rule')}`, '', ...drawTable(titles, rows), ...drawStates(report)]
}

/** What rules keep per key; nothing where none keeps anything. */
function drawStates({ nowMs, rules }: HubReport): string[] {
  const keeping = rules.flatMap(({ name, state }) => (state === null ? [] : [{ name, ...state }]))
  if (keeping.length === 0) return []
  const titles: Column[] = [{ title: 'KEEPS' }]
  for (const title of ['KEYS', 'SIZE', 'NEXT WINDOW', 'FORGOTTEN', 'CLOSED EARLY', 'LATE'])
    titles.push({ title, align: 'right' })
  const rows = keeping.map(({ name, keys, bytes, nextMs, evicted, early, late }): Cell[] => [
    printSafe(name),
    printCount(keys),
    printSize(bytes),
    nextMs === null ? nothing : nextMs <= nowMs ? 'due' : `in ${printAge(nextMs - nowMs)}`,
    printCount(evicted),
    printCount(early),
    printCount(late),
  ])
  return ['', ...drawTable(titles, rows)]
}
