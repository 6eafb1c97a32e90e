import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml'
import type { Fault, Position } from './fault.ts'
import { contentOffset } from './scalar-offset.ts'
import type { DocumentPath, SourceDocument } from './source-document.ts'

/**
 * Reads the YAML (and JSON) files users write.
 *
 * It promises: the value is plain JSON-like data, never circular and never larger than the text deserves; every value,
 * every key and every character of a string leads back to its line and column; all faults of one reading come at once.
 * It does not know what the values mean: `check.ts` holds them against a schema, `settings` and `engine` against the world.
 *
 * `yaml.ts` reads; `scalar-offset.ts` finds a character of a string in the text; `check.ts` compares with a JSON Schema
 * and `problem.ts` puts what it finds into words; `suggest.ts` knows the nearest legal word; `markdown.ts` prints a
 * schema as a reference page.
 *
 * *Source*: YAML 1.2.2, core schema (`no` is a string, `010` is ten), one document a file, no merge keys, no tags.
 */
export function readDocument(file: string, text: string): { document: SourceDocument; faults: Fault[] } {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text
  const lines = new Lines(source)
  const faults: Fault[] = []
  const fault = (message: string, offset: number) => {
    faults.push({ file, code: 'E102', message, ...lines.position(offset) })
  }
  const tree = parse(source, fault)
  const root = (tree?.contents ?? null) as Node | null
  const anchors = anchorsOf(tree)
  const value = new Plain(anchors, fault).convert(root, 0)
  return { document: new YamlDocument(file, value, source, lines, root, anchors), faults: faults.slice(0, maxFaults) }
}

/** Nodes that aliases may add in one document, so that a few lines cannot become gigabytes. */
const maxAliasedNodes = 50_000
/** Collections inside collections; more is no configuration. */
const maxDepth = 200
/** Faults told of one file's syntax; one lost bracket can cause thousands. */
const maxFaults = 20

type Tell = (message: string, offset: number) => void

function parse(source: string, fault: Tell): Document | null {
  try {
    const tree = parseDocument(source, { prettyErrors: false, uniqueKeys: false, logLevel: 'error' })
    for (const problem of [...tree.errors, ...tree.warnings]) fault(inWords(problem), problem.pos[0])
    return tree
  } catch (thrown) {
    // The parser is recursive: some tens of thousands of open brackets exhaust its stack.
    fault(thrown instanceof RangeError ? 'nested too deeply' : String(thrown), 0)
    return null
  }
}

function inWords(problem: { code: string; message: string }): string {
  switch (problem.code) {
    case 'TAB_AS_INDENT':
      return 'tabs cannot be used to indent; use spaces'
    case 'BAD_INDENT':
      return `indentation does not fit: ${lowered(problem.message)}`
    case 'RESOURCE_EXHAUSTION':
      return 'nested too deeply'
    case 'MULTIPLE_DOCS':
      return 'only one document is read from a file; remove the `---` and what follows'
    case 'TAG_RESOLVE_FAILED':
      return `tags are not used here: ${lowered(problem.message)}`
    default:
      return lowered(problem.message)
  }
}

const lowered = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)

type Anchors = ReadonlyMap<Alias, Node>

/** Each alias with the node it stands for: the last one of its name before it. One pass; the library would search per alias. */
function anchorsOf(tree: Document | null): Anchors {
  const named = new Map<string, Node>()
  const anchors = new Map<Alias, Node>()
  if (tree === null) return anchors
  visit(tree, {
    Value: (_, node) => {
      if (node.anchor !== undefined) named.set(node.anchor, node)
    },
    Alias: (_, alias) => {
      const target = named.get(alias.source)
      if (target !== undefined) anchors.set(alias, target)
    },
  })
  return anchors
}

/** Turns nodes into plain values; aliases are followed, counted and refused where they lead back to themselves. */
class Plain {
  readonly #anchors: Anchors
  readonly #fault: Tell
  /** The nodes being converted, outermost first; an alias to one of them is a cycle. */
  readonly #open = new Set<Node>()
  #aliasDepth = 0
  #aliasedNodes = 0

  constructor(anchors: Anchors, fault: Tell) {
    this.#anchors = anchors
    this.#fault = fault
  }

