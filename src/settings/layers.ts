import type { DocumentPath, Place, SourceDocument } from '../document/source-document.ts'
import { readDocument } from '../document/yaml.ts'

/** One value from elsewhere that replaces the file's. */
export interface Override {
  readonly path: DocumentPath
  readonly value: unknown
  /** Where it comes from, as faults name it: `environment TRESTLE_DATA`. */
  readonly origin: string
}

type Node = Readonly<Record<string, unknown>>

/**
 * The variables `TRESTLE_…` that name a setting: the path in capitals, joined by `_` (`api.address` is
 * `TRESTLE_API_ADDRESS`, the option `url` of the connector `lake` is `TRESTLE_CONNECTORS_LAKE_URL`). Lists are given
 * as YAML. Other variables that begin so are left alone: container platforms make up such names.
 */
export function environmentOverrides(schema: Node, env: Readonly<Record<string, string | undefined>>): Override[] {
  return leavesOf(schema, []).flatMap(({ path, node }) => {
    const name = `TRESTLE_${path.join('_').toUpperCase().replaceAll('-', '_')}`
    const text = env[name]
    return text === undefined || text === ''
      ? []
      : [{ path, value: readText(text, node), origin: `environment ${name}` }]
  })
}

/** What the command line sets, by dotted path: `api.address`. */
export function flagOverrides(schema: Node, flags: Readonly<Record<string, unknown>>): Override[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (value === undefined) return []
    const path = name.split('.')
    const node = leavesOf(schema, []).find((leaf) => leaf.path.join('.') === name)?.node ?? {}
    return [{ path, value: typeof value === 'string' ? readText(value, node) : value, origin: `option ${name}` }]
  })
}

/** The text of a variable or flag as the kind of value its field wants; kept as text when it does not look like one. */
export function readText(text: string, node: Node): unknown {
  const type = node['type']
  if ((type === 'integer' || type === 'number') && text.trim() !== '' && Number.isFinite(Number(text)))
    return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (type !== 'array' && type !== 'object') return text
  const { document, faults } = readDocument('', text)
  return faults.length === 0 ? document.value : text
}

/** Fields that hold a value of their own: everything but maps with named fields. */
function leavesOf(node: Node, path: DocumentPath): { path: DocumentPath; node: Node }[] {
  const properties = node['properties'] as Readonly<Record<string, Node>> | undefined
  if (properties === undefined) return [{ path, node }]
  return Object.entries(properties).flatMap(([name, field]) => leavesOf(field, [...path, name]))
}

/** A document with values of other origins laid over it; the places of those are their origins. */
export class LayeredDocument implements SourceDocument {
  readonly file: string
  readonly value: unknown
  readonly #below: SourceDocument
  readonly #overrides: readonly Override[]

  constructor(below: SourceDocument, overrides: readonly Override[]) {
    this.file = below.file
    this.#below = below
    this.#overrides = overrides
    this.value = overrides.reduce<unknown>(
      (value, override) => withValue(value, override.path, override.value),
      structuredClone(below.value) ?? {},
    )
  }

  at(path: DocumentPath, offset?: number): Place {
    return this.#originOf(path) ?? this.#below.at(path, offset)
  }

  keyAt(path: DocumentPath): Place {
    return this.#originOf(path) ?? this.#below.keyAt(path)
  }

  #originOf(path: DocumentPath): Place | null {
    const override = this.#overrides.findLast((one) => one.path.every((step, index) => step === path[index]))
    return override === undefined ? null : { file: override.origin, line: 1, column: 1 }
  }
}

/** `value` with `inner` at `path`; maps on the way are made where there is none. Only maps: flags do not reach into lists. */
function withValue(value: unknown, path: DocumentPath, inner: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return inner
  const map = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
  const below = (map as Record<string, unknown>)[step]
  return { ...map, [step]: withValue(below, rest, inner) }
}
