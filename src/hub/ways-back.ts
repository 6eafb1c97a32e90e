import type { Connector } from '../contract/connector.ts'
import type { CompiledRule } from '../engine/compile.ts'
import { oneLevelNames, piecesOfTemplate } from '../engine/loop-check.ts'
import type { WayBack } from '../engine/port.ts'
import type { SinkTarget } from '../engine/target.ts'
import type { ConnectorSettings } from '../settings/settings.ts'
import { literals, overlap, type Piece, piecesOfFilter, piecesOfPattern } from '../topic/overlap.ts'

/** A connector as far as loops are concerned. */
interface Reach {
  readonly name: string
  readonly connector: Connector
  readonly settings: ConnectorSettings
  readonly farSide: string
}

/** One entry of `sources:`. */
interface Inlet extends Reach {
  /** For people: its connector, and which of several. */
  readonly label: string
  readonly reads: readonly string[]
  readonly publish: string
}

/**
 * What rules send out and sources bring back: the ways that a configuration shows. What only messages decide (an
 * address or topic with nothing written down) shows none; the hop list sees to those at run time.
 */
export function waysBack(
  settings: Readonly<Record<string, ConnectorSettings>>,
  connectors: ReadonlyMap<string, Connector>,
): (rule: CompiledRule) => WayBack[] {
  const reaches = new Map<string, Reach>()
  for (const [name, connector] of connectors) reaches.set(name, reachOf(name, connector, settings[name]!))
  const inlets = [...reaches.values()].flatMap(inletsOf)
  return (rule) => rule.sinks.flatMap((target) => waysOf(rule, target, reaches.get(target.sink), inlets))
}

const reachOf = (name: string, connector: Connector, settings: ConnectorSettings): Reach => {
  const farSide = connector.farSide?.(settings.options as never)
  // Two types never mean the same system by the same words.
  return { name, connector, settings, farSide: farSide === undefined ? name : `${connector.type} ${farSide}` }
}

const inletsOf = (reach: Reach): Inlet[] => {
  const { connector, name, settings } = reach
  return settings.sources.flatMap((source, at): Inlet[] => {
    const { publish } = source
    if (connector.reads === undefined || typeof publish !== 'string') return []
    const label = settings.sources.length === 1 ? `source of ${name}` : `source ${at + 1} of ${name}`
    return [{ ...reach, label, publish, reads: connector.reads(settings.options as never, source as never) }]
  })
}

function waysOf(rule: CompiledRule, target: SinkTarget, reach: Reach | undefined, inlets: readonly Inlet[]): WayBack[] {
  if (reach === undefined) return []
  const landing = landingOf(rule, target, reach)
  if (landing === null) return []
  const pieces = piecesOfPattern(landing)
  return inlets.flatMap((inlet): WayBack[] => {
    if (inlet.farSide !== reach.farSide) return []
    const read = inlet.reads.filter((address) => isKnown(address) && overlap(pieces, piecesOfPattern(address)))
    const topics = read.length === 0 ? [] : topicsOf(inlet.publish, pieces, rule)
    if (topics.length === 0) return []
    return [{ path: target.path, via: [`${reach.name} (${landing})`, inlet.label], topics }]
  })
}

/** Where the target lands on the far side, with `*` for what only the message decides; null when that cannot be said. */
function landingOf(rule: CompiledRule, { addressParts }: SinkTarget, { connector, settings }: Reach): string | null {
  const oneLevel = oneLevelNames(rule)
  const written =
    addressParts === null
      ? null
      : piecesOfTemplate(addressParts, oneLevel)
          .map((piece) => (typeof piece === 'string' ? '*' : piece.literal))
          .join('')
  const landing = connector.writes === undefined ? written : connector.writes(settings.options as never, written)
  return landing === null || !isKnown(landing) ? null : landing
}

/** Something of it is written down. */
const isKnown = (pattern: string): boolean => /[^*]/.test(pattern)

/** The topics a source publishes to what a rule has sent: `${mqtt.topic}` is then a topic the rule takes. */
function topicsOf(publish: string, landing: readonly Piece[], { pattern }: CompiledRule): Piece[][] {
  let topics: Piece[][] = [[]]
  let known = false
  let end = 0
  const append = (forms: readonly (readonly Piece[])[]): void => {
    topics = topics.flatMap((topic) => forms.map((form) => [...topic, ...form]))
  }
  for (const match of publish.matchAll(/\$\{([^}]*)\}/g)) {
    const name = match[1]!.trim()
    known ||= match.index > end || name === 'topic' || name === 'mqtt.topic'
    append([literals(publish.slice(end, match.index))])
    append(name === 'topic' ? [landing] : name === 'mqtt.topic' ? piecesOfFilter(pattern.filter) : [['#']])
    end = match.index + match[0].length
  }
  append([literals(publish.slice(end))])
  return known || end < publish.length ? topics : []
}
