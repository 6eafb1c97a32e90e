import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Coverage } from '../../src/proving/coverage.ts'
import { prove } from '../../src/proving/proving.ts'
import { planOf } from './proved.ts'

const branches = async (rules: Readonly<Record<string, string>>, name = 'it'): Promise<string[]> => {
  const plan = planOf(rules)
  const coverage = new Coverage(plan.rules.rules)
  await prove(plan, { coverage })
  const found = coverage.rules.find(({ rule }) => rule === name)!
  return found.branches.map(({ what, line, hits }) => `${line} ${hits > 0 ? 'covered' : 'never'}  ${what}`)
}

const rule = `
from: a/{device}
schema: reading
where: payload.t > 3
to:
  - { sink: lake, topic: hot, when: payload.t > 100 }
  - { publish: "b/\${device}" }
else:
  - { sink: archive, file: cold }
`

it('B1: coverage tells each way through a rule that no example goes, with its line', async () => {
  const examples = `
examples:
  - { name: warm, given: { topic: a/1, payload: { t: 4 } }, expect: [{ sink: lake, count: 0 }] }`
  assert.deepEqual(await branches({ it: rule + examples }), [
    '3 never  schema reading refuses a payload',
    '4 covered  where is true: payload.t > 3',
    '4 never  where is false: payload.t > 3',
    '6 never  to → lake',
    '6 covered  when is false: payload.t > 100',
    '7 covered  to → publish b/${device}',
    '9 never  else → archive',
  ])
})

it('B1: a rule whose examples go everywhere is covered whole', async () => {
  const examples = `
examples:
  - { name: warm, given: { topic: a/1, payload: { t: 4 } }, expect: [{ sink: lake, count: 0 }] }
  - { name: hot, given: { topic: a/1, payload: { t: 400 } }, expect: [{ sink: lake, topic: hot }] }
  - { name: cold, given: { topic: a/1, payload: { t: 0 } }, expect: [{ sink: archive, file: cold }] }
  - { name: none, given: { topic: a/1, payload: {} }, expect: [{ puback: 0x99 }] }`
  const found = await branches({ it: rule + examples })
  assert.equal(found.filter((line) => line.includes('never')).length, 0, found.join('\n'))
})

it('B1: what another rule refuses first is shown to the rule all the same', async () => {
  const first = 'from: a/+\nschema: reading\nto: [{ sink: lake, topic: all }]\n'
  const examples = `
examples:
  - { name: none, given: { topic: a/1, payload: {} }, expect: [{ puback: 0x99 }] }`
  assert.equal((await branches({ first, it: rule + examples }))[0], '3 covered  schema reading refuses a payload')
})
