/**
 * What rules cost against the codecs alone, in one process, in turns: decode, check, filter, transform and encode of
 * 200 bytes of JSON; JSON to Avro; a filter; the number of rules. Beside it Bento's mapping of the same message.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import avsc from 'avsc'
import type { Message } from '../src/contract/message.ts'
import { printFault } from '../src/document/fault.ts'
import { compileExpression } from '../src/engine/expression/expression.ts'
import { standardNames } from '../src/engine/expression/names.ts'
import { Scope } from '../src/engine/expression/scope.ts'
import { dyn } from '../src/engine/expression/type.ts'
import { Outcome } from '../src/engine/outcome.ts'
import { evaluate, RuleSet } from '../src/engine/rule-set.ts'
import { loadRegistry } from '../src/registry/files.ts'
import type { Registry } from '../src/registry/registry.ts'
import { cached } from '../test/services/cache.ts'

/** One thing measured against another. *Unit*: ns of CPU a message. */
export interface RuleCost {
  readonly what: string
  readonly ns: number
  readonly floor: string
  readonly floorNs: number
  /** Most that `ns / floorNs` may be; null: told only. */
  readonly target: number | null
}

const reading = {
  device: 'press-07',
  line: 'oslo/3',
  temperature_f: 212.5,
  pressure_kpa: 101.325,
  quality: 'good',
  running: true,
  sequence: 123456,
  note: 'all is well with this machine and has been for the last 120 minutes',
}
const payload = Buffer.from(JSON.stringify(reading))

const number = { type: 'number' }
const text = { type: 'string' }
const jsonSchema = {
  type: 'object',
  required: ['device', 'temperature_f', 'quality'],
  properties: {
    device: text,
    line: text,
    temperature_f: number,
    pressure_kpa: { ...number, minimum: 0 },
    quality: { enum: ['good', 'bad', 'unknown'] },
    running: { type: 'boolean' },
    sequence: { type: 'integer', minimum: 0 },
    note: text,
  },
}
const avroSchema = {
  type: 'record',
  name: 'Reading',
  fields: [
    { name: 'device', type: 'string' },
    { name: 'line', type: 'string' },
    { name: 'temperature_f', type: 'double' },
    { name: 'pressure_kpa', type: 'double' },
    { name: 'quality', type: 'string' },
    { name: 'running', type: 'boolean' },
    { name: 'sequence', type: 'long' },
    { name: 'note', type: 'string' },
  ],
}

const where = 'payload.quality == "good" && payload.temperature_f > -40'
const shaping = `
from: plants/{plant}/telemetry
schema: reading
where: ${where}
set: { temperature_c: (payload.temperature_f - 32) / 1.8, temperature_f: null }
to: [{ sink: lake }]
`
const toAvro = `
from: plants/{plant}/telemetry
decode: json
schema: reading-avro
to: [{ sink: lake, encode: avro }]
`

const message = (topic: string): Message => ({
  topic,
  payload,
  qos: 1,
  retain: false,
  properties: null,
  client: 'press-07',
  username: null,
  source: null,
  timeMs: 1_700_000_000_000,
})

const sinks = new Map([['lake', { type: 'file', targetField: null, targetOptions: null }]])

function ruleSet(texts: Readonly<Record<string, string>>, registry: Registry): RuleSet {
  const files = Object.entries(texts).map(([name, body]) => ({ file: `${name}.yaml`, text: body }))
  const { rules, faults } = RuleSet.load(files, { sinks, registry })
  if (rules === null) throw new Error(faults.map(printFault).join('\n'))
  return rules
}

/** One message through the rules of its topic. */
function throughRules(rules: RuleSet, topic = 'plants/oslo/telemetry'): () => number {
  const bound = rules.lookup(topic)!
  const outcome = new Outcome()
  const one = message(topic)
  return () => {
    evaluate(bound, one, outcome)
    if (outcome.owed.length === 0) throw new Error(`nothing is owed: ${outcome.refusal?.error.message}`)
    return outcome.owed[0]!.payload.length
  }
}

/** Turns of a round: short, so that some of them meet nobody else on the machine. */
const turnsPerRound = 40

/** Least CPU of each over short turns, one after the other. *Unit*: ns a call. */
function inTurns(works: readonly (() => number)[], rounds: number, calls: number): number[] {
  const least = works.map(() => Number.POSITIVE_INFINITY)
  const callsPerTurn = calls / turnsPerRound
  let seen = 0
  for (let turn = 0; turn < (rounds + 1) * turnsPerRound; turn++) {
    for (const [at, work] of works.entries()) {
      const began = process.cpuUsage()
      for (let call = 0; call < callsPerTurn; call++) seen += work()
      const { user, system } = process.cpuUsage(began)
      // The first round warms up.
      if (turn >= turnsPerRound) least[at] = Math.min(least[at]!, ((user + system) * 1000) / callsPerTurn)
    }
  }
  if (seen === 0) throw new Error('nothing was done')
  return least
}

