import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { printPages } from '../../docs/pages.ts'
import { stalePages } from '../../docs/print.ts'
import { codes } from '../../src/contract/codes.ts'
import { listed } from './source-files.ts'

describe('docs/reference', async () => {
  const pages = await printPages()

  it('says what the program says', async () => {
    const stale = await stalePages(pages)
    assert.equal(stale.length, 0, listed('Stale; `npm run docs` prints them anew:', stale))
  })

  it('lists exactly the codes of the table', () => {
    const page = [...pages.get('errors.md')!.matchAll(/`(E\d{3})`/g)].map((match) => match[1])
    assert.deepEqual(page.sort(), Object.keys(codes).sort())
  })
})
