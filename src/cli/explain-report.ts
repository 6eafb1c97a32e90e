import { codes } from '../contract/codes.ts'
import { pubackName } from '../engine/example/puback.ts'
import { printValue } from '../proving/difference.ts'
import type { ExplainedRule, ExplainedTarget, Explanation } from '../proving/explanation.ts'
import type { Term } from '../proving/terms.ts'
import { printCount, printSafe } from './human.ts'
import type { Paint } from './paint.ts'

/** What `trestle explain` tells a person. */
export function drawExplanation(explanation: Explanation, paint: Paint): string[] {
  const { topic, qos, rules, nearest, refusal, ack } = explanation
  if (rules.length === 0) {
    const near = nearest === null ? 'There are no rules.' : `${nearest.file} comes nearest: ${nearest.difference}`
    return [
      `no rule takes ${printSafe(topic)}`,
      `  ${printSafe(near)}`,
      '  It reaches its MQTT subscribers, and nothing else.',
    ]
  }
  const lines = rules.flatMap((rule, at) => [...(at === 0 ? [] : ['']), ...drawRule(rule, topic, paint)])
  if (refusal !== null) {
    const { rule, code, message, action } = refusal
    const reason = codes[code as keyof typeof codes].mqtt
    const heard = qos === 0 ? 'nothing (QoS 0)' : `${answers[qos]} 0x${reason.toString(16)} ${pubackName(reason)}`
    const kept = action === 'drop' ? 'and it is dropped' : 'and it is kept as a dead letter'
    lines.push(
      '',
      `${paint.bad('refused')} by rule ${printSafe(rule)}, so nothing is sent   ${code}  ${printSafe(message)}`,
    )
    return [...lines, `  the publisher hears ${heard}, ${kept}`]
  }
  return [...lines, '', `ack  ${qos === 0 ? 'QoS 0 is not answered' : `${ack}: ${answers[qos]} ${acks[ack]}`}`]
}

const answers = { 1: 'PUBACK', 2: 'PUBREC' } as const

const acks: Readonly<Record<Explanation['ack'], string>> = {
  received: 'at once',
  stored: 'after the journal has it',
  delivered: 'after every sink has confirmed',
}

const verdicts: Readonly<Record<ExplainedRule['verdict'], string>> = {
  matches: 'matches',
  else: 'matches, and goes to else',
  'let go': 'lets it go',
  dropped: 'lets it go for what it remembers',
  gathered: 'gathers it',
  refused: 'refuses it',
}

const label = (word: string): string => `  ${word.padEnd(7)} `
const indent = label('')

function drawRule(rule: ExplainedRule, topic: string, paint: Paint): string[] {
  const { verdict, captures, schema, where, lets, edits, items, targets, error } = rule
  const verb = (verdict === 'refused' ? paint.bad : verdict === 'matches' ? paint.good : paint.warn)(verdicts[verdict])
  const caught = captures.map(([name, value]) => `${name} = ${printValue(value)}`).join(', ')
  const of = rule.topic === topic ? '' : ` ${printSafe(rule.topic)}`
  const lines = [`${paint.strong(printSafe(rule.file))} ${verb}${of}   ${printSafe(caught)}`.trimEnd()]
  if (schema !== null) lines.push(`${label('schema')}${printSafe(schema.name)}   ${drawFault(schema, paint)}`)
  if (where !== null) lines.push(...drawWhere(where.text, where.terms, paint))
  if (lets.length > 0) lines.push(label('let') + printSafe(lets.map(pair).join(', ')))
  for (const { clause, key } of rule.state) lines.push(drawState(clause, key, paint))
  if (items !== null) lines.push(`${label('each')}${printCount(items)} ${items === 1 ? 'item' : 'items'}`)
  if (edits.length > 0) lines.push(label('set') + printSafe(edits.map(edit).join(', ')))
  const width = Math.max(0, ...targets.map(({ kind, to }) => (kind === 'sink' ? to.length : 'publish'.length)))
  for (const target of targets.slice(0, maxTargets)) lines.push(...drawTarget(target, width, paint))
  if (targets.length > maxTargets) lines.push(`  … and ${printCount(targets.length - maxTargets)} more`)
  const some = items === null ? '' : ' for some item'
  for (const one of rule.left) lines.push(paint.faint(`  – ${printSafe(one)} is false${some}`))
  if (error !== null && schema?.fault == null) {
    const place = error.place === null ? '' : `   ${error.place}`
    lines.push(`${label('error')}${error.code}  ${printSafe(error.message)}${paint.faint(printSafe(place))}`)
  }
  return lines
}

const drawFault = ({ fault }: NonNullable<ExplainedRule['schema']>, paint: Paint): string =>
  fault === null ? 'valid' : paint.bad(`not valid: ${printSafe(fault)}`)

/** Most deliveries of one rule that are shown; `--json` has them all. */
const maxTargets = 20

/** Longest value that is shown below a condition. *Unit*: characters. */
const maxOperand = 60

/** Nothing is remembered between two explanations. */
const drawState = (clause: string, key: unknown, paint: Paint): string =>
  `${label(clause)}key ${printSafe(printValue(key))}   ${paint.faint('as if nothing had come before')}`

/** The condition, below each of its terms what that was, and the values that the terms compare. */
function drawWhere(text: string, terms: readonly Term[], paint: Paint): string[] {
  let below = ''
  for (const { at, joined, value, failure } of terms) {
    const said = failure === null ? printValue(value) : 'fails'
    const start = Math.max(at, below.length === 0 ? 0 : below.length + 1)
    const before = joined === null ? '' : `${joined} `
    below = `${below.padEnd(Math.max(0, start - before.length))}${before}${said}`
  }
  const lines = [label('where') + printSafe(text), indent + paint.strong(printSafe(below))]
  const compared = terms.flatMap((term) => term.operands.map((one) => [one.text, one.value] as const))
  // A whole table would hide the condition it is asked in.
  const operands = new Map(compared.filter(([, value]) => printValue(value).length <= maxOperand))
  if (operands.size > 0) lines.push(indent + paint.faint(printSafe([...operands].map(pair).join(', '))))
  for (const { text: term, failure } of terms)
    if (failure !== null) lines.push(indent + paint.bad(printSafe(`${term}: ${failure}`)))
  return lines
}

const pair = ([name, value]: readonly [string, unknown]): string => `${name} = ${printValue(value)}`

const edit = ([field, value]: readonly [string, unknown]): string =>
  value === undefined ? `${field} removed` : `${field} = ${printValue(value)}`

function drawTarget(target: ExplainedTarget, width: number, paint: Paint): string[] {
  const { kind, to, facts, encoding, schema, bytes, payload } = target
  const name = (kind === 'sink' ? to : 'publish').padEnd(width)
  const told = facts.map(([field, value]) => drawFact(field, value)).filter((fact) => fact !== '')
  if (kind === 'publish') told.unshift(to)
  if (encoding !== null) told.push(schema === null ? encoding : `${encoding} (schema id ${schema.id})`)
  const line = `  → ${printSafe(name)}  ${printSafe([...told, `${printCount(bytes)} bytes`].join(', '))}`
  return payload === null ? [line] : [line, paint.faint(`    ${' '.repeat(width)}  ${printSafe(printValue(payload))}`)]
}

function drawFact(field: string, value: unknown): string {
  if (field === 'retain') return value === true ? 'retained' : ''
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array)
    return `${field} ${field === 'key' ? printValue(value) : String(value)}`
  const entries = Object.entries(value).map(
    ([name, one]) => `${name}=${typeof one === 'string' ? one : printValue(one)}`,
  )
  return `${field} ${entries.join(' ')}`
}
