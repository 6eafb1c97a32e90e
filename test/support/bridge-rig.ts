import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BridgeBody, inProcessBody } from '../../src/bridge/body.ts'
import type { ConnectorSettings } from '../../src/bridge/boundary.ts'
import type { LinkReport } from '../../src/bridge/report.ts'
import { Bridge, type BridgeOptions } from '../../src/bridge/supervisor.ts'
import type { Message, Owed } from '../../src/contract/message.ts'
import { Journal } from '../../src/journal/journal.ts'
import { messageOf, owedOf } from './owed.ts'

export const until = async (reached: () => boolean | Promise<boolean>, what: string, limitMs = 8000): Promise<void> => {
  const endMs = performance.now() + limitMs
  while (!(await reached())) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export const connectorOf = (name: string, fields: Partial<ConnectorSettings> = {}): ConnectorSettings => ({
  name,
  type: 'memory',
  options: {},
  sink: true,
  sources: [],
  ...fields,
})

/** A real journal, a bridge over it, and what the bridge told. */
export class BridgeRig {
  readonly folder = mkdtempSync(join(tmpdir(), 'trestle-bridge-'))
  readonly events: string[] = []
  readonly lines: { level: string; event: string; facts: unknown }[] = []
  readonly receipts: [position: number, error: string | null, sink: string][] = []
  lowWater = 0
  journal!: Journal
  bridge!: Bridge
  #options: Partial<BridgeOptions> & { connectors: readonly ConnectorSettings[] }

  constructor(options: Partial<BridgeOptions> & { connectors: readonly ConnectorSettings[] }) {
    this.#options = options
  }

  async start(): Promise<this> {
    this.journal = await Journal.open({
      folder: join(this.folder, 'journal'),
      sinks: this.#options.connectors.map(({ name }) => name),
      rules: ['telemetry'],
      maxBytes: 64 * 1024 * 1024,
      segmentBytes: 1024 * 1024,
      spacingMs: 0,
      sync: 'os',
      onDurable: (position) => this.bridge?.appended(position),
    })
    this.bridge = this.openBridge(this.#options)
    await this.bridge.start()
    return this
  }

  /** Another bridge over the same journal and cursors. */
  openBridge(options: Partial<BridgeOptions>): Bridge {
    const bridge = new Bridge({
      hub: this.journal.hub,
      folders: {
        journal: join(this.folder, 'journal'),
        cursors: join(this.folder, 'cursors'),
        connectors: join(this.folder, 'connectors'),
        deadLetters: join(this.folder, 'dead-letters.sqlite'),
      },
      tail: this.journal.tail,
      tailSinks: this.#options.connectors.map(({ name }) => name),
      modules: new URL('./connector-list.ts', import.meta.url).href,
      connectors: [],
      events: { emit: (name) => this.events.push(name) },
      log: { note: (level, event, facts) => this.lines.push({ level, event, facts }) },
      makeBody: (): BridgeBody => inProcessBody(),
      ...options,
      timing: { cursorWriteMs: 10, cursorSyncMs: 20, cursorMoveMs: 50, openSpacingMs: 1, ...options.timing },
    })
    bridge.onReceipt((position, error, sink) => this.receipts.push([position, error?.code ?? null, sink]))
    bridge.onLowWater((position) => {
      this.lowWater = position
    })
    return bridge
  }

  /** One record; `owed` defaults to one delivery to the first connector. */
  append(owed: Partial<Owed>[] = [{}], message: Partial<Message> = {}, awaited = false): number {
    const full = messageOf(message)
    const sink = this.#options.connectors[0]!.name
    const entries = owed.map((one) => owedOf({ sink, payload: full.payload, ...one }))
    const position = this.journal.append(full, entries, awaited, null, 0)
    if (position < 0) throw this.journal.error
    return position
  }

  /** `count` records, round and round over `keys` order keys, each payload its running number. */
  appendMany(count: number, keys = 1, from = 1): void {
    for (let n = from; n < from + count; n++)
      this.append([{ orderKey: `key-${n % keys}` }], { payload: Buffer.from(String(n)) })
  }

  async link(name: string): Promise<LinkReport> {
    const { connectors } = await this.bridge.status()
    return connectors.find((one) => one.name === name)!
  }

  async stop(): Promise<void> {
    await this.bridge.stop()
    await this.journal.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
