/**
 * The life of one message, on one page: check, match, record, answer.
 *
 * A message that some rule takes is first **checked** and **matched**: every rule of its topic evaluates it, schema
 * before condition, before anyone else has seen it. If one rule refuses it, it goes nowhere but to the dead letters.
 * Otherwise all that the rules owe the sinks is **recorded** in one append to the journal, and the publisher is
 * **answered** when the rule says so: `received` at once, `stored` when the append is back from disk, `delivered` when
 * every sink has confirmed. What rules publish goes through the rules again (a cycle is refused when they are loaded).
 * What rules keep changes with the record that says so, and not before; what they gather leaves by `emit`.
 * Those who wait for an answer are in `flow/waiters`; what a refused message leaves behind is in `flow/dead-letter`;
 * what rules keep is looked after by `flow/state-keeper` and `flow/window-closer`.
 */
import type { AckWaiter, PublishFlow } from './broker/port.ts'
import { Verdict } from './broker/port.ts'
import { TrestleError } from './contract/error.ts'
import type { Message, Owed } from './contract/message.ts'
import type { BoundRules } from './engine/bound-rules.ts'
import type { CompiledRule } from './engine/compile.ts'
import { evaluateGathered } from './engine/evaluate.ts'
import { Outcome, type PublishOrder, type Refusal } from './engine/outcome.ts'
import { evaluate, evaluateFurther, type RuleSet } from './engine/rule-set.ts'
import type { Gathered } from './engine/state/gather-row.ts'
import type { GatherTable } from './engine/state/gather-table.ts'
import type { Tracer } from './engine/trace.ts'
import { deadLetterOf, gatheredLetterOf } from './flow/dead-letter.ts'
import { BufferDrops, blockedBy, type FullBuffers, isDropped } from './flow/full-buffers.ts'
import { GatheredRules } from './flow/gathered-rules.ts'
import type { Recorder } from './flow/recorder.ts'
import { republish } from './flow/republish.ts'
import { emptyNote, isNote, oweNotes } from './flow/state-notes.ts'
import { Awaited, AwaitingDelivery, KeptRefusal } from './flow/waiters.ts'
import type { Emitter } from './flow/window-closer.ts'
import type { AppendWaiter } from './journal/port.ts'

/** A rule may publish into the topics of another rule, so far and no further. */
const maxPublishDepth = 8
/** So many messages and deliveries may come of one message, by way of all rules. */
const maxMadeOfOne = 50_000

export class Flow implements PublishFlow, Emitter {
  version = 1
  error: TrestleError | null = null
  /** Hands what rules publish to the subscribers; the hub connects it to the broker. */
  route: (message: Message, rule: string) => void = () => {}
  /** Other rules are about to take the place of these. */
  onRules: (next: RuleSet) => void = () => {}
  /** What rules keep has changed, with the record at `position`. */
  onChanged: (position: number) => void = () => {}
  readonly awaiting = new AwaitingDelivery()
  /** Sinks that are owed all they may be; null, nearly always, when there is none. */
  full: FullBuffers | null = null
  readonly drops = new BufferDrops()
  readonly #journal: Recorder
  readonly #outcome = new Outcome()
  /** The rules whose publishes the message in hand has brought, in their order. */
  readonly #publishers: string[] = []
  readonly #gathered = new GatheredRules()
  /** Place of the record that was appended last. */
  #position = 0
  #rules: RuleSet

  constructor(rules: RuleSet, journal: Recorder) {
    this.#rules = rules
    this.#journal = journal
  }

  /** Puts another set of rules in place between two messages. */
  replaceRules(rules: RuleSet): void {
    this.onRules(rules)
    this.#rules = rules
    this.version++
  }

  /** Lets someone look on while rules are evaluated; null, in production: nobody. */
  set tracer(tracer: Tracer | null) {
    this.#outcome.tracer = tracer
  }

  lookup(topic: string): BoundRules | null {
    return this.#rules.lookup(topic)
  }

  take(message: Message, rules: BoundRules, waiter: AckWaiter | null, token: number): Verdict {
    const outcome = this.#outcome
    outcome.reset()
    return this.#decide(message, this.#match(message, rules, outcome), waiter, token, null)
  }

