import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { until } from '../api/fake-hub.ts'
import { FakeTerminal, type Ran, runCli } from './fake-terminal.ts'

let folder = ''
const loadHub = () => import('../../src/hub.ts')

const config = `
listeners: []
data: ./data
rules: ./rules
schemas: ./schemas
connectors:
  records: { type: file, path: ./out }
`

const good = `
from: plants/{plant}
where: payload.t > 3
to: [{ sink: records, file: "\${plant}" }]
examples:
  - { name: warm, given: { topic: plants/oslo, payload: { t: 4 } }, expect: [{ sink: records, file: oslo }] }
`
const bad = good.replace('file: oslo }] }', 'file: bergen }] }')

const write = (rules: Readonly<Record<string, string>>): void => {
  rmSync(join(folder, 'rules'), { recursive: true, force: true })
  mkdirSync(join(folder, 'rules'))
  for (const [name, text] of Object.entries(rules)) writeFileSync(join(folder, 'rules', `${name}.yaml`), text)
}

const ran = (verb: string, ...args: string[]): Promise<Ran> =>
  runCli([verb, ...args, '-c', join(folder, 'trestle.yaml')], new FakeTerminal(), loadHub)

/** Without times, and with paths as they are below the test's folder. */
const plain = (text: string): string => text.replaceAll(`${folder}/`, '').replaceAll(/\(\d+ ms\)/g, '(x ms)')

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'proving-verbs-'))
  mkdirSync(join(folder, 'schemas'))
  writeFileSync(join(folder, 'trestle.yaml'), config)
})
after(() => rmSync(folder, { recursive: true, force: true }))

it('B1: test runs the examples of all rules and exits 0', async () => {
  write({ good, other: 'from: x\nto: [{ sink: records, file: x }]\n' })
  const { exit, out, err } = await ran('test')
  assert.deepEqual([exit, err], [0, ''])
  assert.equal(
    plain(out),
    '✔ rules/good.yaml   1 example\n– rules/other.yaml  no examples\n\n1 example of 2 rules: all pass (x ms)\n',
  )
})

it('rules without any example are not said to pass', async () => {
  write({ other: 'from: x\nto: [{ sink: records, file: x }]\n' })
  const { exit, out } = await ran('test')
  assert.equal(exit, 0)
  assert.match(out, /no examples in 1 rule: nothing is proven yet; write some under `examples:`/)
})

it('B1: an example that fails is told by its place, with what differs, and exits 1', async () => {
  write({ bad, good })
  const { exit, out } = await ran('test')
  assert.equal(exit, 1)
  assert.equal(
    plain(out),
    `✖ rules/bad.yaml   1 example, 1 fails
✔ rules/good.yaml  1 example

rules/bad.yaml:6:13  warm
  records, delivery 1 of 1
    - file: "bergen"
    + file: "oslo"

2 examples of 2 rules: 1 pass, 1 fails (x ms)   - expected  + seen
`,
  )
})

it('B1: JUnit XML and JSON say the same', async () => {
  write({ bad, good })
  const file = join(folder, 'examples.xml')
  const { out } = await ran('test', '--json', '--coverage', '--junit', file)
  const told = JSON.parse(out) as { rules: { rule: string; examples: { mismatches: unknown[] }[] }[]; coverage: object }
  assert.deepEqual(
    told.rules.map(({ rule, examples }) => [rule, examples.map(({ mismatches }) => mismatches.length)]),
    [
      ['bad', [1]],
      ['good', [0]],
    ],
  )
  assert.deepEqual(Object.keys(told.coverage), ['covered', 'total', 'rules'])
  const xml = readFileSync(file, 'utf8')
  assert.match(xml, /<testsuites name="trestle" tests="2" failures="1" /)
  assert.match(xml, /<testcase name="warm" classname="bad" file="[^"]*rules\/bad\.yaml" line="6" time="[\d.]+">/)
  assert.match(
    xml,
    /<failure message="records, delivery 1 of 1">.*- file: &quot;bergen&quot;&#10;\+ file: &quot;oslo&quot;/,
  )
})