  convert(node: Node | null, depth: number): unknown {
    if (node === null) return null
    if (this.#aliasDepth > 0 && ++this.#aliasedNodes > maxAliasedNodes) return null
    if (isScalar(node)) return node.value ?? null
    if (depth > maxDepth) return this.#refuse(`nested more than ${maxDepth} levels deep`, node)
    if (isAlias(node)) return this.#follow(node, depth)
    this.#open.add(node)
    const value = isMap(node) ? this.#map(node.items as Pair[], depth) : isSeq(node) ? this.#list(node, depth) : null
    this.#open.delete(node)
    return value
  }

  #follow(alias: Alias, depth: number): unknown {
    const target = this.#anchors.get(alias)
    if (target === undefined) return this.#refuse(`alias \`*${alias.source}\` has no anchor before it`, alias)
    if (this.#open.has(target)) return this.#refuse(`alias \`*${alias.source}\` contains itself`, alias)
    this.#aliasDepth++
    const value = this.convert(target, depth + 1)
    this.#aliasDepth--
    if (this.#aliasDepth === 0 && this.#aliasedNodes > maxAliasedNodes) {
      this.#aliasedNodes = 0
      return this.#refuse(`aliases expand to more than ${maxAliasedNodes} values`, alias)
    }
    return value
  }

  #list(node: { items: unknown[] }, depth: number): unknown[] {
    return node.items.map((item) => this.convert(item as Node | null, depth + 1))
  }

  #map(items: Pair[], depth: number): Record<string, unknown> {
    const value: Record<string, unknown> = {}
    for (const pair of items) {
      const key = keyOf(pair)
      if (key === null) this.#refuse('a key must be a plain word or a quoted string', pair.key as Node)
      else if (Object.hasOwn(value, key)) this.#refuse('this key stands twice in the same map', pair.key as Node)
      // Defined, not assigned: a key `__proto__` becomes an ordinary field and never the prototype.
      else define(value, key, this.convert(pair.value as Node | null, depth + 1))
    }
    return value
  }

  #refuse(message: string, node: Node): null {
    this.#fault(message, node.range?.[0] ?? 0)
    return null
  }
}

const define = (target: object, key: string, value: unknown) =>
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })

/** A key as written (`1` and `"1"` are the same key, `010` stays `010`), null for a key that is a collection or an alias. */
function keyOf(pair: Pair): string | null {
  const key = pair.key
  if (!isScalar(key)) return null
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value ?? ''))
}

class YamlDocument implements SourceDocument {
  readonly file: string
  readonly value: unknown
  readonly #source: string
  readonly #lines: Lines
  readonly #root: Node | null
  readonly #anchors: Anchors

  constructor(file: string, value: unknown, source: string, lines: Lines, root: Node | null, anchors: Anchors) {
    this.file = file
    this.value = value
    this.#source = source
    this.#lines = lines
    this.#root = root
    this.#anchors = anchors
  }

  at(path: DocumentPath, offset?: number): Position {
    const { node, pair, whole } = this.#find(path)
    const [start, end] = node?.range ?? [0, 0]
    // An empty value (`lake:`) has no characters of its own: its key is what one looks for.
    if (start === end && pair !== null) return this.#lines.position((pair.key as Node).range?.[0] ?? 0)
    if (!whole || offset === undefined || !isScalar(node)) return this.#lines.position(start)
    return this.#lines.position(contentOffset(node, this.#source, offset))
  }

  keyAt(path: DocumentPath): Position {
    const { node, pair, whole } = this.#find(path)
    const place = whole && pair !== null ? (pair.key as Node) : node
    return this.#lines.position(place?.range?.[0] ?? 0)
  }

  /** The node at `path` or its nearest parent that exists (`whole` is false then), and the pair it is the value of. */
  #find(path: DocumentPath): { node: Node | null; pair: Pair | null; whole: boolean } {
    let node = this.#root
    let pair: Pair | null = null
    for (const step of path) {
      if (isAlias(node)) node = this.#anchors.get(node) ?? null
      const next = isMap(node) ? (node.items as Pair[]).find((item) => keyOf(item) === String(step)) : undefined
      if (next !== undefined) {
        pair = next
        node = next.value as Node | null
        continue
      }
      const item = isSeq(node) ? (node.items[Number(step)] as Node | undefined) : undefined
      if (item === undefined) return { node, pair: null, whole: false }
      pair = null
      node = item
    }
    return { node, pair, whole: true }
  }
}

/** Line and column of an offset into the text. *Unit*: columns count UTF-16 units, as editors do. */
class Lines {
  readonly #starts: number[] = [0]

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1)
  }

  position(offset: number): Position {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - this.#starts[low]! + 1 }
  }
}
