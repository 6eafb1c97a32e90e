import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { connectorList } from '../../docs/connector-list.ts'
import { readAccessRules } from '../../src/settings/access-rules.ts'
import { loadSettings } from '../../src/settings/settings.ts'
import { topicFilterFault } from '../../src/topic/filter.ts'

const page = readFileSync(new URL('../../docs/guides/listeners.md', import.meta.url), 'utf8')
const block = (file: string): string =>
  new RegExp(`^\`\`\`yaml\\n# ${file}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(page)?.[1] ?? assert.fail(`no ${file}`)

test('what the guide to listeners shows is a configuration without a fault', async () => {
  const file = '/hub/config/trestle.yaml'
  const options = { file, text: block('config/trestle.yaml'), cwd: '/hub', connectorSchemas: await connectorList() }
  const { settings, faults } = await loadSettings(options)
  assert.deepEqual(faults, [])
  assert.equal(settings?.listeners.length, 4)
  assert.equal(settings?.access.users, '/hub/config/passwd')
  const read = readAccessRules('access.yaml', block('config/access.yaml'), topicFilterFault)
  assert.deepEqual([read.faults, read.entries.length], [[], 3])
})