it('B1: coverage is shown by branch, and too little of it exits 1', async () => {
  write({ good })
  const { exit, out, err } = await ran('test', '--min-coverage', '90')
  assert.equal(exit, 1)
  assert.match(
    plain(out),
    /rules\/good\.yaml:3:8 {2}never {2}where is false: payload\.t > 3\ncoverage 66 %: 2 of 3 branches/,
  )
  assert.equal(err, 'coverage is 66 %, and 90 % are wanted\n')
  assert.equal((await ran('test', '--min-coverage', '60')).exit, 0)
})

it('runs only the rules that are named, and suggests where there is none of the name', async () => {
  write({ bad, good })
  assert.equal((await ran('test', 'good')).exit, 0)
  assert.equal((await ran('test', 'rules/good.yaml')).exit, 0)
  const { exit, err } = await ran('test', 'goood')
  assert.deepEqual([exit, err], [1, 'E702  there is no rule `goood` (did you mean `good`?)\n'])
})

it('B1: with a fault nothing is run, and all faults are told', async () => {
  write({
    good: good.replace('payload.t >', 'payld.t >'),
    bad: bad.replace('sink: records, file: bergen', 'sink: record'),
  })
  const { exit, out, err } = await ran('test')
  assert.deepEqual([exit, out], [2, ''])
  assert.match(plain(err), /rules\/bad\.yaml:6:\d+ +E205 +unknown sink `record` \(did you mean `records`\?\)/)
  assert.match(plain(err), /rules\/good\.yaml:3:8 +E203 .*payld/)
  assert.match(err, /2 faults\. No example was run\./)
})

it('B1: test --watch runs again after each change, faults included, until Ctrl-C', async () => {
  write({ good })
  const terminal = new FakeTerminal()
  const args = ['test', '--watch', '-c', join(folder, 'trestle.yaml')]
  const running = runCli(args, terminal, loadHub)
  const seen = (pattern: RegExp) => until(() => pattern.test(terminal.written), String(pattern))
  await seen(/all pass[\s\S]*Waiting for a change/)
  // What is written before the watch is there would not be seen.
  await new Promise((resolve) => setTimeout(resolve, 300))
  writeFileSync(join(folder, 'rules', 'good.yaml'), bad)
  await seen(/1 fails/)
  writeFileSync(join(folder, 'rules', 'good.yaml'), good.replace('payload.t >', 'payld.t >'))
  await seen(/E203[\s\S]*No example was run/)
  writeFileSync(join(folder, 'rules', 'good.yaml'), good)
  await seen(/No example was run[\s\S]*all pass/)
  terminal.interrupt()
  assert.equal((await running).exit, 0)
})

it('B8: explain tells what the rules make of a message', async () => {
  write({ good })
  const { exit, out } = await ran('explain', 'plants/oslo', '{"t": 4}')
  assert.equal(exit, 0)
  assert.equal(
    plain(out),
    `rules/good.yaml matches   plant = "oslo"
  where   payload.t > 3
          true
          payload.t = 4
  → records  file oslo, 8 bytes

ack  stored: PUBACK after the journal has it
`,
  )
})

it('B8: explain takes the payload from a file or standard input, and says the same as JSON', async () => {
  write({ good })
  writeFileSync(join(folder, 'payload.json'), '{"t": 1}')
  assert.match((await ran('explain', 'plants/oslo', `@${join(folder, 'payload.json')}`)).out, /lets it go/)
  const terminal = new FakeTerminal()
  terminal.stdin = '{"t": 5}'
  const args = ['explain', 'plants/oslo', '-', '--json', '--client', 'x', '--property', 'a=b', '-c']
  const { out } = await runCli([...args, join(folder, 'trestle.yaml')], terminal, loadHub)
  const told = JSON.parse(out) as { rules: { verdict: string; targets: { to: string; bytes: number }[] }[] }
  assert.deepEqual(
    told.rules.map(({ verdict, targets }) => [verdict, targets.map(({ to, bytes }) => [to, bytes])]),
    [['matches', [['records', 8]]]],
  )
  const missing = await ran('explain', 'plants/oslo', '@nowhere')
  assert.deepEqual([missing.exit, missing.err.slice(0, 4)], [2, 'E703'])
  assert.equal((await ran('explain', 'plants/#')).err.slice(0, 4), 'E405')
})
