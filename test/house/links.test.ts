import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { filesBelow, listed, root, textOf } from './source-files.ts'

const pages = filesBelow().filter((file) => file.endsWith('.md'))

/** Headings as GitHub anchors them, and anchors written as such. */
function anchorsOf(file: string): Set<string> {
  const text = textOf(file).replace(/^```[\s\S]*?^```/gm, '')
  const headings = [...text.matchAll(/^#+ +(.*)$/gm)].map((match) => slug(match[1]!))
  const written = [...text.matchAll(/<a id="([^"]+)"/g)].map((match) => match[1]!)
  return new Set([...headings, ...written])
}

const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

/** Links of a page that lead nowhere in this repository. */
function deadLinks(file: string): string[] {
  const text = textOf(file)
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/`[^`\n]*`/g, '')
  const links = [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map((match) => match[1]!)
  return links
    .filter((link) => !/^[a-z][a-z0-9+.-]*:/i.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? file : normalize(path.startsWith('/') ? path.slice(1) : join(dirname(file), path))
      if (!existsSync(join(root, target))) return true
      return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(decodeURIComponent(anchor))
    })
    .map((link) => `${file}: ${link}`)
}

describe('links', () => {
  it('of every page lead somewhere', () => {
    const dead = pages.flatMap(deadLinks)
    assert.equal(dead.length, 0, listed('These links lead nowhere:', dead))
  })

  it('lead from the README to the way of one message in one hop', () => {
    assert.ok(existsSync(join(root, 'README.md')), 'there is no README.md')
    const targets = [...textOf('README.md').matchAll(/\]\(([^)#\s]+)/g)].map((match) => match[1]!)
    const hop = targets.filter((target) => target.endsWith('.md') && existsSync(join(root, target)))
    assert.ok(
      hop.some((target) => /way of (one|a) message/i.test(textOf(normalize(target)))),
      'README.md should link to the page that shows the way of one message',
    )
  })
})