  /** Goes on with what a rule had gathered, and refused: a dead letter that is sent again. */
  resume(message: Message, { key, rule: name }: Owed, waiter: AckWaiter, token: number): Verdict {
    const outcome = this.#outcome
    const bound = this.lookup(message.topic)?.rules.find(({ rule }) => rule.name === name && rule.state?.gather != null)
    if (bound === undefined) {
      this.error = new TrestleError('E403', `there is no rule ${name} that gathers from ${message.topic}`)
      return Verdict.Refused
    }
    evaluateGathered(this.#gathered.of(bound.rule, key ?? '', message.topic), message, outcome)
    return this.#decide(message, this.#follow(message, outcome), waiter, token, key ?? '')
  }

  /** Refuses or records what the rules have made of a message; `key` is that of a result, null with a single message. */
  #decide(
    message: Message,
    routed: readonly Message[],
    waiter: AckWaiter | null,
    token: number,
    key: string | null,
  ): Verdict {
    const outcome = this.#outcome
    const { refusal } = outcome
    // What may yet be judged otherwise is not taken: whoever sent it tries again.
    if (refusal !== null && refusal.error.retry === 'later') return this.#busy(refusal.error)
    if (refusal !== null) return this.#refuse(message, refusal, waiter, token, key)
    const { changes, owed } = outcome
    if (changes.blocked !== null) return this.#busy(changes.blocked)
    if (changes.list.length > 0) oweNotes(changes, message, owed)
    if (changes.restsOn > (this.#journal.durable ?? changes.restsOn) && waiter !== null) this.#waitForOthers(message)
    const verdict =
      owed.length === 0
        ? Verdict.Accepted
        : this.full === null
          ? this.#record(message, owed, waiter, token)
          : this.#recordWhatFits(message, owed, this.full, waiter, token)
    if (verdict === Verdict.Busy) return verdict
    this.#conclude(outcome, routed)
    return verdict
  }

  /** Dropped for another message that is not safe yet: until that is, nobody must believe that this one is. */
  #waitForOthers(message: Message): void {
    const outcome = this.#outcome
    if (outcome.ack === 'received') outcome.ack = 'stored'
    if (outcome.owed.length === 0) outcome.owed.push(emptyNote(message))
  }

  /** Sends on what a rule has gathered, and closes it, in one append; false when that cannot be taken now. */
  emit(rule: CompiledRule, table: GatherTable, gathered: Gathered, isPartial: boolean): boolean {
    const outcome = this.#outcome
    const message = table.messageOf(gathered, isPartial)
    evaluateGathered(this.#gathered.of(rule, gathered.key, message.topic), message, outcome)
    const routed = this.#follow(message, outcome)
    const { changes, owed, refusal } = outcome
    if (changes.blocked !== null || refusal?.error.retry === 'later') return false
    if (refusal?.action === 'dead-letter')
      owed.push(gatheredLetterOf(message, refusal.rule, gathered.key, refusal.error))
    return this.#close(rule.name, table, gathered, message, refusal === null ? routed : nothing)
  }

  /** Keeps as a dead letter what was gathered for a rule that is no more; false when that cannot be taken now. */
  bury(table: GatherTable, gathered: Gathered): boolean {
    const outcome = this.#outcome
    outcome.reset()
    const message = table.messageOf(gathered, true)
    const [rule] = table.id.split('/') as [string]
    const why = `rule ${rule} no longer gathers this; it was changed or removed while the hub was down`
    outcome.owed.push(gatheredLetterOf(message, rule, gathered.key, new TrestleError('E403', why)))
    return this.#close(rule, table, gathered, message, nothing)
  }

  #close(
    rule: string,
    table: GatherTable,
    { key, startMs }: Gathered,
    message: Message,
    routed: readonly Message[],
  ): boolean {
    const outcome = this.#outcome
    const { changes, owed } = outcome
    changes.list.push({ rule, table, key, input: ['close', startMs], message })
    oweNotes(changes, message, owed)
    const { full } = this
    if (full !== null && blockedBy(owed, full) !== null) return false
    const kept = full === null ? owed : owed.filter((one) => !isDropped(one, full))
    // Somebody waits, so that what is lost with a write that fails is not counted as gone: it is closed again.
    if (this.#append(message, kept, false, unheard, 0) !== null) return false
    if (full !== null) for (const one of owed) if (isDropped(one, full)) this.drops.count(one)
    this.#conclude(outcome, routed)
    return true
  }

  /** The message is taken. */
  #conclude(outcome: Outcome, routed: readonly Message[]): void {
    outcome.count()
    if (outcome.changes.list.length > 0) {
      outcome.changes.apply(this.#position)
      this.onChanged(this.#position)
    }
    for (let at = 0; at < routed.length; at++) this.route(routed[at]!, this.#publishers[at]!)
  }

  /** Evaluates the rules of the message and of all that they publish; answers what is to be routed. */
  #match(message: Message, rules: BoundRules, outcome: Outcome): readonly Message[] {
    evaluate(rules, message, outcome)
    return this.#follow(message, outcome)
  }

  /** Evaluates the rules of what rules publish. */
  #follow(message: Message, outcome: Outcome): readonly Message[] {
    if (outcome.publishes.length === 0) return nothing
    const routed: Message[] = []
    this.#publishers.length = 0
    for (let depth = 0; outcome.publishes.length > 0 && outcome.refusal === null; depth++) {
      const wave = outcome.publishes.splice(0)
      if (depth === maxPublishDepth) {
        this.#refuseTooMuch(wave[0]!, outcome, `rules publish into each other more than ${maxPublishDepth} deep`)
        break
      }
      for (const published of wave) {
        const next = republish(message, published)
        routed.push(next)
        this.#publishers.push(published.rule)
        const further = this.#rules.lookup(next.topic)
        if (further !== null) evaluateFurther(further, next, outcome)
        // Refused as a whole: what the others would owe must not be added to the refusal.
        if (outcome.refusal !== null) break
        if (routed.length + outcome.publishes.length + outcome.owed.length <= maxMadeOfOne) continue
        this.#refuseTooMuch(published, outcome, `more than ${maxMadeOfOne} messages and deliveries come of this one`)
        break
      }
    }
    return routed
  }

  #refuseTooMuch(published: PublishOrder, outcome: Outcome, what: string): void {
    const { name, counters } = this.#rules.rules.find((rule) => rule.name === published.rule)!
    const error = new TrestleError('E403', `${what} at ${published.topic}`)
    outcome.refuse({ rule: name, action: 'dead-letter', error }, counters)
  }

  /** Some sink is owed all it may be: then what its buffer says holds. */
  #recordWhatFits(
    message: Message,
    owed: readonly Owed[],
    full: FullBuffers,
    waiter: AckWaiter | null,
    token: number,
  ): Verdict {
    const blocked = blockedBy(owed, full)
    if (blocked !== null) return this.#busy(blocked)
    const kept = owed.filter((one) => !isDropped(one, full))
    const verdict = kept.length === 0 ? Verdict.Accepted : this.#record(message, kept, waiter, token)
    if (verdict !== Verdict.Busy) for (const one of owed) if (isDropped(one, full)) this.drops.count(one)
    return verdict
  }

