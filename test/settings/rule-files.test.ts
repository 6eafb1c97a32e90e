import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { printFault } from '../../src/document/fault.ts'
import { readRuleFiles } from '../../src/settings/rule-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'trestle-rules-'))
after(() => rmSync(folder, { recursive: true }))

describe('the files of the rules', () => {
  it('are read in the order of their names, and named as the user would', async () => {
    const rules = join(folder, 'rules')
    mkdirSync(rules)
    for (const name of ['b.yaml', 'a.yaml', '.hidden.yaml', 'README.md', 'c.yml'])
      writeFileSync(join(rules, name), name)
    const { files, faults } = await readRuleFiles(rules, { cwd: folder })
    assert.deepEqual(files, [
      { file: 'rules/a.yaml', name: 'a', text: 'a.yaml' },
      { file: 'rules/b.yaml', name: 'b', text: 'b.yaml' },
    ])
    assert.deepEqual(faults.map(printFault), ['rules/c.yml:1:1  E101  rules end in .yaml; this file would not be read'])
  })

  it('cannot be in a folder that is not there, unless nobody named it', async () => {
    const nowhere = join(folder, 'nowhere')
    assert.match(
      (await readRuleFiles(nowhere)).faults.map(printFault)[0]!,
      /E101 {2}the rules’ folder cannot be read: ENOENT/,
    )
    assert.deepEqual(await readRuleFiles(nowhere, { optional: true }), { files: [], faults: [] })
  })
})
