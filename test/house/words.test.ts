import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { describe, it } from 'node:test'
import { filesBelow, listed, textOf } from './source-files.ts'

const sources = filesBelow('src', 'connectors', 'docs', 'bench', 'demo', 'test').filter((file) => file.endsWith('.ts'))
const texts = filesBelow().filter(
  (file) => /\.(ts|md|ya?ml|json|sh|svg|html|css)$|^[^.]+$/.test(file) && !/package-lock|LICENSE/.test(file),
)
/** This file names what it forbids. */
const self = 'test/house/words.test.ts'

/** Lines of the given files that a pattern matches, as `file:line: what`. */
function linesWith(files: readonly string[], pattern: RegExp): string[] {
  return files
    .filter((file) => file !== self)
    .flatMap((file) =>
      [...textOf(file).matchAll(new RegExp(pattern, 'gm'))].map((match) => {
        const line = textOf(file).slice(0, match.index).split('\n').length
        return `${file}:${line}: ${match[0].trim().split('\n')[0]}`
      }),
    )
}

describe('words', () => {
  it('name a file for what it holds: small words and hyphens, none of those that say nothing', () => {
    const wrong = sources.filter((file) => {
      const name = basename(file).replace(/(\.test)?\.ts$/, '')
      return !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || name.split('-').some((word) => saysNothing.has(word))
    })
    assert.equal(wrong.length, 0, listed('These names say nothing of what is in the file:', wrong))
  })

  it('leave no work for later in the text', () => {
    const found = linesWith(texts, /\b(TODO|FIXME|XXX|HACK)\b.*/)
    assert.equal(found.length, 0, listed('Do it, or write an issue:', found))
  })

  it('swallow no error', () => {
    const empty =
      /catch\s*(\([^)]*\))?\s*\{(\s|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)*\}|\.catch\(\s*\(?\w*\)?\s*=>\s*(\{\s*\}|undefined)\s*\)/
    const found = linesWith(sources, empty)
    assert.equal(found.length, 0, listed('An error must be told, translated, or shown to be expected:', found))
  })

  it('put no I before an interface', () => {
    const found = linesWith(sources, /^(export )?interface I[A-Z][a-z]\w*/)
    assert.equal(found.length, 0, listed('An interface is named for what it is:', found))
  })

  it('name no path of somebody’s machine', () => {
    const found = linesWith(texts, /(?<![\w.:/-])\/(work|root|Users)\/\w+.*/)
    assert.equal(found.length, 0, listed('These files know one machine:', found))
  })
})

const saysNothing = new Set([
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'types',
  'type-defs',
  'impl',
  'misc',
  'stuff',
])
