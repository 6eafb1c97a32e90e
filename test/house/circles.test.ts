import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { describe, it } from 'node:test'
import { filesBelow, importsOf, listed } from './source-files.ts'

type Graph = ReadonlyMap<string, ReadonlySet<string>>

const sources = filesBelow('src', 'connectors').filter((file) => file.endsWith('.ts'))
const files: Graph = new Map(
  sources.map((file) => [file, new Set(importsOf(file).flatMap(({ target }) => (target === null ? [] : [target])))]),
)

/**
 * Folders, where a folder and the one it lies in do not count: a room's main file uses its parts, and they its ports.
 * A file directly in `src` is a folder of its own.
 */
function folderGraph(): Graph {
  const folderOf = (file: string) => (dirname(file) === 'src' ? file : dirname(file))
  const nested = (a: string, b: string) => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)
  const graph = new Map<string, Set<string>>()
  for (const [file, targets] of files) {
    const from = folderOf(file)
    const known = graph.get(from) ?? new Set<string>()
    for (const target of targets) if (!nested(from, folderOf(target))) known.add(folderOf(target))
    graph.set(from, known)
  }
  return graph
}

/** One circle through each node that is on one, shortest way round; none twice. */
function circlesIn(graph: Graph): string[] {
  const found = new Map<string, string>()
  for (const start of graph.keys()) {
    const circle = wayBack(graph, start)
    if (circle === null) continue
    const name = [...circle].sort().join()
    if (!found.has(name)) found.set(name, [...circle, start].join(' → '))
  }
  return [...found.values()]
}

function wayBack(graph: Graph, start: string): string[] | null {
  const before = new Map<string, string>()
  const queue = [start]
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    for (const next of graph.get(node) ?? []) {
      if (next === start) return trail(before, node, start)
      if (before.has(next)) continue
      before.set(next, node)
      queue.push(next)
    }
  }
  return null
}

function trail(before: ReadonlyMap<string, string>, end: string, start: string): string[] {
  const way: string[] = []
  for (let node: string | undefined = end; node !== undefined && node !== start; node = before.get(node))
    way.unshift(node)
  return [start, ...way]
}

describe('import circles', () => {
  it('are found where they are', () => {
    const graph = new Map([
      ['a', new Set(['b'])],
      ['b', new Set(['c'])],
      ['c', new Set(['a'])],
      ['d', new Set(['a'])],
    ])
    assert.deepEqual(circlesIn(graph), ['a → b → c → a'])
  })

  it('do not exist between files', () => {
    const circles = circlesIn(files)
    assert.equal(circles.length, 0, listed('These files import each other in a circle (type imports count):', circles))
  })

  it('do not exist between folders', () => {
    const circles = circlesIn(folderGraph())
    assert.equal(circles.length, 0, listed('These folders import each other in a circle:', circles))
  })
})
