/** Registers schemas without end and prints each once it is kept; killed by its test. */
import { register } from '../../src/registry/change.ts'
import { RegistryStore } from '../../src/registry/store.ts'

const [folder = '', start = '0'] = process.argv.slice(2)
const store = new RegistryStore(folder)
let { registry } = store.load()
for (let at = Number(start); ; at++) {
  const schema = {
    format: 'json-schema',
    text: `{"const": ${at}}`,
    references: [],
    metadata: null,
    ruleSet: null,
  } as const
  const subject = `s${at % 7}`
  const policies = new Map([[subject, { compatibility: 'NONE', mode: null } as const]])
  const changed = register(registry.with({ policies }), { subject, schema, normalize: false, id: null, version: null })
  await store.save(changed.registry)
  registry = changed.registry
  process.stdout.write(`${subject} ${changed.answer.version} ${changed.answer.content.id} ${at}\n`)
}
