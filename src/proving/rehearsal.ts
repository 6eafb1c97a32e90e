import { Verdict } from '../broker/port.ts'
import { codes } from '../contract/codes.ts'
import { TrestleError } from '../contract/error.ts'
import type { Delivery, Message, Owed } from '../contract/message.ts'
import type { BoundRules } from '../engine/bound-rules.ts'
import type { Example, Given } from '../engine/example/example.ts'
import { isNote } from '../flow/state-notes.ts'
import { WindowCloser } from '../flow/window-closer.ts'
import { Flow } from '../flow.ts'
import { type AppendWaiter, deadLetterSink } from '../journal/port.ts'
import type { DeadLetter } from '../outbox/dead-letter.ts'
import { VirtualClock } from './clock.ts'
import type { ExampleCoverage } from './coverage.ts'
import { messageOf } from './given-message.ts'
import type { Encode, ProvingPlan } from './plan.ts'
import { Script, ScriptedSink } from './scripted-sink.ts'
import type { Stage } from './stage.ts'
import { ProvingStation } from './station.ts'
import { newWitness, type SeenPuback, type Witness } from './witness.ts'

/** What comes at the start of an example that names no time. */
const defaultStartMs = Date.UTC(2026, 0, 1)
/** So long the clock runs on behind the last message, unless the example says otherwise. */
const patienceMs = 3_600_000
/** An example in which more happens is ended: it waits for something that never comes. */
const maxJumps = 20_000

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Runs one example through the flow, the journal and the outboxes, and answers what was seen. */
export async function rehearse(
  example: Example,
  plan: ProvingPlan,
  stage: Stage,
  encode: Encode,
  coverage: ExampleCoverage | null = null,
): Promise<Witness> {
  const rehearsal = new Rehearsal(example, plan, stage, encode, coverage)
  try {
    return await rehearsal.run()
  } finally {
    await rehearsal.stop()
    stage.clear()
  }
}

class Rehearsal {
  readonly #example: Example
  readonly #plan: ProvingPlan
  readonly #stage: Stage
  readonly #encode: Encode
  readonly #clock: VirtualClock
  readonly #flow: Flow
  readonly #closer: WindowCloser
  readonly #coverage: ExampleCoverage | null
  readonly #journalScript: Script
  readonly #stations = new Map<string, ProvingStation>()
  readonly #witness = newWitness()
  #appended = 0
  /** Why the journal takes nothing now; only an example's faults set it. */
  error: TrestleError | null = null

