/**
 * What the outbox and a sink's loop cost per delivery, the sink and the reading of the journal aside.
 * Run: `node --conditions=trestle-source bench/outbox.ts [deliveries] [batch]`. Claim: at most 1.5 µs.
 */

import { defaultTiming } from '../src/bridge/boundary.ts'
import { Dispatch } from '../src/bridge/dispatch.ts'
import { IdleGate } from '../src/bridge/idle-gate.ts'
import { Link } from '../src/bridge/link.ts'
import { ReconnectGovernor } from '../src/bridge/retry.ts'
import { delivered, type Receipt } from '../src/contract/receipt.ts'
import type { JournalRecord } from '../src/journal/port.ts'
import { freshCursor } from '../src/outbox/cursor.ts'
import { Outbox } from '../src/outbox/outbox.ts'
import type { OwedReader } from '../src/outbox/window.ts'

const total = Number(process.argv[2] ?? 1_000_000)
const batch = Number(process.argv[3] ?? 150)
const keys = Array.from({ length: 1000 }, (_, n) => `device-${n}/plants/${n}`)
const payload = Buffer.alloc(200)

/** Gives records as the journal would; its own time is measured and taken off. */
class TimedReader implements OwedReader {
  position = 0
  readonly startOrdinal = 0
  spentMs = 0

  read(maxCount: number): JournalRecord[] {
    const beganMs = performance.now()
    const records: JournalRecord[] = []
    while (records.length < maxCount && this.position < total) {
      const position = ++this.position
      const orderKey = keys[position % keys.length]!
      const message = {
        topic: orderKey,
        payload,
        qos: 1,
        retain: false,
        properties: null,
        client: 'c',
        username: null,
        source: null,
        timeMs: 1,
      } as const
      const owed = {
        sink: 'lake',
        rule: 'r',
        target: null,
        key: null,
        orderKey,
        headers: [],
        payload,
        options: null,
        ordinal: position,
        index: 0,
      }
      records.push({ position, message, owed: [owed], awaited: false })
    }
    this.spentMs += performance.now() - beganMs
    return records
  }

  close(): void {}
}

const reader = new TimedReader()
const outbox = new Outbox({
  start: freshCursor('hub', 'lake'),
  reader,
  deadLetters: { putMany: () => {}, keptAfter: () => new Set() },
  onReceipt: () => {},
})
const receipts: Receipt[] = Array.from({ length: batch }, () => delivered)
const dispatch = new Dispatch({
  name: 'lake',
  outbox,
  makeSink: async () => ({
    ordering: 'key',
    limits: { count: batch, bytes: 1e9, lingerMs: 0 },
    open: async () => {},
    deliver: async (given) => (given.length === batch ? receipts : receipts.slice(0, given.length)),
    close: async () => {},
  }),
  link: new Link(Date.now, () => {}),
  governor: new ReconnectGovernor({ maxOpens: 1, spacingMs: 0 }),
  owedCount: null,
  gate: new IdleGate(new SharedArrayBuffer(4), () => total, 5),
  timing: defaultTiming,
  onSettled: () => {},
  log: () => {},
  now: Date.now,
  random: Math.random,
})
const cpu = process.cpuUsage()
const beganMs = performance.now()
dispatch.start()
while (outbox.settledCount < total) await new Promise((resolve) => setTimeout(resolve, 2))
const wallMs = performance.now() - beganMs
const used = process.cpuUsage(cpu)
await dispatch.stop()
const perDelivery = (ms: number): string => `${((ms * 1000) / total).toFixed(3)} µs`
console.log(`deliveries ${total}, batches of ${batch}`)
console.log(`wall without reading  ${perDelivery(wallMs - reader.spentMs)} per delivery`)
console.log(`reading (made up)     ${perDelivery(reader.spentMs)} per delivery`)
console.log(`CPU in all            ${perDelivery((used.user + used.system) / 1000)} per delivery`)
