/** A hub's flow with what its rules keep, on a real journal, with a clock of the test's own, that can be left as by `kill -9`. */
import fs from 'node:fs'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { Verdict } from '../../src/broker/port.ts'
import type { TrestleError } from '../../src/contract/error.ts'
import type { Message } from '../../src/contract/message.ts'
import type { RuleSet } from '../../src/engine/rule-set.ts'
import { carryOver } from '../../src/engine/state/carry-over.ts'
import { type Restored, StateKeeper } from '../../src/flow/state-keeper.ts'
import { stateSink } from '../../src/flow/state-notes.ts'
import { WindowCloser } from '../../src/flow/window-closer.ts'
import { Flow } from '../../src/flow.ts'
import { Journal } from '../../src/journal/journal.ts'
import { readTail } from '../../src/journal/tail.ts'
import { load, message } from '../engine/rules.ts'
import { dataFolder, defaults, type FaultyDisk, readAll, readerOf, until } from '../journal/journal-fixture.ts'

export const startMs = Date.UTC(2026, 0, 2)

/** What a sink was owed: its payload as data, and its identity. */
export interface Sent {
  readonly payload: Record<string, unknown>
  readonly position: number
  readonly orderKey: string
}

export interface RigOptions {
  readonly rules: Record<string, string>
  readonly folder?: string
  readonly files?: FaultyDisk
  readonly nowMs?: number
  readonly snapshotEveryMs?: number
  readonly journal?: { readonly segmentBytes?: number; readonly maxBytes?: number }
}

export class StateRig {
  readonly folder: string
  readonly journal: Journal
  readonly flow: Flow
  readonly keeper: StateKeeper
  readonly closer: WindowCloser
  readonly errors: string[] = []
  readonly routed: Message[] = []
  restored: Restored | null = null
  rules: RuleSet
  nowMs: number
  #settled = 0

  static async open(t: TestContext, options: RigOptions): Promise<StateRig> {
    const folder = options.folder ?? dataFolder(t)
    let rig: StateRig | null = null
    const journal = await Journal.open({
      ...defaults,
      ...options.journal,
      rules: [stateSink],
      sinks: ['records', 'lake'],
      folder,
      ...(options.files === undefined ? {} : { files: options.files }),
      onState: (state) => {
        if (state === 'failing') void rig?.forgetUnwritten()
      },
    })
    rig = new StateRig(folder, journal, options)
    t.after(() => rig!.close())
    rig.restored = await rig.keeper.open(rig.rules.rules)
    rig.closer.use(rig.rules.rules, [], rig.restored.orphans)
    return rig
  }

  private constructor(folder: string, journal: Journal, options: RigOptions) {
    this.folder = folder
    this.journal = journal
    this.rules = load(options.rules)
    this.nowMs = options.nowMs ?? startMs
    this.flow = new Flow(this.rules, journal)
    this.flow.route = (routed) => this.routed.push(routed)
    this.keeper = new StateKeeper({
      folder: path.join(path.dirname(folder), 'state'),
      journalFolder: folder,
      hub: journal.hub,
      tail: journal.tail,
      owed: () => journal.tally()[stateSink]?.messages ?? 0,
      onLowWater: () => this.release(),
      onError: (error) => this.errors.push(error.message),
      snapshotEveryMs: options.snapshotEveryMs ?? 60_000,
    })
    const isReady = (): boolean => this.keeper.isReady
    this.closer = new WindowCloser({ emitter: this.flow, now: () => this.nowMs, isReady, setTimer: null })
    this.flow.onChanged = (position) => this.keeper.changed(position)
    this.flow.onRules = (next) => {
      const left = carryOver(this.rules.rules, next.rules)
      this.rules = next
      this.keeper.use(
        next.rules,
        left.map(({ table }) => table),
      )
      this.closer.use(next.rules, left)
    }
  }

  /** Publishes; resolves with null when it is acknowledged, else with why not. */
  take(payload: unknown, topic = 'a/1', more: Partial<Message> = {}): Promise<TrestleError | null> {
    const { flow } = this
    const given = message(payload, { topic, timeMs: this.nowMs, ...more })
    return new Promise((resolve) => {
      const waiter = { settle: (_: number, error: TrestleError | null) => resolve(error) }
      const verdict = flow.take(given, flow.lookup(topic)!, waiter, 0)
      if (verdict === Verdict.Accepted) resolve(null)
      else if (verdict === Verdict.Busy || verdict === Verdict.Refused) resolve(flow.error)
    })
  }

  async forgetUnwritten(): Promise<void> {
    this.closer.use(this.rules.rules, [], await this.keeper.forgetUnwritten())
  }

  /** Moves the clock, and closes what is due. */
  advance(ms: number): boolean {
    this.nowMs += ms
    return this.closer.closeDue(this.nowMs)
  }

  /** All that was owed to a sink and is on disk. */
  async sent(sink = 'records'): Promise<Sent[]> {
    await until(() => this.#isQuiet())
    const reader = readerOf(this.folder, this.journal, sink)
    const records = readAll(reader, 1000)
    reader.close()
    return records.flatMap(({ owed, position }) =>
      owed.map(({ orderKey, payload }) => ({ payload: JSON.parse(payload.toString()), position, orderKey })),
    )
  }

  /** All sinks have what they were owed up to here. */
  settle(position: number): void {
    this.#settled = position
    this.release()
  }

  release(): void {
    this.journal.release(Math.min(this.#settled, this.keeper.lowWater))
  }

  /** The data folder as a crash at this moment leaves it. */
  crash(t: TestContext): string {
    const copy = dataFolder(t)
    // The journal last: what it has when the snapshot is copied, it has then, too.
    for (const room of ['state', 'hub.json', 'journal']) {
      const from = path.join(path.dirname(this.folder), room)
      if (fs.existsSync(from)) copyLive(from, path.join(path.dirname(copy), room))
    }
    fs.rmSync(path.join(copy, 'lock'), { force: true })
    return copy
  }

  async close(): Promise<void> {
    this.closer.close()
    await this.keeper.close()
    await this.journal.close()
  }

  #isQuiet(): boolean {
    return readTail(this.journal.tail) >= this.journal.report().durable && !this.journal.isAwaited
  }
}

/** A folder that is being written to: a file may be gone before it is copied. */
function copyLive(from: string, to: string): void {
  for (let tries = 0; ; tries++) {
    try {
      fs.rmSync(to, { recursive: true, force: true })
      fs.cpSync(from, to, { recursive: true })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === 20) throw error
    }
  }
}
