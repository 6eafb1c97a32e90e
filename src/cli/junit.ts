import type { ExampleResult, RuleResult } from '../proving/proving.ts'

/**
 * Results in the form that build servers read: a suite per rule, a case per example.
 * *Source*: https://github.com/testmoapp/junitxml
 */
export function printJunit(results: readonly RuleResult[]): string {
  const suites = results.filter(({ examples }) => examples.length > 0)
  const all = suites.flatMap(({ examples }) => examples)
  const attributes = `name="trestle" tests="${all.length}" failures="${failuresOf(all)}" time="${secondsOf(all)}"`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${attributes}>\n${suites.map(suite).join('')}</testsuites>\n`
}

function suite({ rule, file, examples }: RuleResult): string {
  const attributes = `name="${xml(rule)}" file="${xml(file)}" tests="${examples.length}"`
  const counts = `failures="${failuresOf(examples)}" time="${secondsOf(examples)}"`
  const cases = examples.map((example) => testCase(rule, example)).join('')
  return `  <testsuite ${attributes} ${counts}>\n${cases}  </testsuite>\n`
}

function testCase(rule: string, { name, file, line, tookMs, mismatches }: ExampleResult): string {
  const head = `    <testcase name="${xml(name)}" classname="${xml(rule)}" file="${xml(file)}" line="${line}"`
  const time = `time="${(tookMs / 1000).toFixed(4)}"`
  const [first] = mismatches
  if (first === undefined) return `${head} ${time}/>\n`
  const lines = mismatches.flatMap((one) => [
    `${file}:${one.line} ${one.what}`,
    ...one.lines.map(({ sign, text }) => `${sign} ${text}`),
  ])
  const failure = `      <failure message="${xml(first.what)}">${xml(lines.join('\n'))}</failure>\n`
  return `${head} ${time}>\n${failure}    </testcase>\n`
}

const failuresOf = (examples: readonly ExampleResult[]): number =>
  examples.filter(({ mismatches }) => mismatches.length > 0).length

const secondsOf = (examples: readonly ExampleResult[]): string =>
  (examples.reduce((sum, { tookMs }) => sum + tookMs, 0) / 1000).toFixed(4)

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
}

/** Text in XML 1.0, which has no word for most control characters. */
const xml = (text: string): string =>
  text
    .toWellFormed()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"\n]/g, (character) => entities[character]!)
