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
  const ways = new Map(rules.map((rule) => [rule, [...publishWays(rule), ...further(rule)]]))
  const loops: Loop[] = []
  const told = new Set<string>()
  for (const rule of rules) {
    for (const way of ways.get(rule)!) {
      const loop = shortestWayBack(rule, way, rules, (from) => ways.get(from)!)
      if (loop === null) continue
      const key = loop.steps.slice(1).sort().join('\n')
      if (!told.has(key)) loops.push(loop)
      told.add(key)
    }
  }
  return loops
}

/** How a rule was first reached. */
interface Reached {
  readonly from: CompiledRule | null
  readonly way: WayBack
}

/** Breadth first from what `way` feeds, back to `rule`. */
function shortestWayBack(rule: CompiledRule, way: WayBack, rules: readonly CompiledRule[], ways: Ways): Loop | null {
  const reached = new Map<CompiledRule, Reached>()
  const queue: CompiledRule[] = []
  const reach = (from: CompiledRule | null, by: WayBack): void => {
    for (const next of rules) {
      if (reached.has(next) || !by.topics.some((topic) => mayMatch(topic, next.pattern.filter))) continue
      reached.set(next, { from, way: by })
      queue.push(next)
    }
  }
  reach(null, way)
  for (const next of queue) {
    if (next === rule) break
    for (const by of ways(next)) reach(next, by)
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
  return { rules: [rule, ...circle], steps, way }
}

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
