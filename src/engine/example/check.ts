import { codes } from '../../contract/codes.ts'
import type { DocumentPath } from '../../document/source-document.ts'
import { suggest } from '../../document/suggest.ts'
import { topicNameFault } from '../../topic/name.ts'
import type { TopicPattern } from '../../topic/pattern.ts'
import type { SinkInfo } from '../port.ts'
import type { RuleFaults } from '../rule-faults.ts'
import { type Channel, channelOf } from './example.ts'
import { pubackNames, readPuback } from './puback.ts'
import { readRange, readSpan } from './range.ts'

/** What examples are held against beyond their shape. */
export interface ExampleSurroundings {
  readonly sinks: ReadonlyMap<string, SinkInfo>
  /** The rule's own; null when it has faults. */
  readonly pattern: TopicPattern | null
}

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Finds what the examples of a rule say that can never be: sinks there are not, topics the rule does not take, misspelt fields. */
export function checkExamples(faults: RuleFaults, around: ExampleSurroundings): void {
  const examples = (faults.document.value as { examples?: unknown } | null)?.examples
  if (!Array.isArray(examples)) return
  const names = new Set<unknown>()
  for (const [at, example] of examples.entries()) {
    if (!isFields(example)) continue
    const path: DocumentPath = ['examples', at]
    if (names.has(example['name'])) faults.at([...path, 'name'], 'E201', 'another example of this rule has this name')
    names.add(example['name'])
    checkGivens(example['given'], [...path, 'given'], faults, around)
    const { expect: expected, faults: scripted } = example
    for (const [index, one] of (Array.isArray(scripted) ? scripted : []).entries())
      if (isFields(one)) checkFault(one, [...path, 'faults', index], faults, around)
    for (const [index, one] of (Array.isArray(expected) ? expected : []).entries())
      if (isFields(one)) checkExpectation(one, [...path, 'expect', index], faults, around)
  }
}

/** Finds rules that examples name and that there are not. `names` are those of all rule files. */
export function checkRuleNames(faults: RuleFaults, names: ReadonlySet<string>): void {
  const examples = (faults.document.value as { examples?: unknown } | null)?.examples
  for (const [at, example] of (Array.isArray(examples) ? examples : []).entries()) {
    const expected: unknown = isFields(example) ? example['expect'] : null
    for (const [index, one] of (Array.isArray(expected) ? expected : []).entries()) {
      const name: unknown = isFields(one) ? one['rule'] : undefined
      if (typeof name !== 'string' || names.has(name)) continue
      const path = ['examples', at, 'expect', index, 'rule']
      faults.at(path, 'E201', `there is no rule \`${name}\``, undefined, suggest(name, names))
    }
  }
}

function checkGivens(given: unknown, path: DocumentPath, faults: RuleFaults, { pattern }: ExampleSurroundings): void {
  const list: (readonly [unknown, DocumentPath])[] = Array.isArray(given)
    ? given.map((one, at) => [one, [...path, at]] as const)
    : [[given, path]]
  let lastMs = 0
  for (const [one, at] of list) {
    if (!isFields(one)) continue
    const { topic } = one
    if (typeof topic === 'string') checkTopic(topic, [...at, 'topic'], faults, list.length === 1 ? pattern : null)
    checkBytes(one, at, faults)
    const atMs = typeof one['at'] === 'string' ? readSpan(one['at']) : lastMs
    if (atMs !== null && atMs < lastMs) faults.at([...at, 'at'], 'E201', 'it comes before the message above it')
    lastMs = Math.max(lastMs, atMs ?? 0)
    if ('time' in one && one !== list[0]?.[0])
      faults.atKey(
        [...at, 'time'],
        'E201',
        'the first message says what time it is; the others come `at` some time after it',
      )
    else if (typeof one['time'] === 'string' && Number.isNaN(Date.parse(one['time'])))
      faults.at([...at, 'time'], 'E201', 'expected a time such as 2026-01-15T06:00:00Z')
  }
  if (list.length > 1 && pattern !== null && !list.some(([one]) => isFields(one) && takes(pattern, one['topic'])))
    faults.at(path, 'E206', `\`from\` (${pattern.text}) takes none of these messages`)
}

function checkTopic(topic: string, path: DocumentPath, faults: RuleFaults, pattern: TopicPattern | null): void {
  const fault = topicNameFault(topic)
  if (fault !== null) faults.at(path, 'E206', `the topic ${fault}`)
  else if (pattern !== null && !takes(pattern, topic))
    faults.at(path, 'E206', `\`from\` does not take this topic: ${differenceOf(pattern, topic)}`)
}

const takes = (pattern: TopicPattern, topic: unknown): boolean =>
  typeof topic === 'string' && levelsInCommon(pattern, topic) === null

/** The first level at which a topic leaves the pattern; null when the pattern takes it. */
export function levelsInCommon(pattern: TopicPattern, topic: string): number | null {
  const wanted = pattern.filter.split('/')
  const levels = topic.split('/')
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return null
    if (at === levels.length || (level !== '+' && level !== levels[at])) return at
  }
  return levels.length > wanted.length ? wanted.length : null
}