  #record(message: Message, owed: readonly Owed[], waiter: AckWaiter | null, token: number): Verdict {
    const { ack } = this.#outcome
    if (waiter === null || (ack === 'received' && waiter.wantsStored !== true))
      return this.#append(message, owed, false, null, 0) ?? Verdict.Accepted
    if (ack !== 'delivered' || owed.every(isNote))
      return this.#append(message, owed, false, waiter, token) ?? Verdict.Pending
    if (this.awaiting.full) return this.#busy(new TrestleError('E406', 'too many messages wait for their delivery'))
    const entry = new Awaited(waiter, token, owed.filter(isClaim), this.awaiting)
    entry.position = this.#journal.append(message, owed, true, entry, 0)
    if (entry.position < 0) return this.#busy(this.#journal.error)
    this.#position = entry.position
    this.awaiting.add(entry)
    return Verdict.Pending
  }

  #refuse(message: Message, refusal: Refusal, waiter: AckWaiter | null, token: number, key: string | null): Verdict {
    const kept = waiter === null || refusal.action === 'drop' ? null : new KeptRefusal(waiter, refusal.error)
    if (refusal.action === 'dead-letter') {
      const { error, rule } = refusal
      const letter = key === null ? deadLetterOf(message, rule, error) : gatheredLetterOf(message, rule, key, error)
      const busy = this.#append(message, [letter], false, kept, token)
      if (busy !== null) return busy
    }
    this.#outcome.count()
    this.error = refusal.error
    return refusal.action === 'drop' ? Verdict.Refused : Verdict.RefusedPending
  }

  #append(
    message: Message,
    owed: readonly Owed[],
    awaited: boolean,
    waiter: AppendWaiter | null,
    token: number,
  ): Verdict | null {
    this.#position = this.#journal.append(message, owed, awaited, waiter, token)
    return this.#position < 0 ? this.#busy(this.#journal.error) : null
  }

  #busy(error: TrestleError | null): Verdict {
    this.error = error ?? new TrestleError('E504', 'the journal does not take messages now')
    return Verdict.Busy
  }
}

const nothing: readonly Message[] = []

const unheard: AppendWaiter = { settle: () => {} }

const isClaim = (owed: Owed): boolean => !isNote(owed)
