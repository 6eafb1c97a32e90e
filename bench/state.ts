/**
 * What it costs that rules remember, beside a rule that only asks a condition of the same 200 bytes of JSON, in turns in one
 * process; what a million keys weigh; and how long the loop stands still while they are written and read.
 *
 *     node --expose-gc --conditions=trestle-source bench/state.ts
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Message, Owed } from '../src/contract/message.ts'
import { printFault } from '../src/document/fault.ts'
import { RuleSet } from '../src/engine/rule-set.ts'
import { tablesOf } from '../src/engine/state/carry-over.ts'
import { readSnapshot, writeSnapshot } from '../src/flow/state-snapshot.ts'
import { Flow } from '../src/flow.ts'

const kinds = {
  'a condition, false': 'where: payload.v < 0',
  'once, a repeat': 'once: { by: "${payload.kind}", within: 1h }',
  'once, passes': 'once: { by: "${payload.v}", within: 1h }',
  'changed, within its deadband': 'changed: { value: payload.t, by: "${client}", by_more_than: 5 }',
  'at_most, dropped (looks at no payload)': 'at_most: { every: 1h }',
  'at_most with keep: last': 'at_most: { every: 1h, keep: last }',
  'window of three values':
    'window: { every: 1h, by: "${client}", values: { n: count(), mean: mean(payload.t), max: max(payload.t) } }',
} as const
type Kind = keyof typeof kinds

const registry = { list: () => [], resolve: () => null, unframe: () => null }
const sinks = new Map([['records', { type: 'file', targetField: null, targetOptions: null }]])
const rounds = 5
const perRound = 40_000
const million = 1_000_000

function rulesOf(text: string): RuleSet {
  const file = { file: 'rules/r.yaml', text: `from: a/{x}\n${text}\nto: [{ sink: records }]\n` }
  const { rules, faults } = RuleSet.load([file], { sinks, registry })
  if (rules === null) throw new Error(faults.map(printFault).join('\n'))
  return rules
}

const messageOf = (v: number): Message => ({
  topic: 'a/1',
  payload: Buffer.from(
    JSON.stringify({
      v,
      t: 20 + (v % 5) / 2,
      kind: `k${v % 8}`,
      quality: 'good',
      line: 'oslo/3',
      note: 'x'.repeat(110),
    }),
  ),
  qos: 1,
  retain: false,
  properties: null,
  client: `press-${v % 50}`,
  username: null,
  source: null,
  timeMs: 1_767_312_000_000 + v,
})

/** CPU of one message in the flow, in ns; the least of several rounds. The journal only writes out what it is owed. */
function measureFlow(): ReadonlyMap<Kind, number> {
  const flows = Object.entries(kinds).map(([kind, text]) => {
    let position = 0
    let written = 0
    const append = (_message: Message, owed: readonly Owed[]): number => {
      for (const { options } of owed) if (options !== null) written += Buffer.from(JSON.stringify(options)).length
      return ++position + written * 0
    }
    const flow = new Flow(rulesOf(text), { error: null, durable: Number.MAX_SAFE_INTEGER, append })
    return { kind: kind as Kind, flow, bound: flow.lookup('a/1')! }
  })
  const least = new Map<Kind, number>()
  const waiter = { settle: () => {} }
  for (let round = 0; round < rounds; round++) {
    const messages = Array.from({ length: perRound }, (_, at) => messageOf(round * perRound + at))
    for (const { kind, flow, bound } of flows) {
      const before = process.cpuUsage()
      for (const message of messages) flow.take(message, bound, waiter, 0)
      const { user, system } = process.cpuUsage(before)
      least.set(kind, Math.min(least.get(kind) ?? Number.POSITIVE_INFINITY, ((user + system) * 1000) / perRound))
    }
  }
  return least
}

interface Million {
  readonly bytes: number
  readonly writeMs: number
  readonly writeTurnMs: number
  readonly readMs: number
}

async function measureMillion(text: string): Promise<Million> {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  const tables = tablesOf(rulesOf(text).rules)
  const [table] = [...tables.values()]
  const message = messageOf(0)
  for (let n = 0; n < million; n++) {
    const input = table!.kind === 'gather' ? [1e12, true, n, n] : [1e12 + n, n]
    table!.apply(`device-${n}`, input, message, n)
  }
  globalThis.gc?.()
  const bytes = (process.memoryUsage().heapUsed - before) / million
  const folder = mkdtempSync(join(tmpdir(), 'trestle-bench-'))
  let turnMs = 0
  let lastMs = performance.now()
  let watch = setImmediate(function look() {
    const nowMs = performance.now()
    turnMs = Math.max(turnMs, nowMs - lastMs)
    lastMs = nowMs
    watch = setImmediate(look)
  })
  const startMs = performance.now()
  await writeSnapshot(folder, { hub: 'bench', position: million }, [...tables.values()], async () => true)
  const writeMs = performance.now() - startMs
  const writeTurnMs = turnMs
  clearImmediate(watch)
  table!.clear()
  const readFromMs = performance.now()
  await readSnapshot(folder, { hub: 'bench', position: million }, tables)
  rmSync(folder, { recursive: true })
  return { bytes, writeMs, writeTurnMs, readMs: performance.now() - readFromMs }
}

const costs = measureFlow()
const floor = costs.get('a condition, false')!
console.log('| a message | ns of CPU | beside a condition |\n|---|---|---|')
for (const [kind, ns] of costs) console.log(`| ${kind} | ${Math.round(ns)} | ${(ns / floor).toFixed(2)} × |`)
console.log('\n| a million | bytes each | snapshot, ms | longest turn, ms | read back, ms |\n|---|---|---|---|---|')
for (const kind of ['changed, within its deadband', 'window of three values'] as const) {
  const { bytes, writeMs, writeTurnMs, readMs } = await measureMillion(kinds[kind])
  const cells = [Math.round(bytes), Math.round(writeMs), writeTurnMs.toFixed(1), Math.round(readMs)]
  console.log(`| ${kind.split(',')[0]} | ${cells.join(' | ')} |`)
}
