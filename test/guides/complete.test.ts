import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connectorList } from '../../docs/connector-list.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const examples = readdirSync(join(root, 'config/examples'))
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.slice(0, -'.yaml'.length))
const runs = readdirSync(join(root, 'test/guides'))
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => read(`test/guides/${name}`))
  .join('\n')

describe('the guides', async () => {
  for (const type of (await connectorList()).keys()) {
    test(`have a page for ${type}, which a test runs: what holds, out and in, what a reader finds, what to look at`, () => {
      const file = `docs/guides/${type}.md`
      assert.ok(existsSync(join(root, file)), `there is no ${file}`)
      const page = read(file)
      for (const part of [
        '## What is guaranteed',
        '## Five minutes',
        `reference/connectors/${type}.md`,
        `connectors/${type}/README.md`,
        'trestle status ',
        'trestle connectors probe ',
        'trestle dead-letters list',
      ]) {
        assert.ok(page.includes(part), `${file} does not say ${part}`)
      }
      assert.ok(runs.includes(`guide('${type}')`), `no test runs ${file}`)
      assert.ok(read('README.md').includes(`(${file})`), `README.md does not lead to ${file}`)
    })
  }

  test('have examples, each of which a test runs and README names', () => {
    assert.deepEqual(
      examples.filter((name) => !runs.includes(`example('${name}')`)),
      [],
    )
    assert.deepEqual(
      examples.filter((name) => !read('README.md').includes(`(config/examples/${name}.yaml)`)),
      [],
    )
  })
})
