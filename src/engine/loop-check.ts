import type { CompiledRule } from './compile.ts'
import type { Template } from './expression/template.ts'
import type { PublishTarget } from './target.ts'

/** Rules that feed each other: their names in order, and the target of the first that closes the circle. */
export interface Loop {
  readonly rules: readonly CompiledRule[]
  readonly target: PublishTarget
}

/**
 * Finds rules whose `publish:` may be taken by the rule itself, or by others that lead back to it. What the message
 * decides may be any text, but a capture of one level never holds a slash. Each circle is told once.
 */
export function findLoops(rules: readonly CompiledRule[]): Loop[] {
  const loops: Loop[] = []
  const told = new Set<string>()
  for (const rule of rules) {
    for (const target of rule.publishes) {
      const circle = shortestWayBack(rule, target, rules)
      if (circle === null) continue
      const key = circle
        .map((member) => member.name)
        .sort()
        .join('\n')
      if (!told.has(key)) loops.push({ rules: circle, target })
      told.add(key)
    }
  }
  return loops
}

/** Breadth first from what `target` feeds, back to `rule`. */
function shortestWayBack(
  rule: CompiledRule,
  target: PublishTarget,
  rules: readonly CompiledRule[],
): CompiledRule[] | null {
  const cameFrom = new Map<CompiledRule, CompiledRule | null>()
  const queue: CompiledRule[] = []
  const reach = (from: CompiledRule | null, by: PublishTarget, source: CompiledRule): void => {
    for (const next of rules) {
      if (cameFrom.has(next) || !mayFeed(source, by, next)) continue
      cameFrom.set(next, from)
      queue.push(next)
    }
  }
  reach(null, target, rule)
  for (const next of queue) {
    if (next === rule) break
    for (const by of next.publishes) reach(next, by, next)
  }
  if (!cameFrom.has(rule)) return null
  const way: CompiledRule[] = []
  for (let at: CompiledRule | null | undefined = cameFrom.get(rule); at; at = cameFrom.get(at)) way.unshift(at)
  return [rule, ...way]
}

function mayFeed(source: CompiledRule, target: PublishTarget, next: CompiledRule): boolean {
  const { filter } = next.pattern
  const [first] = target.parts
  // A wildcard at the first level never matches a topic that begins with `$`. [MQTT-4.7.2-1]
  if (typeof first === 'string' && first.startsWith('$') && /^[+#]/.test(filter)) return false
  const published = piecesOfTemplate(target.parts, oneLevelNames(source))
  return piecesOfFilter(filter).some((pieces) => overlap(published, pieces))
}

/** The rule's captures that hold one level, so no slash. */
function oneLevelNames({ pattern }: CompiledRule): ReadonlySet<string> {
  return new Set(pattern.names.filter((name) => !pattern.text.endsWith(`{${name}...}`)))
}

/** One character, any text within a level (`+`), or any text (`#`). */
type Piece = { readonly literal: string } | '+' | '#'

const literals = (text: string): Piece[] => Array.from(text, (literal) => ({ literal }))

const piecesOfTemplate = (parts: Template['parts'], oneLevel: ReadonlySet<string>): Piece[] =>
  parts.flatMap((part): Piece[] =>
    typeof part === 'string' ? literals(part) : [oneLevel.has(part.text.trim()) ? '+' : '#'],
  )

/** A filter as pieces; `a/#` also matches `a`, so it has two forms. */
function piecesOfFilter(filter: string): Piece[][] {
  const pieces = (text: string): Piece[] =>
    text
      .split('/')
      .flatMap((level, at) => [
        ...(at > 0 ? literals('/') : []),
        ...(level === '+' || level === '#' ? [level as Piece] : literals(level)),
      ])
  return filter.endsWith('/#') ? [pieces(filter), pieces(filter.slice(0, -2))] : [pieces(filter)]
}

/** Whether some text fits both. Walks pairs of places in the two, each at most once. */
function overlap(left: readonly Piece[], right: readonly Piece[]): boolean {
  const width = right.length + 1
  const seen = new Set<number>()
  const open = [0]
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (seen.has(place)) continue
    seen.add(place)
    const i = Math.floor(place / width)
    const j = place % width
    if (i === left.length && j === right.length) return true
    const a = left[i]
    const b = right[j]
    if (typeof a === 'string') open.push(place + width)
    if (typeof b === 'string') open.push(place + 1)
    if (a === undefined || b === undefined) continue
    if (typeof a === 'object' && typeof b === 'object') {
      if (a.literal === b.literal) open.push(place + width + 1)
    } else if (typeof a === 'object') {
      if (b === '#' || a.literal !== '/') open.push(place + width)
    } else if (typeof b === 'object') {
      if (a === '#' || b.literal !== '/') open.push(place + 1)
    }
  }
  return false
}
