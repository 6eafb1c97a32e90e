import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { run } from './run.ts'

const list = Array.from({ length: 5_000 }, (_, at) => at)
const payload = { l: list, s: 'x'.repeat(10_000), n: list.slice(0, 300) }

/** `cel.bind(s1, f(s0), cel.bind(s2, f(s1), … last))` */
const doubled = (first: string, grow: (name: string) => string, last: string, times = 40): string => {
  const binds = Array.from({ length: times }, (_, at) => `cel.bind(s${at + 1}, ${grow(`s${at}`)}, `)
  return `cel.bind(s0, ${first}, ${binds.join('')}${last}${')'.repeat(times + 1)}`
}

const hostile: [string, string][] = [
  ['macros in macros', 'payload.n.all(a, payload.n.all(b, payload.n.all(c, a + b + c >= 0)))'],
  ['maps of maps', 'payload.n.map(a, payload.n.map(b, payload.n.map(c, a)))'],
  ['two names', 'payload.l.transformMap(i, v, payload.l.transformList(j, w, v + w))'],
  ['comparisons of lists', 'payload.l.all(a, payload.l == payload.l.map(x, x))'],
  ['searches in lists', 'payload.l.all(a, !(0.5 in payload.l))'],
  ['sorting', 'payload.n.map(a, payload.l.sortBy(x, -x))'],
  ['strings that double', doubled('payload.s', (name) => `${name} + ${name}`, 's40')],
  ['lists that double', doubled('payload.l', (name) => `${name} + ${name}`, 's40.size()')],
  [
    'shared lists, compared',
    `cel.bind(t, [1], ${doubled('[1]', (name) => `[${name}, ${name}]`, 's40 == [s39, [t, s38]]')})`,
  ],
  ['shared objects, written out', doubled('{1: 2}', (name) => `{"a": ${name}, "b": ${name}}`, 's40')],
  ['shared objects, as any value', doubled('{"x": 2}', (name) => `{"a": ${name}, "b": ${name}}`, '[s40, 1u]')],
]

describe('B2: the bounds of one evaluation', () => {
  for (const [what, text] of hostile) {
    it(`end ${what}`, () => {
      const ran = run(text, payload)
      const why = 'failure' in ran ? ran.failure : JSON.stringify(ran).slice(0, 200)
      assert.match(
        why,
        /^the expression (?:takes too many steps on|makes too much data of) this message$|"value":false/,
      )
    })
  }

  it('hold although another operand decides', () => {
    const bomb = 'payload.n.all(a, payload.n.all(b, payload.n.all(c, true)))'
    const ran = run(`payload.l.map(x, ${bomb} || true)`, payload)
    assert.ok('failure' in ran)
    assert.equal(ran.failure, 'the expression takes too many steps on this message')
  })

  it('are wider for a larger payload, which may be gone through once', () => {
    const words = Array.from({ length: 40_000 }, (_, at) => `word-${at}`)
    assert.deepEqual(run('payload.filter(w, w == "word-7").size()', words), { value: 1, type: 'int' })
  })
})

describe('B2: the bounds of one text', () => {
  it('refuse chains in chains, whose evaluation would go as deep', () => {
    let text = '1'
    for (let at = 0; at < 15; at++) text = `(${text}${' + 1'.repeat(250)})`
    const ran = run(text)
    assert.ok('faults' in ran)
    assert.deepEqual([ran.faults[0]?.code, ran.faults[0]?.message], ['E202', 'too many operators hang on one another'])
  })

  it('let chains be long that stand alone', () => {
    assert.deepEqual(run(`1${' + 1'.repeat(500)}`), { value: 501, type: 'int' })
  })

  it('tell twenty faults at most', () => {
    const ran = run(`[${Array.from({ length: 1_000 }, (_, at) => `nobody${at}`).join(', ')}]`)
    assert.equal('faults' in ran && ran.faults.length, 20)
  })

  it('let constants be found at load, all of them within one budget', () => {
    const started = performance.now()
    const text = `[${Array.from({ length: 800 }, () => 'lists.range(90000)').join(',')}].size()`
    const ran = run(text)
    assert.ok('failure' in ran)
    assert.ok(performance.now() - started < 1_000)
    assert.deepEqual(run('duration("1h") + duration("30m") == duration("90m")'), { value: true, type: 'bool' })
  })

  it('keep types that are shared a thousandfold from being worked out as often', () => {
    const started = performance.now()
    const text = doubled(
      '{"x": 2}',
      (name) => `true ? {"a": ${name}, "b": 1} : {"a": {"c": ${name}}, "d": 2u}`,
      's50.a',
      50,
    )
    assert.ok('type' in run(text))
    assert.ok(performance.now() - started < 2_000)
  })
})
