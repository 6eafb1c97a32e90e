import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { filesBelow, listed, root, textOf } from './source-files.ts'

/**
 * The two-way list of promises and tests. In `docs/spec/promises.md` an entry (a list item, table row or heading) begins
 * with its id (`A1`) and names the test files that prove it, or says `not yet`. A test cites promises at the beginning
 * of a title: `it('A1 A3: nothing acknowledged is lost')`.
 */
const list = 'docs/spec/promises.md'

interface Promised {
  id: string
  tests: string[]
  notYet: boolean
}

function promises(): Promised[] {
  if (!existsSync(join(root, list))) return []
  const starts = [...textOf(list).matchAll(/^\s*(?:[-*+] +|#+ +|\| *)\**`?([A-E]\d{1,2})\b/gm)]
  return starts.map((start, index) => {
    const text = textOf(list).slice(start.index, starts[index + 1]?.index)
    const tests = [...text.matchAll(/\btest\/[\w./-]+\.test\.ts\b/g)].map((match) => match[0])
    return { id: start[1]!, tests: [...new Set(tests)], notYet: /not yet/i.test(text) }
  })
}

/** The promises that a test file cites. */
function citedIn(file: string): string[] {
  const titles = textOf(file).matchAll(/\b(?:describe|it|test|suite)\w*(?:\.\w+)?\(\s*['"`]((?:[A-E]\d{1,2}[ ,]*)+):/g)
  return [...titles].flatMap((title) => title[1]!.split(/[ ,]+/).filter((id) => id !== ''))
}

describe('the list of promises', () => {
  const listedPromises = promises()
  const tests = filesBelow('test').filter((file) => file.endsWith('.test.ts') && !file.startsWith('test/house/'))

  it('is there', () => assert.ok(listedPromises.length > 0, `${list} lists no promises`))

  it('names each promise once', () => {
    const ids = listedPromises.map(({ id }) => id)
    assert.deepEqual(
      ids.filter((id, index) => ids.indexOf(id) !== index),
      [],
    )
  })

  it('gives every promise a test, or says that it is not kept yet', () => {
    const bare = listedPromises.filter((one) => one.tests.length === 0 && !one.notYet).map(({ id }) => id)
    assert.equal(bare.length, 0, listed(`${list} names neither a test nor \`not yet\` for:`, bare))
  })

  it('names only tests that are there and cite the promise', () => {
    const wrong = listedPromises.flatMap(({ id, tests }) =>
      tests
        .filter((file) => !existsSync(join(root, file)) || !citedIn(file).includes(id))
        .map((file) =>
          existsSync(join(root, file)) ? `${file} has no title that begins with ${id}` : `${id}: there is no ${file}`,
        ),
    )
    assert.equal(wrong.length, 0, listed(`${list} names tests that do not prove what it says:`, wrong))
  })

  it('names every test that cites a promise', () => {
    const missing = tests.flatMap((file) =>
      [...new Set(citedIn(file))]
        .filter((id) => !listedPromises.some((one) => one.id === id && one.tests.includes(file)))
        .map((id) => `${file} cites ${id}`),
    )
    assert.equal(missing.length, 0, listed(`${list} does not know of these:`, missing))
  })
})
