import { maxTopicBytes, topicTextFault } from './name.ts'

/**
 * The `from` of a rule: a topic filter whose wildcards may have names. `{name}` is one whole level, `{name...}` the
 * rest of the topic (none to many levels, last only); `+` and `#` match without a name.
 */
export interface TopicPattern {
  /** As the user wrote it. */
  readonly text: string
  /** The MQTT topic filter that matches the same topics. */
  readonly filter: string
  /** Names of the captures, from left to right. */
  readonly names: readonly string[]
  /** The captured texts of a topic that matches `filter`, in the order of `names`. The rest of `a/{r...}` in `a` is ''. */
  capture(topic: string): string[]
}

/** A pattern, or what is wrong with it and where. *Unit*: `offset` counts characters into the text. */
export type ParsedPattern = { pattern: TopicPattern } | { fault: string; offset: number }

export function parsePattern(text: string): ParsedPattern {
  const textFault = topicTextFault(text)
  // The length that counts is the filter's, checked at the end: names may be longer than `+`.
  if (textFault !== null && !textFault.includes('longer')) return { fault: `the pattern ${textFault}`, offset: 0 }
  const levels: string[] = []
  const captures: Capture[] = []
  for (let start = 0; start <= text.length; ) {
    const slash = text.indexOf('/', start)
    const end = slash === -1 ? text.length : slash
    const read = readLevel(text.slice(start, end), end === text.length)
    if ('fault' in read) return { fault: read.fault, offset: start + read.at }
    if (read.name !== null) {
      if (captures.some((capture) => capture.name === read.name)) {
        return { fault: `the capture \`${read.name}\` is named twice`, offset: start + 1 }
      }
      captures.push({ name: read.name, level: levels.length, rest: read.level === '#' })
    }
    levels.push(read.level)
    start = end + 1
  }
  const filter = levels.join('/')
  if (filter.length * 3 > maxTopicBytes && Buffer.byteLength(filter) > maxTopicBytes) {
    return { fault: `the pattern is longer than ${maxTopicBytes} bytes`, offset: 0 }
  }
  const names = captures.map((capture) => capture.name)
  return { pattern: { text, filter, names, capture: (topic) => captureFrom(topic, captures) } }
}

interface Capture {
  name: string
  level: number
  rest: boolean
}

type Level = { level: string; name: string | null } | { fault: string; at: number }

/** One level: what stands for it in the filter, and the name it is captured under. */
function readLevel(level: string, isLast: boolean): Level {
  const brace = level.search(/[{}]/)
  if (brace === -1) return readPlainLevel(level, isLast)
  const whole = /^\{([^{}]*)\}$/.exec(level)
  if (whole === null) {
    const name = /\{([A-Za-z_]\w*)(?:\.\.\.)?\}/.exec(level)?.[1]
    const example = name === undefined ? '`{name}`' : `\`{${name}}\``
    return { fault: `a capture must be a whole level: write ${example} alone between two slashes`, at: brace }
  }
  const inner = whole[1]!
  const rest = inner.endsWith('...')
  const name = rest ? inner.slice(0, -3) : inner
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    const what = name === '' ? 'a capture needs a name' : `\`${name}\` cannot be the name of a capture`
    return { fault: `${what}: letters, digits and _, not starting with a digit`, at: 1 }
  }
  if (rest && !isLast)
    return { fault: `\`{${name}...}\` takes the rest of the topic and must be the last level`, at: 0 }
  return { level: rest ? '#' : '+', name }
}

function readPlainLevel(level: string, isLast: boolean): Level {
  const wildcard = level.search(/[+#]/)
  if (wildcard === -1) return { level, name: null }
  const sign = level[wildcard]!
  if (level.length > 1) return { fault: `\`${sign}\` must be a whole level`, at: wildcard }
  if (sign === '#' && !isLast) return { fault: '`#` takes the rest of the topic and must be the last level', at: 0 }
  return { level, name: null }
}

function captureFrom(topic: string, captures: readonly Capture[]): string[] {
  const values: string[] = []
  let level = 0
  let start = 0
  for (const capture of captures) {
    for (; level < capture.level; level++) {
      const slash = topic.indexOf('/', start)
      // Only a rest may lie beyond the topic's end: `a/{r...}` matches `a`.
      start = slash === -1 ? topic.length : slash + 1
    }
    const slash = capture.rest ? -1 : topic.indexOf('/', start)
    values.push(topic.slice(start, slash === -1 ? topic.length : slash))
  }
  return values
}