/** `plants/{plant}/lines has \`lines\` where the topic has \`line\``. */
export function differenceOf(pattern: TopicPattern, topic: string): string {
  const at = levelsInCommon(pattern, topic) ?? 0
  const wanted = pattern.text.split('/')[at]
  const found = topic.split('/')[at]
  if (wanted === undefined) return `${pattern.text} ends before \`${found}\``
  if (found === undefined) return `${pattern.text} goes on with \`${wanted}\` where the topic ends`
  return `${pattern.text} has \`${wanted}\` where the topic has \`${found}\``
}

function checkBytes(raw: Fields, path: DocumentPath, faults: RuleFaults): void {
  const forms = ['payload', 'payload_hex', 'payload_base64', 'payload_includes'].filter((form) => form in raw)
  if (forms.length > 1) faults.atKey([...path, forms[1]!], 'E201', `\`${forms[0]}\` says already what the payload is`)
  const hex = raw['payload_hex']
  if (typeof hex === 'string' && !/^(\s*[0-9a-fA-F]{2})*\s*$/.test(hex))
    faults.at([...path, 'payload_hex'], 'E201', 'expected pairs of hexadecimal digits')
}

const fails = ['unavailable', 'timeout', 'reconnect', 'rejected']
const farSides = Object.keys(codes).filter((code) => code.startsWith('E6'))

function checkFault(raw: Fields, path: DocumentPath, faults: RuleFaults, { sinks }: ExampleSurroundings): void {
  if ('journal' in raw) {
    for (const field of ['sink', 'fails'])
      if (field in raw) faults.atKey([...path, field], 'E201', `a fault of the journal has no \`${field}\``)
    return
  }
  checkSink(raw['sink'], [...path, 'sink'], faults, sinks)
  const { fails: how } = raw
  if (how === undefined) faults.at(path, 'E201', '`fails` is missing: unavailable, timeout, reconnect or rejected')
  else if (typeof how === 'string' && !fails.includes(how) && !farSides.includes(how))
    faults.at(
      [...path, 'fails'],
      'E201',
      `expected ${fails.join(', ')} or a code of a far side (E601 to E611)`,
      undefined,
      suggest(how, fails),
    )
}

function checkSink(
  name: unknown,
  path: DocumentPath,
  faults: RuleFaults,
  sinks: ExampleSurroundings['sinks'],
): SinkInfo | null {
  if (typeof name !== 'string') {
    if (name === undefined) faults.at(path, 'E201', '`sink` is missing')
    return null
  }
  const info = sinks.get(name)
  if (info === undefined) faults.at(path, 'E205', `unknown sink \`${name}\``, undefined, suggest(name, sinks.keys()))
  return info ?? null
}

const payloads = ['payload', 'payload_includes', 'payload_hex', 'payload_base64']
const legalFields: Readonly<Record<Channel, readonly string[]>> = {
  sink: ['sink', 'target', 'key', 'headers', ...payloads, 'after', 'attempts', 'count', 'rule'],
  publish: ['publish', ...payloads, 'retain', 'qos', 'after', 'count', 'rule'],
  puback: ['puback', 'reason', 'after'],
  dead_letter: ['dead_letter', 'sink', ...payloads, 'reason', 'after', 'attempts', 'count', 'rule'],
}

function checkExpectation(raw: Fields, path: DocumentPath, faults: RuleFaults, around: ExampleSurroundings): void {
  const channel = channelOf(raw)
  if (channel === null) {
    const words = Object.keys(legalFields)
    const first = Object.keys(raw)[0]
    if (first === undefined) faults.at(path, 'E201', `expected one of ${words.join(', ')}`)
    else faults.atKey([...path, first], 'E201', `expected one of ${words.join(', ')}`, words)
    return
  }
  const info = channel === 'sink' ? checkSink(raw['sink'], [...path, 'sink'], faults, around.sinks) : null
  if (channel !== 'sink' || info !== null) {
    const own =
      info === null ? [] : [info.targetField ?? 'target', ...Object.keys(info.targetOptions?.['properties'] ?? {})]
    const legal = [...legalFields[channel], ...own]
    for (const field of Object.keys(raw))
      if (!legal.includes(field)) faults.atKey([...path, field], 'E201', `unknown field \`${field}\``, legal)
  }
  checkBytes(raw, path, faults)
  for (const [field, plain] of [
    ['after', false],
    ['attempts', true],
  ] as const) {
    const value = raw[field]
    if ((typeof value === 'string' || typeof value === 'number') && readRange(value, plain) === null)
      faults.at([...path, field], 'E201', `expected ${plain ? '1, "> 1" or "2..4"' : '60s, "< 60s" or "60s..70s"'}`)
  }
  const { puback } = raw
  if ((typeof puback === 'string' || typeof puback === 'number') && readPuback(puback) === null)
    faults.at(
      [...path, 'puback'],
      'E201',
      `expected ${pubackNames.join(', ')} or a reason code such as 0x99`,
      undefined,
      suggest(String(puback), pubackNames),
    )
}
