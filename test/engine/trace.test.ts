import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { evaluate } from '../../src/engine/evaluate.ts'
import { Outcome } from '../../src/engine/outcome.ts'
import type { RuleSet } from '../../src/engine/rule-set.ts'
import type { Tracer } from '../../src/engine/trace.ts'
import { load, message } from './rules.ts'

const rule = `
from: plants/#
schema: telemetry
where: payload.temperature_f > 0
for_each: payload.tags
to:
  - { sink: lake, when: item != "x" }
  - { publish: "tags/\${item}" }
else:
  - { sink: records }
`

/** What one who looks on is told, in order. */
function toldOf(rules: RuleSet, ...payloads: unknown[]): string[] {
  const told: string[] = []
  const tracer: Tracer = {
    begin: ({ rule: { name } }) => told.push(`begin ${name}`),
    took: ({ branches }, id) => {
      const branch = branches.all[id]
      if (branch !== undefined) told.push(`${branch.path.join('.')} ${branch.way}`)
    },
    sent: (_rule, _target, what, scope) => {
      told.push(`${'sink' in what ? what.sink : what.topic} gets ${JSON.stringify(scope.item)}`)
    },
    end: (_rule, _scope, error) => told.push(`end ${error?.code ?? 'well'}`),
  }
  const outcome = new Outcome()
  outcome.tracer = tracer
  for (const payload of payloads) {
    const given = message(payload)
    evaluate(rules.lookup(given.topic)!, given, outcome)
  }
  return told
}

describe('one who looks on while rules are evaluated', () => {
  it('hears of each branch that is taken', () => {
    const rules = load({ r: rule })
    assert.deepEqual(toldOf(rules, { temperature_f: 1, tags: ['x', 'y'] }), [
      'begin r',
      'where true',
      'to.0.when left',
      'to.1.publish taken',
      'tags/x gets "x"',
      'to.0 taken',
      'lake gets "y"',
      'to.1.publish taken',
      'tags/y gets "y"',
      'for_each some',
      'end well',
    ])
    assert.deepEqual(toldOf(rules, { temperature_f: 0 }), [
      'begin r',
      'where false',
      'else.0 taken',
      'records gets null',
      'end well',
    ])
    assert.deepEqual(toldOf(rules, { temperature_f: 1, tags: [] }), [
      'begin r',
      'where true',
      'for_each none',
      'end well',
    ])
    assert.deepEqual(toldOf(rules, {}), ['begin r', 'schema refused', 'end E401'])
  })

  it('knows all branches of a rule beforehand', () => {
    const { branches } = load({ r: rule }).rules[0]!
    assert.deepEqual(
      branches.all.map(({ path, way }) => `${path.join('.')} ${way}`),
      [
        'schema refused',
        'where true',
        'where false',
        'for_each some',
        'for_each none',
        'to.0 taken',
        'to.0.when left',
        'to.1.publish taken',
        'else.0 taken',
      ],
    )
  })
})
