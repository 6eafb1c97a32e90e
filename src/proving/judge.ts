import type { DocumentPath } from '../document/source-document.ts'
import type { Channel, Example, Expectation } from '../engine/example/example.ts'
import { pubackName, readPuback, unanswered } from '../engine/example/puback.ts'
import { type DiffLine, printValue } from './difference.ts'
import { aligned, type Facts, type JudgedRule, mismatchOf } from './facts.ts'
import { deliveryFacts, letterFacts, pubackFacts, publishFacts } from './seen-facts.ts'
import type { SeenLetter, SeenPuback, Witness } from './witness.ts'

/** One way in which what was seen is not what the example expects. */
export interface Mismatch {
  /** Of the entry that is not met; null when none stands for it. */
  readonly path: DocumentPath | null
  /** What it is about: `lake, delivery 1 of 2`. */
  readonly what: string
  readonly lines: readonly DiffLine[]
}

/** Holds what was seen against what an example expects; empty when it is all there. */
export function judge(example: Example, rule: JudgedRule, seen: Witness): Mismatch[] {
  const { expect } = example
  if (seen.isCutShort) return [endless(example, seen)]
  if (expect.length === 0) return judgeNothing(rule, seen)
  const found: Mismatch[] = []
  for (const [channel, entries] of groups(expect, rule)) found.push(...judgeGroup(channel, entries, rule, seen))
  found.push(...judgePubacks(example, seen))
  const speaksOf = (...channels: Channel[]): boolean => expect.some(({ channel }) => channels.includes(channel))
  // Those that are kept are among the dead letters, which are told one by one when any is.
  const kept = speaksOf('dead_letter') ? seen.letters.filter(({ sink }) => sink === null).length : 0
  if (!speaksOf('puback')) found.push(...refusals(seen).slice(kept))
  if (!speaksOf('dead_letter')) found.push(...strayLetters(rule, seen))
  return found
}

/** What comes after is not known, so nothing else is told. */
const endless = ({ path }: Example, { elapsedMs }: Witness): Mismatch => ({
  path,
  what: `it was still going on after ${Math.round(elapsedMs / 1000)} s and thousands of steps`,
  lines: [{ sign: ' ', text: 'give its faults an end (`for`, `times`), or end it earlier (`until`)' }],
})

/** `expect: []`. */
function judgeNothing(rule: JudgedRule, seen: Witness): Mismatch[] {
  const found: Mismatch[] = []
  const add = (what: string, facts: Facts): void => {
    found.push({ path: null, what, lines: factLines(facts, '+') })
  }
  for (const one of seen.deliveries)
    if (one.rule === rule.name) add(`${one.sink} got a delivery`, deliveryFacts(one, rule))
  for (const one of seen.publishes) if (one.rule === rule.name) add('a message was published', publishFacts(one, rule))
  for (const { sink, count, message } of seen.waiting)
    found.push({
      path: null,
      what: `${count} for ${sink} still wait`,
      lines: message === null ? [] : [waitLine(message)],
    })
  return [...found, ...refusals(seen), ...strayLetters(rule, seen)]
}

/** Those that say nothing of a refusal do not expect one: a misspelt payload must not pass for a rule that holds back. */
const refusals = (seen: Witness): Mismatch[] =>
  seen.pubacks
    .filter(({ reason }) => reason >= 0x80)
    .map((one) => ({ path: null, what: 'the message was refused', lines: factLines(pubackFacts(one), '+') }))

/** Dead letters of far sides; those of refusals are told with the answer to the publisher. */
const strayLetters = (rule: JudgedRule, seen: Witness): Mismatch[] =>
  seen.letters
    .filter((one) => one.sink !== null && one.rule === rule.name)
    .map((one) => ({
      path: null,
      what: `${one.sink} refused it for good`,
      lines: factLines(letterFacts(one, rule), '+'),
    }))

type Group = readonly [channel: string, entries: readonly Expectation[]]

/** What is compared in order: the deliveries of one sink, what is published, the dead letters; each by its rule. */
function groups(expect: readonly Expectation[], rule: JudgedRule): Group[] {
  const byKey = new Map<string, Expectation[]>()
  for (const one of expect) {
    if (one.channel === 'puback') continue
    const of = one.channel === 'sink' ? String(one.fields['sink']) : ''
    const key = JSON.stringify([one.channel, of, one.rule ?? rule.name])
    byKey.set(key, [...(byKey.get(key) ?? []), one])
  }
  return [...byKey]
}

