import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { printFault } from '../../src/document/fault.ts'
import { planProof } from '../../src/hub/proving-plan.ts'
import { Coverage } from '../../src/proving/coverage.ts'
import { prove } from '../../src/proving/proving.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
async function proven(file: string): Promise<{ failed: string[]; bare: string[]; rules: number; share: number }> {
  // Without the secrets that some of them take from the environment.
  const { plan, faults } = await planProof({ configFile: join(root, file), env: {} })
  assert.deepEqual(faults.map(printFault), [])
  const coverage = new Coverage(plan!.rules.rules)
  const results = await prove(plan!, { coverage })
  const failed = results
    .flatMap(({ examples }) => examples)
    .filter(({ mismatches }) => mismatches.length > 0)
    .map((one) => `${one.file}:${one.line} ${one.name}: ${one.mismatches.map(({ what }) => what).join(', ')}`)
  const bare = results.filter(({ examples }) => examples.length === 0).map((one) => one.file)
  return { failed, bare, rules: results.length, share: (coverage.covered * 100) / coverage.total }
}

describe('B1: the rules that come with the hub', () => {
  it('have examples, all of which pass and go through nine of ten branches at least', async () => {
    const { failed, bare, rules, share } = await proven('config/trestle.yaml')
    assert.deepEqual([failed, bare], [[], []])
    assert.ok(rules >= 8, `${rules} rules`)
    assert.ok(share >= 90, `${share} % of the branches`)
  })

  for (const name of readdirSync(join(root, 'config/examples')).filter((file) => file.endsWith('.yaml'))) {
    it(`have examples that pass in config/examples/${name}`, async () => {
      const { failed, bare, share } = await proven(`config/examples/${name}`)
      assert.deepEqual([failed, bare], [[], []])
      assert.ok(share >= 90, `${share} % of the branches`)
    })
  }
})