export function benchRules(rounds: number): RuleCost[] {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-bench-'))
  try {
    for (const subject of ['reading', 'reading-avro']) mkdirSync(join(folder, subject))
    writeFileSync(join(folder, 'reading', '1.json'), JSON.stringify(jsonSchema))
    writeFileSync(join(folder, 'reading-avro', '1.avsc'), JSON.stringify(avroSchema))
    const { registry, faults } = loadRegistry(folder)
    if (faults.length > 0) throw new Error(faults.map(printFault).join('\n'))
    return [
      ...costsOfShaping(registry, rounds),
      costOfAvro(registry, rounds),
      costOfFilter(rounds),
      ...costsOfMany(registry, rounds),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const celsius = (reading.temperature_f - 32) / 1.8

function costsOfShaping(registry: Registry, rounds: number): RuleCost[] {
  const check = new Ajv2020({ strict: false }).compile(jsonSchema)
  const codecs = (): number => {
    const value: unknown = JSON.parse(payload.toString())
    if (!check(value))
      throw new Error('does not fit')
      // What the rule works out, so that both print the same number.
    ;(value as typeof reading).temperature_f = celsius
    return Buffer.from(JSON.stringify(value)).length
  }
  const one = throughRules(ruleSet({ a: shaping }, registry))
  const filters = Object.fromEntries(
    Array.from({ length: 9 }, (_, n) => [
      `b${n}`,
      `from: plants/#\nwhere: payload.sequence == ${n}\nto: [{ sink: lake }]\n`,
    ]),
  )
  const ten = throughRules(ruleSet({ a: shaping, ...filters }, registry))
  const [floorNs, ns] = inTurns([codecs, one], rounds, 200_000) as [number, number]
  const [oneNs, tenNs] = inTurns([one, ten], rounds, 200_000) as [number, number]
  return [
    { what: 'schema, filter, transform', ns, floor: 'JSON.parse + ajv + JSON.stringify', floorNs, target: 1.3 },
    {
      what: 'the same beside nine more rules that look at it',
      ns: tenNs,
      floor: 'one rule',
      floorNs: oneNs,
      target: null,
    },
  ]
}

function costOfAvro(registry: Registry, rounds: number): RuleCost {
  const type = avsc.Type.forSchema(avroSchema as avsc.Schema)
  const codecs = (): number => type.toBuffer(JSON.parse(payload.toString())).length
  const [floorNs, ns] = inTurns([codecs, throughRules(ruleSet({ a: toAvro }, registry))], rounds, 200_000) as [
    number,
    number,
  ]
  return { what: 'JSON → Avro', ns, floor: 'JSON.parse + avsc', floorNs, target: 1.5 }
}

const fourTerms =
  'payload.quality == "good" && payload.temperature_f > -40 && payload.device.startsWith("press") && !(payload.sequence < 5)'

function costOfFilter(rounds: number): RuleCost {
  const { compiled, faults } = compileExpression({ text: fourTerms, origin: { path: ['where'] } }, standardNames(dyn))
  if (compiled === null) throw new Error(faults[0]!.message)
  const scope = new Scope()
  scope.begin(message('a'))
  scope.beginRule([], 0)
  scope.payload()
  const filter = (): number => (compiled.evaluate(scope) === true ? 1 : 0)
  const native = (): number => {
    const read = scope.payload() as typeof reading
    return read.quality === 'good' &&
      read.temperature_f > -40 &&
      read.device.startsWith('press') &&
      !(read.sequence < 5)
      ? 1
      : 0
  }
  const [floorNs, ns] = inTurns([native, filter], rounds, 2_000_000) as [number, number]
  return { what: 'filter of four terms', ns, floor: 'the same in JavaScript', floorNs, target: null }
}

function costsOfMany(registry: Registry, rounds: number): RuleCost[] {
  const others = (count: number): Record<string, string> =>
    Object.fromEntries(
      Array.from({ length: count }, (_, n) => [
        `z${n}`,
        `from: other/${n}/+/x\nwhere: payload.a == ${n}\nto: [{ sink: lake }]\n`,
      ]),
    )
  const few = throughRules(ruleSet({ a: shaping, ...others(9) }, registry))
  const many = throughRules(ruleSet({ a: shaping, ...others(9_999) }, registry))
  const [floorNs, ns] = inTurns([few, many], rounds, 200_000) as [number, number]
  return [{ what: 'beside 10,000 rules on other topics', ns, floor: 'beside 10', floorNs, target: 1.1 }]
}

const bento = fileURLToPath(new URL('./rivals/bento/', import.meta.url))
const mapping = (schema: boolean): string => `
root = this${schema ? `.json_schema("""${JSON.stringify(jsonSchema)}""")` : ''}
root = if !(this.quality == "good" && this.temperature_f > -40) { deleted() }
root.temperature_c = (this.temperature_f - 32) / 1.8
root.temperature_f = deleted()
`

/** Bento's mapping of the same message, with and without its check of a JSON Schema. *Unit*: ns; null without Go. */
export async function benchBento(rounds: number): Promise<{ withSchema: number; without: number } | null> {
  const program = await bentoProgram()
  if (program === null) return null
  const folder = mkdtempSync(join(tmpdir(), 'trestle-bento-'))
  try {
    writeFileSync(join(folder, 'message.json'), payload)
    const least = (schema: boolean): number => {
      writeFileSync(join(folder, 'mapping'), mapping(schema))
      const args = [join(folder, 'mapping'), join(folder, 'message.json'), '100000']
      const run = (): number => Number(execFileSync(program, args, { stdio: ['ignore', 'pipe', 'ignore'] }))
      return Math.min(...Array.from({ length: rounds }, run))
    }
    return { withSchema: least(true), without: least(false) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Built once; null where there is no Go. */
async function bentoProgram(): Promise<string | null> {
  try {
    execFileSync('go', ['version'])
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
  const build = async (folder: string): Promise<void> => {
    execFileSync('go', ['build', '-o', join(folder, 'bento-mapping'), '.'], { cwd: bento, stdio: 'inherit' })
  }
  return join(await cached('bento-mapping-1.5.0', build), 'bento-mapping')
}
