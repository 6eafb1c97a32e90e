import { literals, overlap, type Piece, piecesOfFilter } from '../topic/overlap.ts'
import type { CompiledRule } from './compile.ts'
import type { Template } from './expression/template.ts'
import type { WayBack } from './port.ts'

/** Rules that feed each other: in order, with what lies between, and the way of the first that closes the circle. */
export interface Loop {
  readonly rules: readonly CompiledRule[]
  /** The circle from the first rule back to it, in words. */
  readonly steps: readonly string[]
  readonly way: WayBack
}

type Ways = (rule: CompiledRule) => readonly WayBack[]

/**
 * Finds rules whose targets may be taken by the rule itself, or by others that lead back to it. What the message
 * decides may be any text, but a capture of one level never holds a slash. Each circle is told once. `further`: the ways that
 * lead over connectors.
 */
export function findLoops(rules: readonly CompiledRule[], further: Ways = () => []): Loop[] {
  const index = new FilterIndex(rules)
  const nextOf = new Map<CompiledRule, Step[]>()
  for (const rule of rules) {
    const ways = [...publishWays(rule), ...further(rule)]
    nextOf.set(
      rule,
      ways.map((way) => ({ way, rules: index.fedBy(way) })),
    )
  }
  const loops: Loop[] = []
  const told = new Set<string>()
  for (const rule of rules) {
    for (const step of nextOf.get(rule)!) {
      const loop = shortestWayBack(rule, step, nextOf)
      if (loop === null) continue
      const key = loop.steps.slice(1).sort().join('\n')
      if (!told.has(key)) loops.push(loop)
      told.add(key)
    }
  }
  return loops
}

/** A way, and the rules that may take what goes it. */
interface Step {
  readonly way: WayBack
  readonly rules: readonly CompiledRule[]
}

/** How a rule was first reached. */
interface Reached {
  readonly from: CompiledRule | null
  readonly way: WayBack
}

/** Breadth first from what `step` feeds, back to `rule`. */
function shortestWayBack(
  rule: CompiledRule,
  step: Step,
  nextOf: ReadonlyMap<CompiledRule, readonly Step[]>,
): Loop | null {
  const reached = new Map<CompiledRule, Reached>()
  const queue: CompiledRule[] = []
  const reach = (from: CompiledRule | null, { way, rules }: Step): void => {
    for (const next of rules) {
      if (reached.has(next)) continue
      reached.set(next, { from, way })
      queue.push(next)
    }
  }
  reach(null, step)
  for (const next of queue) {
    if (next === rule) break
    for (const further of nextOf.get(next)!) reach(next, further)
  }
  if (!reached.has(rule)) return null
  const circle: CompiledRule[] = []
  const steps = [rule.name]
  let at: CompiledRule | null = rule
  do {
    const { from, way: by }: Reached = reached.get(at)!
    steps.unshift((from ?? rule).name, ...by.via)
    if (from !== null) circle.unshift(from)
    at = from
  } while (at !== null)
  return { rules: [rule, ...circle], steps, way: step.way }
}

interface Taker {
  readonly rule: CompiledRule
  readonly place: number
  /** What the filter begins with, up to its first wildcard. */
  readonly prefix: string
}

/** Finds the rules that a topic may match without asking each: beginnings that differ never meet. */
class FilterIndex {
  readonly #sorted: readonly Taker[]
  readonly #byPrefix = new Map<string, Taker[]>()

  constructor(rules: readonly CompiledRule[]) {
    const takers = rules.map((rule, place) => ({ rule, place, prefix: prefixOfFilter(rule.pattern.filter) }))
    for (const taker of takers) {
      const known = this.#byPrefix.get(taker.prefix)
      if (known === undefined) this.#byPrefix.set(taker.prefix, [taker])
      else known.push(taker)
    }
    this.#sorted = takers.sort((a, b) => (a.prefix < b.prefix ? -1 : a.prefix > b.prefix ? 1 : 0))
  }

  /** The rules that may take what goes this way, in their order. */
  fedBy({ topics }: WayBack): CompiledRule[] {
    const fed = new Set<Taker>()
    for (const topic of topics) {
      for (const taker of this.#near(prefixOf(topic))) {
        if (!fed.has(taker) && mayMatch(topic, taker.rule.pattern.filter)) fed.add(taker)
      }
    }
    return [...fed].sort((a, b) => a.place - b.place).map(({ rule }) => rule)
  }

  /** Those whose beginning goes on from this one, or that this one goes on from. */
  *#near(prefix: string): Generator<Taker> {
    for (let length = 0; length < prefix.length; length++) yield* this.#byPrefix.get(prefix.slice(0, length)) ?? []
    let at = this.#firstFrom(prefix)
    for (let taker = this.#sorted[at]; taker?.prefix.startsWith(prefix); taker = this.#sorted[++at]) yield taker
  }

  /** Place of the first that does not sort before. */
  #firstFrom(prefix: string): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#sorted[middle]!.prefix < prefix) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** The text before the first piece that is not known. */
function prefixOf(topic: readonly Piece[]): string {
  let prefix = ''
  for (const piece of topic) {
    if (typeof piece === 'string') break
    prefix += piece.literal
  }
  return prefix
}

/** `a/#` also matches `a`, so the slash before a wildcard is no part of it. */
const prefixOfFilter = (filter: string): string => filter.replace(/\/?[+#].*$/s, '')

const publishWays = (rule: CompiledRule): WayBack[] =>
  rule.publishes.map(({ parts, path }) => ({ path, via: [], topics: [piecesOfTemplate(parts, oneLevelNames(rule))] }))

function mayMatch(topic: readonly Piece[], filter: string): boolean {
  const [first] = topic
  // A wildcard at the first level never matches a topic that begins with `$`. [MQTT-4.7.2-1]
  if (typeof first === 'object' && first.literal === '$' && /^[+#]/.test(filter)) return false
  return piecesOfFilter(filter).some((pieces) => overlap(topic, pieces))
}

/** The rule's captures that hold one level, so no slash. */
export function oneLevelNames({ pattern }: CompiledRule): ReadonlySet<string> {
  return new Set(pattern.names.filter((name) => !pattern.text.endsWith(`{${name}...}`)))
}

export const piecesOfTemplate = (parts: Template['parts'], oneLevel: ReadonlySet<string>): Piece[] =>
  parts.flatMap((part): Piece[] =>
    typeof part === 'string' ? literals(part) : [oneLevel.has(part.text.trim()) ? '+' : '#'],
  )