function judgeGroup(key: string, entries: readonly Expectation[], rule: JudgedRule, seen: Witness): Mismatch[] {
  const [channel, of, name] = JSON.parse(key) as [Channel, string, string]
  const all = seenIn(channel, of, name, rule, seen)
  const noun = { sink: `${of}, delivery`, publish: 'publish', dead_letter: 'dead letter', puback: 'answer' }[channel]
  const waits = seen.waiting.find(({ sink }) => sink === of)
  const counted = entries.filter(({ count }) => count !== null)
  const found: Mismatch[] = []
  for (const entry of counted) {
    const count = all.filter((facts) => mismatchOf(entry, facts) === null).length
    if (count === entry.count) continue
    const lines: DiffLine[] = [
      { sign: '-', text: `count: ${entry.count}` },
      { sign: '+', text: `count: ${count}` },
    ]
    found.push({ path: entry.path, what: `${noun} ${printValue(entry.fields)}`, lines })
  }
  const ordered = entries.filter(({ count }) => count === null)
  if (ordered.length === 0) return found
  for (const { expected, actual, at } of aligned(ordered, all)) {
    const what = `${noun} ${at + 1} of ${Math.max(ordered.length, all.length)}`
    if (expected === null) found.push({ path: null, what: `${what} was not expected`, lines: factLines(actual!, '+') })
    else if (actual === null) {
      const why: DiffLine[] = waits === undefined ? [] : [waitLine(`${waits.count} still wait: ${waits.message}`)]
      found.push({ path: expected.path, what: `${what} did not come`, lines: [...wanted(expected), ...why] })
    } else {
      const lines = mismatchOf(expected, actual)
      if (lines !== null) found.push({ path: expected.path, what, lines })
    }
  }
  return found
}

function seenIn(channel: Channel, of: string, name: string, rule: JudgedRule, seen: Witness): Facts[] {
  if (channel === 'sink')
    return seen.deliveries.filter((one) => one.rule === name && one.sink === of).map((one) => deliveryFacts(one, rule))
  if (channel === 'publish')
    return seen.publishes.filter((one) => one.rule === name).map((one) => publishFacts(one, rule))
  return seen.letters.filter((one) => ofRule(one, name)).map((one) => letterFacts(one, rule))
}

const ofRule = (letter: SeenLetter, name: string): boolean => letter.rule === name

/** As many as there are messages: each its own. Fewer: all refusals in order, and as many others as are named. */
function judgePubacks({ expect, given }: Example, { pubacks }: Witness): Mismatch[] {
  const entries = expect.filter(({ channel }) => channel === 'puback')
  if (entries.length === 0) return []
  const inOrder = given.map((_, at) => pubacks.find((one) => one.given === at) ?? null)
  const refused = inOrder.filter((one): one is SeenPuback => one !== null && one.reason >= 0x80)
  const found: Mismatch[] = []
  if (entries.length === given.length) {
    for (const [at, entry] of entries.entries()) pair(entry, inOrder[at]!, at, given.length, found)
    return found
  }
  const isRefusal = (entry: Expectation): boolean => Number(readPuback(entry.fields['puback'] as string)) >= 0x80
  const wantRefusal = entries.filter(isRefusal)
  for (let at = 0; at < Math.max(wantRefusal.length, refused.length); at++) {
    const entry = wantRefusal[at]
    if (entry !== undefined) pair(entry, refused[at] ?? null, at, wantRefusal.length, found)
    else found.push({ path: null, what: 'the message was refused', lines: factLines(pubackFacts(refused[at]!), '+') })
  }
  const others = inOrder.filter((one) => one === null || one.reason < 0x80)
  for (const [at, entry] of entries.filter((entry) => !isRefusal(entry)).entries())
    pair(entry, others[at] ?? null, at, others.length, found)
  return found
}

function pair(entry: Expectation, seen: SeenPuback | null, at: number, count: number, found: Mismatch[]): void {
  const facts: Facts = seen === null ? { values: { puback: unanswered }, told: ['puback'] } : pubackFacts(seen)
  const wantedReason = readPuback(entry.fields['puback'] as string | number)
  const named = typeof wantedReason === 'number' ? pubackName(wantedReason) : unanswered
  const lines = mismatchOf({ ...entry, fields: { ...entry.fields, puback: named } }, facts)
  if (lines !== null)
    found.push({ path: entry.path, what: count === 1 ? 'puback' : `puback ${at + 1} of ${count}`, lines })
}

const factLines = ({ values, told }: Facts, sign: DiffLine['sign']): DiffLine[] =>
  told.map((name) => ({ sign, text: `${name}: ${printValue(values[name])}` }))

const wanted = ({ fields }: Expectation): DiffLine[] => factLines({ values: fields, told: Object.keys(fields) }, '-')

const waitLine = (why: string): DiffLine => ({ sign: '+', text: why })