  constructor(example: Example, plan: ProvingPlan, stage: Stage, encode: Encode, coverage: ExampleCoverage | null) {
    this.#coverage = coverage
    this.#example = example
    this.#plan = plan
    this.#stage = stage
    this.#encode = encode
    this.#clock = new VirtualClock(example.timeMs ?? defaultStartMs)
    this.#journalScript = this.#scriptOf(null)
    this.#flow = new Flow(plan.rules, this)
    this.#flow.route = (message, rule) => {
      const { topic, payload, retain, qos } = message
      this.#witness.publishes.push({ rule, topic, payload, retain, qos, atMs: this.#clock.elapsedMs })
    }
    this.#flow.tracer = coverage
    forget(plan)
    this.#closer = new WindowCloser({
      emitter: this.#flow,
      now: this.#clock.now,
      setTimer: (call, afterMs) => {
        const timer = this.#clock.set(call, afterMs)
        return () => this.#clock.clear(timer)
      },
    })
    this.#closer.use(plan.rules.rules)
    stage.onDurable = () => {
      for (const station of this.#stations.values()) station.wake()
    }
  }

  async run(): Promise<Witness> {
    const { given, untilMs } = this.#example
    for (const [at, one] of given.entries()) this.#clock.set(() => this.#publish(one, at), one.atMs)
    const lastMs = given.at(-1)?.atMs ?? 0
    const endMs = this.#clock.startMs + (untilMs ?? lastMs + patienceMs)
    this.#witness.isCutShort = !(await this.#runTo(endMs))
    if (untilMs !== null) this.#clock.jump(endMs)
    for (const station of this.#stations.values()) {
      const waiting = station.waiting()
      if (waiting !== null) this.#witness.waiting.push(waiting)
    }
    this.#witness.elapsedMs = this.#clock.elapsedMs
    return this.#witness
  }

  /** False when it has not come there. */
  async #runTo(endMs: number): Promise<boolean> {
    for (let jumps = 0; jumps < maxJumps; jumps++) {
      const dueMs = this.#clock.nextDueMs
      if (dueMs === null || dueMs > endMs) return true
      this.#clock.jump(dueMs)
      await this.#settle()
    }
    return false
  }

  async stop(): Promise<void> {
    this.#closer.close()
    await Promise.all([...this.#stations.values()].map((station) => station.stop()))
  }

  /** As the journal's own. */
  get durable(): number {
    return this.#stage.journal.durable
  }

  /** The journal as the flow sees it. */
  append(
    message: Message,
    owed: readonly Owed[],
    awaited: boolean,
    waiter: AppendWaiter | null,
    token: number,
  ): number {
    const fault = this.#journalScript.take(() => true)
    this.error = fault === null ? null : journalError(fault.fails)
    if (fault !== null) return -1
    for (const one of owed) {
      // What rules keep is kept by the rules; here nobody needs it after a restart.
      if (!isNote(one) && !this.#stations.has(one.sink)) this.#stations.set(one.sink, this.#stationOf(one.sink))
    }
    this.#appended = this.#stage.journal.append(message, owed, awaited, waiter, token)
    return this.#appended
  }

  /** Lets everything happen that needs no time to pass. *Errors*: E504 when the disk does not take the journal. */
  async #settle(): Promise<void> {
    const { journal } = this.#stage
    do {
      await turn()
      while (journal.durable < this.#appended) {
        if (journal.error !== null) throw journal.error
        await turn()
      }
      // What the commit has woken runs in this one.
      await turn()
    } while (journal.durable < this.#appended)
  }

  #publish(given: Given, at: number): void {
    const rules = this.#flow.lookup(given.topic)
    const message = messageOf(given, rules, this.#clock.now(), this.#encode)
    if (rules === null) this.#witness.untaken.push(at)
    const verdict = rules === null ? Verdict.Accepted : this.#take(message, rules, at)
    if (verdict === Verdict.Accepted || verdict === Verdict.Pending) this.#plan.observe(message)
    if (given.qos === 0 || verdict === Verdict.Pending || verdict === Verdict.RefusedPending) return
    this.#answer(at, verdict === Verdict.Accepted ? null : this.#flow.error)
  }

  #take(message: Message, rules: BoundRules, at: number): Verdict {
    const settle = (token: number, error: TrestleError | null): void => this.#answer(token, error)
    const verdict = this.#flow.take(message, rules, message.qos === 0 ? null : { settle }, at)
    this.#coverage?.catchUp(message)
    return verdict
  }

  #answer(given: number, error: TrestleError | null): void {
    const { rule, place } = (error?.detail ?? {}) as { rule?: string; place?: string }
    const seen: SeenPuback = {
      given,
      reason: error === null ? 0 : codes[error.code].mqtt,
      code: error?.code ?? null,
      message: error?.message ?? null,
      rule: rule ?? null,
      place: place ?? null,
      atMs: this.#clock.elapsedMs,
    }
    this.#witness.pubacks.push(seen)
  }

  #stationOf(name: string): ProvingStation {
    const script = this.#scriptOf(name)
    return new ProvingStation({
      name,
      stage: this.#stage,
      clock: this.#clock,
      shelf: { putMany: (letters) => this.#keep(letters), keptAfter: () => new Set() },
      budget: this.#plan.sinks.get(name)?.budget ?? null,
      makeSink: () => new ScriptedSink(name, script, (delivery) => this.#note(delivery)),
      onReceipt: (position, error) => this.#flow.awaiting.settle(position, name, error),
    })
  }

  #scriptOf(sink: string | null): Script {
    const own = this.#example.faults.filter((fault) => fault.sink === sink)
    return new Script(own, () => this.#clock.elapsedMs)
  }

  #note(delivery: Delivery): void {
    const { sink, rule, target, key, headers, options, payload, attempt } = delivery
    const atMs = this.#clock.elapsedMs
    this.#witness.deliveries.push({ sink, rule, target, key, headers, options, payload, attempts: attempt, atMs })
  }

  #keep(letters: readonly DeadLetter[]): void {
    for (const { delivery, error } of letters) {
      this.#witness.letters.push({
        sink: delivery.sink === deadLetterSink ? null : delivery.sink,
        rule: delivery.rule,
        code: error.code,
        message: error.message,
        attempts: delivery.attempt,
        payload: delivery.payload,
        atMs: this.#clock.elapsedMs,
      })
    }
  }
}

/** What rules and schemas have kept of the example before. */
function forget({ rules, forget: forgetSeen }: ProvingPlan): void {
  forgetSeen()
  for (const { state } of rules.rules) for (const table of state?.tables ?? []) table.clear()
}

const journalError = (fails: string): TrestleError =>
  fails === 'full'
    ? new TrestleError('E505', 'the journal has reached its size limit')
    : new TrestleError('E504', 'the disk does not take what is written to the journal')
