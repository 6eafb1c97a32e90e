import { bytesOf, type Expectation } from '../engine/example/example.ts'
import { type DiffLine, differenceOf, isSame, printValue } from './difference.ts'

/** What judging needs to know of a rule. */
export interface JudgedRule {
  readonly name: string
  /** What a payload is as data, by the rule that sent it and the sink it went to, null where it was published. */
  readonly decode: (payload: Uint8Array, rule: string, sink: string | null) => unknown
  /** What the sink calls the target's address. */
  readonly targetField: (sink: string) => string
}

/** What was seen, under the names that `expect:` uses. */
export interface Facts {
  readonly values: Readonly<Record<string, unknown>>
  /** What is told of it where it was not expected. */
  readonly told: readonly string[]
}

/** Fields that do not say what is compared. */
const notCompared = new Set(['sink', 'publish', 'dead_letter', 'rule', 'count'])

/** Only the fields an entry names are compared; null when they are all as it says. */
export function mismatchOf(entry: Expectation, facts: Facts): DiffLine[] | null {
  const lines: DiffLine[] = []
  for (const [name, wanted] of Object.entries(entry.fields)) {
    if (notCompared.has(name)) continue
    lines.push(...(fieldMismatch(name, wanted, entry, facts) ?? []))
  }
  const named = nameMismatch(entry, facts)
  if (named !== null) lines.unshift(...named)
  return lines.length === 0 ? null : lines
}

/** `publish:` and `dead_letter:` say something by themselves. */
function nameMismatch({ channel, fields }: Expectation, { values }: Facts): DiffLine[] | null {
  if (channel === 'publish') return differenceOf('publish', fields['publish'], values['publish'])
  if (channel !== 'dead_letter') return null
  const wanted = String(fields['dead_letter'])
  const sink = fields['sink'] === undefined ? null : differenceOf('sink', fields['sink'], values['sink'])
  if (wanted === values['dead_letter'] || holds(values['reason'], wanted)) return sink
  return [...differ('dead_letter', wanted, `${values['dead_letter']} ${values['reason']}`), ...(sink ?? [])]
}

function fieldMismatch(name: string, wanted: unknown, entry: Expectation, { values }: Facts): DiffLine[] | null {
  switch (name) {
    case 'payload_includes':
      return differenceOf('payload', wanted, values['payload'], 'includes')
    case 'payload_hex':
    case 'payload_base64': {
      const bytes = bytesOf(entry.fields)
      return isSame(bytes, values['bytes']) ? null : differ(name, printValue(bytes), printValue(values['bytes']))
    }
    case 'headers':
      return differenceOf('headers', texts(wanted), values['headers'], 'includes')
    case 'key':
      return differenceOf('key', wanted === null ? null : String(wanted), values['key'])
    case 'reason':
      return holds(values['reason'], String(wanted)) ? null : differ('reason', wanted, values['reason'])
    case 'after': {
      const atMs = values['after'] as number | undefined
      if (atMs !== undefined && entry.after?.includes(atMs) === true) return null
      return differ('after', wanted, atMs === undefined ? 'never' : `${atMs / 1000}s`)
    }
    case 'attempts':
      return entry.attempts?.includes(Number(values['attempts'])) === true
        ? null
        : differ('attempts', wanted, values['attempts'])
    default:
      return differenceOf(name, wanted, values[name])
  }
}

const holds = (text: unknown, part: string): boolean => typeof text === 'string' && text.includes(part)

const differ = (name: string, wanted: unknown, seen: unknown): DiffLine[] => [
  { sign: '-', text: `${name}: ${wanted}` },
  { sign: '+', text: `${name}: ${seen}` },
]

/** Headers are text, whatever YAML makes of `line: 3`. */
const texts = (wanted: unknown): unknown =>
  Object.fromEntries(Object.entries(wanted as object).map(([name, value]) => [name, String(value)]))

/** One expected entry beside what came for it; null where one of them is missing. */
export interface Pair {
  readonly expected: Expectation | null
  readonly actual: Facts | null
  /** Place among those that came, or were to come. */
  readonly at: number
}

/** Lays two lists beside each other: what fits, in order, as far as it does; the rest by its place. */
export function aligned(expected: readonly Expectation[], actual: readonly Facts[]): Pair[] {
  if (expected.length === actual.length) return expected.map((one, at) => ({ expected: one, actual: actual[at]!, at }))
  const pairs: Pair[] = []
  let from = 0
  const missing: (readonly [Expectation, number])[] = []
  const taken = new Set<number>()
  for (const [at, one] of expected.entries()) {
    const fits = actual.findIndex((facts, index) => index >= from && mismatchOf(one, facts) === null)
    if (fits < 0) missing.push([one, at])
    else {
      pairs.push({ expected: one, actual: actual[fits]!, at: fits })
      taken.add(fits)
      from = fits + 1
    }
  }
  const spare = actual.map((facts, at) => [facts, at] as const).filter(([, at]) => !taken.has(at))
  for (let at = 0; at < Math.max(missing.length, spare.length); at++) {
    const [one, place] = missing[at] ?? [null, 0]
    const [facts, index] = spare[at] ?? [null, place]
    pairs.push({ expected: one, actual: facts, at: index })
  }
  return pairs.sort((a, b) => a.at - b.at)
}
